"""Every field of every message arrives, under the same name, with the same meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from trimtab_client import (
    from_protobuf,
    from_protobuf_cases,
    from_protobuf_rollouts,
    from_protobuf_trials,
    from_protobuf_vectors,
    rollout_types,
    to_protobuf,
    trial_requests,
    trial_types,
    types,
)
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    rollout_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)

FILES = (
    approval_pb2,
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    rollout_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)

READERS: dict[str, Callable[[Any], Any]] = {
    "Alarm": from_protobuf.alarm,
    "Approval": from_protobuf.approval,
    "AuditRecord": from_protobuf.audit_record,
    "CanaryProgress": from_protobuf.canary_progress,
    "CanaryReply": from_protobuf.canary_reply,
    "CanaryRun": from_protobuf.canary_run,
    "Deployment": from_protobuf.deployment,
    "FieldChange": from_protobuf.field_change,
    "DriftAlarm": from_protobuf.drift_alarm,
    "Evidence": from_protobuf.evidence,
    "Heartbeat": from_protobuf.heartbeat,
    "HonestyRates": from_protobuf.honesty_rates,
    "Message": from_protobuf.chat_message,
    "Model": from_protobuf.model,
    "Progress": from_protobuf.progress,
    "PromptPreset": from_protobuf.prompt_preset,
    "ReadoutOptions": from_protobuf.readout_options,
    "Reference": from_protobuf.reference,
    "ReferenceProgress": from_protobuf.reference_progress,
    "ReferenceSignal": from_protobuf.reference_signal,
    "ReplyDelta": from_protobuf.reply_delta,
    "ReplyFinished": from_protobuf.reply_finished,
    "ReplyStarted": from_protobuf.reply_started,
    "ReplySteering": from_protobuf.reply_steering,
    "Retention": from_protobuf.retention,
    "Revision": from_protobuf.revision,
    "Sample": from_protobuf.sample,
    "Sampling": from_protobuf.sampling,
    "ServerInfo": from_protobuf.server_info,
    "Snapshot": from_protobuf.snapshot,
    "Stage": from_protobuf.stage,
    "Steering": from_protobuf.steering,
    "Concept": from_protobuf.concept,
    "Condition": from_protobuf.condition,
    "SteeringTerm": from_protobuf.steering_term,
    "Threshold": from_protobuf.threshold,
    "Thresholds": from_protobuf.thresholds,
    "Timings": from_protobuf.timings,
    "Token": from_protobuf.token,
    "TokenReadout": from_protobuf.token_readout,
    "Usage": from_protobuf.usage,
    "Vector": from_protobuf.vector,
    "ContrastPairPreview": from_protobuf_vectors.pair_preview,
    "ContrastSetReview": from_protobuf_vectors.review,
    "DoseCurve": from_protobuf_vectors.curve,
    "DoseGate": from_protobuf_vectors.gate,
    "DosePoint": from_protobuf_vectors.point,
    "DoseSetting": from_protobuf_vectors.setting,
    "Interval": from_protobuf_vectors.interval,
    "ProjectedText": from_protobuf_vectors.projected_text,
    "Resemblance": from_protobuf_vectors.resemblance,
    "StratumRate": from_protobuf_vectors.stratum_rate,
    "TokenChange": from_protobuf_vectors.token_change,
    "VectorCard": from_protobuf_vectors.card,
    "VectorMeasurement": from_protobuf_vectors.measurement,
    "DetectionPower": from_protobuf_rollouts.detection_power,
    "Foresight": from_protobuf_rollouts.foresight,
    "GuardrailEvidence": from_protobuf_rollouts.evidence,
    "PlanFile": from_protobuf_rollouts.plan_file,
    "PlanGuardrail": from_protobuf_rollouts.plan_guardrail,
    "PlanStep": from_protobuf_rollouts.plan_step,
    "PlanSummary": from_protobuf_rollouts.plan,
    "Rollout": from_protobuf_rollouts.rollout,
    "RolloutArms": from_protobuf.rollout_arms,
    "RolloutLook": from_protobuf_rollouts.look,
    "CostFigures": from_protobuf_trials.cost_figures,
    "CostIncrement": from_protobuf_trials.cost_increment,
    "CostOption": from_protobuf_trials.cost_option,
    "CostRange": from_protobuf_trials.cost_range,
    "CostWork": from_protobuf_trials.cost_work,
    "Case": from_protobuf_cases.case,
    "CaseCandidate": from_protobuf_cases.candidate,
    "CaseDecision": from_protobuf_cases.decision,
    "CaseDraft": from_protobuf_cases.draft,
    "CaseLock": from_protobuf_cases.lock,
    "CasePromptColumn": from_protobuf_cases.column,
    "CasePromptHint": from_protobuf_cases.prompt_hint,
    "CaseRollout": from_protobuf_cases.case_rollout,
    "CaseStep": from_protobuf_cases.step,
    "CaseTemplate": from_protobuf_cases.template,
    "CaseTrial": from_protobuf_cases.case_trial,
    "CriteriaFile": from_protobuf_trials.criteria_file,
    "FineTuneFigures": from_protobuf_trials.fine_tune_figures,
    "LaneProgress": from_protobuf_trials.lane_progress,
    "PromptFile": from_protobuf_trials.prompt_file,
    "RatingAgreement": from_protobuf_trials.agreement,
    "RatingProgress": from_protobuf_trials.rating_progress,
    "RatingReply": from_protobuf_trials.rating_reply,
    "RatingSheet": from_protobuf_trials.rating_sheet,
    "Trial": from_protobuf_trials.trial,
    "TrialAnswer": from_protobuf_trials.answer,
    "TrialCost": from_protobuf_trials.cost,
    "TrialDraft": from_protobuf_trials.draft,
    "TrialEstimate": from_protobuf_trials.estimate,
    "TrialLane": from_protobuf_trials.lane,
    "TrialLaneFigures": from_protobuf_trials.lane_figures,
    "TrialLock": from_protobuf_trials.lock,
    "TrialPart": from_protobuf_trials.part,
    "TrialProgress": from_protobuf_trials.progress,
    "TrialPrompt": from_protobuf_trials.prompt,
    "TrialPromptLine": from_protobuf_trials.line,
    "TrialResult": from_protobuf_trials.result,
    "TrialRow": from_protobuf_trials.row,
    "TrialSample": from_protobuf_trials.sample,
    # Answers that are more than a wrapper.
    "CheckTrialResponse": from_protobuf_trials.check,
    "ListTrialRowsResponse": from_protobuf_trials.row_page,
    "CheckPlanResponse": from_protobuf_rollouts.plan_check,
    "WatchRolloutResponse": from_protobuf_rollouts.change,
    "LoadStageResponse": from_protobuf.stage_loading,
    "WatchActiveResponse": from_protobuf.active_change,
    "ExportVectorResponse": from_protobuf.vector_file,
    "CreateTokenResponse": from_protobuf.new_token,
}

# Read by a test of their own (a oneof, or one inside), or only ever sent.
BY_HAND = {"SteeringSource", "Lane", "LayerGroup", "TrialRowBatch"}


def wire_class(name: str) -> type[Message]:
    return next(getattr(module, name) for module in FILES if hasattr(module, name))


def fill(message: Message, start: int = 1) -> Message:
    """Set every field to a value that no other field of its type has, and every list to two of them."""
    count = start
    descriptor: Descriptor = message.DESCRIPTOR
    for field in descriptor.fields:
        for _ in range(2 if field.is_repeated else 1):
            count += 1
            if is_map(field):
                value_field = field.message_type.fields_by_name["value"]
                getattr(message, field.name)[f"k{count}"] = scalar(value_field, count)
            elif field.message_type is not None and field.message_type.name == "Timestamp":
                stamp = getattr(message, field.name)
                stamp.FromDatetime(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=count))
            elif field.message_type is not None:
                target = getattr(message, field.name)
                fill(target.add() if field.is_repeated else target, start=count * 10)
            else:
                value = scalar(field, count)
                if field.is_repeated:
                    getattr(message, field.name).append(value)
                else:
                    setattr(message, field.name, value)
    return message


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def scalar(field: FieldDescriptor, count: int) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[1 + count % (len(field.enum_type.values) - 1)].number
    return {
        FieldDescriptor.CPPTYPE_STRING: b"%d" % count
        if field.type == FieldDescriptor.TYPE_BYTES
        else f"t{count}",
        FieldDescriptor.CPPTYPE_BOOL: True,
        FieldDescriptor.CPPTYPE_DOUBLE: count + 0.25,
    }.get(field.cpp_type, count)


def assert_same(value: Any, wire: Any, field: FieldDescriptor | None = None) -> None:
    """Compare by walking the wire's own description, so that a forgotten field shows."""
    if isinstance(wire, Timestamp):
        assert value == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            seconds=wire.seconds, microseconds=wire.nanos // 1000
        )
        assert value.tzinfo is UTC
    elif isinstance(wire, Message):
        assert {f.name for f in wire.DESCRIPTOR.fields} == {f.name for f in dataclasses.fields(value)}
        for sub in wire.DESCRIPTOR.fields:
            one, other = getattr(value, sub.name), getattr(wire, sub.name)
            if is_map(sub):
                assert one == dict(other)
                assert len(one) == 2
            elif sub.is_repeated:
                assert isinstance(one, tuple)
                assert len(one) == len(other) == 2
                for a, b in zip(one, other, strict=True):
                    assert_same(a, b, sub)
            else:
                assert_same(one, other, sub)
    elif field is not None and field.enum_type is not None:
        assert isinstance(value, StrEnum)
        assert field.enum_type.values_by_number[wire].name.endswith(f"_{value.name}")
    else:
        assert value == wire
        assert type(value) is type(wire)


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_field_is_read(name: str) -> None:
    wire = fill(wire_class(name)())
    assert_same(READERS[name](wire), wire)


def test_every_resource_on_the_wire_has_a_reader() -> None:
    resources = {
        message
        for module in FILES
        for message in module.DESCRIPTOR.message_types_by_name
        if not message.endswith(("Request", "Response"))
    }
    assert resources == {name for name in READERS if not name.endswith("Response")} | BY_HAND


TERM = types.SteeringTerm(
    "vectors/ab",
    -0.25,
    layers=(2, 5),
    operator=types.Operator.ABLATE,
    positions=types.Positions.REPLY,
    force=True,
)
CLAMP = types.SteeringTerm(
    "vectors/ab",
    0.5,
    operator=types.Operator.CLAMP,
    level=-0.75,
    bound=types.Bound.AT_MOST,
    preserve_state_norm=types.PreserveStateNorm.GROWN,
    condition=types.Condition("vectors/cd", 1, -0.25, types.Opens.SCORE_BELOW),
)
STEERING = types.Steering("models/m/stages/s", (TERM, types.SteeringTerm("vectors/cd", 0.5)), "Be honest.")


@pytest.mark.parametrize(
    ("value", "write", "read"),
    [
        (TERM, to_protobuf.steering_term, from_protobuf.steering_term),
        (CLAMP, to_protobuf.steering_term, from_protobuf.steering_term),
        (STEERING, to_protobuf.steering, from_protobuf.steering),
        (
            types.Sampling(0.7, 0.9, 40, 2**64 - 1, 64, ("\n", "終")),
            to_protobuf.sampling,
            from_protobuf.sampling,
        ),
        (types.Sampling(), to_protobuf.sampling, from_protobuf.sampling),
        (
            types.ReadoutOptions(True, "vectors/ab", True, True, True),
            to_protobuf.readout_options,
            from_protobuf.readout_options,
        ),
        (types.Message(types.Role.ASSISTANT, "はい"), to_protobuf.chat_message, from_protobuf.chat_message),
        (types.Active(), to_protobuf.steering_source, from_protobuf.steering_source),
        (types.ByName("snapshots/ab"), to_protobuf.steering_source, from_protobuf.steering_source),
        (types.Inline(STEERING), to_protobuf.steering_source, from_protobuf.steering_source),
        (types.Unsteered(), to_protobuf.steering_source, from_protobuf.steering_source),
        (
            types.Unsteered("models/m/stages/s"),
            to_protobuf.steering_source,
            from_protobuf.steering_source,
        ),
        (
            types.Lane("left", (types.Message(types.Role.USER, "x"),), types.Unsteered()),
            to_protobuf.lane,
            from_protobuf.lane,
        ),
        (
            trial_types.TrialDraft(
                trial_types.PromptFile("a.csv", b"prompt\nx\n"),
                trial_types.CriteriaFile("name = 'x'", "toml"),
                ("unsteered", "steered"),
                "snapshots/ab",
                3,
                "Honest at the desk",
            ),
            trial_requests.draft,
            from_protobuf_trials.draft,
        ),
    ],
)
def test_what_goes_out_comes_back_equal(
    value: Any, write: Callable[[Any], Message], read: Callable[[Any], Any]
) -> None:
    wire = write(value)
    assert read(type(wire).FromString(wire.SerializeToString())) == value


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        (types.Bound, "BOUND_"),
        (types.FinishReason, "FINISH_REASON_"),
        (types.InFlight, "IN_FLIGHT_"),
        (types.Opens, "OPENS_"),
        (types.Operator, "OPERATOR_"),
        (types.Positions, "POSITIONS_"),
        (types.PreserveStateNorm, "PRESERVE_STATE_NORM_"),
        (types.ReferenceSource, "REFERENCE_SOURCE_"),
        (types.RevisionKind, "REVISION_KIND_"),
        (rollout_types.RolloutState, "ROLLOUT_STATE_"),
        (rollout_types.Verdict, "VERDICT_"),
        (types.Role, "ROLE_"),
        (types.Signal, "SIGNAL_"),
        (types.StageState, "STAGE_STATE_"),
        (types.TokenRole, "TOKEN_ROLE_"),
        (trial_types.TrialState, "TRIAL_STATE_"),
    ],
)
def test_enums_have_the_values_of_the_wire(kind: type[StrEnum], prefix: str) -> None:
    wire = next(getattr(module, kind.__name__) for module in FILES if hasattr(module, kind.__name__))
    assert [prefix + value.name for value in kind] == list(wire.DESCRIPTOR.values_by_name)


def test_an_unset_time_is_none() -> None:
    assert from_protobuf.snapshot(snapshot_pb2.Snapshot()).create_time is None


def test_an_unset_figure_is_none_and_a_zero_is_zero() -> None:
    readout = from_protobuf.token_readout(chat_pb2.TokenReadout(entropy=0.0))
    assert readout.entropy == 0.0
    assert readout.projection is None


def test_an_enum_value_of_a_newer_server_reads_as_unspecified() -> None:
    finished = chat_pb2.ReplyFinished.FromString(
        chat_pb2.ReplyFinished(reply_id="r").SerializeToString() + b"\x10\x63"
    )
    assert finished.reason == 99
    assert from_protobuf.reply_finished(finished).reason is types.FinishReason.UNSPECIFIED


def test_top_p_zero_means_no_cut() -> None:
    assert from_protobuf.sampling(steering_pb2.Sampling()).top_p == 1.0


def test_a_time_of_another_zone_is_sent_as_the_same_moment() -> None:
    tokyo = datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=9)))
    stamp = to_protobuf.timestamp(tokyo)
    assert stamp is not None
    assert stamp.seconds == int(datetime(2026, 11, 24, 0, 30, tzinfo=UTC).timestamp())


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        to_protobuf.timestamp(datetime(2026, 11, 24))


def test_a_steering_without_its_source_is_refused_and_never_taken_for_the_active_snapshot() -> None:
    with pytest.raises(TypeError, match=r"source is Steering; use Active\(\)"):
        to_protobuf.steering_source(STEERING)  # type: ignore[arg-type]
