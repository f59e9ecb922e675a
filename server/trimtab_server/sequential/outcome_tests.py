"""Does the candidate lose answers that stable gives? A sequence of questions, or one test of fixed size."""

from __future__ import annotations

import math
from typing import Any

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.comparisons import PairedOutcomes
from trimtab_server.sequential.finite import chance
from trimtab_server.sequential.fixed_size import mcnemar_p, paired_score_p


class OutcomeTest:
    """Alarms once `PairedOutcomes` speaks against "the difference is at most `null`" (side below: at least) with an
    e-value of 1 / alpha; after any question. See `PairedOutcomes` for the formula and its limits."""

    def __init__(self, alpha: float, side: Side = "below", null: float = 0.0) -> None:
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.null = float(null)
        self.outcomes = PairedOutcomes()
        self.alarmed = False

    def update(self, stable: bool, candidate: bool) -> bool:
        """Takes one question; whether the alarm stands."""
        self.outcomes.update(stable, candidate)
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        return self.outcomes.count

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return self.outcomes.evidence_against(self.null, self.side)

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "side": self.side,
            "null": self.null,
            "alarmed": self.alarmed,
            "outcomes": self.outcomes.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> OutcomeTest:
        own = cls(state["alpha"], state["side"], state["null"])
        own.outcomes, own.alarmed = PairedOutcomes.from_state(state["outcomes"]), state["alarmed"]
        return own


class FixedOutcomeTest:
    """One test after `size` questions, of one-sided level alpha: exact McNemar for null 0, else the score test
    (`fixed_size`). Questions after that are not counted.

    Can tell: smaller losses than `OutcomeTest` with the same questions. Cannot tell: anything before the last
    question, nor anything more after it.
    """

    def __init__(self, size: int, alpha: float, side: Side = "below", null: float = 0.0) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; 1 or more is expected")
        self.size = size
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.null = float(null)
        self.outcomes = PairedOutcomes()
        self.alarmed = False

    def update(self, stable: bool, candidate: bool) -> bool:
        """Takes one question; whether the alarm stands."""
        if self.outcomes.count < self.size:
            self.outcomes.update(stable, candidate)
            self.alarmed = self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        return self.outcomes.count

    @property
    def evidence(self) -> float:
        """-log of the p-value; 0 before the last question."""
        if self.count < self.size:
            return 0.0
        return -math.log(max(fixed_size_p(self.outcomes, self.null, self.side), 5e-324))

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "alpha": self.alpha,
            "side": self.side,
            "null": self.null,
            "alarmed": self.alarmed,
            "outcomes": self.outcomes.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FixedOutcomeTest:
        own = cls(state["size"], state["alpha"], state["side"], state["null"])
        own.outcomes, own.alarmed = PairedOutcomes.from_state(state["outcomes"]), state["alarmed"]
        return own


def fixed_size_p(outcomes: PairedOutcomes, null: float, side: Side) -> float:
    """One-sided p of "the difference is at most `null`" (side below: at least)."""
    gained, lost = outcomes.gained, outcomes.lost
    if side == "below":
        gained, lost, null = lost, gained, -null
    return mcnemar_p(gained, lost) if null == 0.0 else paired_score_p(gained, lost, outcomes.count, null)
