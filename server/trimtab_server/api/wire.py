"""Conversion between the wire's messages and ours, in one place."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    chat_pb2,
    monitor_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    vector_pb2,
)

from trimtab_server.api import wire_steering
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store.approvals import ApprovalRecord
from trimtab_server.store.audit import AuditRecord
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.concepts import ConceptRecord
from trimtab_server.store.deployments import RevisionRecord
from trimtab_server.store.samples import SampleRecord
from trimtab_server.store.snapshots import SnapshotRecord
from trimtab_server.store.tokens import TokenRecord
from trimtab_server.store.vectors import VectorRecord

_KINDS = {
    "initial": snapshot_pb2.REVISION_KIND_INITIAL,
    "activate": snapshot_pb2.REVISION_KIND_ACTIVATE,
    "rollback": snapshot_pb2.REVISION_KIND_ROLLBACK,
}
_FINISH = {
    FinishReason.STOP: chat_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: chat_pb2.FINISH_REASON_LENGTH,
    FinishReason.CANCELLED: chat_pb2.FINISH_REASON_CANCELLED,
    FinishReason.DEADLINE: chat_pb2.FINISH_REASON_DEADLINE,
}
ROLES = {
    chat_pb2.ROLE_SYSTEM: "system",
    chat_pb2.ROLE_USER: "user",
    chat_pb2.ROLE_ASSISTANT: "assistant",
}
TOKEN_ROLES = {
    token_pb2.TOKEN_ROLE_VIEWER: "viewer",
    token_pb2.TOKEN_ROLE_OPERATOR: "operator",
    token_pb2.TOKEN_ROLE_ADMIN: "admin",
    token_pb2.TOKEN_ROLE_AUDITOR: "auditor",
    token_pb2.TOKEN_ROLE_INFERENCE: "inference",
}
_TOKEN_ROLES_OUT = {name: value for value, name in TOKEN_ROLES.items()}


def timestamp(nanoseconds: int) -> Timestamp:
    """From UTC nanoseconds since 1970."""
    stamp = Timestamp()
    stamp.FromNanoseconds(nanoseconds)
    return stamp


def optional_timestamp(nanoseconds: int) -> Timestamp | None:
    """The same; 0 stands for none."""
    return timestamp(nanoseconds) if nanoseconds else None


# In


def deployment_id(name: str) -> str:
    """The short name; "" means "default"."""
    return name.removeprefix("deployments/") or "default"


# Out


def snapshot_out(record: SnapshotRecord) -> snapshot_pb2.Snapshot:
    configuration = Configuration.from_body(record.body)
    sampling = configuration.sampling
    return snapshot_pb2.Snapshot(
        name=f"snapshots/{record.id}",
        display_name=record.display_name,
        description=record.description,
        steering=wire_steering.steering_out(configuration),
        sampling=steering_pb2.Sampling(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            seed=sampling.seed,
            max_tokens=sampling.max_tokens,
            stop=sampling.stop,
        ),
        created_by=record.created_by,
        create_time=timestamp(record.create_time),
    )


def revision_name(deployment: str, number: int) -> str:
    return f"deployments/{deployment}/revisions/{number}"


def revision_out(record: RevisionRecord) -> snapshot_pb2.Revision:
    return snapshot_pb2.Revision(
        name=revision_name(record.deployment, record.number),
        number=record.number,
        snapshot=f"snapshots/{record.snapshot}",
        kind=_KINDS[record.kind],
        actor=record.actor,
        reason=record.reason,
        create_time=timestamp(record.create_time),
        rolled_back=record.rolled_back,
        snapshot_display_name=record.snapshot_display_name,
    )


def vector_out(record: VectorRecord, *, compatible: bool, protected: bool) -> vector_pb2.Vector:
    return vector_pb2.Vector(
        name=f"vectors/{record.id}",
        display_name=record.display_name,
        concept=record.concept,
        stage=record.stage,
        model_fingerprint=record.model_fingerprint,
        method=record.method,
        data_hash=record.data_hash,
        hidden_size=record.hidden_size,
        layers=record.layers,
        raw_norms=record.raw_norms,
        residual_norms=record.residual_norms,
        pair_accuracies=record.pair_accuracies,
        explained_variances=record.explained_variances,
        noise_ceilings=record.noise_ceilings,
        separations=record.separations,
        agreements=record.agreements,
        created_by=record.created_by,
        create_time=timestamp(record.create_time),
        license=record.license,
        compatible=compatible,
        suggested_strength=record.suggested_strength,
        suggested_layers=record.suggested_layers,
        safe_strength=record.safe_strength,
        snapshot_count=record.snapshot_count,
        protected=protected,
    )


def token_out(record: TokenRecord) -> token_pb2.Token:
    return token_pb2.Token(
        name=f"tokens/{record.id}",
        display_name=record.display_name,
        role=_TOKEN_ROLES_OUT[record.role],
        create_time=timestamp(record.create_time),
        expire_time=optional_timestamp(record.expire_time),
        revoke_time=optional_timestamp(record.revoke_time),
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        rotated_from=f"tokens/{record.rotated_from}" if record.rotated_from else "",
    )


def approval_out(record: ApprovalRecord, now: int) -> approval_pb2.Approval:
    return approval_pb2.Approval(
        name=f"approvals/{record.id}",
        action=record.action,
        subject=record.subject,
        facts=record.facts,
        proposer=record.proposer,
        proposer_reason=record.proposer_reason,
        create_time=timestamp(record.create_time),
        expire_time=timestamp(record.expire_time),
        approver=record.approver,
        approver_reason=record.approver_reason,
        approve_time=optional_timestamp(record.approve_time),
        canceller=record.canceller,
        cancel_time=optional_timestamp(record.cancel_time),
        state=approval_pb2.ApprovalState.Value(f"APPROVAL_STATE_{record.state(now).upper()}"),
    )


def concept_out(record: ConceptRecord) -> vector_pb2.Concept:
    return vector_pb2.Concept(
        name=record.name,
        protected=record.protected,
        change_time=optional_timestamp(record.change_time),
    )


def audit_out(record: AuditRecord) -> audit_pb2.AuditRecord:
    return audit_pb2.AuditRecord(
        sequence=record.sequence,
        time=timestamp(record.time),
        actor=record.actor,
        role=record.role,
        action=record.action,
        deployment=record.deployment,
        subject=record.subject,
        from_revision=record.from_revision,
        to_revision=record.to_revision,
        reason=record.reason,
        request_id=record.request_id,
        details=record.details,
        previous_hash=record.previous_hash,
        hash=record.hash,
    )


def sample_out(record: SampleRecord) -> monitor_pb2.Sample:
    return monitor_pb2.Sample(
        signal=monitor_pb2.Signal.Value(f"SIGNAL_{record.signal.upper()}"),
        value=record.value,
        time=timestamp(record.time),
        snapshot=f"snapshots/{record.snapshot}",
        reply_id=record.reply_id,
        count=record.count,
        lower=record.lower,
        upper=record.upper,
    )


def canary_run_out(record: CanaryRunRecord) -> monitor_pb2.CanaryRun:
    return monitor_pb2.CanaryRun(
        name=f"deployments/{record.deployment}/canaryRuns/{record.id}",
        snapshot=f"snapshots/{record.snapshot}",
        revision=revision_name(record.deployment, record.revision) if record.revision else "",
        seed=record.seed,
        rates=[monitor_pb2.HonestyRates(**vars(rates)) for rates in record.rates],
        create_time=timestamp(record.create_time),
        seconds=record.seconds,
        draw_hash=record.draw_hash,
    )


def token_readout(token: Token, wanted: steering_pb2.ReadoutOptions) -> chat_pb2.TokenReadout:
    """Only the figures that were asked for."""
    return chat_pb2.TokenReadout(
        token_id=token.id,
        text=token.text,
        index=token.index,
        log_probability=token.log_probability,
        projection=token.projection if wanted.projection else None,
        entropy=token.entropy if wanted.entropy else None,
        kl_to_unsteered=token.kl_to_unsteered if wanted.kl_to_unsteered else None,
        residual_norm_ratio=token.residual_norm_ratio if wanted.residual_norm_ratio else None,
    )


def delta(tokens: Iterable[Token], wanted: steering_pb2.ReadoutOptions) -> chat_pb2.ReplyDelta:
    tokens = list(tokens)
    return chat_pb2.ReplyDelta(
        text="".join(token.text for token in tokens),
        tokens=[token_readout(token, wanted) for token in tokens],
    )


def finished_out(
    reply_id: str, finished: Finished, steering: chat_pb2.ReplySteering
) -> chat_pb2.ReplyFinished:
    return chat_pb2.ReplyFinished(
        reply_id=reply_id,
        reason=_FINISH[finished.reason],
        usage=chat_pb2.Usage(prompt_tokens=finished.prompt_tokens, reply_tokens=finished.reply_tokens),
        timings=chat_pb2.Timings(
            queue_seconds=finished.queue_seconds,
            prefill_seconds=finished.prefill_seconds,
            decode_seconds=finished.decode_seconds,
        ),
        steering=steering,
        steering_applications=finished.steering_applications,
        steering_applications_expected=finished.steering_applications_expected,
        conditions_open=[] if None in finished.gates else [bool(gate) for gate in finished.gates],
    )
