"""The asynchronous client: one channel, one loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc
from trimtab_protos.v1 import (
    approval_pb2_grpc,
    audit_pb2_grpc,
    chat_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
    monitor_pb2_grpc,
    snapshot_pb2_grpc,
    token_pb2_grpc,
    vector_pb2,
    vector_pb2_grpc,
)

from trimtab_client import from_protobuf, requests, types
from trimtab_client.async_cases import AsyncCases
from trimtab_client.async_rollouts import AsyncRollouts
from trimtab_client.async_trials import AsyncTrials
from trimtab_client.errors import TrimtabError, cancelled, client_closed, from_rpc_error, unreachable
from trimtab_client.measurements import AsyncMeasurements
from trimtab_client.names import DEFAULT_DEPLOYMENT
from trimtab_client.paging import all_pages_async
from trimtab_client.reports import AsyncReports
from trimtab_client.transport import CHANNEL_OPTIONS, Deadlines, RetryPolicy, bearer

Request = TypeVar("Request")
Response = TypeVar("Response")
Event = TypeVar("Event")

_ACTIVE: Final = types.Active()


class AsyncClient:
    """A connection to a Trimtab server on grpc.aio.

    Make it, use it and close it on one event loop. The channel connects on the first call and reconnects by
    itself; a call that fails raises TrimtabError. Streaming methods return async generators: closing one
    (`aclose()`, or leaving `contextlib.aclosing`) cancels the call on the server.

    Args:
        target: "HOST:PORT" or "unix:PATH".
        token: bearer token; empty shows none.
        credentials: for TLS; None connects in plain text.
        deadlines: seconds per kind of call.
        retries: when a unary call is repeated.
    """

    def __init__(
        self,
        target: str,
        token: str = "",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        deadlines: Deadlines | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.target = target
        self._metadata = bearer(token)
        self._deadlines = deadlines or Deadlines()
        self._retries = retries or RetryPolicy()
        self._closed = False
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
        self._chat = chat_pb2_grpc.ChatServiceStub(self._channel)
        self._models = model_pb2_grpc.ModelServiceStub(self._channel)
        self._vectors = vector_pb2_grpc.VectorServiceStub(self._channel)
        self._snapshots = snapshot_pb2_grpc.SnapshotServiceStub(self._channel)
        self._monitor = monitor_pb2_grpc.MonitorServiceStub(self._channel)
        self._audit = audit_pb2_grpc.AuditServiceStub(self._channel)
        self._approvals = approval_pb2_grpc.ApprovalServiceStub(self._channel)
        self._tokens = token_pb2_grpc.TokenServiceStub(self._channel)
        self.rollouts = AsyncRollouts(self, self._channel)
        self.trials = AsyncTrials(self, self._channel)
        self.reports = AsyncReports(self, self._channel)
        self.measurements = AsyncMeasurements(self, self._channel)
        self.cases = AsyncCases(self, self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancel what runs and close the channel. A second close does nothing."""
        self._closed = True
        await self._channel.close()

    async def wait_ready(self, seconds: float) -> None:
        """Wait until the channel is connected; SERVER_UNREACHABLE after that many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._channel.channel_ready()
        except TimeoutError:
            raise unreachable(self.target) from None

    # Chat --------------------------------------------------------------------------------------------

    def chat(
        self,
        messages: Sequence[types.Message],
        *,
        source: types.SteeringSource = _ACTIVE,
        sampling: types.Sampling | None = None,
        readouts: types.ReadoutOptions | None = None,
        deployment: str = DEFAULT_DEPLOYMENT,
        session_id: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> AsyncGenerator[types.ReplyEvent, None]:
        """Stream one reply: ReplyStarted, any number of ReplyDelta, ReplyFinished.

        `timeout` is the deadline in seconds, None for the client's own.
        """
        request = requests.chat(messages, source, sampling, readouts, deployment, session_id, request_id)
        return self._stream(
            self._chat.Chat, request, from_protobuf.reply_event, timeout or self._deadlines.reply
        )

    def compare(
        self,
        lanes: Sequence[types.Lane],
        *,
        sampling: types.Sampling | None = None,
        readouts: types.ReadoutOptions | None = None,
        deployment: str = DEFAULT_DEPLOYMENT,
        session_id: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> AsyncGenerator[tuple[str, types.ReplyEvent], None]:
        """Stream two or more lanes, made in one batch, as pairs of lane id and event."""
        request = requests.compare(lanes, sampling, readouts, deployment, session_id, request_id)
        return self._stream(
            self._chat.Compare, request, from_protobuf.lane_event, timeout or self._deadlines.reply
        )

    # Models ------------------------------------------------------------------------------------------

    async def server_info(self) -> types.ServerInfo:
        """The server's version, load, and who the caller is to it."""
        request = model_pb2.GetServerInfoRequest()
        return from_protobuf.server_info(await self._unary(self._models.GetServerInfo, request))

    async def models(self, *, limit: int | None = None) -> tuple[types.Model, ...]:
        """The hosted models."""

        async def page(left: int | None, token: str) -> tuple[list[types.Model], str]:
            answer = await self._unary(self._models.ListModels, requests.list_models(left, token))
            return [from_protobuf.model(m) for m in answer.models], answer.next_page_token

        return await all_pages_async(page, limit)

    async def model(self, name: str) -> types.Model:
        """One model, by "models/{model}" or its bare name."""
        return from_protobuf.model(await self._unary(self._models.GetModel, requests.get_model(name)))

    async def stages(self, model: str) -> tuple[types.Stage, ...]:
        """A model's stages, in order."""
        answer = await self._unary(self._models.ListStages, requests.list_stages(model))
        return tuple(from_protobuf.stage(s) for s in answer.stages)

    def load_stage(self, name: str, *, request_id: str = "") -> AsyncGenerator[types.StageLoading, None]:
        """Load a stage so that requests may name it; streams progress, the loaded stage last."""
        request = requests.load_stage(name, request_id)
        return self._stream(self._models.LoadStage, request, from_protobuf.stage_loading, self._deadlines.job)

    # Vectors -----------------------------------------------------------------------------------------

    async def vectors(self, *, concept: str = "", limit: int | None = None) -> tuple[types.Vector, ...]:
        """The stored steering vectors, of one concept if given."""

        async def page(left: int | None, token: str) -> tuple[list[types.Vector], str]:
            request = requests.list_vectors(concept, left, token)
            answer = await self._unary(self._vectors.ListVectors, request)
            return [from_protobuf.vector(v) for v in answer.vectors], answer.next_page_token

        return await all_pages_async(page, limit)

    async def vector(self, name: str) -> types.Vector:
        """One vector, by "vectors/{sha256}" or its bare hash."""
        return from_protobuf.vector(await self._unary(self._vectors.GetVector, requests.get_vector(name)))

    def extract_vector(
        self,
        contrast_set: bytes = b"",
        *,
        stage: str,
        concept: str,
        display_name: str = "",
        method: str = "diff_mean",
        swap_labels: bool = False,
        layers: Sequence[int] = (),
        license: str = "",
        position: str = "last",
        seed: int = 0,
        contrast_set_name: str = "",
        request_id: str = "",
    ) -> AsyncGenerator[types.Progress | types.Vector, None]:
        """Extract a vector at a stage from a contrast set (JSON lines or CSV); streams progress, then the vector.

        `contrast_set_name` is instead of a file: one that `measurements.contrast_sets` names. `swap_labels`
        exchanges the two sides of every pair, which gives a vector of the opposite sign.
        """
        request = requests.extract_vector(
            contrast_set,
            stage,
            concept,
            display_name,
            method,
            swap_labels,
            layers,
            license,
            position,
            seed,
            contrast_set_name,
            request_id,
        )
        return self._stream(
            self._vectors.ExtractVector, request, from_protobuf.extraction_event, self._deadlines.job
        )

    async def import_vector(
        self,
        content: bytes,
        *,
        display_name: str = "",
        format: str = "",
        concept: str = "",
        stage: str = "",
        layer_convention: str = "",
        license: str = "",
        request_id: str = "",
    ) -> types.Vector:
        """Store a vector file of at most 64 MiB: safetensors with a manifest, or one of another tool's.

        Of another tool's file (`format` "gguf", "svec" or "layer_pt"; told by its content if it is left out)
        the importer states the concept and the stage at which it may steer; `layer_convention` is
        "block_output" or "cvector_generator".
        """
        request = requests.import_vector(
            content, display_name, format, concept, stage, layer_convention, license, request_id
        )
        deadline = self._deadlines.transfer
        return from_protobuf.vector(await self._unary(self._vectors.ImportVector, request, deadline))

    async def export_vector(
        self,
        name: str,
        *,
        format: str = "",
        scale: str = "",
        strength: float = 0.0,
        drop_layer_zero: bool = False,
        model_type: str = "",
    ) -> types.VectorFile:
        """The vector's file: safetensors, or `format` "gguf", "svec", "svec_ibm" or "layer_pt".

        Those need a `scale`, the length of what is written: "unit", "raw_norm", or "dose", which is `strength`
        times the residual norm.
        """
        request = requests.export_vector(name, format, scale, strength, drop_layer_zero, model_type)
        deadline = self._deadlines.transfer
        return from_protobuf.vector_file(await self._unary(self._vectors.ExportVector, request, deadline))

    async def delete_vector(self, name: str, *, request_id: str = "") -> None:
        """Delete a vector; refused with VECTOR_IN_USE while a snapshot refers to it."""
        await self._unary(self._vectors.DeleteVector, requests.delete_vector(name, request_id))

    async def concepts(self) -> tuple[types.Concept, ...]:
        """What the vectors stand for, by name."""
        answer = await self._unary(self._vectors.ListConcepts, vector_pb2.ListConceptsRequest())
        return tuple(from_protobuf.concept(c) for c in answer.concepts)

    async def set_concept_protection(
        self, concept: str, protected: bool, *, reason: str = "", request_id: str = ""
    ) -> types.Concept:
        """Protect a concept, or end that; takes two admins."""
        request = requests.set_concept_protection(concept, protected, reason, request_id)
        return from_protobuf.concept(await self._unary(self._vectors.SetConceptProtection, request))

    # Snapshots ---------------------------------------------------------------------------------------

    async def create_snapshot(
        self,
        steering: types.Steering,
        *,
        sampling: types.Sampling | None = None,
        display_name: str = "",
        description: str = "",
        request_id: str = "",
    ) -> types.Snapshot:
        """Record a steering configuration; the same one gives the same name again."""
        request = requests.create_snapshot(steering, sampling, display_name, description, request_id)
        return from_protobuf.snapshot(await self._unary(self._snapshots.CreateSnapshot, request))

    async def snapshots(self, *, limit: int | None = None) -> tuple[types.Snapshot, ...]:
        """The recorded snapshots."""

        async def page(left: int | None, token: str) -> tuple[list[types.Snapshot], str]:
            answer = await self._unary(self._snapshots.ListSnapshots, requests.list_snapshots(left, token))
            return [from_protobuf.snapshot(s) for s in answer.snapshots], answer.next_page_token

        return await all_pages_async(page, limit)

    async def snapshot(self, name: str) -> types.Snapshot:
        """One snapshot, by full name, unique prefix of at least 8 digits, or display name."""
        return from_protobuf.snapshot(
            await self._unary(self._snapshots.GetSnapshot, requests.get_snapshot(name))
        )

    async def diff_snapshots(self, base: str, other: str) -> tuple[types.FieldChange, ...]:
        """What changes from `base` to `other`, field by field."""
        answer = await self._unary(self._snapshots.DiffSnapshots, requests.diff_snapshots(base, other))
        return tuple(from_protobuf.field_change(c) for c in answer.changes)

    async def deployment(self, name: str = DEFAULT_DEPLOYMENT) -> types.Deployment:
        """A deployment with its active snapshot and revision."""
        request = requests.get_deployment(name)
        return from_protobuf.deployment(await self._unary(self._snapshots.GetDeployment, request))

    async def deployments(self, *, limit: int | None = None) -> tuple[types.Deployment, ...]:
        """All deployments."""

        async def page(left: int | None, token: str) -> tuple[list[types.Deployment], str]:
            request = requests.list_deployments(left, token)
            answer = await self._unary(self._snapshots.ListDeployments, request)
            return [from_protobuf.deployment(d) for d in answer.deployments], answer.next_page_token

        return await all_pages_async(page, limit)

    async def activate_snapshot(
        self,
        snapshot: str,
        *,
        reason: str = "",
        expected_revision: int = 0,
        replace: bool = False,
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> types.Revision:
        """Make a snapshot what new requests get.

        With `expected_revision`, REVISION_CONFLICT if another one is active by now; 0 takes whatever is. While
        a rollout is in force, ROLLOUT_RUNNING, unless `replace` aborts it.
        """
        request = requests.activate_snapshot(
            snapshot, reason, expected_revision, replace, deployment, request_id
        )
        return from_protobuf.revision(await self._unary(self._snapshots.ActivateSnapshot, request))

    async def rollback(
        self,
        snapshot: str = "",
        *,
        reason: str,
        unsteered: bool = False,
        in_flight: types.InFlight = types.InFlight.FINISH,
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> types.Revision:
        """Make an earlier snapshot active: the last one that was not itself rolled back, if none is named.

        `unsteered` goes to the unsteered snapshot of revision 1; `in_flight` says what becomes of requests
        still running under the snapshot that is left.
        """
        request = requests.rollback_snapshot(snapshot, reason, unsteered, in_flight, deployment, request_id)
        return from_protobuf.revision(await self._unary(self._snapshots.RollbackSnapshot, request))

    async def revisions(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None
    ) -> tuple[types.Revision, ...]:
        """A deployment's history, newest first."""

        async def page(left: int | None, token: str) -> tuple[list[types.Revision], str]:
            request = requests.list_revisions(deployment, left, token)
            answer = await self._unary(self._snapshots.ListRevisions, request)
            return [from_protobuf.revision(r) for r in answer.revisions], answer.next_page_token

        return await all_pages_async(page, limit)

    def watch_active(self, deployment: str = DEFAULT_DEPLOYMENT) -> AsyncGenerator[types.ActiveChange, None]:
        """Stream what is active now, then each change. Never ends by itself."""
        request = requests.watch_active(deployment)
        return self._stream(self._snapshots.WatchActive, request, from_protobuf.active_change, None)

    # Monitors ----------------------------------------------------------------------------------------

    def watch_monitor(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, history: int = 0
    ) -> AsyncGenerator[types.MonitorEvent, None]:
        """Stream the recent samples, then every new one. Never ends by itself.

        `history` samples of the past come first; 0 is the server's 200, and 5,000 is the most.
        """
        request = requests.watch(deployment, history)
        return self._stream(self._monitor.Watch, request, from_protobuf.monitor_event, None)

    def run_canary(
        self,
        snapshot: str = "",
        *,
        count_per_kind: int = 0,
        seed: int = 0,
        include_replies: bool = False,
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> AsyncGenerator[types.CanaryEvent, None]:
        """Draw from the canary set and score one snapshot (empty: the active one); the run comes last."""
        request = requests.run_canary(snapshot, count_per_kind, seed, include_replies, deployment, request_id)
        return self._stream(self._monitor.RunCanary, request, from_protobuf.canary_event, self._deadlines.job)

    async def canary_runs(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None
    ) -> tuple[types.CanaryRun, ...]:
        """Past canary runs."""

        async def page(left: int | None, token: str) -> tuple[list[types.CanaryRun], str]:
            request = requests.list_canary_runs(deployment, left, token)
            answer = await self._unary(self._monitor.ListCanaryRuns, request)
            return [from_protobuf.canary_run(r) for r in answer.canary_runs], answer.next_page_token

        return await all_pages_async(page, limit)

    def record_reference(
        self,
        source: types.ReferenceSource = types.ReferenceSource.LIVE,
        *,
        replies: int = 0,
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> AsyncGenerator[types.ReferenceEvent, None]:
        """Record how replies of the active snapshot look now (0 replies: 500); the reference comes last."""
        request = requests.record_reference(source, replies, deployment, request_id)
        return self._stream(
            self._monitor.RecordReference, request, from_protobuf.reference_event, self._deadlines.job
        )

    async def references(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None
    ) -> tuple[types.Reference, ...]:
        """Recorded references, newest first."""

        async def page(left: int | None, token: str) -> tuple[list[types.Reference], str]:
            request = requests.list_references(deployment, left, token)
            answer = await self._unary(self._monitor.ListReferences, request)
            return [from_protobuf.reference(r) for r in answer.references], answer.next_page_token

        return await all_pages_async(page, limit)

    async def retention(self, deployment: str = DEFAULT_DEPLOYMENT) -> types.Retention:
        """How long replies are kept."""
        request = requests.get_retention(deployment)
        return from_protobuf.retention(await self._unary(self._monitor.GetRetention, request))

    async def update_retention(
        self,
        reply_days: int,
        text_days: int = 0,
        *,
        reason: str = "",
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> types.Retention:
        """Keep replies' figures for so many days, and their text for so many (0: not at all)."""
        request = requests.update_retention(reply_days, text_days, reason, deployment, request_id)
        return from_protobuf.retention(await self._unary(self._monitor.UpdateRetention, request))

    # Audit and tokens --------------------------------------------------------------------------------

    async def audit_records(
        self, *, deployment: str = "", action: str = "", limit: int | None = None
    ) -> types.AuditLog:
        """The audit chain, newest record first, of one deployment or one action if given."""
        head, count = "", 0

        async def page(left: int | None, token: str) -> tuple[list[types.AuditRecord], str]:
            nonlocal head, count
            request = requests.list_audit_records(deployment, action, left, token)
            answer = await self._unary(self._audit.ListAuditRecords, request)
            head, count = head or answer.head, count or answer.record_count
            return [from_protobuf.audit_record(r) for r in answer.audit_records], answer.next_page_token

        records = await all_pages_async(page, limit)
        return types.AuditLog(records, head, count)

    async def create_token(
        self,
        display_name: str,
        role: types.TokenRole,
        *,
        expire_time: datetime | None = None,
        requests_per_minute: int = 0,
        tokens_per_minute: int = 0,
        reason: str = "",
        request_id: str = "",
    ) -> types.NewToken:
        """Make a bearer token. Its secret is in the answer and nowhere else. Limits of 0 are the server's."""
        request = requests.create_token(
            display_name, role, expire_time, requests_per_minute, tokens_per_minute, reason, request_id
        )
        answer = await self._unary(self._tokens.CreateToken, request)
        return from_protobuf.new_token(answer)

    async def tokens(self, *, limit: int | None = None) -> tuple[types.Token, ...]:
        """All tokens, without their secrets."""

        async def page(left: int | None, token: str) -> tuple[list[types.Token], str]:
            answer = await self._unary(self._tokens.ListTokens, requests.list_tokens(left, token))
            return [from_protobuf.token(t) for t in answer.tokens], answer.next_page_token

        return await all_pages_async(page, limit)

    async def revoke_token(self, name: str, *, request_id: str = "") -> types.Token:
        """Make a token useless, at once and for good."""
        request = requests.revoke_token(name, request_id)
        return from_protobuf.token(await self._unary(self._tokens.RevokeToken, request))

    async def rotate_token(
        self, name: str = "", *, overlap_seconds: int = 0, reason: str = "", request_id: str = ""
    ) -> types.NewToken:
        """Replace a token, the client's own if none is named; the old one ends at once or after the overlap.

        This client goes on showing the old one: make a new client with the secret.
        """
        request = requests.rotate_token(name, overlap_seconds, reason, request_id)
        answer = await self._unary(self._tokens.RotateToken, request)
        return from_protobuf.new_token(answer)

    async def set_token_limits(
        self,
        name: str,
        *,
        requests_per_minute: int = 0,
        tokens_per_minute: int = 0,
        reason: str = "",
        request_id: str = "",
    ) -> types.Token:
        """Give a token limits of its own (0: the server's); takes two admins."""
        request = requests.set_token_limits(name, requests_per_minute, tokens_per_minute, reason, request_id)
        return from_protobuf.token(await self._unary(self._tokens.SetTokenLimits, request))

    # Approvals ---------------------------------------------------------------------------------------

    async def approvals(
        self, *, waiting: bool = False, limit: int | None = None
    ) -> tuple[types.Approval, ...]:
        """Decisions that take two admins, newest first; `waiting` for a second person alone."""

        async def page(left: int | None, token: str) -> tuple[list[types.Approval], str]:
            request = requests.list_approvals(waiting, left, token)
            answer = await self._unary(self._approvals.ListApprovals, request)
            return [from_protobuf.approval(a) for a in answer.approvals], answer.next_page_token

        return await all_pages_async(page, limit)

    async def cancel_approval(self, name: str, *, reason: str = "", request_id: str = "") -> types.Approval:
        """Take a proposal back that waits for a second person."""
        request = requests.cancel_approval(name, reason, request_id)
        return from_protobuf.approval(await self._unary(self._approvals.CancelApproval, request))

    # Calls -------------------------------------------------------------------------------------------

    async def _unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        deadline: float | None = None,
    ) -> Response:
        """One call with its repetitions, all within one deadline."""
        allowed = self._deadlines.unary if deadline is None else deadline
        end = None if allowed is None else time.monotonic() + allowed
        attempt = 0
        while True:
            attempt += 1
            left = None if end is None else max(end - time.monotonic(), 0.001)
            try:
                return await self._call(method, request, left, allowed)
            except TrimtabError as error:
                delay = self._retries.delay(attempt, error)
                if delay is None or (end is not None and time.monotonic() + delay >= end):
                    raise
            await asyncio.sleep(delay)

    async def _call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        left: float | None,
        allowed: float | None,
    ) -> Response:
        if self._closed:
            raise client_closed(self.target)
        try:
            return await method(request, timeout=left, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.target, allowed) from error
        except asyncio.CancelledError:
            if _task_is_cancelled():
                raise
            raise cancelled(self.target) from None

    async def _stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        convert: Callable[[Response], Event | None],
        deadline: float | None,
    ) -> AsyncGenerator[Event, None]:
        if self._closed:
            raise client_closed(self.target)
        call = method(request, timeout=deadline, metadata=self._metadata)
        try:
            async for response in call:
                event = convert(response)
                if event is not None:
                    yield event
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.target, deadline) from error
        except asyncio.CancelledError:
            if _task_is_cancelled():
                raise
            raise cancelled(self.target) from None
        finally:
            call.cancel()


def _task_is_cancelled() -> bool:
    """Whether somebody cancelled this task.

    grpc.aio raises CancelledError also when only the call was cancelled, by the server or by `close()`; that
    must not end the task.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
