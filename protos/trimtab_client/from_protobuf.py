"""From protobuf messages to `trimtab_client.types`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import Message as WireMessage
from google.protobuf.timestamp_pb2 import Timestamp
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    vector_pb2,
)

from trimtab_client import types
from trimtab_client.rollout_types import RolloutArms

E = TypeVar("E", bound=StrEnum)
N = TypeVar("N", bound=int)


def enum_value(kind: type[E], name_of: Callable[[N], str], prefix: str, number: N) -> E:
    """The enum's value with this number; UNSPECIFIED for one that this client does not know."""
    try:
        return kind(name_of(number).removeprefix(prefix).lower())
    except ValueError:
        return kind("unspecified")


def time(message: WireMessage, field: str) -> datetime | None:
    """A timestamp field as an aware datetime in UTC; None when it is not set."""
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    return value.ToDatetime(tzinfo=UTC)


def optional(message: WireMessage, field: str) -> float | None:
    """A proto3 optional number; None when it is not set."""
    return float(getattr(message, field)) if message.HasField(field) else None


def condition(message: steering_pb2.Condition) -> types.Condition:
    return types.Condition(
        vector=message.vector,
        layer=message.layer,
        threshold=message.threshold,
        opens=enum_value(types.Opens, steering_pb2.Opens.Name, "OPENS_", message.opens),
    )


def steering_term(term: steering_pb2.SteeringTerm) -> types.SteeringTerm:
    return types.SteeringTerm(
        vector=term.vector,
        strength=term.strength,
        layers=tuple(term.layers),
        operator=enum_value(types.Operator, steering_pb2.Operator.Name, "OPERATOR_", term.operator),
        positions=enum_value(types.Positions, steering_pb2.Positions.Name, "POSITIONS_", term.positions),
        force=term.force,
        level=term.level,
        bound=enum_value(types.Bound, steering_pb2.Bound.Name, "BOUND_", term.bound),
        preserve_state_norm=enum_value(
            types.PreserveStateNorm,
            steering_pb2.PreserveStateNorm.Name,
            "PRESERVE_STATE_NORM_",
            term.preserve_state_norm,
        ),
        condition=condition(term.condition) if term.HasField("condition") else None,
    )


def steering(message: steering_pb2.Steering) -> types.Steering:
    return types.Steering(
        stage=message.stage,
        terms=tuple(steering_term(t) for t in message.terms),
        system_prompt=message.system_prompt,
    )


def sampling(message: steering_pb2.Sampling) -> types.Sampling:
    return types.Sampling(
        temperature=message.temperature,
        top_p=message.top_p or 1.0,
        top_k=message.top_k,
        seed=message.seed,
        max_tokens=message.max_tokens,
        stop=tuple(message.stop),
    )


def readout_options(message: steering_pb2.ReadoutOptions) -> types.ReadoutOptions:
    return types.ReadoutOptions(
        projection=message.projection,
        watched_vector=message.watched_vector,
        entropy=message.entropy,
        kl_to_unsteered=message.kl_to_unsteered,
        residual_norm_ratio=message.residual_norm_ratio,
    )


def chat_message(message: chat_pb2.Message) -> types.Message:
    return types.Message(enum_value(types.Role, chat_pb2.Role.Name, "ROLE_", message.role), message.content)


def steering_source(message: chat_pb2.SteeringSource) -> types.SteeringSource:
    kind = message.WhichOneof("source")
    if kind == "snapshot":
        return types.ByName(message.snapshot)
    if kind == "steering":
        return types.Inline(steering(message.steering))
    if kind == "unsteered_stage":
        return types.Unsteered(message.unsteered_stage)
    return types.Active()


def lane(message: chat_pb2.Lane) -> types.Lane:
    return types.Lane(
        message.lane_id,
        tuple(chat_message(m) for m in message.messages),
        steering_source(message.source),
    )


def reply_steering(message: chat_pb2.ReplySteering) -> types.ReplySteering:
    return types.ReplySteering(message.snapshot, message.revision, message.stage, message.arm)


def reply_started(message: chat_pb2.ReplyStarted) -> types.ReplyStarted:
    return types.ReplyStarted(message.reply_id, reply_steering(message.steering), message.prompt_tokens)


def token_readout(message: chat_pb2.TokenReadout) -> types.TokenReadout:
    return types.TokenReadout(
        token_id=message.token_id,
        text=message.text,
        index=message.index,
        log_probability=message.log_probability,
        projection=optional(message, "projection"),
        entropy=optional(message, "entropy"),
        kl_to_unsteered=optional(message, "kl_to_unsteered"),
        residual_norm_ratio=optional(message, "residual_norm_ratio"),
    )


def reply_delta(message: chat_pb2.ReplyDelta) -> types.ReplyDelta:
    return types.ReplyDelta(message.text, tuple(token_readout(t) for t in message.tokens))


def usage(message: chat_pb2.Usage) -> types.Usage:
    return types.Usage(message.prompt_tokens, message.reply_tokens)


def timings(message: chat_pb2.Timings) -> types.Timings:
    return types.Timings(message.queue_seconds, message.prefill_seconds, message.decode_seconds)


def reply_finished(message: chat_pb2.ReplyFinished) -> types.ReplyFinished:
    return types.ReplyFinished(
        reply_id=message.reply_id,
        reason=enum_value(types.FinishReason, chat_pb2.FinishReason.Name, "FINISH_REASON_", message.reason),
        usage=usage(message.usage),
        timings=timings(message.timings),
        steering=reply_steering(message.steering),
        steering_applications=message.steering_applications,
        steering_applications_expected=message.steering_applications_expected,
        conditions_open=tuple(message.conditions_open),
    )


def reply_event(message: chat_pb2.ChatResponse) -> types.ReplyEvent | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "started":
        return reply_started(message.started)
    if kind == "delta":
        return reply_delta(message.delta)
    if kind == "finished":
        return reply_finished(message.finished)
    return None


def lane_event(message: chat_pb2.CompareResponse) -> tuple[str, types.ReplyEvent] | None:
    event = reply_event(message.response)
    return None if event is None else (message.lane_id, event)


def server_info(message: model_pb2.ServerInfo) -> types.ServerInfo:
    return types.ServerInfo(
        version=message.version,
        device=message.device,
        actor=message.actor,
        role=message.role,
        slots=message.slots,
        slots_in_use=message.slots_in_use,
        queued_requests=message.queued_requests,
        tokens_per_second=message.tokens_per_second,
        uptime_seconds=message.uptime_seconds,
    )


def prompt_preset(message: model_pb2.PromptPreset) -> types.PromptPreset:
    return types.PromptPreset(message.id, message.language, message.system, message.user, message.title)


def model(message: model_pb2.Model) -> types.Model:
    return types.Model(
        name=message.name,
        architecture=message.architecture,
        hidden_size=message.hidden_size,
        layer_count=message.layer_count,
        context_length=message.context_length,
        fingerprint=message.fingerprint,
        dtype=message.dtype,
        default_stage=message.default_stage,
        prompt_presets=tuple(prompt_preset(p) for p in message.prompt_presets),
        question_presets=tuple(prompt_preset(p) for p in message.question_presets),
        has_questions=message.has_questions,
    )


def stage(message: model_pb2.Stage) -> types.Stage:
    return types.Stage(
        name=message.name,
        kind=message.kind,
        step=message.step,
        index=message.index,
        state=enum_value(types.StageState, model_pb2.StageState.Name, "STAGE_STATE_", message.state),
        residual_norms=tuple(message.residual_norms),
    )


def stage_loading(message: model_pb2.LoadStageResponse) -> types.StageLoading:
    return types.StageLoading(message.phase, stage(message.stage) if message.HasField("stage") else None)


def vector(message: vector_pb2.Vector) -> types.Vector:
    return types.Vector(
        name=message.name,
        display_name=message.display_name,
        concept=message.concept,
        stage=message.stage,
        model_fingerprint=message.model_fingerprint,
        method=message.method,
        data_hash=message.data_hash,
        hidden_size=message.hidden_size,
        layers=tuple(message.layers),
        raw_norms=tuple(message.raw_norms),
        residual_norms=tuple(message.residual_norms),
        pair_accuracies=tuple(message.pair_accuracies),
        created_by=message.created_by,
        create_time=time(message, "create_time"),
        license=message.license,
        compatible=message.compatible,
        suggested_strength=message.suggested_strength,
        suggested_layers=tuple(message.suggested_layers),
        safe_strength=message.safe_strength,
        snapshot_count=message.snapshot_count,
        protected=message.protected,
        explained_variances=tuple(message.explained_variances),
        noise_ceilings=tuple(message.noise_ceilings),
        separations=tuple(message.separations),
        agreements=tuple(message.agreements),
    )


def progress(message: vector_pb2.Progress) -> types.Progress:
    return types.Progress(message.done, message.total, message.phase, message.seconds_left)


def extraction_event(message: vector_pb2.ExtractVectorResponse) -> types.Progress | types.Vector | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "progress":
        return progress(message.progress)
    return vector(message.vector) if kind == "vector" else None


def vector_file(message: vector_pb2.ExportVectorResponse) -> types.VectorFile:
    return types.VectorFile(message.content, message.file_name, tuple(message.dropped_layers))


def snapshot(message: snapshot_pb2.Snapshot) -> types.Snapshot:
    return types.Snapshot(
        name=message.name,
        display_name=message.display_name,
        description=message.description,
        steering=steering(message.steering),
        sampling=sampling(message.sampling),
        created_by=message.created_by,
        create_time=time(message, "create_time"),
    )


def field_change(message: snapshot_pb2.FieldChange) -> types.FieldChange:
    return types.FieldChange(message.path, message.before, message.after)


def revision(message: snapshot_pb2.Revision) -> types.Revision:
    return types.Revision(
        name=message.name,
        number=message.number,
        snapshot=message.snapshot,
        kind=enum_value(types.RevisionKind, snapshot_pb2.RevisionKind.Name, "REVISION_KIND_", message.kind),
        actor=message.actor,
        reason=message.reason,
        create_time=time(message, "create_time"),
        rolled_back=message.rolled_back,
        snapshot_display_name=message.snapshot_display_name,
    )


def deployment(message: snapshot_pb2.Deployment) -> types.Deployment:
    return types.Deployment(
        name=message.name,
        model=message.model,
        active_revision=revision(message.active_revision),
        active_snapshot=snapshot(message.active_snapshot),
        rollout=message.rollout,
        evidence=evidence(message.evidence),
    )


def evidence(message: snapshot_pb2.Evidence) -> types.Evidence:
    return types.Evidence(
        canary_time=time(message, "canary_time"),
        reference_time=time(message, "reference_time"),
        stale=tuple(message.stale),
    )


def active_change(message: snapshot_pb2.WatchActiveResponse) -> types.ActiveChange:
    divided = rollout_arms(message.rollout) if message.HasField("rollout") else None
    return types.ActiveChange(revision(message.revision), snapshot(message.snapshot), divided)


def rollout_arms(message: snapshot_pb2.RolloutArms) -> RolloutArms:
    return RolloutArms(
        rollout=message.rollout,
        stable_snapshot=message.stable_snapshot,
        candidate_snapshot=message.candidate_snapshot,
        weight=message.weight,
        step=message.step,
        paused=message.paused,
    )


def signal(number: monitor_pb2.Signal.ValueType) -> types.Signal:
    return enum_value(types.Signal, monitor_pb2.Signal.Name, "SIGNAL_", number)


def threshold(message: monitor_pb2.Threshold) -> types.Threshold:
    return types.Threshold(signal(message.signal), optional(message, "lower"), optional(message, "upper"))


def thresholds(message: monitor_pb2.Thresholds) -> types.Thresholds:
    return types.Thresholds(tuple(threshold(t) for t in message.thresholds))


def sample(message: monitor_pb2.Sample) -> types.Sample:
    return types.Sample(
        signal=signal(message.signal),
        value=message.value,
        time=time(message, "time"),
        snapshot=message.snapshot,
        reply_id=message.reply_id,
        count=message.count,
        lower=optional(message, "lower"),
        upper=optional(message, "upper"),
    )


def alarm(message: monitor_pb2.Alarm) -> types.Alarm:
    return types.Alarm(threshold(message.threshold), sample(message.sample), message.raised)


def heartbeat(message: monitor_pb2.Heartbeat) -> types.Heartbeat:
    return types.Heartbeat(
        time(message, "time"), message.tokens_per_second, message.slots_in_use, message.queued_requests
    )


def honesty_rates(message: monitor_pb2.HonestyRates) -> types.HonestyRates:
    return types.HonestyRates(
        kind=message.kind,
        count=message.count,
        honest=message.honest,
        lie=message.lie,
        evade=message.evade,
        no_belief=message.no_belief,
        honest_lower=message.honest_lower,
        honest_upper=message.honest_upper,
    )


def canary_run(message: monitor_pb2.CanaryRun) -> types.CanaryRun:
    return types.CanaryRun(
        name=message.name,
        snapshot=message.snapshot,
        revision=message.revision,
        seed=message.seed,
        rates=tuple(honesty_rates(r) for r in message.rates),
        create_time=time(message, "create_time"),
        seconds=message.seconds,
        draw_hash=message.draw_hash,
    )


def canary_reply(message: monitor_pb2.CanaryReply) -> types.CanaryReply:
    return types.CanaryReply(
        question_id=message.question_id,
        kind=message.kind,
        language=message.language,
        prompt=message.prompt,
        reply=message.reply,
        outcome=message.outcome,
    )


def canary_progress(message: monitor_pb2.CanaryProgress) -> types.CanaryProgress:
    return types.CanaryProgress(message.done, message.total)


def canary_event(message: monitor_pb2.RunCanaryResponse) -> types.CanaryEvent | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "reply":
        return canary_reply(message.reply)
    if kind == "run":
        return canary_run(message.run)
    return canary_progress(message.progress) if kind == "progress" else None


def monitor_event(message: monitor_pb2.WatchResponse) -> types.MonitorEvent | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "sample":
        return sample(message.sample)
    if kind == "alarm":
        return alarm(message.alarm)
    if kind == "thresholds":
        return thresholds(message.thresholds)
    if kind == "canary_run":
        return canary_run(message.canary_run)
    if kind == "drift_alarm":
        return drift_alarm(message.drift_alarm)
    return heartbeat(message.heartbeat) if kind == "heartbeat" else None


def drift_alarm(message: monitor_pb2.DriftAlarm) -> types.DriftAlarm:
    return types.DriftAlarm(
        signal=signal(message.signal),
        finding=message.finding,
        revision=message.revision,
        snapshot=message.snapshot,
        reference=message.reference,
        count=message.count,
        time=time(message, "time"),
        raised=message.raised,
    )


def reference_signal(message: monitor_pb2.ReferenceSignal) -> types.ReferenceSignal:
    return types.ReferenceSignal(
        signal=signal(message.signal),
        id=message.id,
        hash=message.hash,
        count=message.count,
        mean=message.mean,
        standard_deviation=message.standard_deviation,
        batch=message.batch,
        unwatched=message.unwatched,
    )


def reference(message: monitor_pb2.Reference) -> types.Reference:
    return types.Reference(
        name=message.name,
        source=enum_value(
            types.ReferenceSource, monitor_pb2.ReferenceSource.Name, "REFERENCE_SOURCE_", message.source
        ),
        snapshot=message.snapshot,
        revision=message.revision,
        stage=message.stage,
        reply_count=message.reply_count,
        hash=message.hash,
        signals=tuple(reference_signal(s) for s in message.signals),
        created_by=message.created_by,
        create_time=time(message, "create_time"),
        stale=message.stale,
    )


def reference_progress(message: monitor_pb2.ReferenceProgress) -> types.ReferenceProgress:
    return types.ReferenceProgress(message.done, message.total)


def reference_event(message: monitor_pb2.RecordReferenceResponse) -> types.ReferenceEvent | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "reference":
        return reference(message.reference)
    return reference_progress(message.progress) if kind == "progress" else None


def retention(message: monitor_pb2.Retention) -> types.Retention:
    return types.Retention(
        message.deployment, message.reply_days, message.text_days, time(message, "change_time")
    )


def audit_record(message: audit_pb2.AuditRecord) -> types.AuditRecord:
    return types.AuditRecord(
        sequence=message.sequence,
        time=time(message, "time"),
        actor=message.actor,
        role=message.role,
        action=message.action,
        deployment=message.deployment,
        subject=message.subject,
        from_revision=message.from_revision,
        to_revision=message.to_revision,
        reason=message.reason,
        request_id=message.request_id,
        details=message.details,
        previous_hash=message.previous_hash,
        hash=message.hash,
    )


def token(message: token_pb2.Token) -> types.Token:
    return types.Token(
        name=message.name,
        display_name=message.display_name,
        role=enum_value(types.TokenRole, token_pb2.TokenRole.Name, "TOKEN_ROLE_", message.role),
        create_time=time(message, "create_time"),
        expire_time=time(message, "expire_time"),
        revoke_time=time(message, "revoke_time"),
        requests_per_minute=message.requests_per_minute,
        tokens_per_minute=message.tokens_per_minute,
        rotated_from=message.rotated_from,
    )


def approval(message: approval_pb2.Approval) -> types.Approval:
    return types.Approval(
        name=message.name,
        action=message.action,
        subject=message.subject,
        facts=message.facts,
        proposer=message.proposer,
        proposer_reason=message.proposer_reason,
        create_time=time(message, "create_time"),
        expire_time=time(message, "expire_time"),
        approver=message.approver,
        approver_reason=message.approver_reason,
        approve_time=time(message, "approve_time"),
        canceller=message.canceller,
        cancel_time=time(message, "cancel_time"),
        state=enum_value(
            types.ApprovalState, approval_pb2.ApprovalState.Name, "APPROVAL_STATE_", message.state
        ),
    )


def concept(message: vector_pb2.Concept) -> types.Concept:
    return types.Concept(message.name, message.protected, time(message, "change_time"))


def new_token(message: token_pb2.CreateTokenResponse | token_pb2.RotateTokenResponse) -> types.NewToken:
    return types.NewToken(token(message.token), message.secret)
