"""From protobuf messages to `trimtab_client.rollout_types`."""

from __future__ import annotations

from trimtab_protos.v1 import rollout_pb2

from trimtab_client import rollout_types as types
from trimtab_client.from_protobuf import enum_value, optional, time


def verdict(number: rollout_pb2.Verdict.ValueType) -> types.Verdict:
    return enum_value(types.Verdict, rollout_pb2.Verdict.Name, "VERDICT_", number)


def plan(message: rollout_pb2.PlanSummary) -> types.Plan:
    return types.Plan(
        name=message.name,
        hash=message.hash,
        canonical_json=message.canonical_json,
        steps=tuple(plan_step(step) for step in message.steps),
        guardrails=tuple(plan_guardrail(one) for one in message.guardrails),
        false_alarm_budget=message.false_alarm_budget,
    )


def plan_guardrail(message: rollout_pb2.PlanGuardrail) -> types.PlanGuardrail:
    return types.PlanGuardrail(
        name=message.name,
        signal=message.signal,
        unit=message.unit,
        test=message.test,
        direction=message.direction,
        limit=optional(message, "limit"),
        margin=optional(message, "margin"),
        alpha=message.alpha,
        acts=message.acts,
        kind=message.kind,
    )


def evidence(message: rollout_pb2.GuardrailEvidence) -> types.GuardrailEvidence:
    return types.GuardrailEvidence(
        guardrail=message.guardrail,
        verdict=verdict(message.verdict),
        evidence=optional(message, "evidence"),
        threshold=optional(message, "threshold"),
        estimate=optional(message, "estimate"),
        lower=optional(message, "lower"),
        upper=optional(message, "upper"),
        count=message.count,
        text=message.text,
        acts=message.acts,
        non_inferior=message.non_inferior if message.HasField("non_inferior") else None,
    )


def rollout(message: rollout_pb2.Rollout) -> types.Rollout:
    return types.Rollout(
        name=message.name,
        state=enum_value(types.RolloutState, rollout_pb2.RolloutState.Name, "ROLLOUT_STATE_", message.state),
        stable_snapshot=message.stable_snapshot,
        stable_revision=message.stable_revision,
        candidate_snapshot=message.candidate_snapshot,
        stable_display_name=message.stable_display_name,
        candidate_display_name=message.candidate_display_name,
        plan=plan(message.plan),
        step=message.step,
        weight=message.weight,
        verdict=verdict(message.verdict),
        evidence=tuple(evidence(one) for one in message.evidence),
        reason=message.reason,
        changed_by=message.changed_by,
        created_by=message.created_by,
        create_time=time(message, "create_time"),
        start_time=time(message, "start_time"),
        step_time=time(message, "step_time"),
        end_time=time(message, "end_time"),
        promoted_revision=message.promoted_revision,
        retry_of=message.retry_of,
        look_count=message.look_count,
        look_time=time(message, "look_time"),
        limits_of_method=tuple(message.limits_of_method),
    )


def look(message: rollout_pb2.RolloutLook) -> types.RolloutLook:
    return types.RolloutLook(
        number=message.number,
        time=time(message, "time"),
        step=message.step,
        weight=message.weight,
        verdict=verdict(message.verdict),
        evidence=tuple(evidence(one) for one in message.evidence),
        action=message.action,
    )


def change(message: rollout_pb2.WatchRolloutResponse) -> types.RolloutChange:
    return types.RolloutChange(
        rollout(message.rollout), look(message.look) if message.HasField("look") else None
    )


def foresight(message: rollout_pb2.Foresight) -> types.Foresight:
    looks = message.worst_detection_looks if message.HasField("worst_detection_looks") else None
    return types.Foresight(
        replies_per_day=message.replies_per_day,
        earliest_promotion_seconds=optional(message, "earliest_promotion_seconds"),
        needed_looks=message.needed_looks,
        replies_needed=message.replies_needed,
        worst_detection_looks=looks,
        worst_detection_seconds=optional(message, "worst_detection_seconds"),
        false_alarm_rate=message.false_alarm_rate,
        wrong_promotion_rate=message.wrong_promotion_rate,
        powers=tuple(detection_power(one) for one in message.powers),
    )


def detection_power(message: rollout_pb2.DetectionPower) -> types.DetectionPower:
    return types.DetectionPower(
        message.guardrail, message.questions, message.loss, message.discordance, message.power
    )


def plan_file(message: rollout_pb2.PlanFile) -> types.PlanFile:
    return types.PlanFile(message.text, message.format)


def plan_step(message: rollout_pb2.PlanStep) -> types.PlanStep:
    return types.PlanStep(message.kind, message.text, message.weight)


def plan_check(message: rollout_pb2.CheckPlanResponse) -> types.PlanCheck:
    return types.PlanCheck(plan(message.plan), foresight(message.foresight), tuple(message.limits_of_method))
