"""Watches the controllers: a rollout that nobody judges is paused, and somebody is told."""

from __future__ import annotations

import asyncio
import functools
import logging
import time as clock
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.rollout_change import change_rollout, find_rollout
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER
from trimtab_server.store.rollouts import PAUSED, RolloutRecord

log = logging.getLogger("trimtab.rollout")

#: Seconds between two looks at the controllers.
_EVERY: Final = 0.5
#: Seconds without a sign of life after which a controller is stuck.
STUCK_SECONDS: Final = 20.0
#: A controller that died is started again so often in a row: guardrails go on while the rollout is paused.
_STARTS: Final = 3
#: Seconds after which a start counts as a success.
_SETTLED: Final = 60.0


class Watched(Protocol):
    """What is watched."""

    @property
    def beat(self) -> float: ...

    @property
    def record(self) -> RolloutRecord | None: ...

    async def run(self) -> None: ...


#: Told of a rollout that is judged no more, with why, and with None when it is again.
Tell = Callable[[RolloutRecord, str | None], None]
#: Carries out a pause on the thread that nothing else delays.
Hold = Callable[[Callable[[], RolloutRecord]], Awaitable[RolloutRecord]]


class Watchdog:
    """Starts the controllers, and sees to it that each lives."""

    def __init__(
        self,
        controllers: Mapping[str, Watched],
        *,
        database: Database,
        hold: Hold,
        tell: Tell,
        now: Callable[[], int],
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._controllers = controllers
        self._database = database
        self._hold = hold
        self._tell = tell
        self._now = now
        self._stuck_seconds = stuck_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starts: dict[str, list[float]] = {}
        self._paused: dict[str, RolloutRecord] = {}

    async def run(self) -> None:
        """Until cancelled; the controllers end with it."""
        try:
            for name in self._controllers:
                self._start(name)
            while True:
                await asyncio.sleep(_EVERY)
                for name in self._controllers:
                    await self._check(name)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, name: str) -> None:
        self._starts.setdefault(name, []).append(clock.monotonic())
        self._tasks[name] = asyncio.create_task(self._controllers[name].run(), name=f"rollouts of {name}")

    async def _check(self, name: str) -> None:
        task, controller = self._tasks[name], self._controllers[name]
        why = _why_not(task, controller.beat, self._stuck_seconds)
        if why is None:
            self._recovered(name)
            return
        record = controller.record
        if record is not None and name not in self._paused:
            log.error("rollout_not_judged", extra={"facts": {"rollout": record.name, "why": why}})
            self._tell(record, why)
            if await self._pause(record, why):
                self._paused[name] = record
        if task.done() and (record is None or name in self._paused):
            self._start_again(name)

    def _start_again(self, name: str) -> None:
        recent = [start for start in self._starts[name] if clock.monotonic() - start < _SETTLED]
        if len(recent) < _STARTS:
            self._start(name)

    def _recovered(self, name: str) -> None:
        record = self._paused.get(name)
        settled = clock.monotonic() - self._starts[name][-1] > 2 * _EVERY
        if record is not None and settled:
            del self._paused[name]
            self._tell(record, None)

    async def _pause(self, record: RolloutRecord, why: str) -> bool:
        reason = f"nobody judges this rollout: {why}"
        try:
            await self._hold(functools.partial(hold_in_error, self._database, record.id, reason, self._now()))
        except Refusal as refusal:
            # It has ended meanwhile: there is nothing to hold.
            log.info("rollout_not_paused", extra={"facts": {"rollout": record.name, "why": refusal.reason}})
        except StorageFailure as failure:
            log.error("rollout_not_paused", extra={"facts": {"rollout": record.name, "why": str(failure)}})
            return False
        return True


def hold_in_error(database: Database, rollout: str, reason: str, time: int) -> RolloutRecord:
    """Pauses the rollout with the verdict error: nothing moves until a person has looked.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it is not in force), ROLLOUT_CONFLICT.
    """
    with database.write(urgent=True) as connection:
        found = find_rollout(connection, rollout)
        if not found.in_force:
            raise Refusal(
                "ROLLOUT_STATE",
                rollout=found.name,
                state=found.state,
                detail="only one that runs or is paused is held",
            )
        return change_rollout(
            connection,
            found,
            action="rollout.pause",
            reason=reason,
            origin=SERVER,
            time=time,
            details={"verdict": [found.verdict, Verdict.ERROR.value]},
            state=PAUSED,
            verdict=Verdict.ERROR.value,
        )


def _why_not(task: asyncio.Task[None], beat: float, stuck_seconds: float) -> str | None:
    """Why nobody judges; None while somebody does."""
    if task.done():
        if task.cancelled():
            return "its task was cancelled"
        error = task.exception()
        return "its task ended" if error is None else f"{type(error).__name__}: {error}"
    silent = clock.monotonic() - beat
    return f"it has not moved for {silent:.0f} s" if silent > stuck_seconds else None
