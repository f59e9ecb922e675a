"""Do paired differences lie on the bad side more often than not? Exact from the first pair."""

from __future__ import annotations

import math
from typing import Any

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.comparisons import OUTCOME_STAKES
from trimtab_server.sequential.finite import chance, finite, log_mean_exp


class SignTest:
    """E-process against "a difference lies above `null` at most as often as below" (side below: the reverse).

    A stake c multiplies its wealth by 1 + c for a difference on the bad side and by 1 - c on the good side, ties
    leave it: the likelihood ratio of Bernoulli((1 + c) / 2) against 1/2; evidence is the mean over the stakes.
    A sequential sign test with Ville's inequality, as in Ramdas, Grunwald, Vovk & Shafer 2023, "Game-theoretic
    statistics and safe anytime-valid inference" (Statistical Science 38:576).

    Can tell: a shift of the median from the very first pairs, without moments, hence untouched by outliers. Cannot
    tell: a mean that is moved by rare large values while the median stays.
    """

    def __init__(self, alpha: float, side: Side = "above", null: float = 0.0) -> None:
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.null = float(null)
        self.bad = 0
        self.good = 0
        self.ties = 0
        self.alarmed = False

    def update(self, difference: float) -> bool:
        """Takes candidate minus stable; whether the alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        shift = finite("difference", difference) - self.null
        if self.side == "below":
            shift = -shift
        self.bad += shift > 0.0
        self.good += shift < 0.0
        self.ties += shift == 0.0
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        return self.bad + self.good + self.ties

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return log_mean_exp(
            [self.bad * math.log1p(stake) + self.good * math.log1p(-stake) for stake in OUTCOME_STAKES]
        )

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SignTest:
        own = cls(state["alpha"], state["side"], state["null"])
        vars(own).update(state)
        return own
