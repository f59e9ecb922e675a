"""The part of MonitorService that is about references and about what is kept of replies."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from statistics import fmean, pstdev
from typing import Final

from trimtab_protos.v1 import monitor_pb2
from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.api import paging, wire
from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.control.spare import Asked, NotAnswered, SpareReplies, Subject, patiently
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.monitoring.drift import WATCHED, DriftMonitor, DriftSettings
from trimtab_server.monitoring.recording import Answered, Recorded, from_canaries, from_live
from trimtab_server.monitoring.signals import Signal
from trimtab_server.sequential.batches import batch_size
from trimtab_server.store import references, replies, retention
from trimtab_server.store.database import Database
from trimtab_server.store.references import FEWEST_REPLIES, RECOMMENDED_REPLIES, ReferenceRecord, Source
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, first_result, once
from trimtab_server.store.retention import RetentionRecord

_LARGEST: Final = 5_000
_REPLY_TOKENS: Final = 96
#: Replies looked through for as many good ones.
_LOOKED_THROUGH: Final = 4

_SOURCES: Final[Mapping[int, Source]] = {
    monitor_pb2.REFERENCE_SOURCE_UNSPECIFIED: "live",
    monitor_pb2.REFERENCE_SOURCE_LIVE: "live",
    monitor_pb2.REFERENCE_SOURCE_CANARY: "canary",
}
_SOURCES_OUT: Final = {
    "live": monitor_pb2.REFERENCE_SOURCE_LIVE,
    "canary": monitor_pb2.REFERENCE_SOURCE_CANARY,
}


class ReferenceCalls:
    """RecordReference, ListReferences, GetRetention, UpdateRetention."""

    def __init__(
        self,
        *,
        database: Database,
        active: ActivePointers,
        workers: Workers,
        canary_set: CanarySet | None,
        spare: SpareReplies,
        written: Callable[[], Awaitable[None]],
        stage_digest: Callable[[str], str],
        drift: DriftSettings,
        now: Callable[[], int],
    ) -> None:
        """`written`: waits until every reply up to now is in the store."""
        self._database = database
        self._active = active
        self._workers = workers
        self._canary_set = canary_set
        self._spare = spare
        self._written = written
        self._stage_digest = stage_digest
        self._drift = drift
        self._now = now

    async def RecordReference(
        self, request: monitor_pb2.RecordReferenceRequest, call: Call
    ) -> AsyncGenerator[monitor_pb2.RecordReferenceResponse, None]:
        count = _count(request.replies)
        source = _SOURCES.get(request.source)
        if source is None:
            raise Refusal("FIELD_INVALID", field="source", detail=f"source {request.source} is not known")
        active = self._active.current(wire.deployment_id(request.deployment))
        origin = call.origin(request.request_id)
        earlier = await self._workers.read(self._earlier, origin)
        if earlier is not None:
            yield monitor_pb2.RecordReferenceResponse(reference=await self._out(earlier, active))
            return
        if source == "live":
            await self._written()
            recorded = await self._workers.read(self._from_live, active, count)
        else:
            async with contextlib.aclosing(self._from_canaries(active, count)) as steps:
                async for step in steps:
                    if isinstance(step, Answered):
                        progress = monitor_pb2.ReferenceProgress(done=step.done, total=step.total)
                        yield monitor_pb2.RecordReferenceResponse(progress=progress)
                    else:
                        recorded = step
        record = await self._workers.change(self._add, active, source, recorded, origin)
        yield monitor_pb2.RecordReferenceResponse(reference=await self._out(record, active))

    async def ListReferences(
        self, request: monitor_pb2.ListReferencesRequest, call: Call
    ) -> monitor_pb2.ListReferencesResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        active = self._active.current(wire.deployment_id(request.deployment))

        def page() -> list[ReferenceRecord]:
            with self._database.read() as connection:
                return references.page(connection, active.deployment.name, limit=size + 1, before=before)

        rows, token = paging.cut(await self._workers.read(page), size, lambda row: (row.create_time, row.id))
        return monitor_pb2.ListReferencesResponse(
            references=[await self._out(row, active) for row in rows], next_page_token=token
        )

    async def GetRetention(
        self, request: monitor_pb2.GetRetentionRequest, call: Call
    ) -> monitor_pb2.Retention:
        deployment = self._active.current(wire.deployment_id(request.deployment)).deployment.name

        def read() -> RetentionRecord:
            with self._database.read() as connection:
                return retention.of(connection, deployment)

        return _retention_out(await self._workers.read(read))

    async def UpdateRetention(
        self, request: monitor_pb2.UpdateRetentionRequest, call: Call
    ) -> monitor_pb2.Retention:
        deployment = self._active.current(wire.deployment_id(request.deployment)).deployment.name
        if request.text_days and not request.reason.strip():
            # Somebody's words are kept from now on: that needs a why.
            raise Refusal("REASON_REQUIRED", field="reason")
        wanted = RetentionRecord(deployment, request.reply_days, request.text_days, self._now())
        origin = call.origin(request.request_id)

        def change() -> RetentionRecord:
            with self._database.write() as connection:

                def steps() -> Result:
                    return vars(retention.change(connection, wanted, origin, reason=request.reason))

                return RetentionRecord(**once(connection, origin, wanted.change_time, steps))

        return _retention_out(await self._workers.change(change))

    def _earlier(self, origin: Origin) -> ReferenceRecord | None:
        with self._database.read() as connection:
            result = first_result(connection, origin)
            return None if result is None else references.find(connection, result["reference"])

    def _from_live(self, active: Active, count: int) -> Recorded:
        with self._database.read() as connection:
            newest = replies.newest(
                connection,
                active.deployment.name,
                _LOOKED_THROUGH * count,
                revision=active.revision.number,
            )
        return from_live(newest, count)

    async def _from_canaries(self, active: Active, count: int) -> AsyncGenerator[Answered | Recorded, None]:
        if self._canary_set is None:
            raise Refusal("CANARY_SET_MISSING", model=active.deployment.model)
        subject = Subject("stable", active.deployment.name, active.snapshot.id, active.configuration)

        async def ask(question: Question) -> Mapping[str, float]:
            messages = [{"role": message.role, "content": message.content} for message in question.messages]
            asked = Asked(messages, kl=True, question=question, max_tokens=_REPLY_TOKENS)
            try:
                return (await patiently(self._spare, subject, asked)).signals
            except NotAnswered as error:
                raise Refusal("REFERENCE_NOT_ANSWERED", question=question.id, detail=str(error)) from error

        async with contextlib.aclosing(from_canaries(self._canary_set, count, 0, ask)) as steps:
            async for step in steps:
                yield step

    def _add(self, active: Active, source: Source, recorded: Recorded, origin: Origin) -> ReferenceRecord:
        steering = active.configuration.steering
        record = ReferenceRecord(
            id=uuid.uuid4().hex,
            deployment=active.deployment.name,
            source=source,
            snapshot=active.snapshot.id,
            revision=active.revision.number,
            stage=steering.stage_name,
            stage_digest=self._stage_digest(steering.stage),
            reply_count=recorded.reply_count,
            signals=references.values_text(recorded.values),
            created_by=origin.actor,
            create_time=self._now(),
        )
        with self._database.write() as connection:

            def steps() -> Result:
                references.add(connection, record, origin)
                return {"reference": record.id}

            kept = once(connection, origin, record.create_time, steps)["reference"]
            found = references.find(connection, kept)
        assert found is not None, "it was just written"
        return found

    async def _out(self, record: ReferenceRecord, active: Active) -> monitor_pb2.Reference:
        return await self._workers.read(self._described, record, active)

    def _described(self, record: ReferenceRecord, active: Active) -> monitor_pb2.Reference:
        digest = self._stage_digest(active.configuration.steering.stage)
        unwatched = DriftMonitor(record.values, self._drift).unwatched
        if record.source == "canary":
            unwatched = dict.fromkeys(record.values, "it is of canary questions: a rollout's plan may use it")
        return monitor_pb2.Reference(
            name=f"deployments/{record.deployment}/references/{record.id}",
            source=_SOURCES_OUT[record.source],
            snapshot=f"snapshots/{record.snapshot}",
            revision=wire.revision_name(record.deployment, record.revision),
            stage=record.stage,
            reply_count=record.reply_count,
            hash=record.hash,
            signals=[
                monitor_pb2.ReferenceSignal(
                    signal=monitor_pb2.Signal.Value(f"SIGNAL_{Signal(name).name}"),
                    id=record.signal_id(name),
                    hash=record.signal_hash(name),
                    count=len(values),
                    mean=fmean(values),
                    standard_deviation=pstdev(values),
                    batch=batch_size(values) if len(values) >= 3 else 1,
                    unwatched=unwatched.get(name, "" if name in WATCHED else "it is no signal of drift"),
                )
                for name, values in record.values.items()
            ],
            created_by=record.created_by,
            create_time=wire.timestamp(record.create_time),
            stale=record.stale(active.snapshot.id, digest),
        )


def _count(asked: int) -> int:
    count = asked or RECOMMENDED_REPLIES
    if not FEWEST_REPLIES <= count <= _LARGEST:
        raise Refusal(
            "FIELD_INVALID",
            field="replies",
            detail=f"replies is {asked}; use {FEWEST_REPLIES} to {_LARGEST}, or 0 for {RECOMMENDED_REPLIES}",
        )
    return count


def _retention_out(record: RetentionRecord) -> monitor_pb2.Retention:
    return monitor_pb2.Retention(
        deployment=f"deployments/{record.deployment}",
        reply_days=record.reply_days,
        text_days=record.text_days,
        change_time=wire.optional_timestamp(record.change_time),
    )
