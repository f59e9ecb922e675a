"""What is stored about a case and its parts, as far as its steps depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["small", "confirmation"]
Choice: TypeAlias = Literal["", "scale", "stop"]


@dataclass(frozen=True)
class TrialFacts:
    """A trial that is part of a case.

    state: as `store.trials` has it. verdict: "pass", "fail", "not enough data", "error", or "" before there is one.
    reason, reason_ja: of the verdict. more_prompts: None where none are needed, or no number within reach would do.
    """

    name: str
    role: Role
    state: str
    done: int
    planned: int
    verdict: str = ""
    recommendation: str = ""
    reason: str = ""
    reason_ja: str = ""
    more_prompts: int | None = None
    lane: str = ""


@dataclass(frozen=True)
class RolloutFacts:
    """A rollout that is part of a case. step: from 0. superseded: something else was made active since."""

    name: str
    state: str
    reason: str = ""
    step: int = 0
    weight: int = 0
    promoted_revision: int = 0
    superseded: bool = False


@dataclass(frozen=True)
class CandidateFacts:
    """What the confirmation recommends. snapshot: the name of a kept one that has its steering, else ""."""

    lane: str
    snapshot: str = ""


@dataclass(frozen=True)
class CaseFacts:
    """The case itself.

    criteria: whether any were written. criteria_fault: why those that are open cannot be locked, else "".
    criteria_hash: "" until they are locked. candidate: None until a confirmation has passed. decision: "" until then.
    """

    goal: str = ""
    criteria: bool = False
    criteria_fault: str = ""
    criteria_hash: str = ""
    candidate: CandidateFacts | None = None
    decision: Choice = ""
    decided_by: str = ""
    decision_reason: str = ""
