"""From protobuf messages to `trimtab_client.case_types`."""

from __future__ import annotations

from trimtab_protos.v1 import case_pb2, rollout_pb2, trial_pb2

from trimtab_client import case_types as types
from trimtab_client.from_protobuf import enum_value, steering, time
from trimtab_client.from_protobuf_rollouts import verdict
from trimtab_client.from_protobuf_trials import criteria_file, lane
from trimtab_client.rollout_types import RolloutState
from trimtab_client.trial_types import TrialState


def draft(message: case_pb2.CaseDraft) -> types.CaseDraft:
    return types.CaseDraft(
        display_name=message.display_name,
        goal=message.goal,
        risks=message.risks,
        criteria=criteria_file(message.criteria),
        lanes=tuple(message.lanes),
        snapshot=message.snapshot,
        template=message.template,
        deployment=message.deployment,
    )


def lock(message: case_pb2.CaseLock) -> types.CaseLock:
    return types.CaseLock(
        criteria_hash=message.criteria_hash,
        lanes_hash=message.lanes_hash,
        criteria_json=message.criteria_json,
        lanes=tuple(lane(one) for one in message.lanes),
        actor=message.actor,
        reason=message.reason,
        lock_time=time(message, "lock_time"),
    )


def case_trial(message: case_pb2.CaseTrial) -> types.CaseTrial:
    return types.CaseTrial(
        trial=message.trial,
        role=enum_value(types.CaseTrialRole, case_pb2.CaseTrialRole.Name, "CASE_TRIAL_ROLE_", message.role),
        actor=message.actor,
        reason=message.reason,
        attach_time=time(message, "attach_time"),
        current=message.current,
        state=enum_value(TrialState, trial_pb2.TrialState.Name, "TRIAL_STATE_", message.state),
        lock_hash=message.lock_hash,
        prompt_count=message.prompt_count,
        rows_done=message.rows_done,
        rows_planned=message.rows_planned,
        verdict=verdict(message.verdict),
        recommendation=message.recommendation,
        verdict_reason=message.verdict_reason,
        verdict_reason_ja=message.verdict_reason_ja,
        more_prompts_needed=(
            message.more_prompts_needed if message.HasField("more_prompts_needed") else None
        ),
        lane=message.lane,
    )


def case_rollout(message: case_pb2.CaseRollout) -> types.CaseRollout:
    return types.CaseRollout(
        rollout=message.rollout,
        actor=message.actor,
        reason=message.reason,
        attach_time=time(message, "attach_time"),
        current=message.current,
        state=enum_value(RolloutState, rollout_pb2.RolloutState.Name, "ROLLOUT_STATE_", message.state),
        state_reason=message.state_reason,
        candidate_snapshot=message.candidate_snapshot,
        plan_hash=message.plan_hash,
        promoted_revision=message.promoted_revision,
        superseded=message.superseded,
    )


def candidate(message: case_pb2.CaseCandidate) -> types.CaseCandidate:
    return types.CaseCandidate(message.lane, message.kind, steering(message.steering), message.snapshot)


def step(message: case_pb2.CaseStep) -> types.CaseStep:
    return types.CaseStep(
        kind=enum_value(types.CaseStepKind, case_pb2.CaseStepKind.Name, "CASE_STEP_KIND_", message.kind),
        state=enum_value(types.CaseStepState, case_pb2.CaseStepState.Name, "CASE_STEP_STATE_", message.state),
        code=message.code,
        facts=dict(message.facts),
        sentence=message.sentence,
        sentence_ja=message.sentence_ja,
        command=message.command,
        subject=message.subject,
    )


def decision(message: case_pb2.CaseDecision) -> types.CaseDecision:
    return types.CaseDecision(
        choice=enum_value(types.CaseChoice, case_pb2.CaseChoice.Name, "CASE_CHOICE_", message.choice),
        reason=message.reason,
        actor=message.actor,
        decide_time=time(message, "decide_time"),
        basis_json=message.basis_json,
        basis_hash=message.basis_hash,
    )


def case(message: case_pb2.Case) -> types.Case:
    return types.Case(
        name=message.name,
        draft=draft(message.draft),
        lock=lock(message.lock) if message.HasField("lock") else None,
        trials=tuple(case_trial(one) for one in message.trials),
        rollouts=tuple(case_rollout(one) for one in message.rollouts),
        candidate=candidate(message.candidate) if message.HasField("candidate") else None,
        steps=tuple(step(one) for one in message.steps),
        decision=decision(message.decision) if message.HasField("decision") else None,
        other_trials=tuple(message.other_trials),
        version=message.version,
        created_by=message.created_by,
        changed_by=message.changed_by,
        create_time=time(message, "create_time"),
        change_time=time(message, "change_time"),
    )


def column(message: case_pb2.CasePromptColumn) -> types.CasePromptColumn:
    return types.CasePromptColumn(message.column, message.meaning, message.meaning_ja)


def prompt_hint(message: case_pb2.CasePromptHint) -> types.CasePromptHint:
    return types.CasePromptHint(
        advice=message.advice,
        advice_ja=message.advice_ja,
        prompts=message.prompts,
        columns=tuple(column(one) for one in message.columns),
        example=message.example,
        example_ja=message.example_ja,
    )


def template(message: case_pb2.CaseTemplate) -> types.CaseTemplate:
    return types.CaseTemplate(
        id=message.id,
        title=message.title,
        title_ja=message.title_ja,
        goal=message.goal,
        goal_ja=message.goal_ja,
        risks=message.risks,
        risks_ja=message.risks_ja,
        criteria=criteria_file(message.criteria),
        lanes=tuple(message.lanes),
        prompts=prompt_hint(message.prompts),
    )


def changes(message: case_pb2.WatchCasesResponse) -> tuple[types.Case, ...]:
    return tuple(case(one) for one in message.cases)


def data(message: case_pb2.ExportCaseResponse) -> bytes:
    return message.data
