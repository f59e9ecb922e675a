"""What the Judge says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trimtab_server.rollouts.verdict import Verdict


class NextAction(StrEnum):
    """What a look asks for.

    CONTINUE: gather more. ADVANCE: the step is done, go to the next. PROMOTE: the last step is done and
    non-inferiority is shown. WAIT: this pause is for a person. PAUSE: not enough data and no more to come in
    this step. ABORT: back to stable, now.
    """

    CONTINUE = "continue"
    ADVANCE = "advance"
    PROMOTE = "promote"
    WAIT = "wait"
    PAUSE = "pause"
    ABORT = "abort"


@dataclass(frozen=True)
class Finding:
    """How one criterion stands.

    acts: whether it can abort (a guardrail or a hard rule), or is only shown (a monitor).
    evidence: natural logarithm of the evidence against "no harm"; `bar` is what it must reach, `None` for a
        criterion that is no statistic (a hard rule).
    count: values counted (pairs, questions, replies or batches).
    estimate, low, high: the measured mean, rate or difference with its confidence sequence, where there is one.
    non_inferior: whether the difference is shown to be within the margin; None if no margin is asked.
    text: one plain sentence.
    """

    name: str
    verdict: Verdict
    acts: bool
    count: int
    text: str
    evidence: float = 0.0
    bar: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    non_inferior: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Finding:
        return cls(**{**value, "verdict": Verdict(value["verdict"])})


@dataclass(frozen=True)
class Look:
    """The state of a rollout at one time.

    verdict: of all that acts, taken together. number: of this look within its step, from 1.
    reason: one sentence that says why `next_action` is what it is.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    next_action: NextAction
    step: int
    number: int
    time: float
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "verdict": self.verdict.value,
            "next_action": self.next_action.value,
            "findings": [finding.as_dict() for finding in self.findings],
        }
