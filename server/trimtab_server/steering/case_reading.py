"""A case as it is shown: what is stored of it, of its trials and rollouts, and where its steps stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from sqlalchemy import Connection

from trimtab_server.cases.facts import CandidateFacts, CaseFacts, RolloutFacts, TrialFacts
from trimtab_server.cases.rules import released_prompt, same_prompt
from trimtab_server.cases.steps import Step, case_steps
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.pinned_lanes import pinned_lanes
from trimtab_server.steering.snapshot import Configuration, Steering, ordered
from trimtab_server.store import cases, deployments, rollouts, snapshots, trials
from trimtab_server.store.cases import CaseRecord, CaseRolloutRecord, CaseTrialRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import RolloutRecord
from trimtab_server.store.trials import TrialRecord
from trimtab_server.trials.criteria import CriteriaError
from trimtab_server.trials.criteria_file import criteria_from_json, parse_criteria

#: Snapshots that are looked through for the candidate, newest first.
_MOST_SNAPSHOTS: Final = 1_000
#: States in which a trial's rows are counted; in the others all or none are there.
_COUNTED: Final = frozenset({trials.RUNNING, trials.PAUSED})


@dataclass(frozen=True)
class AttachedTrial:
    """current: the last of its role, which decides."""

    part: CaseTrialRecord
    record: TrialRecord
    facts: TrialFacts
    current: bool


@dataclass(frozen=True)
class AttachedRollout:
    """current: the last one, which decides."""

    part: CaseRolloutRecord
    record: RolloutRecord
    facts: RolloutFacts
    current: bool


@dataclass(frozen=True)
class Candidate:
    """What the confirmation recommends to release.

    lines: what its lane puts into prompts, one a language; steering: the lane's, with these lines as system prompt.
    """

    lane: str
    kind: str
    lines: tuple[str, ...]
    steering: Steering

    def is_in(self, configuration: Configuration) -> bool:
        """Whether a snapshot puts the same on the model; how replies are drawn is its own business."""
        own, other = self.steering, configuration.steering
        if (own.model, own.stage, ordered(own.terms)) != (other.model, other.stage, ordered(other.terms)):
            return False
        if self.lines:
            return same_prompt(other.system_prompt, self.lines)
        return own.system_prompt == other.system_prompt


@dataclass(frozen=True)
class CaseView:
    """other_trials: names of those by the same criteria that were started and are no part of the case."""

    record: CaseRecord
    trials: tuple[AttachedTrial, ...]
    rollouts: tuple[AttachedRollout, ...]
    candidate: Candidate | None
    #: "snapshots/{sha256}" of one that is kept, or "".
    candidate_snapshot: str
    steps: tuple[Step, ...]
    other_trials: tuple[str, ...]

    def step(self, kind: str) -> Step:
        return next(step for step in self.steps if step.kind == kind)

    def trial(self, role: str) -> AttachedTrial | None:
        """The one that decides in a role."""
        return next((own for own in self.trials if own.current and own.part.role == role), None)

    @property
    def rollout(self) -> AttachedRollout | None:
        """The one that decides."""
        return self.rollouts[-1] if self.rollouts else None


def find_case(connection: Connection, case: str) -> CaseRecord:
    """By id. Raises: Refusal: CASE_NOT_FOUND."""
    found = cases.find(connection, case)
    if found is None:
        raise Refusal("CASE_NOT_FOUND", field="name", case=f"cases/{case}")
    return found


def case_view(connection: Connection, record: CaseRecord) -> CaseView:
    """Everything about a case, as it is now."""
    attached = _trials(connection, record)
    released = _rollouts(connection, record)
    confirmation = next(
        (own for own in attached if own.current and own.part.role == cases.CONFIRMATION), None
    )
    candidate = None if confirmation is None else candidate_of(record, confirmation.facts)
    snapshot = _snapshot(connection, candidate, released)
    facts = CaseFacts(
        goal=record.goal,
        criteria=bool(record.criteria_text.strip()),
        criteria_fault="" if record.locked else criteria_fault(record),
        criteria_hash=record.criteria_hash,
        candidate=None if candidate is None else CandidateFacts(candidate.lane, snapshot),
        decision=record.decision,
        decided_by=record.decided_by,
        decision_reason=record.decision_reason,
    )
    steps = case_steps(facts, [own.facts for own in attached], [own.facts for own in released])
    others = cases.other_trials(connection, record)
    names = tuple(f"deployments/{record.deployment}/trials/{own}" for own in others)
    return CaseView(record, attached, released, candidate, snapshot, steps, names)


def criteria_fault(record: CaseRecord) -> str:
    """Why the criteria as they are written are none; "" where they are, or where there are none yet."""
    if not record.criteria_text.strip():
        return ""
    try:
        parse_criteria(record.criteria_text, "json" if record.criteria_format == "json" else "toml")
    except CriteriaError as error:
        return "; ".join(str(error).splitlines())
    return ""


def trial_facts(trial: TrialRecord, role: Literal["small", "confirmation"], done: int) -> TrialFacts:
    """What the steps of a case depend on."""
    decision = _decision(trial)
    return TrialFacts(
        name=trial.name,
        role=role,
        state=trial.state,
        done=done,
        planned=trial.row_count,
        verdict=trial.verdict,
        recommendation=trial.recommendation,
        reason=str(decision.get("reason", "")),
        reason_ja=str(decision.get("reason_ja", "")),
        more_prompts=decision.get("more_prompts_needed"),
        lane=str(decision.get("lane", "")),
    )


def candidate_of(record: CaseRecord, confirmation: TrialFacts) -> Candidate | None:
    """None unless the confirmation passed and names one of the locked lanes."""
    if confirmation.verdict != Verdict.PASS:
        return None
    configuration = pinned_lanes(record.lanes).get(confirmation.lane)
    if configuration is None:
        return None
    lane = criteria_from_json(record.criteria).named(confirmation.lane)
    lines = tuple(line.text for line in lane.system_prompt)
    own = configuration.steering
    prompt = released_prompt(lines) if lines else own.system_prompt
    return Candidate(lane.name, lane.kind, lines, Steering(own.model, own.stage, ordered(own.terms), prompt))


def _decision(trial: TrialRecord) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(trial.result).get("decision", {})) if trial.result else {}


def _trials(connection: Connection, record: CaseRecord) -> tuple[AttachedTrial, ...]:
    parts = cases.trials_of(connection, record.id)
    last = {part.role: part.number for part in parts}
    found = []
    for part in parts:
        trial = trials.find(connection, part.trial)
        assert trial is not None, "a trial is kept for ever"
        if trial.state in _COUNTED:
            done = trials.count(connection, trial.id).done
        else:
            done = 0 if trial.state == trials.CREATED else trial.row_count
        current = part.number == last[part.role]
        found.append(AttachedTrial(part, trial, trial_facts(trial, part.role, done), current))
    return tuple(found)


def _rollouts(connection: Connection, record: CaseRecord) -> tuple[AttachedRollout, ...]:
    parts = cases.rollouts_of(connection, record.id)
    found = []
    for part in parts:
        rollout = rollouts.find(connection, part.rollout)
        assert rollout is not None, "a rollout is kept for ever"
        facts = RolloutFacts(
            name=rollout.name,
            state=rollout.state,
            reason=rollout.reason,
            step=rollout.step,
            weight=rollout.weight,
            promoted_revision=rollout.promoted_revision,
            superseded=_superseded(connection, record, rollout),
        )
        found.append(AttachedRollout(part, rollout, facts, part is parts[-1]))
    return tuple(found)


def _superseded(connection: Connection, record: CaseRecord, rollout: RolloutRecord) -> bool:
    """Whether another snapshot became active after the promotion, and before the decision if there is one."""
    if not rollout.promoted_revision:
        return False
    newest = deployments.find(connection, rollout.deployment)
    assert newest is not None, "a deployment is kept for ever"
    later = deployments.page(
        connection, rollout.deployment, limit=max(1, newest.revision - rollout.promoted_revision)
    )
    return any(
        own.number > rollout.promoted_revision
        and own.snapshot != rollout.candidate_snapshot
        and (not record.decide_time or own.create_time <= record.decide_time)
        for own in later
    )


def _snapshot(
    connection: Connection, candidate: Candidate | None, released: Sequence[AttachedRollout]
) -> str:
    """A kept snapshot that is the candidate: the one that was released, else the newest."""
    if candidate is None:
        return ""
    if released:
        return f"snapshots/{released[-1].record.candidate_snapshot}"
    for own in snapshots.page(connection, limit=_MOST_SNAPSHOTS):
        if candidate.is_in(Configuration.from_body(own.body)):
            return f"snapshots/{own.id}"
    return ""
