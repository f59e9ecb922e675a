"""Re-trials of the canary set: when the evidence is old enough, with a new draw, and not for ever."""

from __future__ import annotations

import asyncio

from trimtab_server.control.retrials import Retrials
from trimtab_server.store.failure import StorageFailure

HOUR = 3_600 * 1_000_000_000


class Clock:
    """Two deployments, one of which was looked at an hour later than the other."""

    def __init__(self, now: int) -> None:
        self.time = now
        self.last = {"old": 0, "young": 20 * HOUR}
        self.begun: list[tuple[str, int]] = []
        self.failures = 0

    async def last_run(self, deployment: str) -> int:
        if self.failures:
            self.failures -= 1
            raise StorageFailure("STORE_LOCKED", "another program holds the database")
        return self.last[deployment]

    def begin(self, deployment: str, seed: int) -> bool:
        self.begun.append((deployment, seed))
        self.last[deployment] = self.time
        return True


async def _run(clock: Clock, hours: float, turns: int = 10) -> None:
    retrials = Retrials(
        clock.last,
        hours=hours,
        last_run=clock.last_run,
        begin=clock.begin,
        now=lambda: clock.time,
        every_seconds=0.001,
    )
    task = asyncio.create_task(retrials.run())
    for _ in range(turns):
        await asyncio.sleep(0.01)
        clock.time += HOUR
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_deployment_is_tried_again_once_its_evidence_is_that_old() -> None:
    clock = Clock(24 * HOUR)
    await _run(clock, hours=24, turns=1)
    assert clock.begun == [("old", 24 * 3_600)]


async def test_every_retrial_draws_anew() -> None:
    clock = Clock(24 * HOUR)
    await _run(clock, hours=2, turns=12)
    seeds = [seed for deployment, seed in clock.begun if deployment == "old"]
    assert len(seeds) >= 3 and len(set(seeds)) == len(seeds)


async def test_nothing_is_tried_again_where_no_interval_is_set() -> None:
    clock = Clock(1_000 * HOUR)
    await _run(clock, hours=0)
    assert clock.begun == []


async def test_a_store_that_fails_for_a_moment_does_not_end_the_retrials() -> None:
    clock = Clock(48 * HOUR)
    clock.failures = 3
    await _run(clock, hours=24, turns=3)
    assert {deployment for deployment, _ in clock.begun} == {"old", "young"}
