"""Conversion of cases between the wire's messages and ours."""

from __future__ import annotations

from typing import Final, Literal

from trimtab_protos.v1 import case_pb2, trial_pb2

from trimtab_server.api import wire, wire_rollouts, wire_steering, wire_trials
from trimtab_server.cases.facts import Role
from trimtab_server.cases.steps import Step
from trimtab_server.cases.templates import Template, template
from trimtab_server.steering.case_changes import OpenParts
from trimtab_server.steering.case_reading import AttachedRollout, AttachedTrial, CaseView
from trimtab_server.steering.pinned_lanes import PinnedLane, pinned_lanes
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.trials.criteria_file import LARGEST, criteria_from_json

#: The id that stands for the newest case.
NEWEST: Final = "-"
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 10_000
_MOST_LANES: Final = 16

_KINDS: Final = {
    "goal": case_pb2.CASE_STEP_KIND_GOAL,
    "criteria": case_pb2.CASE_STEP_KIND_CRITERIA,
    "small_trial": case_pb2.CASE_STEP_KIND_SMALL_TRIAL,
    "confirmation": case_pb2.CASE_STEP_KIND_CONFIRMATION,
    "release": case_pb2.CASE_STEP_KIND_RELEASE,
    "decision": case_pb2.CASE_STEP_KIND_DECISION,
}
_STATES: Final = {
    "done": case_pb2.CASE_STEP_STATE_DONE,
    "next": case_pb2.CASE_STEP_STATE_NEXT,
    "waiting": case_pb2.CASE_STEP_STATE_WAITING,
    "blocked": case_pb2.CASE_STEP_STATE_BLOCKED,
    "failed": case_pb2.CASE_STEP_STATE_FAILED,
}
_ROLES: Final = {
    "small": case_pb2.CASE_TRIAL_ROLE_SMALL,
    "confirmation": case_pb2.CASE_TRIAL_ROLE_CONFIRMATION,
}
_CHOICES: Final = {"scale": case_pb2.CASE_CHOICE_SCALE, "stop": case_pb2.CASE_CHOICE_STOP}


# In


def case_id(name: str, field: str = "name") -> tuple[str, str]:
    """The deployment and the id (or `NEWEST`) of "deployments/{deployment}/cases/{id}".

    Raises:
        Refusal: FIELD_INVALID.
    """
    match name.split("/"):
        case ["deployments", deployment, "cases", case] if deployment and case:
            return deployment, case
        case _:
            raise Refusal(
                "FIELD_INVALID",
                field=field,
                detail=f"{field} is {name!r}; it must be deployments/DEPLOYMENT/cases/ID",
            )


def parts_in(draft: case_pb2.CaseDraft) -> OpenParts:
    """Raises: Refusal: FIELD_INVALID."""
    for field, longest in (
        ("display_name", _LONGEST_NAME),
        ("goal", _LONGEST_TEXT),
        ("risks", _LONGEST_TEXT),
        ("snapshot", _LONGEST_NAME),
    ):
        length = len(getattr(draft, field))
        if length > longest:
            raise _invalid(f"draft.{field}", f"has {length} characters; use at most {longest}")
    if not draft.display_name.strip():
        raise _invalid("draft.display_name", "is empty; give the case a name")
    if len(draft.criteria.text) > LARGEST:
        raise _invalid("draft.criteria.text", "is longer than 256 KiB; shorten it")
    if draft.criteria.format not in ("", "toml", "json"):
        raise _invalid("draft.criteria.format", f"is {draft.criteria.format!r}; use toml or json")
    if len(draft.lanes) > _MOST_LANES:
        raise _invalid("draft.lanes", f"has {len(draft.lanes)} lanes; use at most {_MOST_LANES}")
    return OpenParts(
        display_name=draft.display_name.strip(),
        risks=draft.risks.strip(),
        goal=draft.goal.strip(),
        criteria_text=draft.criteria.text,
        criteria_format=draft.criteria.format or "toml",
        wanted_lanes=tuple(draft.lanes),
        wanted_snapshot=draft.snapshot,
    )


def filled(draft: case_pb2.CaseDraft, language: str) -> case_pb2.CaseDraft:
    """The draft, with the template's words where it has none of its own.

    Raises:
        Refusal: CASE_TEMPLATE_NOT_FOUND, FIELD_INVALID.
    """
    if language not in ("", "en", "ja"):
        raise _invalid("language", f"is {language!r}; use en or ja")
    if not draft.template:
        return draft
    try:
        source = template(draft.template)
    except KeyError as error:
        raise Refusal("CASE_TEMPLATE_NOT_FOUND", field="draft.template", template=draft.template) from error
    whole = case_pb2.CaseDraft()
    whole.CopyFrom(draft)
    whole.display_name = draft.display_name or source.title.said_in(language)
    whole.goal = draft.goal or source.goal.said_in(language)
    whole.risks = draft.risks or source.risks.said_in(language)
    if not draft.criteria.text:
        whole.criteria.CopyFrom(trial_pb2.CriteriaFile(text=source.criteria, format="toml"))
        if not draft.lanes:
            whole.lanes.extend(source.lanes)
    return whole


def role_in(role: int) -> Role | None:
    """None: whichever is next."""
    found: dict[int, Role] = {
        case_pb2.CASE_TRIAL_ROLE_SMALL: "small",
        case_pb2.CASE_TRIAL_ROLE_CONFIRMATION: "confirmation",
    }
    return found.get(role)


def choice_in(choice: int) -> Literal["scale", "stop"]:
    """Raises: Refusal: FIELD_INVALID."""
    found: dict[int, Literal["scale", "stop"]] = {
        case_pb2.CASE_CHOICE_SCALE: "scale",
        case_pb2.CASE_CHOICE_STOP: "stop",
    }
    if choice not in found:
        raise _invalid("choice", "is not said; use CASE_CHOICE_SCALE or CASE_CHOICE_STOP")
    return found[choice]


def criteria_file(record: CaseRecord) -> trial_pb2.CriteriaFile:
    """As they are written."""
    return trial_pb2.CriteriaFile(text=record.criteria_text, format=record.criteria_format)


# Out


def case_out(view: CaseView) -> case_pb2.Case:
    record = view.record
    message = case_pb2.Case(
        name=record.name,
        draft=case_pb2.CaseDraft(
            deployment=f"deployments/{record.deployment}",
            display_name=record.display_name,
            goal=record.goal,
            risks=record.risks,
            criteria=criteria_file(record),
            lanes=record.wanted_lanes,
            snapshot=record.wanted_snapshot,
            template=record.template,
        ),
        trials=[_trial_out(own) for own in view.trials],
        rollouts=[_rollout_out(own) for own in view.rollouts],
        steps=[_step_out(own) for own in view.steps],
        other_trials=view.other_trials,
        version=record.version,
        created_by=record.created_by,
        changed_by=record.changed_by,
        create_time=wire.timestamp(record.create_time),
        change_time=wire.timestamp(record.change_time),
    )
    if record.locked:
        message.lock.CopyFrom(lock_out(record))
    if view.candidate is not None:
        own = view.candidate
        steering = wire_steering.steering_out(Configuration(own.steering))
        message.candidate.CopyFrom(
            case_pb2.CaseCandidate(
                lane=own.lane, kind=own.kind, steering=steering, snapshot=view.candidate_snapshot
            )
        )
    if record.decision:
        message.decision.CopyFrom(
            case_pb2.CaseDecision(
                choice=_CHOICES[record.decision],
                reason=record.decision_reason,
                actor=record.decided_by,
                decide_time=wire.timestamp(record.decide_time),
                basis_json=record.basis,
                basis_hash=record.basis_hash,
            )
        )
    return message


def lock_out(record: CaseRecord) -> case_pb2.CaseLock:
    lanes = [PinnedLane(*own) for own in pinned_lanes(record.lanes).items()]
    return case_pb2.CaseLock(
        criteria_hash=record.criteria_hash,
        lanes_hash=record.lanes_hash,
        criteria_json=record.criteria,
        lanes=wire_trials.lanes_out(criteria_from_json(record.criteria), lanes),
        actor=record.locked_by,
        reason=record.lock_reason,
        lock_time=wire.optional_timestamp(record.lock_time),
    )


def template_out(own: Template) -> case_pb2.CaseTemplate:
    prompts = own.prompts
    return case_pb2.CaseTemplate(
        id=own.id,
        title=own.title.en,
        title_ja=own.title.ja,
        goal=own.goal.en,
        goal_ja=own.goal.ja,
        risks=own.risks.en,
        risks_ja=own.risks.ja,
        criteria=trial_pb2.CriteriaFile(text=own.criteria, format="toml"),
        lanes=own.lanes,
        prompts=case_pb2.CasePromptHint(
            advice=prompts.advice.en,
            advice_ja=prompts.advice.ja,
            prompts=prompts.count,
            columns=[
                case_pb2.CasePromptColumn(
                    column=column.column, meaning=column.meaning.en, meaning_ja=column.meaning.ja
                )
                for column in prompts.columns
            ],
            example=prompts.example.en,
            example_ja=prompts.example.ja,
        ),
    )


def _trial_out(own: AttachedTrial) -> case_pb2.CaseTrial:
    part, record, facts = own.part, own.record, own.facts
    return case_pb2.CaseTrial(
        trial=record.name,
        role=_ROLES[part.role],
        actor=part.actor,
        reason=part.reason,
        attach_time=wire.timestamp(part.time),
        current=own.current,
        state=wire_trials.STATES[record.state],
        lock_hash=record.lock_hash,
        prompt_count=record.prompt_count,
        rows_done=facts.done,
        rows_planned=facts.planned,
        verdict=wire_trials.VERDICTS[record.verdict],
        recommendation=facts.recommendation,
        verdict_reason=facts.reason,
        verdict_reason_ja=facts.reason_ja,
        more_prompts_needed=facts.more_prompts,
        lane=facts.lane,
    )


def _rollout_out(own: AttachedRollout) -> case_pb2.CaseRollout:
    part, record = own.part, own.record
    return case_pb2.CaseRollout(
        rollout=record.name,
        actor=part.actor,
        reason=part.reason,
        attach_time=wire.timestamp(part.time),
        current=own.current,
        state=wire_rollouts.STATES[record.state],
        state_reason=record.reason,
        candidate_snapshot=f"snapshots/{record.candidate_snapshot}",
        plan_hash=record.plan_hash,
        promoted_revision=record.promoted_revision,
        superseded=own.facts.superseded,
    )


def _step_out(own: Step) -> case_pb2.CaseStep:
    return case_pb2.CaseStep(
        kind=_KINDS[own.kind],
        state=_STATES[own.state],
        code=own.code,
        facts=dict(own.facts),
        sentence=own.sentence_in("en"),
        sentence_ja=own.sentence_in("ja"),
        command=own.command,
        subject=own.subject,
    )


def _invalid(field: str, what: str) -> Refusal:
    return Refusal("FIELD_INVALID", field=field, detail=f"{field} {what}")
