"""The questions of a trial and how the data answer each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trimtab_vectors.statistics import Estimate

from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.lanes import LaneSpec


class Standing(StrEnum):
    """Where the data leave one question of a trial."""

    SHOWN = "shown"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True)
class Answer:
    """One question of a trial, and how it stands.

    question: "gain" (over unsteered), "advantage" (of steering over a prompt lane), or the measure of a side effect.
    threshold: what the estimate must be above (gain, advantage) or at most (side effects). more_prompts: that would
    settle an open question with the criteria's power, None if settled or out of reach. pressure: of the prompts it
    is measured on, where not on the deciding ones.
    """

    question: str
    lane: str
    against: str
    estimate: Estimate
    threshold: float
    standing: Standing
    more_prompts: int | None = None
    pressure: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "lane": self.lane,
            "against": self.against,
            "estimate": self.estimate.as_dict(),
            "threshold": self.threshold,
            "standing": self.standing.value,
            "more_prompts": self.more_prompts,
            "pressure": list(self.pressure),
        }


@dataclass(frozen=True)
class LaneCase:
    """A lane against unsteered: its gain first, then its side effects."""

    lane: LaneSpec
    answers: tuple[Answer, ...]

    @property
    def passes(self) -> bool:
        return all(answer.standing is Standing.SHOWN for answer in self.answers)

    @property
    def fails(self) -> bool:
        return any(answer.standing is Standing.REFUTED for answer in self.answers)

    @property
    def refuted(self) -> Answer:
        return next(answer for answer in self.answers if answer.standing is Standing.REFUTED)

    @property
    def open(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.standing is Standing.OPEN]

    @property
    def gain(self) -> Answer:
        return self.answers[0]


def above(estimate: Estimate, threshold: float) -> Standing:
    """Whether the figure lies above a threshold, by its interval."""
    if estimate.low > threshold:
        return Standing.SHOWN
    return Standing.REFUTED if estimate.high < threshold else Standing.OPEN


def at_most(estimate: Estimate, threshold: float) -> Standing:
    """Whether the figure is a threshold at most, by its interval."""
    if estimate.high <= threshold:
        return Standing.SHOWN
    return Standing.REFUTED if estimate.low > threshold else Standing.OPEN


def facts_of(answer: Answer) -> dict[str, Any]:
    """What a sentence about the answer names."""
    own = answer.estimate
    return {
        "question": answer.question,
        "lane": answer.lane,
        "value": _finite(own.value),
        "low": _finite(own.low),
        "high": _finite(own.high),
        "threshold": answer.threshold,
        "prompts": own.n,
        "pressure": list(answer.pressure),
    }


def advantage_facts(answer: Answer, criteria: Criteria) -> dict[str, Any]:
    """What a sentence about steering against a prompt names."""
    own = answer.estimate
    return {
        "steered": answer.lane,
        "advantage": _finite(own.value),
        "advantage_low": _finite(own.low),
        "advantage_high": _finite(own.high),
        "prompt_margin": criteria.prompt_margin,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
