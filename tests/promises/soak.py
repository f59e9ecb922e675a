"""Row 9. Nothing leaks: at half load, with a rollout, an abort, an activation or a rollback every 30 s, memory grows
by less than 5% after the warm-up, and descriptors and threads stay as many as they were."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, TrimtabError
from trimtab_client.rollout_types import PlanFile

from promises.latency import Holdings
from promises.plans import WATCHED
from promises.row import Profile, Row, upper_bound
from promises.traffic import UNLIMITED, Traffic, arrive, capacity, in_background
from promises.undoing import two_snapshots

SECONDS = {"ci": 600, "release": 4 * 3_600}
LOAD = 0.5
WARM_UP = 0.1
#: Seconds between two changes, and between two looks at the process.
CHANGE_EVERY = 30.0
LOOK_EVERY = 2.0
REPLY_TOKENS = 24

MEMORY_GROWTH = 0.05
#: Of memory an hour; only a run of hours can tell.
HOURLY_GROWTH = 0.01
SPARE_DESCRIPTORS = 4.0
SPARE_THREADS = 2.0


@dataclass(frozen=True)
class Look:
    """What the server held so many seconds after the beginning."""

    seconds: float
    holdings: Holdings


async def look_on(pid: int, looks: list[Look]) -> None:
    """A look every two seconds. Until cancelled."""
    begin = time.monotonic()
    while True:
        looks.append(Look(time.monotonic() - begin, Holdings.of(pid)))
        await asyncio.sleep(LOOK_EVERY)


async def change_often(
    client: AsyncClient, names: tuple[str, str], done: list[str], wrong: list[str]
) -> None:
    """In turn: a rollout that runs for half a minute, its abort, an activation, a rollback. Until cancelled."""
    good, other = names

    async def begin() -> None:
        await client.rollouts.create(other, PlanFile(WATCHED, "toml"), reason="soak")
        await client.rollouts.start()

    async def abort() -> None:
        rollout = await client.rollouts.get()
        if rollout.state.in_force:
            await client.rollouts.abort(reason="soak")

    async def activate() -> None:
        await client.activate_snapshot(other, reason="soak")

    async def roll_back() -> None:
        await client.rollback(reason="soak")

    turns: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = (
        ("rollout", begin),
        ("abort", abort),
        ("activation", activate),
        ("rollback", roll_back),
    )
    await client.activate_snapshot(good, reason="soak")
    for name, turn in itertools.cycle(turns):
        await asyncio.sleep(CHANGE_EVERY)
        try:
            await turn()
        except TrimtabError as error:
            wrong.append(f"{name}: {error}")
        else:
            done.append(name)


def grown(looks: Sequence[Look], figure: Callable[[Holdings], float]) -> float:
    """Median of the last fifth after the warm-up, less the median of the first."""
    after = [look for look in looks if look.seconds >= WARM_UP * looks[-1].seconds]
    fifth = max(1, len(after) // 5)
    first, last = (
        statistics.median(figure(look.holdings) for look in part) for part in (after[:fifth], after[-fifth:])
    )
    return last - first


def rows_of(looks: Sequence[Look], traffic: Traffic, done: Sequence[str], wrong: Sequence[str]) -> list[Row]:
    warm = next(look for look in looks if look.seconds >= WARM_UP * looks[-1].seconds).holdings
    hours = (1 - WARM_UP) * looks[-1].seconds / 3_600
    memory = grown(looks, lambda held: held.resident) / warm.resident
    rows = [
        _figure("Memory that was gained after the warm-up, as a share", memory, MEMORY_GROWTH, len(looks)),
        _figure(
            "Descriptors gained", grown(looks, lambda held: held.descriptors), SPARE_DESCRIPTORS, len(looks)
        ),
        _figure("Threads gained", grown(looks, lambda held: held.threads), SPARE_THREADS, len(looks)),
    ]
    if hours >= 1:
        # Between the middles of the first and the last fifth lie four fifths of the time.
        rows.append(_figure("Memory gained in an hour", memory / (0.8 * hours), HOURLY_GROWTH, len(looks)))
    told = f"{len(done)} changes ({', '.join(f'{done.count(one)} {one}' for one in sorted(set(done)))})"
    bad = [*traffic.broken, *wrong]
    n = len(traffic.replies) + len(bad) + len(done)
    note = "; ".join(
        [told, f"{traffic.refused} refused for load", f"{warm.resident >> 20} MiB warm", *bad[:3]]
    )
    rows.append(Row.of_trials(9, "Replies and changes that went wrong", n, len(bad), note=note))
    return rows


def _figure(name: str, value: float, limit: float, n: int) -> Row:
    failed = value > limit
    return Row(9, name, n, int(failed), upper_bound(int(failed), n), value, limit, not failed)


async def measure(server: ServerProcess, seconds: float, seed: int) -> list[Row]:
    looks: list[Look] = []
    done: list[str] = []
    wrong: list[str] = []
    traffic = Traffic()
    async with (
        AsyncClient(server.target, server.token) as client,
        AsyncClient(server.target, server.token) as crowd,
    ):
        names = await two_snapshots(client)
        full = await capacity(crowd, clients=24, max_tokens=REPLY_TOKENS, seconds=5)
        print(
            f"soak: {full:.0f} replies/s at capacity, {LOAD * full:.0f} offered", file=sys.stderr, flush=True
        )
        async with in_background(
            arrive(crowd, traffic, rate=LOAD * full, max_tokens=REPLY_TOKENS, seed=seed),
            change_often(client, names, done, wrong),
            look_on(server.process.pid, looks),
        ):
            await asyncio.sleep(seconds)
    return rows_of(looks, traffic, done, wrong)


def run(profile: Profile, seed: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", *UNLIMITED)
        try:
            parts = asyncio.run(measure(server, SECONDS[profile], seed))
        finally:
            status = server.stop()
        parts.append(
            Row.of_trials(9, "The server ends cleanly", 1, int(status != 0), note=f"status {status}")
        )
    return Row.of_parts(9, "Nothing leaks", parts)
