"""Is the candidate worse than stable? Mixture sequential tests, for pairs and for two samples."""

from __future__ import annotations

import math
from typing import Any

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.comparisons import PairedMeans, TwoSampleMeans
from trimtab_server.sequential.finite import chance
from trimtab_server.sequential.mixture import FIRST_LOOK


class PairedMsprt:
    """Alarms once `PairedMeans` speaks against "the mean difference is at most `null`" (side below: at least) with
    an e-value of 1 / alpha; first look at 30 pairs. See `PairedMeans` for the formula and its limits."""

    def __init__(
        self, alpha: float, side: Side = "above", null: float = 0.0, first_look: int = FIRST_LOOK
    ) -> None:
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.null = float(null)
        self.means = PairedMeans(first_look)
        self.alarmed = False

    def update(self, difference: float) -> bool:
        """Takes candidate minus stable; whether the alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        self.means.update(difference)
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        return self.means.count

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return self.means.evidence_against(self.null, self.side)

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "side": self.side,
            "null": self.null,
            "alarmed": self.alarmed,
            "means": self.means.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> PairedMsprt:
        own = cls(state["alpha"], state["side"], state["null"])
        own.means = PairedMeans.from_state(state["means"])
        own.alarmed = state["alarmed"]
        return own


class TwoSampleMsprt:
    """As `PairedMsprt` for two samples; first look at 30 values in each arm. See `TwoSampleMeans`."""

    def __init__(
        self, alpha: float, side: Side = "above", null: float = 0.0, first_look: int = FIRST_LOOK
    ) -> None:
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.null = float(null)
        self.means = TwoSampleMeans(first_look)
        self.alarmed = False

    def update(self, value: float, *, candidate: bool) -> bool:
        """Takes one value of one arm; whether the alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        self.means.update(value, candidate=candidate)
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        """Values of the smaller arm."""
        return self.means.count

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return self.means.evidence_against(self.null, self.side)

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "side": self.side,
            "null": self.null,
            "alarmed": self.alarmed,
            "means": self.means.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TwoSampleMsprt:
        own = cls(state["alpha"], state["side"], state["null"])
        own.means = TwoSampleMeans.from_state(state["means"])
        own.alarmed = state["alarmed"]
        return own
