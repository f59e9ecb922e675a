"""Puts the parts that run rollouts together: one object per process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trimtab_server.alerts.alert import Alert, Kind, Severity, State
from trimtab_server.alerts.controller import controller_back, controller_dead
from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Plan
from trimtab_server.api.rollout_changes import RolloutChanges
from trimtab_server.api.workers import Workers
from trimtab_server.control.after_promotion import AfterPromotion, Harm
from trimtab_server.control.controller import RolloutController
from trimtab_server.control.keeper import Keeper
from trimtab_server.control.pointers import RolloutPointers
from trimtab_server.control.run import StageMissing, Tools
from trimtab_server.control.shadow import LiveReply
from trimtab_server.control.spare import SpareReplies
from trimtab_server.control.watchdog import Watchdog
from trimtab_server.engine.errors import EngineError, StageLoading
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.feed import Feed, WatcherTooSlow
from trimtab_server.monitoring.signals import hard_faults, reply_signals
from trimtab_server.steering.activation import find_deployment, roll_back
from trimtab_server.store import references
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER
from trimtab_server.store.rollouts import RolloutRecord

_WHOLE: Final = (FinishReason.STOP, FinishReason.LENGTH)
_NEWS: Final = 5.0


class RolloutControl:
    """Made on the event loop; `start` begins, `close` ends."""

    def __init__(
        self,
        *,
        database: Database,
        workers: Workers,
        pool: EnginePool,
        stages: StageLoader,
        active: ActivePointers,
        pointers: RolloutPointers,
        changes: RolloutChanges,
        replies: SpareReplies,
        canary_set: CanarySet | None,
        feeds: Mapping[str, Feed],
        activated: Callable[[Active], None],
        shadow_share: float,
        alert: Callable[[Alert], object],
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._pool = pool
        self._stages = stages
        self._active = active
        self._pointers = pointers
        self._workers = workers
        self._feeds = feeds
        self._activated = activated
        self._alert = alert
        self._now = now
        keeper = Keeper(
            database=database,
            reader=workers,
            changes=changes,
            pointers=pointers,
            reference_values=self._reference_values,
            now=now,
        )
        tools = Tools(pointers, keeper, replies, self._load_stage, self._unkept, now, shadow_share)
        self.controllers = {name: RolloutController(name, canary_set, tools) for name in active.names()}
        self._watchdog = Watchdog(
            self.controllers, database=database, hold=changes.hold, tell=self._tell, now=now
        )
        self._promoted = {
            name: AfterPromotion(
                name,
                database=database,
                reader=workers,
                reference_values=self._reference_values,
                roll_back=self._roll_back,
            )
            for name in self.controllers
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._watchdog.run(), name="rollouts")]
        for name, promoted in self._promoted.items():
            self._tasks.append(asyncio.create_task(promoted.run(), name=f"promoted of {name}"))
            self._tasks.append(asyncio.create_task(self._pass_drift_on(name), name=f"drift of {name}"))

    async def load_stages(self) -> None:
        """Those of candidates in force, so that their sessions find them after a restart. Raises: EngineError."""
        for name in self.controllers:
            in_force = self._pointers.current(name)
            if in_force is not None:
                await self._stages.load(in_force.candidate.steering.stage)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for controller in self.controllers.values():
            await controller.close()

    def hear(self, plan: Plan, tokens: Sequence[Token], finished: Finished) -> None:
        """A reply to live traffic has ended, however it did."""
        assignment, resolved = plan.resolved.assignment, plan.resolved
        if assignment is None:
            return
        watched = self._active.current(resolved.deployment).deployment.watched_vector
        signals = reply_signals(tokens, finished, projection=bool(watched) and plan.watched == watched)
        self.controllers[resolved.deployment].hear(
            LiveReply(
                reply_id=plan.reply_id,
                assignment=assignment,
                messages=plan.messages,
                sampling=plan.sampling,
                signals=signals,
                faults=hard_faults(signals, finished),
                complete=finished.reason in _WHOLE,
            )
        )

    async def _load_stage(self, stage: str) -> None:
        try:
            self._pool.engine(stage)
        except StageLoading:
            try:
                await self._stages.load(stage)
            except EngineError as error:
                raise StageMissing(f"stage {stage} cannot be loaded: {error}") from error
        except EngineError as error:
            raise StageMissing(f"stage {stage} cannot be served: {error}") from error

    async def _pass_drift_on(self, deployment: str) -> None:
        promoted = self._promoted[deployment]
        while True:
            # A watcher that fell behind begins anew: an alarm that stands is told by the guardrail's own look too.
            with self._feeds[deployment].subscribe() as news, contextlib.suppress(WatcherTooSlow):
                while True:
                    event = await news.next(_NEWS)
                    if isinstance(event, DriftAlarm) and event.raised:
                        promoted.drifted(event.revision, event.found.signal, event.text)

    async def _roll_back(self, harm: Harm) -> None:
        def still_there() -> None:
            with self._database.read() as connection:
                found = find_deployment(connection, harm.deployment)
            if found.revision != harm.revision:
                raise Refusal(
                    "REVISION_CONFLICT",
                    deployment=f"deployments/{harm.deployment}",
                    expected_revision=harm.revision,
                    active_revision=found.revision,
                )

        def back() -> Active:
            roll_back(
                self._database,
                deployment=harm.deployment,
                snapshot=harm.snapshot,
                reason=harm.reason,
                origin=SERVER,
                time=self._now(),
                before_move=still_there,
            )
            return self._active.read(harm.deployment)

        active = await self._workers.control(back)
        if self._active.replace(active):
            self._activated(active)
        self._stages.begin(active.configuration.steering.stage)

    def _reference_values(self, name: str) -> Sequence[float]:
        """Of "{reference}/{signal}"; none where there is no such reference, which the judge refuses."""
        reference, _, signal = name.partition("/")
        with self._database.read() as connection:
            record = references.find(connection, reference)
        return () if record is None else record.values.get(signal, ())

    def _tell(self, record: RolloutRecord, why: str | None) -> None:
        deployment, now = record.deployment, self._now()
        if why is None:
            self._alert(controller_back(deployment, record.name, now))
        else:
            self._alert(controller_dead(deployment, record.name, why, now))

    def _unkept(self, record: RolloutRecord, error: Exception | None) -> None:
        self._alert(
            Alert(
                kind=Kind.ALARM,
                severity=Severity.CRITICAL,
                deployment=record.deployment,
                title="the rollout's evidence is kept again"
                if error is None
                else "the store takes no evidence",
                text="Looks at the rollout are written again."
                if error is None
                else "The rollout is judged, and what ends it takes effect at once, but the store takes nothing: "
                f"after a restart it would go on from the last look that was kept. {error}",
                facts={"rollout": record.name},
                time=self._now(),
                subject=f"{record.name} is not kept",
                state=State.RECOVERED if error is None else State.RAISED,
            )
        )
