"""One rollout from the moment it is taken up to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time as clock
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from trimtab_server.control.cadence import Cadence
from trimtab_server.control.canary_pairs import Arms, CanaryDraws, ask_pairs
from trimtab_server.control.evidence import Reading
from trimtab_server.control.keeper import Keeper, NotKept, StepMoved, TakenUp
from trimtab_server.control.pointers import InForce, RolloutPointers
from trimtab_server.control.shadow import LiveReply, ShadowPairs
from trimtab_server.control.spare import SpareReplies
from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.observations import (
    CanariesExhausted,
    HardFault,
    MeasurementError,
    Observation,
    ReplyObservation,
)
from trimtab_server.rollouts.plan import Shadow
from trimtab_server.store.rollouts import RolloutRecord

log = logging.getLogger("trimtab.rollout")

#: Seconds between two turns when nothing happens.
_TURN: Final = 0.5
#: Seconds before what the store refused is tried again, the first time and at most.
_FIRST_RETRY: Final = 0.2
_LONGEST_RETRY: Final = 5.0
#: Seconds after which what came in is kept, look or not: what a crash can take away of the evidence.
_KEEP: Final = 10.0
_STAGE_TURN: Final = 1.0
_STAGE_RETRY: Final = 4.0


class StageMissing(Exception):
    """A stage cannot be loaded."""


@dataclass(frozen=True)
class Tools:
    """What a run works with.

    load_stage: makes a stage ready, and keeps it from making room for others; raises StageMissing. unkept: told
    while the store does not take what has to be kept, and with None when it does again.
    """

    pointers: RolloutPointers
    keeper: Keeper
    replies: SpareReplies
    load_stage: Callable[[str], Awaitable[None]]
    unkept: Callable[[RolloutRecord, Exception | None], None]
    now: Callable[[], int]
    shadow_share: float


class RolloutRun:
    """Hears every reply, judges at once, looks at its cadence, and does what the looks ask for.

    Whatever ends the rollout takes effect in memory before anything is written: the candidate's traffic stops
    with the deciding observation, in the call that brought it.
    """

    def __init__(
        self,
        in_force: InForce,
        taken: TakenUp,
        draws: CanaryDraws | None,
        arms: Arms,
        tools: Tools,
    ) -> None:
        self._in_force = in_force
        self._plan = taken.plan
        self._evidence = taken.evidence
        self._draws = draws
        self._arms = arms
        self._tools = tools
        self._cadence = Cadence(taken.plan)
        self._cadence.begin(in_force.record, taken.pairs)
        self._shadow = ShadowPairs(in_force, arms.candidate, tools.replies, self.hear, tools.shadow_share)
        self._decided: Reading | None = None
        self._told_exhausted = False
        self._defect: Exception | None = None
        self._wake = asyncio.Event()
        self._kept_at = clock.monotonic()
        self._evidence_waits = False
        self._decided_before = taken.decided
        #: When it last turned, on time.monotonic()'s clock.
        self.beat = clock.monotonic()

    @property
    def record(self) -> RolloutRecord | None:
        """The rollout as requests see it now; None once it has ended."""
        current = self._tools.pointers.current(self._in_force.record.deployment)
        if current is None or current.record.id != self._in_force.record.id:
            return None
        return current.record

    def hear_reply(self, live: LiveReply) -> None:
        """A reply to live traffic has ended. Never waits, never raises."""
        assignment = live.assignment
        record = self.record
        if record is None or assignment.rollout != record.id:
            return
        if assignment.arm == "candidate":
            for fault in live.faults:
                self.hear(HardFault(fault, live.reply_id))
        if not live.complete:
            return
        self.hear(
            ReplyObservation(
                assignment.arm, assignment.session, dict(live.signals), live.reply_id, assignment.weight
            )
        )
        if isinstance(self._plan.steps[record.step], Shadow):
            self._shadow.offer(live)

    def hear(self, observation: Observation) -> None:
        """Judges an observation at once. Never waits, never raises."""
        record = self.record
        if record is None or self._decided is not None or self._defect is not None:
            return
        try:
            self._begin(record)
            self._cadence.saw(observation, record)
            if self._evidence.add(observation):
                self._decide()
        except Exception as error:
            # The reply that brought it has done nothing wrong; the run ends, and the watchdog sees it.
            self._defect = error
        self._wake.set()

    async def run(self) -> None:
        """Until the rollout has ended, and that is kept.

        Raises:
            Exception: a defect; nobody judges the rollout any more.
        """
        beside = [asyncio.ensure_future(own) for own in (self._hold_stages(), self._ask_canaries())]
        if self._decided_before:
            self._decide()
        try:
            while True:
                self.beat = clock.monotonic()
                if self._defect is not None:
                    raise self._defect
                if self._decided is not None:
                    await self._end(self._decided)
                    return
                record = self.record
                if record is None:
                    return
                for task in beside:
                    if task.done():
                        task.result()
                self._begin(record)
                if self._cadence.due(self._tools.now()):
                    await self._look()
                else:
                    await self._keep_what_came()
                    await self._rest()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._shadow.stop()

    def _begin(self, record: RolloutRecord) -> None:
        self._evidence.begin_step(record)
        self._cadence.begin(record)

    def _decide(self) -> None:
        """Withdraws the candidate if a look at what is known now asks for it."""
        reading = self._evidence.read(self._tools.now())
        if reading.look.next_action is NextAction.ABORT:
            record = self._in_force.record
            self._decided = reading
            self._tools.pointers.withdraw(record.deployment, record.id)

    async def _look(self) -> None:
        now = self._tools.now()
        reading = self._evidence.read(now)
        self._cadence.looked(now)
        if reading.look.next_action is NextAction.ABORT:
            self._decided = reading
            self._tools.pointers.withdraw(self._in_force.record.deployment, self._in_force.record.id)
            return
        # A step that somebody moved on meanwhile is looked at again where it is now.
        await self._keep(reading)

    async def _end(self, reading: Reading) -> None:
        """Keeps the look that ended the rollout, at whatever step the store has it."""
        while not await self._keep(reading):
            record = await self._tools.keeper.find(self._in_force.record.id)
            if not record.in_force:
                return
            self._evidence.begin_step(record)
            reading = self._decided = self._evidence.read(self._tools.now())

    async def _keep(self, reading: Reading) -> bool:
        """Until the store has it: what was decided is never given up, whatever the disk does.

        Returns False if the rollout is at another step by now.
        """
        pause, told = _FIRST_RETRY, False
        while self._decided is None or self._decided is reading:
            self.beat = clock.monotonic()
            left = self._evidence.still_unkept(reading)
            try:
                await self._tools.keeper.keep(self._in_force.record, left)
            except StepMoved:
                return False
            except NotKept as error:
                log.error("look_not_kept", extra={"facts": {"error": str(error)}})
                self._tools.unkept(self._in_force.record, error)
                told = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_RETRY)
                continue
            self._evidence.kept(left)
            if told:
                self._tools.unkept(self._in_force.record, None)
            return True
        return False

    async def _keep_what_came(self) -> None:
        """Now and then, between looks; what the store does not take now goes with a later call."""
        unkept = self._evidence.unkept
        if not unkept or clock.monotonic() - self._kept_at < _KEEP:
            return
        self._kept_at = clock.monotonic()
        try:
            await self._tools.keeper.keep_observations(self._in_force.record, unkept)
        except StepMoved:
            return
        except NotKept as error:
            log.error("evidence_not_kept", extra={"facts": {"error": str(error)}})
            self._tools.unkept(self._in_force.record, error)
            self._evidence_waits = True
            return
        self._evidence.kept_first(len(unkept))
        if self._evidence_waits:
            self._evidence_waits = False
            self._tools.unkept(self._in_force.record, None)

    async def _rest(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TURN):
                await self._wake.wait()

    async def _hold_stages(self) -> None:
        """Both arms' stages are used all the time, so that none makes room for another."""
        stages = {arm.configuration.steering.stage for arm in (self._arms.stable, self._arms.candidate)}
        while True:
            try:
                for stage in stages:
                    await self._tools.load_stage(stage)
            except StageMissing as error:
                self.hear(MeasurementError(str(error)))
                await asyncio.sleep(_STAGE_RETRY)
            await asyncio.sleep(_STAGE_TURN)

    async def _ask_canaries(self) -> None:
        """A fresh draw through both arms at the plan's cadence, while there is one; then only the cadence."""
        while True:
            if self._draws is not None:
                await self._ask(self._draws)
            self._cadence.drawn()
            self._wake.set()
            await asyncio.sleep(self._cadence.seconds)

    async def _ask(self, draws: CanaryDraws) -> None:
        async with contextlib.aclosing(ask_pairs(draws.next(), self._arms, self._tools.replies)) as seen:
            async for observation in seen:
                self.hear(observation)
        if not draws.left and not self._told_exhausted:
            self._told_exhausted = True
            self.hear(CanariesExhausted())
