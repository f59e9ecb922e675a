"""Conversion of rollouts between the wire's messages and ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trimtab_protos.v1 import rollout_pb2, snapshot_pb2

from trimtab_server.api import wire
from trimtab_server.rollouts import PlanError, default_plan
from trimtab_server.rollouts.foresight import Foresight
from trimtab_server.rollouts.plan import STEP_NAMES, AnalysisPlan, Step
from trimtab_server.rollouts.plan_file import Format, parse_plan
from trimtab_server.rollouts.plan_rules import COMPARISONS
from trimtab_server.rollouts.plan_summary import LIMITS_OF_METHOD, step_text, weights_of
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.rollout_plan import plan_of
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import Body, LookRecord, RolloutRecord

#: The id that stands for the rollout in force, or the newest.
NEWEST: Final = "-"

STATES: Final = {
    "created": rollout_pb2.ROLLOUT_STATE_CREATED,
    "running": rollout_pb2.ROLLOUT_STATE_RUNNING,
    "paused": rollout_pb2.ROLLOUT_STATE_PAUSED,
    "promoted": rollout_pb2.ROLLOUT_STATE_PROMOTED,
    "aborted": rollout_pb2.ROLLOUT_STATE_ABORTED,
    "failed": rollout_pb2.ROLLOUT_STATE_FAILED,
}
_VERDICTS: Final = {
    "": rollout_pb2.VERDICT_UNSPECIFIED,
    Verdict.PASS.value: rollout_pb2.VERDICT_PASS,
    Verdict.FAIL.value: rollout_pb2.VERDICT_FAIL,
    Verdict.NOT_ENOUGH_DATA.value: rollout_pb2.VERDICT_NOT_ENOUGH_DATA,
    Verdict.ERROR.value: rollout_pb2.VERDICT_ERROR,
}
_FORMATS: Final[dict[str, Format]] = {"toml": "toml", "yaml": "yaml", "json": "json"}


@dataclass(frozen=True)
class RolloutView:
    """A rollout with what is shown beside it."""

    record: RolloutRecord
    look: LookRecord | None
    stable_name: str
    candidate_name: str


# In


def plan_in(file: rollout_pb2.PlanFile) -> AnalysisPlan:
    """The plan of a file's text; an empty one is the plan that a deployment starts from.

    Raises:
        Refusal: FIELD_INVALID (the format), PLAN_INVALID (with every fault, its key and its fix).
    """
    if not file.text and not file.format:
        return default_plan()
    written_in = _FORMATS.get(file.format)
    if written_in is None:
        raise Refusal(
            "FIELD_INVALID",
            field="plan.format",
            detail=f"plan.format is {file.format!r}; use one of {', '.join(_FORMATS)}",
        )
    try:
        return parse_plan(file.text, written_in)
    except PlanError as error:
        raise Refusal("PLAN_INVALID", field="plan.text", detail="; ".join(str(error).splitlines())) from error


def rollout_id(name: str, field: str = "name") -> tuple[str, str]:
    """The deployment and the id (or `NEWEST`) of "deployments/{deployment}/rollouts/{id}".

    Raises:
        Refusal: FIELD_INVALID.
    """
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "deployments" or parts[2] != "rollouts" or not all(parts):
        raise Refusal(
            "FIELD_INVALID",
            field=field,
            detail=f"{field} is {name!r}; use deployments/{{deployment}}/rollouts/{{id}}, "
            "or '-' for the id of the newest",
        )
    return parts[1], parts[3]


# Out


def rollout_out(view: RolloutView) -> rollout_pb2.Rollout:
    record, look = view.record, view.look
    return rollout_pb2.Rollout(
        name=record.name,
        state=STATES[record.state],
        stable_snapshot=f"snapshots/{record.stable_snapshot}",
        stable_revision=wire.revision_name(record.deployment, record.stable_revision),
        candidate_snapshot=f"snapshots/{record.candidate_snapshot}",
        stable_display_name=view.stable_name,
        candidate_display_name=view.candidate_name,
        plan=plan_out(record.plan, record.plan_hash, plan_of(record).steps),
        step=record.step,
        weight=record.weight,
        verdict=_VERDICTS[record.verdict],
        evidence=[] if look is None else _evidence(look.findings),
        reason=record.reason,
        changed_by=record.changed_by,
        created_by=record.created_by,
        create_time=wire.timestamp(record.create_time),
        start_time=wire.optional_timestamp(record.start_time),
        step_time=wire.optional_timestamp(record.step_time),
        end_time=wire.optional_timestamp(record.end_time),
        promoted_revision=wire.revision_name(record.deployment, record.promoted_revision)
        if record.promoted_revision
        else "",
        retry_of=f"deployments/{record.deployment}/rollouts/{record.retry_of}" if record.retry_of else "",
        look_count=record.look_count,
        look_time=None if look is None else wire.timestamp(look.time),
        limits_of_method=LIMITS_OF_METHOD,
    )


def look_out(look: LookRecord) -> rollout_pb2.RolloutLook:
    return rollout_pb2.RolloutLook(
        number=look.number,
        time=wire.timestamp(look.time),
        step=look.step,
        weight=look.weight,
        verdict=_VERDICTS[look.verdict],
        evidence=_evidence(look.findings),
        action=look.action,
    )


def arms_out(record: RolloutRecord) -> snapshot_pb2.RolloutArms:
    return snapshot_pb2.RolloutArms(
        rollout=record.name,
        stable_snapshot=f"snapshots/{record.stable_snapshot}",
        candidate_snapshot=f"snapshots/{record.candidate_snapshot}",
        weight=record.weight,
        step=record.step,
        paused=record.state == "paused",
    )


def foresight_out(foresight: Foresight, replies_per_day: float) -> rollout_pb2.Foresight:
    return rollout_pb2.Foresight(
        replies_per_day=replies_per_day,
        earliest_promotion_seconds=foresight.earliest_promotion_seconds,
        needed_looks=foresight.needed_looks,
        replies_needed=foresight.replies_needed,
        worst_detection_looks=foresight.worst_detection_looks,
        worst_detection_seconds=foresight.worst_detection_seconds,
        false_alarm_rate=foresight.family_false_alarm,
        wrong_promotion_rate=foresight.wrong_promotion,
        powers=[rollout_pb2.DetectionPower(**vars(power)) for power in foresight.powers],
    )


def plan_out(canonical: str, plan_hash: str, steps: Sequence[Step]) -> rollout_pb2.PlanSummary:
    """A plan from its canonical JSON, which is what was hashed."""
    body = json.loads(canonical)
    budget = body["false_alarm"]
    return rollout_pb2.PlanSummary(
        name=body["name"],
        hash=plan_hash,
        canonical_json=canonical,
        steps=_steps(steps),
        guardrails=[
            *(_guardrail(one, budget, acts=True) for one in body["guardrails"]),
            *(_guardrail(one, budget, acts=False) for one in body["monitors"]),
        ],
        false_alarm_budget=budget,
    )


def _steps(steps: Sequence[Step]) -> list[rollout_pb2.PlanStep]:
    return [
        rollout_pb2.PlanStep(kind=STEP_NAMES[type(step)], text=step_text(step), weight=weight)
        for step, weight in zip(steps, weights_of(steps), strict=True)
    ]


def _guardrail(body: Mapping[str, Any], budget: float, *, acts: bool) -> rollout_pb2.PlanGuardrail:
    return rollout_pb2.PlanGuardrail(
        name=body["name"],
        signal=body["signal"],
        unit=body["unit"],
        test=body["test"],
        direction=body["direction"],
        limit=body["limit"],
        margin=body["margin"] if body["test"] in COMPARISONS else None,
        alpha=budget * body["alpha_share"],
        acts=acts,
        kind=body["kind"] or "",
    )


def _evidence(findings: Iterable[Body]) -> list[rollout_pb2.GuardrailEvidence]:
    return [
        rollout_pb2.GuardrailEvidence(
            guardrail=finding["name"],
            verdict=_VERDICTS[finding["verdict"]],
            evidence=finding["evidence"] if finding["bar"] is not None else None,
            threshold=finding["bar"],
            estimate=finding["estimate"],
            lower=finding["low"],
            upper=finding["high"],
            count=finding["count"],
            text=finding["text"],
            acts=finding["acts"],
            non_inferior=finding["non_inferior"],
        )
        for finding in findings
    ]
