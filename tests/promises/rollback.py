"""Row 5. Rollback is quick and always possible: p99 from the call to the first token on the old snapshot is at
most 250 ms on an idle server and 1 s at four times the load it can serve; also with the monitors and the judge dead and
with the disk full; and a candidate whose reply shows a fault has no traffic a second later."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, InFlight

from promises import breach, crippled
from promises.row import Profile, Row
from promises.traffic import UNLIMITED, Traffic, arrive, capacity, in_background, one_reply
from promises.undoing import asking, at_once, row_of, seen_by, two_snapshots, undo_often

ROLLBACKS = {"ci": 200, "release": 2_000}
#: Of these, each under load, and (fewer, since each needs more) with parts dead, with the disk full, of a fault.
UNDER_LOAD = {"ci": 80, "release": 1_000}
WITH_DEAD_PARTS = {"ci": 20, "release": 200}
ON_A_FULL_DISK = {"ci": 8, "release": 80}
FAULTS = {"ci": 20, "release": 200}
IDLE_LIMIT_MS = 250.0
OVERLOAD_LIMIT_MS = 1_000.0
OVERLOAD = 4
#: Short replies and a short queue: before each trial the queue has to fill with what is to be undone.
REPLY_TOKENS = 8
SERVER = ("--no-auto-canary", "--slots", "16", "--max-queued-requests", "24", *UNLIMITED)


async def idle(server: ServerProcess, count: int) -> Row:
    async with AsyncClient(server.target, server.token) as client:
        names = await two_snapshots(client)
        await one_reply(client)
        done, failed = await undo_often(client, names, count, InFlight.FINISH, at_once, asking(client))
    return row_of("Rollback on an idle server, ms to the first token (p99)", done, failed, IDLE_LIMIT_MS)


async def overloaded(server: ServerProcess, count: int, in_flight: InFlight, seed: int) -> Row:
    async with (
        AsyncClient(server.target, server.token) as client,
        AsyncClient(server.target, server.token) as crowd,
    ):
        names = await two_snapshots(client)
        rate = await capacity(crowd, clients=32, max_tokens=REPLY_TOKENS, seconds=4)
        traffic = Traffic()
        load = arrive(crowd, traffic, rate=OVERLOAD * rate, max_tokens=REPLY_TOKENS, seed=seed)
        async with in_background(load):
            await traffic.overloaded()
            done, failed = await undo_often(client, names, count, in_flight, *seen_by(traffic))
    told = (
        f"{rate:.0f} replies/s at capacity, offered {OVERLOAD * rate:.0f}, {traffic.refused} refused for load"
    )
    words = f"Rollback at {OVERLOAD} times the load, in flight: {in_flight.name.lower()}, ms to the first token (p99)"
    return row_of(words, done, failed + traffic.broken[:3], OVERLOAD_LIMIT_MS, told)


async def served(server: ServerProcess, profile: Profile, seed: int) -> list[Row]:
    """By a server that lacks nothing."""
    rows = [await idle(server, ROLLBACKS[profile])]
    for in_flight in (InFlight.CANCEL, InFlight.FINISH):
        rows.append(await overloaded(server, UNDER_LOAD[profile], in_flight, seed))
    return rows


def run(profile: Profile, seed: int) -> Row:
    parts = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = ServerProcess(folder / "data", *SERVER)
        try:
            parts += asyncio.run(served(server, profile, seed))
        finally:
            server.stop()
        parts += crippled.dead_parts(folder, WITH_DEAD_PARTS[profile])
        parts.append(crippled.full_disk(folder / "disk", ON_A_FULL_DISK[profile]))
        parts.append(breach.row(folder, FAULTS[profile]))
    return Row.of_parts(5, "Rollback is quick and always possible", parts)
