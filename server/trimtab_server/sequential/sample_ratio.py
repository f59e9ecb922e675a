"""Do the arms get the sessions they should?"""

from __future__ import annotations

import math
from typing import Any, Final

from trimtab_server.sequential.finite import chance, log_mean_exp

#: Alternatives, as multiples of the odds of the planned share.
ODDS: Final = (0.25, 0.5, 2 / 3, 1.5, 2.0, 4.0)


class SampleRatio:
    """Two-sided e-process against "a new session goes to the candidate with chance `share`".

    Evidence is the mean over alternatives (`ODDS` times the odds of the share) of the binomial likelihood ratio;
    the share may change between sessions, since each factor uses the share of its time. Lindon & Malek 2022,
    "Anytime-valid inference for multinomial count data" (NeurIPS), with a mixture of odds for two arms.

    Can tell: that routing, or one arm losing its replies, bends the ratio; whatever else is measured is then
    doubtful. Cannot tell: why. Count sessions, each once: replies of a session stick to its arm.
    """

    def __init__(self, share: float, alpha: float) -> None:
        self.share = chance("share", share)
        self.alpha = chance("alpha", alpha)
        self.count = 0
        self.candidates = 0
        self.alarmed = False
        self._logs = [0.0] * len(ODDS)

    def update(self, candidate: bool, share: float | None = None) -> bool:
        """Takes one session; `share` is the planned one when its arm was chosen, if not the one from the start."""
        planned = self.share if share is None else chance("share", share)
        odds = planned / (1.0 - planned)
        self.count += 1
        self.candidates += candidate
        for place, times in enumerate(ODDS):
            other = odds * times / (1.0 + odds * times)
            ratio = other / planned if candidate else (1.0 - other) / (1.0 - planned)
            self._logs[place] += math.log(ratio)
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return log_mean_exp(self._logs)

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    @property
    def estimate(self) -> float | None:
        """The candidate's share of sessions."""
        return self.candidates / self.count if self.count else None

    def state(self) -> dict[str, Any]:
        return {
            "share": self.share,
            "alpha": self.alpha,
            "count": self.count,
            "candidates": self.candidates,
            "alarmed": self.alarmed,
            "logs": list(self._logs),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SampleRatio:
        own = cls(state["share"], state["alpha"])
        own.count, own.candidates, own.alarmed = state["count"], state["candidates"], state["alarmed"]
        own._logs = list(state["logs"])
        return own
