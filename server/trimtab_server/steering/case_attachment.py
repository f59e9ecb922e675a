"""Makes trials and rollouts parts of a case: the right ones, in the right order."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.cases.facts import Role
from trimtab_server.cases.rules import lane_changes, prompt_marks, repeated
from trimtab_server.cases.steps import RELEASABLE, REPLACEABLE, STEP_OF
from trimtab_server.steering import trial_steps
from trimtab_server.steering.case_reading import CaseView, case_view
from trimtab_server.steering.case_transition import move, once_only, open_case, require_unchanged, wrong_step
from trimtab_server.steering.creation import configuration_of
from trimtab_server.steering.pinned_lanes import pinned_lanes
from trimtab_server.steering.rollout_change import find_rollout
from trimtab_server.steering.snapshot import Steering
from trimtab_server.steering.trial_steps import find_trial, require_locked
from trimtab_server.store import cases, snapshots, trials
from trimtab_server.store.cases import CaseRecord, CaseRolloutRecord, CaseTrialRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import RolloutRecord
from trimtab_server.store.trials import TrialRecord
from trimtab_server.trials.prompts import Prompt, PromptSet

_ROLES: Final[tuple[Role, ...]] = ("small", "confirmation")


def attach_trial(
    database: Database,
    *,
    case: str,
    trial: str,
    role: Role | None = None,
    reason: str = "",
    origin: Origin,
    time: int,
) -> CaseRecord:
    """Makes a trial part of a case: in the step that is next, unless a role is named.

    Raises: Refusal: CASE_NOT_FOUND, CASE_DECIDED, TRIAL_NOT_FOUND, CASE_PART_TAKEN, CASE_CRITERIA_DIFFER,
        CASE_PART_TOO_EARLY (created before the lock), CASE_STEP (not now), CASE_LANES_DIFFER, CASE_PROMPTS_REPEATED,
        CASE_CHANGED, TRIAL_CHANGED, TRIAL_STATE (its prompts were deleted)."""

    def change(connection: Connection) -> CaseRecord:
        return _attach(connection, case, trial, role, reason, origin, time)

    return once_only(database, origin, time, change)


def create_trial(
    database: Database,
    new: TrialRecord,
    prompts: str,
    *,
    case: str,
    reason: str = "",
    origin: Origin,
    time: int,
) -> TrialRecord:
    """Locks a trial as a part of a case, in the step that is next; refused, neither of it is there.

    Raises: Refusal: DEPLOYMENT_NOT_FOUND, and what `attach_trial` refuses."""

    def change(connection: Connection) -> TrialRecord:
        created = trial_steps.add_trial(connection, new, prompts, reason=reason, origin=origin, time=time)
        try:
            _attach(connection, case, created.id, None, reason, origin, time)
        except Refusal as refusal:
            # The name of what is not there after this would lead nowhere.
            facts = refusal.metadata.items()
            told: dict[str, Any] = {key: "the trial" if own == created.name else own for key, own in facts}
            raise Refusal(refusal.reason, field=refusal.field, **told) from refusal
        return created

    return trial_steps.once_only(database, origin, time, change)


def _attach(
    connection: Connection,
    case: str,
    trial: str,
    role: Role | None,
    reason: str,
    origin: Origin,
    time: int,
) -> CaseRecord:
    seen = open_case(connection, case)
    found = find_trial(connection, trial)
    taken = cases.case_of_trial(connection, found.id)
    if taken:
        raise _taken(found.name, seen, taken)
    view = case_view(connection, seen)
    chosen = role or _next_role(view)
    step = view.step(STEP_OF[chosen])
    if step.code not in REPLACEABLE:
        raise wrong_step(seen, step)
    require_unchanged(connection, seen)
    _require_same_criteria(seen, found)
    prompts = _prompts(connection, found)
    if chosen == "confirmation":
        _require_fresh(connection, seen, found, prompts)
    part = CaseTrialRecord(
        case_id=seen.id,
        number=cases.next_number(connection, "trials", seen.id),
        trial=found.id,
        role=chosen,
        actor=origin.actor,
        reason=reason,
        time=time,
    )
    cases.attach_trial(connection, part, prompt_marks(seen.secret, prompts))
    facts = {"trial": found.name, "role": chosen, "lock_hash": found.lock_hash, "state": found.state}
    return move(connection, seen, "case.attach_trial", reason, origin, time, facts)


def attach_rollout(
    database: Database, *, case: str, rollout: str, reason: str = "", origin: Origin, time: int
) -> CaseRecord:
    """Makes a rollout of the confirmed candidate part of a case.

    Raises: Refusal: CASE_NOT_FOUND, CASE_DECIDED, ROLLOUT_NOT_FOUND, CASE_PART_TAKEN, CASE_STEP (not now),
        CASE_CANDIDATE_DIFFERS, CASE_PART_TOO_EARLY (created before the confirmation's verdict), CASE_CHANGED."""

    def change(connection: Connection) -> CaseRecord:
        seen = open_case(connection, case)
        found = find_rollout(connection, rollout)
        taken = cases.case_of_rollout(connection, found.id)
        if taken:
            raise _taken(found.name, seen, taken)
        view = case_view(connection, seen)
        step = view.step("release")
        if step.code.removesuffix("_prompt") not in RELEASABLE:
            raise wrong_step(seen, step)
        require_unchanged(connection, seen)
        _require_candidate(connection, view, found)
        part = CaseRolloutRecord(
            case_id=seen.id,
            number=cases.next_number(connection, "rollouts", seen.id),
            rollout=found.id,
            actor=origin.actor,
            reason=reason,
            time=time,
        )
        cases.attach_rollout(connection, part)
        facts = {"rollout": found.name, "plan_hash": found.plan_hash, "state": found.state}
        return move(connection, seen, "case.attach_rollout", reason, origin, time, facts)

    return once_only(database, origin, time, change)


def _require_same_criteria(case: CaseRecord, trial: TrialRecord) -> None:
    if trial.deployment != case.deployment or trial.criteria_hash != case.criteria_hash:
        raise Refusal(
            "CASE_CRITERIA_DIFFER",
            trial=trial.name,
            trial_hash=trial.criteria_hash,
            case=case.name,
            case_hash=case.criteria_hash,
        )
    if trial.created_in_record <= case.locked_in_record:
        raise Refusal("CASE_PART_TOO_EARLY", part=trial.name, what=f"the criteria of {case.name} were locked")
    if trial.lanes_hash != case.lanes_hash:
        # A hash may differ where releases write the same configuration otherwise.
        changes = lane_changes(pinned_lanes(case.lanes), pinned_lanes(trial.lanes))
        if changes:
            raise Refusal(
                "CASE_LANES_DIFFER",
                trial=trial.name,
                case=case.name,
                changes="; ".join(own.said_in("en") for own in changes),
                changes_ja="、".join(own.said_in("ja") for own in changes),
            )


def _prompts(connection: Connection, trial: TrialRecord) -> tuple[Prompt, ...]:
    text = trials.prompts_of(connection, trial.id)
    if text is None:
        raise Refusal(
            "TRIAL_STATE", trial=trial.name, state=trial.state, detail="its prompts and replies were deleted"
        )
    require_locked(connection, trial)
    return PromptSet.from_records(json.loads(text)).prompts


def _require_fresh(
    connection: Connection, case: CaseRecord, trial: TrialRecord, prompts: tuple[Prompt, ...]
) -> None:
    found = repeated(case.secret, prompts, cases.marks_of(connection, case.id))
    if found is not None:
        raise Refusal(
            "CASE_PROMPTS_REPEATED",
            trial=trial.name,
            count=found.count,
            total=found.total,
            ids=", ".join(found.first) + (", ..." if found.count > len(found.first) else ""),
        )


def _require_candidate(connection: Connection, view: CaseView, rollout: RolloutRecord) -> None:
    candidate, confirmation = view.candidate, view.trial(cases.CONFIRMATION)
    assert candidate is not None and confirmation is not None, "the release follows a confirmation"
    snapshot = snapshots.find(connection, rollout.candidate_snapshot)
    assert snapshot is not None, "a snapshot is kept for ever"
    configuration = configuration_of(snapshot)
    if rollout.deployment != view.record.deployment or not candidate.is_in(configuration):
        detail, detail_ja = _difference(candidate.steering, configuration.steering)
        raise Refusal(
            "CASE_CANDIDATE_DIFFERS",
            rollout=rollout.name,
            snapshot=f"snapshots/{snapshot.id}",
            lane=candidate.lane,
            detail=detail,
            detail_ja=detail_ja,
        )
    if rollout.create_time < confirmation.record.end_time:
        what = f"{confirmation.record.name} had its verdict"
        raise Refusal("CASE_PART_TOO_EARLY", part=rollout.name, what=what)


def _difference(lane: Steering, snapshot: Steering) -> tuple[str, str]:
    """In English and in Japanese."""
    if lane.stage != snapshot.stage:
        return (
            f"it is at stage {snapshot.stage}, the lane at {lane.stage}",
            f"ステージが異なります（{snapshot.stage}、レーンは {lane.stage}）",
        )
    if snapshot.terms and not lane.terms:
        return "it has vectors, the lane none", "レーンにないベクトルがあります"
    if lane.terms and not snapshot.terms:
        return "it has no vectors, the lane does", "レーンのベクトルがありません"
    return (
        "its vectors, strengths or system prompt are others",
        "ベクトル・強度・システムプロンプトのいずれかが異なります",
    )


def _next_role(view: CaseView) -> Role:
    """The one whose step is next; where none is, the first that is not done, which says why."""
    waiting = [role for role in _ROLES if view.step(STEP_OF[role]).code in REPLACEABLE]
    undone = [role for role in _ROLES if view.step(STEP_OF[role]).state != "done"]
    return (waiting or undone or ["confirmation"])[0]


def _taken(part: str, case: CaseRecord, owner: str) -> Refusal:
    return Refusal("CASE_PART_TAKEN", part=part, case=f"deployments/{case.deployment}/cases/{owner}")
