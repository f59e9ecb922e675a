"""Puts the parts together: one object per process, from a data directory and a hosted model."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Collection, Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    report_pb2,
    rollout_pb2,
    snapshot_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)

from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.alerting import Alerting
from trimtab_server.api.approvals import ApprovalServicer
from trimtab_server.api.audit import AuditServicer
from trimtab_server.api.authentication import Authenticator
from trimtab_server.api.canary import CanaryRuns
from trimtab_server.api.cases import CaseServicer
from trimtab_server.api.chat import ChatServicer
from trimtab_server.api.generation import Generator
from trimtab_server.api.known_evidence import KnownEvidence
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.limits import Limits
from trimtab_server.api.live_readouts import LiveReadouts
from trimtab_server.api.models import ModelServicer, StageLoader
from trimtab_server.api.monitors import MonitorServicer, ReplyMonitor
from trimtab_server.api.plans import Plan, Planner
from trimtab_server.api.presets import prompt_presets, question_presets
from trimtab_server.api.principals import Principals
from trimtab_server.api.references import ReferenceCalls
from trimtab_server.api.refused_logins import RefusedLogins
from trimtab_server.api.registration import Gate, log_call, untraced
from trimtab_server.api.reply_keeping import ReplyKeeping
from trimtab_server.api.report_records import RolloutRecords
from trimtab_server.api.reports import ReportServicer, ReportSource
from trimtab_server.api.rollout_changes import RolloutChanges
from trimtab_server.api.rollout_control import RolloutControl
from trimtab_server.api.rollouts import RolloutServicer
from trimtab_server.api.snapshots import SnapshotServicer
from trimtab_server.api.spare_replies import EngineSpareReplies
from trimtab_server.api.tokens import TokenServicer
from trimtab_server.api.tracing import Tracing
from trimtab_server.api.trial_book import TrialBook
from trimtab_server.api.trial_drafts import TrialDrafts
from trimtab_server.api.trial_margins import Margins
from trimtab_server.api.trial_runs import TrialRuns
from trimtab_server.api.trials import TrialServicer
from trimtab_server.api.vectors import VectorServicer
from trimtab_server.api.watchman import Watchman
from trimtab_server.api.workers import Workers
from trimtab_server.control.pointers import RolloutPointers
from trimtab_server.control.retrials import Retrials
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool, EngineSettings
from trimtab_server.engine.request import Finished, Token
from trimtab_server.jobs.sweep import questions_of_model
from trimtab_server.metrics.endpoint import Endpoint
from trimtab_server.metrics.metrics import Metrics
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.monitoring.drift import DriftSettings
from trimtab_server.monitoring.feed import LONGEST_HISTORY, Feed
from trimtab_server.monitoring.probes import ProbeShelf
from trimtab_server.settings import ServeSettings
from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.creation import SnapshotDamaged
from trimtab_server.steering.evidence import evidence_time
from trimtab_server.steering.token_changes import TokenLimits
from trimtab_server.store import samples
from trimtab_server.store.database import Database
from trimtab_server.store.samples import SampleRecord

Clock = Callable[[], int]


class Application:
    """Everything that serves, wired. Made on the event loop; `close` ends it."""

    def __init__(
        self,
        settings: ServeSettings,
        database: Database,
        library: VectorLibrary,
        model: HostedModel,
        now: Clock = time.time_ns,
    ) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self.workers = Workers()
        self.generator = Generator(asyncio.get_running_loop())
        self.metrics = Metrics()
        self._endpoint: Endpoint | None = None
        self.pool = EnginePool(
            model,
            self.metrics.replies.listening_too(self.generator.listen),
            EngineSettings(
                slots=settings.slots,
                context=settings.context,
                max_queued_requests=settings.max_queued_requests,
                max_queued_tokens=settings.max_queued_tokens,
                threads=settings.threads,
            ),
            max_stages=settings.max_stages,
            cache=settings.data_dir / "cache" / "residual-norms",
        )
        self.generator.pool = self.pool
        self.stages = StageLoader(self.pool, self.workers)
        self.active = ActivePointers(database)
        for name in self.active.names():
            self.active.replace(self.active.read(name))
        self.rollouts = RolloutPointers(database)
        for name in self.active.names():
            in_force = self.rollouts.read(name)
            if in_force is not None:
                self.rollouts.take(in_force)
        self.planner = Planner(
            database=database,
            library=library,
            active=self.active,
            rollouts=self.rollouts,
            model=model,
            workers=self.workers,
            default_max_tokens=settings.default_max_tokens,
            readouts=LiveReadouts(
                self.pool,
                ProbeShelf.at((model.directory, settings.data_dir), model.fingerprint.digest),
                settings.shadow_share,
            ),
        )
        self.feeds = {name: self._feed(name) for name in self.active.names()}
        has_canary = (model.directory / "canary.jsonl").is_file()
        canary_set = CanarySet.at(model.directory / "canary.jsonl")
        stage_digest = functools.cache(model.stage_digest)
        self.evidence = KnownEvidence(
            self.active.names(),
            database=database,
            workers=self.workers,
            active=self.active,
            stage_digest=stage_digest,
            has_canary_set=has_canary,
            stale_after_hours=settings.stale_after_hours,
            now=now,
        )
        self.alerting = Alerting(
            settings, database, self.feeds, stale=lambda name: self.evidence.current(name).stale, now=now
        )
        self.metrics.watch(settings, self.pool, database, self.alerting.sender)
        self.canary = CanaryRuns(
            canary_set=canary_set,
            planner=self.planner,
            generator=self.generator,
            pool=self.pool,
            stages=self.stages,
            active=self.active,
            stage_digest=stage_digest,
            kept=self.evidence.look_again,
            feeds=self.feeds,
            database=database,
            workers=self.workers,
            now=now,
        )
        self.keeping = ReplyKeeping(settings, database, self.workers, self.feeds, model, now)
        self._monitor = ReplyMonitor(self.feeds, self.active, self.keeping, now)
        self.authenticator = Authenticator(database, now, Principals(settings.principals))
        self._tracing = (
            Tracing.sending_to(settings.otlp_endpoint, model.name) if settings.otlp_endpoint else None
        )
        self.gate = Gate(
            self.authenticator,
            (log_call, self.metrics.calls, *([self._tracing] if self._tracing else [])),
            around=self._tracing.call if self._tracing else untraced,
            stall_seconds=settings.stall_seconds,
            limits=Limits(
                settings.requests_per_minute, settings.tokens_per_minute, settings.streams_per_token
            ),
            refused_logins=RefusedLogins(settings.refused_logins_per_minute),
            longest_reply_seconds=settings.longest_reply_seconds,
            now=now,
        )
        self.metrics.count_running(lambda: self.gate.running)
        self._watchman = Watchman(self.gate, database, self.workers, settings)
        self.rollout_changes = RolloutChanges(
            workers=self.workers,
            active=self.active,
            pointers=self.rollouts,
            activated=self._activated,
        )
        self.control = RolloutControl(
            database=database,
            workers=self.workers,
            pool=self.pool,
            stages=self.stages,
            active=self.active,
            pointers=self.rollouts,
            changes=self.rollout_changes,
            replies=EngineSpareReplies(
                planner=self.planner,
                generator=self.generator,
                pool=self.pool,
                stages=self.stages,
                active=self.active,
            ),
            canary_set=canary_set,
            feeds=self.feeds,
            activated=self._activated,
            shadow_share=settings.rollout_shadow_share,
            alert=self.alerting.sender.send,
            now=now,
        )
        trial_book = TrialBook(database, now)
        self.trials = TrialRuns(
            planner=self.planner,
            generator=self.generator,
            pool=self.pool,
            stages=self.stages,
            margins=Margins(
                model=model,
                planner=self.planner,
                pool=self.pool,
                stages=self.stages,
                workers=self.workers,
            ),
            book=trial_book,
            database=database,
            workers=self.workers,
            now=now,
        )
        self.trials.recover()
        self._services = self._servicers(library, model, trial_book)
        self._writers = [asyncio.ensure_future(feed.run()) for feed in self.feeds.values()]
        self._writers.append(asyncio.ensure_future(self._watchman.run()))
        self._writers.append(asyncio.ensure_future(self.evidence.run()))
        self._writers.append(asyncio.ensure_future(self._retrials(settings.retrial_hours).run()))
        self._writers.append(asyncio.ensure_future(self.trials.retire()))
        self.keeping.start()

    @property
    def service_names(self) -> Sequence[str]:
        return [service.full_name for service, _ in self._services]

    def register(self, server: grpc.aio.Server, only: Collection[str] | None = None) -> None:
        """Adds every service, or the methods named in `only`."""
        for service, servicer in self._services:
            self.gate.register(server, service, servicer, only)

    def serve_metrics(self) -> None:
        """Where the settings want it. Raises: EndpointTaken."""
        if self._settings.metrics_port is not None:
            self._endpoint = Endpoint(
                self.metrics.registry, self._settings.metrics_host, self._settings.metrics_port
            )

    async def load_active_stages(self) -> None:
        """So that the first request finds them. A damaged snapshot has none that is sure. Raises: EngineError."""
        for name in self.feeds:
            with contextlib.suppress(SnapshotDamaged):  # told by the self-check
                await self.stages.load(self.active.current(name).configuration.steering.stage)
        await self.control.load_stages()

    def run_rollouts(self) -> None:
        """Takes up whatever rollout is in force."""
        self.control.start()

    async def drain(self, seconds: float) -> bool:
        """Refuses new calls and waits for running replies; whether all of them ended by themselves."""
        self.gate.closed = True
        await self.trials.stop()
        await self.canary.stop()
        await self.control.close()
        drained = await asyncio.to_thread(self.pool.drain, seconds)
        await asyncio.to_thread(self.pool.close)
        return drained

    async def close(self) -> None:
        """After the last call: writes what is unwritten and ends the threads."""
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        for feed in self.feeds.values():
            await feed.flush()
        await self.keeping.close()
        await self.alerting.close()
        if self._endpoint is not None:
            await asyncio.to_thread(self._endpoint.close)
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        await self._watchman.record()
        self.workers.close()

    def _feed(self, deployment: str) -> Feed:
        async def keep(new: Sequence[SampleRecord]) -> None:
            await self.workers.change(self._keep, deployment, new)

        with self._database.read() as connection:
            return Feed(keep, samples.recent(connection, deployment, LONGEST_HISTORY))

    def _keep(self, deployment: str, new: Sequence[SampleRecord]) -> None:
        with self._database.write() as connection:
            samples.add(connection, new)
            samples.trim(connection, deployment, self._settings.kept_samples)

    def _heard(self, plan: Plan, tokens: Sequence[Token], finished: Finished) -> None:
        if self._tracing is not None:
            self._tracing.reply(plan, tokens, finished)
        self._monitor(plan, tokens, finished)
        self.control.hear(plan, tokens, finished)

    def _retrials(self, hours: float) -> Retrials:
        async def last_run(deployment: str) -> int:
            return await self.workers.read(self._evidence_time, deployment)

        def begin(deployment: str, seed: int) -> bool:
            active = self.active.current(deployment)
            return self.canary.run_again(active, self._settings.auto_canary_count, seed)

        return Retrials(self.feeds, hours=hours, last_run=last_run, begin=begin, now=self._now)

    def _evidence_time(self, deployment: str) -> int:
        with self._database.read() as connection:
            return evidence_time(connection, find_deployment(connection, deployment))

    def _activated(self, active: Active) -> None:
        self.evidence.look_again()
        if self._settings.auto_canary:
            self.canary.run_after_activation(
                active, self._settings.auto_canary_count, self._settings.canary_seed
            )

    def _servicers(
        self, library: VectorLibrary, model: HostedModel, trial_book: TrialBook
    ) -> list[tuple[ServiceDescriptor, object]]:
        database, workers, now, facts = self._database, self.workers, self._now, self.planner.facts
        audit = AuditServicer(database=database, workers=workers)
        rollouts = RolloutServicer(
            database=database,
            planner=self.planner,
            changes=self.rollout_changes,
            workers=workers,
            ensure_stage=self.stages.load,
            cancel_snapshot=self.pool.cancel_tag,
            put_off_snapshot=self.pool.put_off_tag,
            now=now,
        )
        drafts = TrialDrafts(
            database=database,
            library=library,
            planner=self.planner,
            watched=lambda name: self.active.current(name).deployment.watched_vector,
            model_directory=model.directory,
        )
        trials = TrialServicer(
            database=database,
            drafts=drafts,
            runs=self.trials,
            book=trial_book,
            active=self.active,
            workers=workers,
            slots=self._settings.slots,
            now=now,
        )
        rollout_records = RolloutRecords(rollouts, audit)
        cases = CaseServicer(
            database=database,
            drafts=drafts,
            active=self.active,
            workers=workers,
            rollout_record=rollout_records.record,
            now=now,
        )
        by_file = {
            approval_pb2: ApprovalServicer(database=database, workers=workers, now=now),
            audit_pb2: audit,
            case_pb2: cases,
            chat_pb2: ChatServicer(
                database=database,
                planner=self.planner,
                generator=self.generator,
                workers=workers,
                load_stage=self.stages.begin,
                listener=self._heard,
                now=now,
            ),
            model_pb2: ModelServicer(
                model=model,
                facts=facts,
                pool=self.pool,
                stages=self.stages,
                database=database,
                workers=workers,
                prompt_presets=prompt_presets(model.directory),
                question_presets=question_presets(model.directory),
                has_questions=questions_of_model(model.directory).is_file(),
                now=now,
            ),
            monitor_pb2: MonitorServicer(
                feeds=self.feeds,
                canary=self.canary,
                planner=self.planner,
                active=self.active,
                pool=self.pool,
                database=database,
                workers=workers,
                references=ReferenceCalls(
                    database=database,
                    active=self.active,
                    workers=workers,
                    canary_set=CanarySet.at(model.directory / "canary.jsonl"),
                    spare=EngineSpareReplies(
                        planner=self.planner,
                        generator=self.generator,
                        pool=self.pool,
                        stages=self.stages,
                        active=self.active,
                    ),
                    written=self.keeping.log.flush,
                    stage_digest=self.keeping.stage_digest,
                    drift=DriftSettings(self._settings.drift_horizon, self._settings.drift_false_alarm),
                    now=now,
                ),
                heartbeat_seconds=self._settings.heartbeat_seconds,
                default_count=self._settings.auto_canary_count,
                now=now,
            ),
            report_pb2: ReportServicer(
                {
                    "trials": ReportSource("trial", trials.exported),
                    "cases": ReportSource("case", cases.record),
                    "rollouts": ReportSource("rollout", rollout_records.record),
                }
            ),
            rollout_pb2: rollouts,
            snapshot_pb2: SnapshotServicer(
                database=database,
                active=self.active,
                rollouts=self.rollouts,
                changes=self.rollout_changes,
                planner=self.planner,
                workers=workers,
                load_stage=self.stages.begin,
                ensure_stage=self.stages.load,
                cancel_snapshot=self.pool.cancel_tag,
                put_off_snapshot=self.pool.put_off_tag,
                activated=self._activated,
                freshness=self.evidence.current,
                now=now,
            ),
            token_pb2: TokenServicer(
                database=database,
                limits=TokenLimits(self._settings.requests_per_minute, self._settings.tokens_per_minute),
                authenticator=self.authenticator,
                workers=workers,
                now=now,
            ),
            trial_pb2: trials,
            vector_pb2: VectorServicer(
                library=library,
                model=model,
                facts=facts,
                workers=workers,
                pool=self.pool,
                cells=self._settings.data_dir / "cache" / "sweeps",
            ),
        }
        return [
            (service, servicer)
            for file, servicer in by_file.items()
            for service in file.DESCRIPTOR.services_by_name.values()
        ]
