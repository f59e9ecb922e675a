"""Follows the rollouts of one deployment: takes up what is in force, also after a restart, and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time as clock
from typing import Final

from trimtab_server.control.canary_pairs import Arms, CanaryDraws
from trimtab_server.control.pointers import InForce
from trimtab_server.control.run import RolloutRun, StageMissing, Tools
from trimtab_server.control.shadow import LiveReply
from trimtab_server.control.spare import Subject
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.rollouts import RolloutRecord

log = logging.getLogger("trimtab.rollout")

#: Seconds between two looks into the store when no rollout is known to be in force.
_IDLE: Final = 1.0
#: Seconds for which a candidate that was given up stays loaded: replies that began under it end.
_LINGER: Final = 30.0
_LINGER_TURN: Final = 1.0


class NoCanarySet(Exception):
    """The plan draws canaries and the model has none."""


class RolloutController:
    """One per deployment. `run` goes on until it is cancelled; if it raises, nobody judges any more."""

    def __init__(self, deployment: str, canary_set: CanarySet | None, tools: Tools) -> None:
        self.deployment = deployment
        self._canary_set = canary_set
        self._tools = tools
        self._run: RolloutRun | None = None
        self._lingering: set[asyncio.Task[None]] = set()
        self._beat = clock.monotonic()

    @property
    def beat(self) -> float:
        """When it last did anything, on time.monotonic()'s clock."""
        return max(self._beat, self._run.beat if self._run else 0.0)

    @property
    def record(self) -> RolloutRecord | None:
        """The rollout in force, whether it is judged or not."""
        current = self._tools.pointers.current(self.deployment)
        return None if current is None else current.record

    def hear(self, live: LiveReply) -> None:
        """A reply to live traffic has ended. Never waits, never raises."""
        if self._run is not None:
            self._run.hear_reply(live)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat = clock.monotonic()
            in_force = self._tools.pointers.current(self.deployment)
            if in_force is None:
                await self._idle()
            else:
                await self._follow(in_force)

    async def close(self) -> None:
        """Lets go of stages that were kept for a while."""
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)

    async def _idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_IDLE):
                await self._tools.pointers.changed()
                return
        try:
            await self._tools.keeper.refresh(self.deployment)
        except StorageFailure as failure:
            # No rollout is in force as far as anybody knows; those who change one are told by themselves.
            log.error("store_not_read", extra={"facts": {"error": str(failure)}})

    async def _follow(self, in_force: InForce) -> None:
        record = in_force.record
        taken = await self._tools.keeper.take_up(record)
        draws = None
        if taken.plan.canary is not None:
            if self._canary_set is None:
                raise NoCanarySet(f"the plan of {record.name} draws canaries and the model has no canary set")
            draws = CanaryDraws(self._canary_set, taken.plan.canary, record.id, taken.asked)
        arms = Arms(
            Subject("stable", record.deployment, record.stable_snapshot, in_force.stable),
            Subject("candidate", record.deployment, record.candidate_snapshot, in_force.candidate),
        )
        log.info("rollout_taken_up", extra={"facts": {"rollout": record.name, "looks": record.look_count}})
        self._run = RolloutRun(in_force, taken, draws, arms, self._tools)
        try:
            await self._run.run()
        finally:
            self._run = None
            task = asyncio.ensure_future(self._linger(in_force.candidate.steering.stage))
            self._lingering.add(task)
            task.add_done_callback(self._lingering.discard)

    async def _linger(self, stage: str) -> None:
        """Uses the stage now and then, so that no other takes its place yet."""
        until = clock.monotonic() + _LINGER
        while clock.monotonic() < until:
            with contextlib.suppress(StageMissing):
                await self._tools.load_stage(stage)
            await asyncio.sleep(_LINGER_TURN)
