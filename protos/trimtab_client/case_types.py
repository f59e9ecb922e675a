"""Cases as they come over the wire: frozen dataclasses, as in `trimtab_client.types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from trimtab_client.rollout_types import RolloutState, Verdict
from trimtab_client.trial_types import CriteriaFile, TrialLane, TrialState
from trimtab_client.types import Steering


class CaseStepKind(StrEnum):
    """The steps of a case, in their order."""

    UNSPECIFIED = "unspecified"
    GOAL = "goal"
    CRITERIA = "criteria"
    SMALL_TRIAL = "small_trial"
    CONFIRMATION = "confirmation"
    RELEASE = "release"
    DECISION = "decision"


class CaseStepState(StrEnum):
    """`NEXT` waits for a person, `WAITING` for something that runs, `BLOCKED` for an earlier step."""

    UNSPECIFIED = "unspecified"
    DONE = "done"
    NEXT = "next"
    WAITING = "waiting"
    BLOCKED = "blocked"
    FAILED = "failed"


class CaseTrialRole(StrEnum):
    """What a trial is in a case."""

    UNSPECIFIED = "unspecified"
    SMALL = "small"
    CONFIRMATION = "confirmation"


class CaseChoice(StrEnum):
    """How a case ends."""

    UNSPECIFIED = "unspecified"
    SCALE = "scale"
    STOP = "stop"


#: Nothing written yet.
NO_CRITERIA: Final = CriteriaFile()


@dataclass(frozen=True)
class CaseDraft:
    """What people write.

    criteria, lanes, snapshot: as of a `TrialDraft`; lanes that the criteria do not have are made when they are locked.
    template: the id of the one it was started from. With a template, what is empty is taken from it.
    """

    display_name: str = ""
    goal: str = ""
    risks: str = ""
    criteria: CriteriaFile = NO_CRITERIA
    lanes: tuple[str, ...] = ()
    snapshot: str = ""
    template: str = ""
    deployment: str = "deployments/default"


@dataclass(frozen=True)
class CaseLock:
    """What was fixed. `criteria_json` has every lane in full: it is the criteria of each trial of the case."""

    criteria_hash: str
    lanes_hash: str
    criteria_json: str = field(repr=False)
    lanes: tuple[TrialLane, ...]
    actor: str
    reason: str
    lock_time: datetime | None

    @property
    def criteria(self) -> CriteriaFile:
        """What a trial of the case is created with, without lanes and repeats of its own."""
        return CriteriaFile(self.criteria_json, "json")


@dataclass(frozen=True)
class CaseTrial:
    """A trial's part in a case, and where it stands. `current`: the newest of its role, which decides."""

    trial: str
    role: CaseTrialRole
    actor: str
    reason: str
    attach_time: datetime | None
    current: bool
    state: TrialState
    lock_hash: str
    prompt_count: int
    rows_done: int
    rows_planned: int
    verdict: Verdict
    recommendation: str
    verdict_reason: str
    verdict_reason_ja: str
    more_prompts_needed: int | None
    lane: str


@dataclass(frozen=True)
class CaseRollout:
    """A rollout's part in a case, and where it stands."""

    rollout: str
    actor: str
    reason: str
    attach_time: datetime | None
    current: bool
    state: RolloutState
    state_reason: str
    candidate_snapshot: str
    plan_hash: str
    promoted_revision: int
    superseded: bool


@dataclass(frozen=True)
class CaseCandidate:
    """What the confirmation recommends to release. `snapshot` is a kept one that has this steering, else ""."""

    lane: str
    kind: str
    steering: Steering
    snapshot: str


@dataclass(frozen=True)
class CaseStep:
    """Where one step stands.

    code: what is the matter, for programs; facts: what the sentence names. command: what opens the right place, ""
    where there is nothing to do; subject: the trial, rollout or snapshot that it is about.
    """

    kind: CaseStepKind
    state: CaseStepState
    code: str
    facts: Mapping[str, str]
    sentence: str
    sentence_ja: str
    command: str
    subject: str

    def sentence_in(self, language: str) -> str:
        """What is missing, or was found, in "en" or "ja"."""
        return self.sentence_ja if language == "ja" else self.sentence


@dataclass(frozen=True)
class CaseDecision:
    """`basis_json`: hashes and verdicts that it rested on, with the head of the audit."""

    choice: CaseChoice
    reason: str
    actor: str
    decide_time: datetime | None
    basis_json: str = field(repr=False)
    basis_hash: str


@dataclass(frozen=True)
class Case:
    """One question from goal to decision.

    lock, candidate, decision: None before there is one. other_trials: by the same criteria, started, and no part of
    this case. version: goes up by one with each change.
    """

    name: str
    draft: CaseDraft
    lock: CaseLock | None
    trials: tuple[CaseTrial, ...]
    rollouts: tuple[CaseRollout, ...]
    candidate: CaseCandidate | None
    steps: tuple[CaseStep, ...]
    decision: CaseDecision | None
    other_trials: tuple[str, ...]
    version: int
    created_by: str
    changed_by: str
    create_time: datetime | None
    change_time: datetime | None

    @property
    def step(self) -> CaseStep | None:
        """The one that matters now: the first that is neither done nor blocked; None once it was decided."""
        open_states = (CaseStepState.NEXT, CaseStepState.WAITING, CaseStepState.FAILED)
        return next((own for own in self.steps if own.state in open_states), None)

    def trial(self, role: CaseTrialRole) -> CaseTrial | None:
        """The trial that decides in a role."""
        return next((own for own in self.trials if own.current and own.role is role), None)

    @property
    def rollout(self) -> CaseRollout | None:
        """The rollout that decides."""
        return next((own for own in self.rollouts if own.current), None)


@dataclass(frozen=True)
class CasePromptColumn:
    """A column of a file of prompts."""

    column: str
    meaning: str
    meaning_ja: str


@dataclass(frozen=True)
class CasePromptHint:
    """What to collect. `prompts`: of each of the two trials. `example`: a CSV file with a row of each kind."""

    advice: str
    advice_ja: str
    prompts: int
    columns: tuple[CasePromptColumn, ...]
    example: str
    example_ja: str


@dataclass(frozen=True)
class CaseTemplate:
    """What a case can be started from."""

    id: str
    title: str
    title_ja: str
    goal: str
    goal_ja: str
    risks: str
    risks_ja: str
    criteria: CriteriaFile
    lanes: tuple[str, ...]
    prompts: CasePromptHint
