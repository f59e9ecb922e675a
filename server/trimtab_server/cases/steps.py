"""Where each step of a case stands, worked out from what is stored: never kept, so never out of date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from trimtab_server.cases.facts import CaseFacts, Role, RolloutFacts, TrialFacts
from trimtab_server.cases.wording import sentence
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials.verdict import PROMPT

Kind: TypeAlias = Literal["goal", "criteria", "small_trial", "confirmation", "release", "decision"]
State: TypeAlias = Literal["done", "next", "waiting", "blocked", "failed"]

#: The step that a trial of a role belongs to.
STEP_OF: Final[Mapping[Role, Kind]] = {"small": "small_trial", "confirmation": "confirmation"}
#: What is wrong with a trial while another one may take its place: it decided nothing.
REPLACEABLE: Final = frozenset({"trial_missing", "trial_not_enough", "trial_lost", "trial_error"})
#: Where a rollout may be attached.
RELEASABLE: Final = frozenset({"snapshot_missing", "rollout_missing", "rollout_aborted", "rollout_failed"})


@dataclass(frozen=True)
class Step:
    """One step.

    code: what is the matter, for programs; facts: what its sentence names. command: what opens the right place, ""
    where there is nothing to do; subject: the trial, rollout or snapshot that the command is about.
    """

    kind: Kind
    state: State
    code: str
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)
    command: str = ""
    subject: str = ""

    def sentence_in(self, language: str) -> str:
        """What is missing, or was found, in "en" or "ja"."""
        return sentence(self.kind, self.code, self.facts, language)


def case_steps(
    case: CaseFacts, trials: Sequence[TrialFacts], rollouts: Sequence[RolloutFacts]
) -> tuple[Step, ...]:
    """All six, in their order. Of trials of one role, and of rollouts, the last one decides.

    Once the case is decided nothing is next: what was not done by then never will be.
    """
    newest = {trial.role: trial for trial in trials}
    goal = _goal(case)
    criteria = _criteria(case, goal)
    small = _trial("small", newest.get("small"), criteria)
    confirmation = _trial("confirmation", newest.get("confirmation"), small)
    release = _release(case, newest.get("confirmation"), rollouts, confirmation)
    before = (goal, criteria, small, confirmation, release)
    if not case.decision:
        return (*before, _open_decision(before))
    facts = {"by": case.decided_by, "reason": case.decision_reason}
    decided = Step("decision", "done", f"decided_{case.decision}", facts)
    return (*(_closed(step) for step in before), decided)


def _closed(step: Step) -> Step:
    if step.state in ("done", "failed"):
        return replace(step, command="", subject="")
    return Step(step.kind, "blocked", "case_closed")


def _goal(case: CaseFacts) -> Step:
    if case.goal.strip():
        return Step("goal", "done", "goal_written")
    return Step("goal", "next", "goal_missing", command="case.edit")


def _criteria(case: CaseFacts, goal: Step) -> Step:
    if case.criteria_hash:
        return Step("criteria", "done", "criteria_locked", {"hash": case.criteria_hash[:12]})
    if goal.state != "done":
        return Step("criteria", "blocked", "goal_first")
    if not case.criteria:
        return Step("criteria", "next", "criteria_missing", command="case.edit")
    if case.criteria_fault:
        return Step("criteria", "next", "criteria_invalid", {"fault": case.criteria_fault}, "case.edit")
    return Step("criteria", "next", "criteria_open", command="case.lock")


def _trial(role: Role, trial: TrialFacts | None, before: Step) -> Step:
    kind = STEP_OF[role]
    if before.state != "done":
        code = f"{before.kind}_failed" if before.state == "failed" else f"{before.kind}_first"
        return Step(kind, "blocked", code)
    if trial is None:
        return Step(kind, "next", "trial_missing", command="trial.new")
    progress = {"done": str(trial.done), "planned": str(trial.planned)}
    match trial.state:
        case "created":
            return Step(kind, "next", "trial_created", progress, "trial.start", trial.name)
        case "running":
            return Step(kind, "waiting", "trial_running", progress, "trial.show", trial.name)
        case "paused":
            return Step(kind, "next", "trial_paused", progress, "trial.resume", trial.name)
        case "rating":
            return Step(kind, "next", "trial_rating", command="trial.rate", subject=trial.name)
        case _ if trial.verdict:
            return _judged(kind, trial)
        case _:
            return Step(kind, "next", "trial_lost", command="trial.new")


def _judged(kind: Kind, trial: TrialFacts) -> Step:
    facts = {"lane": trial.lane, "reason": trial.reason, "reason_ja": trial.reason_ja}
    match trial.verdict:
        case Verdict.PASS:
            code = "trial_prompt_enough" if trial.recommendation == PROMPT else "trial_passed"
            return Step(kind, "done", code, facts, "trial.show", trial.name)
        case Verdict.FAIL:
            return Step(kind, "failed", "trial_failed", facts, "trial.show", trial.name)
        case Verdict.NOT_ENOUGH_DATA if trial.more_prompts is None:
            return Step(kind, "failed", "trial_undecidable", facts, "trial.show", trial.name)
        case Verdict.NOT_ENOUGH_DATA:
            facts["more"] = str(trial.more_prompts)
            return Step(kind, "next", "trial_not_enough", facts, "trial.new")
        case _:
            # A reply that failed is asked again by resuming the trial, unless it is gone.
            if trial.state == "deleted":
                return Step(kind, "next", "trial_lost", command="trial.new")
            return Step(kind, "next", "trial_error", facts, "trial.resume", trial.name)


def _release(
    case: CaseFacts, confirmation: TrialFacts | None, rollouts: Sequence[RolloutFacts], before: Step
) -> Step:
    if before.state != "done" or confirmation is None:
        code = "confirmation_failed" if before.state == "failed" else "confirmation_first"
        return Step("release", "blocked", code)
    if not rollouts:
        return _to_release(case, confirmation)
    rollout = rollouts[-1]
    facts = {
        "reason": rollout.reason,
        "step": str(rollout.step + 1),
        "weight": str(rollout.weight),
        "revision": str(rollout.promoted_revision),
    }
    match rollout.state:
        case "created":
            return Step("release", "next", "rollout_created", facts, "rollout.start", rollout.name)
        case "running":
            return Step("release", "waiting", "rollout_running", facts, "rollout.show", rollout.name)
        case "paused":
            return Step("release", "next", "rollout_paused", facts, "rollout.show", rollout.name)
        case "promoted" if not rollout.superseded:
            return Step("release", "done", "rollout_promoted", facts, "rollout.show", rollout.name)
        case "promoted":
            return Step("release", "failed", "rollout_superseded", facts, "rollout.show", rollout.name)
        case state:
            return Step("release", "failed", f"rollout_{state}", facts, "rollout.show", rollout.name)


def _to_release(case: CaseFacts, confirmation: TrialFacts) -> Step:
    candidate = case.candidate
    if candidate is None:
        return Step("release", "failed", "candidate_unknown", {"lane": confirmation.lane})
    prompt = "_prompt" if confirmation.recommendation == PROMPT else ""
    facts = {"lane": candidate.lane}
    if not candidate.snapshot:
        return Step("release", "next", f"snapshot_missing{prompt}", facts, "release.create")
    return Step("release", "next", f"rollout_missing{prompt}", facts, "rollout.new", candidate.snapshot)


def _open_decision(before: Sequence[Step]) -> Step:
    if any(step.state == "failed" for step in before):
        return Step("decision", "next", "stop_due", command="case.decide")
    if all(step.state == "done" for step in before):
        return Step("decision", "next", "decision_due", command="case.decide")
    return Step("decision", "blocked", "too_early", command="case.decide")
