"""Row 5. Rollback is quick and always possible: p99 from the call to the first token on the old snapshot is
at most 250 ms on an idle server and 1 s at four times the load it can serve."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, InFlight, Steering, SteeringTerm, TrimtabError

from promises.latency import quantile
from promises.row import Profile, Row, upper_bound
from promises.traffic import UNLIMITED, Reply, Traffic, arrive, capacity, in_background, one_reply

ROLLBACKS = {"ci": 200, "release": 2_000}
IDLE_LIMIT_MS = 250.0
OVERLOAD_LIMIT_MS = 1_000.0
OVERLOAD = 4
#: Short replies and a queue three times as long as there are slots: a trial takes a second, not ten.
REPLY_TOKENS = 8
SERVER = ("--no-auto-canary", "--slots", "16", "--max-queued-requests", "48", *UNLIMITED)
#: Replies looked through for the first one: more than can be under way at once.
CROWD = 128
#: Seconds after which a rollback counts as failed.
GIVE_UP = 10.0


@dataclass(frozen=True)
class Undone:
    """One rollback: seconds to its acknowledgement, and to the first token on the old snapshot."""

    acknowledged: float
    first_token: float


#: Told the moment of an activation's answer; returns when it shows.
TakenHold = Callable[[float], Awaitable[None]]
#: Told when the rollback was called and when it was acknowledged; the first reply after it.
FirstReply = Callable[[float, float], Awaitable[Reply]]


async def two_snapshots(client: AsyncClient) -> tuple[str, str]:
    """Names of a good snapshot, made active, and of one to be rolled back."""
    stage = (await client.models())[0].default_stage
    shipped = next(v for v in await client.vectors() if v.suggested_strength > 0)
    names = []
    for share in (1.0, 0.5):
        term = SteeringTerm(shipped.name, shipped.suggested_strength * share, layers=shipped.suggested_layers)
        snapshot = await client.create_snapshot(Steering(stage, (term,)), display_name=f"promise-{share}")
        names.append(snapshot.name)
    await client.activate_snapshot(names[0], reason="the good one")
    return names[0], names[1]


async def undo(client: AsyncClient, good: str, in_flight: InFlight, first_reply: FirstReply) -> Undone:
    """Rolls back and waits for the first reply on the good snapshot. Raises: TrimtabError, AssertionError."""
    begin = time.perf_counter()
    revision = await client.rollback(reason="promise", in_flight=in_flight)
    acknowledged = time.perf_counter()
    if revision.snapshot != good:
        raise AssertionError(f"rolled back to {revision.snapshot}, not to {good}")
    reply = await first_reply(begin, acknowledged)
    if reply.snapshot != good:
        raise AssertionError("a request sent after the rollback was answered by what it undid")
    return Undone(acknowledged - begin, reply.first_token - begin)


async def undo_often(
    client: AsyncClient,
    names: tuple[str, str],
    count: int,
    in_flight: InFlight,
    taken_hold: TakenHold,
    first_reply: FirstReply,
) -> tuple[list[Undone], list[str]]:
    """That many rollbacks, each after an activation that has taken hold since the moment of its answer."""
    good, bad = names
    done, failed = [], []
    for _ in range(count):
        try:
            await client.activate_snapshot(bad, reason="to be undone")
            await taken_hold(time.perf_counter())
            done.append(await undo(client, good, in_flight, first_reply))
        except (TrimtabError, AssertionError) as error:
            failed.append(str(error))
            await client.activate_snapshot(good, reason="mended after a failed trial")
    return done, failed


async def at_once(since: float) -> None:
    """On an idle server an activation has nothing to wait for."""


def asking(client: AsyncClient) -> FirstReply:
    """A request sent when the rollback was acknowledged."""

    async def first_reply(begin: float, acknowledged: float) -> Reply:
        return await one_reply(client, max_tokens=1)

    return first_reply


def seen_by(traffic: Traffic) -> tuple[TakenHold, FirstReply]:
    """What the crowd sees: that a request sent after the activation was served, so that all that waits is of
    the bad snapshot; and then the first reply to any request sent since the rollback was called."""

    async def served(since: float) -> Reply:
        end = time.perf_counter() + GIVE_UP
        while time.perf_counter() < end:
            found = [reply for reply in traffic.replies[-CROWD:] if reply.sent > since and reply.tokens]
            if found:
                return min(found, key=lambda reply: reply.first_token)
            await traffic.served()
        raise AssertionError(f"no request sent since was served in {GIVE_UP} seconds")

    async def taken_hold(since: float) -> None:
        await served(since)

    async def first_reply(begin: float, acknowledged: float) -> Reply:
        # Those sent between call and answer may see either snapshot.
        return await served(acknowledged)

    return taken_hold, first_reply


def row_of(name: str, done: Sequence[Undone], failed: Sequence[str], limit: float, note: str = "") -> Row:
    """A timing row; rollbacks that failed or came too late are its failures."""
    n = len(done) + len(failed)
    late = sum(1 for one in done if one.first_token * 1e3 > limit)
    p99 = quantile([one.first_token * 1e3 for one in done], 0.99) if done else GIVE_UP * 1e3
    told = (
        f"acknowledged p99 {quantile([one.acknowledged * 1e3 for one in done], 0.99):.0f} ms" if done else ""
    )
    failures = late + len(failed)
    words = "; ".join(part for part in (told, note, *failed[:1]) if part)
    ok = not failed and p99 <= limit
    return Row(5, name, n, failures, upper_bound(failures, n), p99, limit, ok, note=words)


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


def run(profile: Profile, seed: int) -> Row:
    count = ROLLBACKS[profile]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", *SERVER)
        try:
            parts.append(asyncio.run(idle(server, count)))
            for in_flight in (InFlight.CANCEL, InFlight.FINISH):
                parts.append(asyncio.run(overloaded(server, count, in_flight, seed)))
        finally:
            server.stop()
    return Row.of_parts(5, "Rollback is quick and always possible", parts)
