"""MonitorService: live signals and the canary set."""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Final

from trimtab_protos.v1 import chat_pb2, monitor_pb2

from trimtab_server.api import paging, wire
from trimtab_server.api.active import ActivePointers
from trimtab_server.api.canary import CanaryRuns
from trimtab_server.api.models import total_load
from trimtab_server.api.plans import Plan, Planner
from trimtab_server.api.references import ReferenceCalls
from trimtab_server.api.registration import Call
from trimtab_server.api.reply_keeping import ReplyKeeping
from trimtab_server.api.workers import Workers
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.jobs.canary_run import Progress
from trimtab_server.monitoring.canary import ScoredReply
from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.feed import LONGEST_HISTORY, Feed, FeedEvent
from trimtab_server.monitoring.signals import reply_signals
from trimtab_server.monitoring.thresholds import Alarm, Threshold
from trimtab_server.store import canary_runs
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, first_result
from trimtab_server.store.samples import SampleRecord

_DEFAULT_HISTORY: Final = 200
_LARGEST_COUNT: Final = 1_000


class ReplyMonitor:
    """Turns every chat reply into samples of its deployment, and has its figures kept."""

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        active: ActivePointers,
        keeping: ReplyKeeping,
        now: Callable[[], int],
    ) -> None:
        self._feeds = feeds
        self._active = active
        self._keeping = keeping
        self._now = now

    def __call__(self, plan: Plan, tokens: Sequence[Token], finished: Finished) -> None:
        resolved = plan.resolved
        active = self._active.current(resolved.deployment)
        watched = active.deployment.watched_vector
        signals = reply_signals(tokens, finished, projection=bool(watched) and plan.watched == watched)
        self._keeping.add(plan, tokens, finished, signals)
        if finished.reason is FinishReason.ERROR:
            return  # kept with its reason; a reply that broke off has no figures to plot
        time = self._now()
        samples = [
            SampleRecord(resolved.deployment, signal, value, time, resolved.snapshot, plan.reply_id)
            for signal, value in signals.items()
        ]
        self._feeds[resolved.deployment].publish(samples, judge=resolved.revision == active.revision.number)


class MonitorServicer:
    """Watching and canary runs."""

    def __init__(
        self,
        *,
        feeds: Mapping[str, Feed],
        canary: CanaryRuns,
        planner: Planner,
        active: ActivePointers,
        pool: EnginePool,
        database: Database,
        workers: Workers,
        references: ReferenceCalls,
        heartbeat_seconds: float,
        default_count: int,
        now: Callable[[], int],
    ) -> None:
        self.RecordReference = references.RecordReference
        self.ListReferences = references.ListReferences
        self.GetRetention = references.GetRetention
        self.UpdateRetention = references.UpdateRetention
        self._feeds = feeds
        self._canary = canary
        self._planner = planner
        self._active = active
        self._pool = pool
        self._database = database
        self._workers = workers
        self._heartbeat_seconds = heartbeat_seconds
        self._default_count = default_count
        self._now = now

    async def Watch(
        self, request: monitor_pb2.WatchRequest, call: Call
    ) -> AsyncGenerator[monitor_pb2.WatchResponse, None]:
        if not 0 <= request.history <= LONGEST_HISTORY:
            raise Refusal(
                "FIELD_INVALID",
                field="history",
                detail=f"history is {request.history}; use 0 to {LONGEST_HISTORY}",
            )
        feed = self._feed(request.deployment)
        with feed.subscribe() as subscription:
            past = feed.recent(request.history or _DEFAULT_HISTORY)
            standing: list[FeedEvent] = [*feed.board.standing, *feed.drift]
            thresholds = [_threshold(threshold) for threshold in feed.board.thresholds]
            yield monitor_pb2.WatchResponse(thresholds=monitor_pb2.Thresholds(thresholds=thresholds))
            beginning: list[FeedEvent] = [*past, *standing]
            for event in beginning:
                yield _event(event)
            yield self._heartbeat()
            due = clock.monotonic() + self._heartbeat_seconds
            while True:
                news = await subscription.next(max(0.0, due - clock.monotonic()))
                if news is not None:
                    yield _event(news)
                if clock.monotonic() >= due:
                    yield self._heartbeat()
                    due = clock.monotonic() + self._heartbeat_seconds

    async def RunCanary(
        self, request: monitor_pb2.RunCanaryRequest, call: Call
    ) -> AsyncGenerator[monitor_pb2.RunCanaryResponse, None]:
        if not 0 <= request.count_per_kind <= _LARGEST_COUNT:
            raise Refusal(
                "FIELD_INVALID",
                field="count_per_kind",
                detail=f"count_per_kind is {request.count_per_kind}; use 0 to {_LARGEST_COUNT}",
            )
        deployment = wire.deployment_id(request.deployment)
        origin = call.origin(request.request_id)
        earlier = await self._workers.read(self._earlier, origin)
        if earlier is not None:
            yield monitor_pb2.RunCanaryResponse(run=wire.canary_run_out(earlier))
            return
        source = chat_pb2.SteeringSource(active=True)
        if request.snapshot:
            source = chat_pb2.SteeringSource(snapshot=request.snapshot)
        resolved = await self._planner.resolve(source, deployment, "")
        steps = self._canary.run(
            resolved,
            count_per_kind=request.count_per_kind or self._default_count,
            seed=request.seed,
            origin=origin,
        )
        async with contextlib.aclosing(steps):
            async for step in steps:
                if isinstance(step, Progress):
                    if request.include_replies:
                        yield monitor_pb2.RunCanaryResponse(reply=_reply(step.reply))
                    progress = monitor_pb2.CanaryProgress(done=step.done, total=step.total)
                    yield monitor_pb2.RunCanaryResponse(progress=progress)
                else:
                    yield monitor_pb2.RunCanaryResponse(run=wire.canary_run_out(step))

    async def ListCanaryRuns(
        self, request: monitor_pb2.ListCanaryRunsRequest, call: Call
    ) -> monitor_pb2.ListCanaryRunsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        deployment = wire.deployment_id(request.deployment)
        self._active.current(deployment)

        def page() -> list[CanaryRunRecord]:
            with self._database.read() as connection:
                return canary_runs.page(connection, deployment, limit=size + 1, before=before)

        rows, token = paging.cut(await self._workers.read(page), size, lambda run: (run.create_time, run.id))
        return monitor_pb2.ListCanaryRunsResponse(
            canary_runs=[wire.canary_run_out(row) for row in rows], next_page_token=token
        )

    def _feed(self, deployment: str) -> Feed:
        return self._feeds[self._active.current(wire.deployment_id(deployment)).deployment.name]

    def _heartbeat(self) -> monitor_pb2.WatchResponse:
        load = total_load(self._pool)
        return monitor_pb2.WatchResponse(
            heartbeat=monitor_pb2.Heartbeat(
                time=wire.timestamp(self._now()),
                tokens_per_second=load.tokens_per_second,
                slots_in_use=load.slots_in_use,
                queued_requests=load.queued_requests,
            )
        )

    def _earlier(self, origin: Origin) -> CanaryRunRecord | None:
        with self._database.read() as connection:
            result = first_result(connection, origin)
            return None if result is None else canary_runs.find(connection, result["run"])


def _event(event: FeedEvent) -> monitor_pb2.WatchResponse:
    if isinstance(event, SampleRecord):
        return monitor_pb2.WatchResponse(sample=wire.sample_out(event))
    if isinstance(event, Alarm):
        alarm = monitor_pb2.Alarm(
            threshold=_threshold(event.threshold), sample=wire.sample_out(event.sample), raised=event.raised
        )
        return monitor_pb2.WatchResponse(alarm=alarm)
    if isinstance(event, DriftAlarm):
        return monitor_pb2.WatchResponse(drift_alarm=_drift_alarm(event))
    return monitor_pb2.WatchResponse(canary_run=wire.canary_run_out(event))


def _drift_alarm(alarm: DriftAlarm) -> monitor_pb2.DriftAlarm:
    return monitor_pb2.DriftAlarm(
        signal=monitor_pb2.Signal.Value(f"SIGNAL_{alarm.found.signal.upper()}"),
        finding=alarm.found.finding.value,
        revision=wire.revision_name(alarm.deployment, alarm.revision),
        snapshot=f"snapshots/{alarm.snapshot}",
        reference=f"deployments/{alarm.deployment}/references/{alarm.reference}",
        count=alarm.found.count,
        time=wire.timestamp(alarm.time),
        raised=alarm.raised,
    )


def _threshold(threshold: Threshold) -> monitor_pb2.Threshold:
    return monitor_pb2.Threshold(
        signal=monitor_pb2.Signal.Value(f"SIGNAL_{threshold.signal.upper()}"),
        lower=threshold.lower,
        upper=threshold.upper,
    )


def _reply(scored: ScoredReply) -> monitor_pb2.CanaryReply:
    question = scored.question
    return monitor_pb2.CanaryReply(
        question_id=question.id,
        kind=question.kind,
        language=question.language,
        prompt=question.messages[-1].content,
        reply=scored.reply,
        outcome=scored.outcome.value,
    )
