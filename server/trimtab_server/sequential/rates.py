"""Is the rate of a yes/no signal within a limit? Binomial likelihood ratios."""

from __future__ import annotations

import math
from typing import Any, Final

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.finite import chance, finite, log1p_exp, log_mean_exp

#: Alternatives, as multiples of the odds at the limit: for small rates the same as multiples of the rate, and
#: never 1 or more.
ODDS: Final = (1.5, 2.0, 3.0, 5.0, 8.0)


def _flag(value: float, side: Side) -> bool:
    if finite("value", value) not in (0.0, 1.0):
        raise ValueError(f"value is {value}; 0 or 1 is expected (use a mean for other values)")
    return (value == 1.0) == (side == "above")


def _alternatives(limit: float) -> list[tuple[float, float]]:
    """`(log ratio of a 1, log ratio of a 0)` of each alternative against the limit."""
    odds = limit / (1.0 - limit)
    rates = [odds * times / (1.0 + odds * times) for times in ODDS]
    return [(math.log(rate / limit), math.log((1.0 - rate) / (1.0 - limit))) for rate in rates]


class RateLimit:
    """E-process against "the rate of ones is at most `limit`" (side below: at least `limit`).

    Evidence is the mean over alternatives p1 > p0 = limit of `prod p1^x (1 - p1)^(1 - x) / p0^x (1 - p0)^(1 - x)`
    (p1 has `ODDS` times the odds of p0; side below counts zeros). Each factor has mean at most 1 under every
    rate up to the limit, so Ville's inequality holds as for `BettingMean`. Likelihood-ratio mixtures: Robbins
    1970, "Statistical methods related to the law of the iterated logarithm" (Ann. Math. Stat. 41:1397).

    Can tell: that the rate is over the limit; quickly if it is several times the limit. Cannot tell: that it is
    within the limit; a rate just over it takes thousands of replies.
    """

    def __init__(self, limit: float, alpha: float, side: Side = "above") -> None:
        self.limit = chance("limit", limit)
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.count = 0
        self.ones = 0
        self.alarmed = False
        self._ratios = _alternatives(limit if side == "above" else 1.0 - limit)

    def update(self, value: float) -> bool:
        """Takes 0 or 1; whether the alarm stands."""
        flag = _flag(value, self.side)
        self.count += 1
        self.ones += flag
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        zeros = self.count - self.ones
        return log_mean_exp([self.ones * one + zeros * zero for one, zero in self._ratios])

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    @property
    def estimate(self) -> float | None:
        """Share of ones as they came in."""
        if not self.count:
            return None
        return (self.ones if self.side == "above" else self.count - self.ones) / self.count

    def state(self) -> dict[str, Any]:
        return {
            "limit": self.limit,
            "alpha": self.alpha,
            "side": self.side,
            "count": self.count,
            "ones": self.ones,
            "alarmed": self.alarmed,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RateLimit:
        own = cls(state["limit"], state["alpha"], state["side"])
        own.count, own.ones, own.alarmed = state["count"], state["ones"], state["alarmed"]
        return own


class RateDrift:
    """Did the rate of ones rise above `limit` at some unknown time (side below: fall)? Shiryaev-Roberts.

    Each alternative keeps `R <- (1 + R) * likelihood ratio`, the sum of its evidence over all possible starts of
    the change (Shiryaev 1963; Roberts 1966); the alarm is at mean R >= arl. While the rate keeps the limit, R - n
    is a supermartingale: on average at least `arl` replies pass before a false alarm, and within n replies the
    chance of one is at most n / arl. E-detectors: Shin, Ramdas & Rinaldo 2022 (arXiv:2203.03532), section 2.

    Can tell: a change long after the start, which `RateLimit` sees only late. Cannot tell: slow drift within the
    limit, nor when the change began.
    """

    def __init__(self, limit: float, arl: float = 40_000.0, side: Side = "above") -> None:
        self.limit = chance("limit", limit)
        if not 1.0 < arl < math.inf:
            raise ValueError(f"arl is {arl}; the average run length to a false alarm, above 1, is expected")
        self.arl = float(arl)
        self.side: Side = side
        self.count = 0
        self.alarmed = False
        self._ratios = _alternatives(limit if side == "above" else 1.0 - limit)
        self._logs = [-math.inf] * len(self._ratios)

    def update(self, value: float) -> bool:
        """Takes 0 or 1; whether the alarm stands."""
        flag = _flag(value, self.side)
        self.count += 1
        for place, (one, zero) in enumerate(self._ratios):
            self._logs[place] = (one if flag else zero) + log1p_exp(self._logs[place])
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def evidence(self) -> float:
        """Natural logarithm of the Shiryaev-Roberts statistic; minus infinity before the first value."""
        return log_mean_exp(self._logs)

    @property
    def bar(self) -> float:
        return math.log(self.arl)

    def state(self) -> dict[str, Any]:
        return {
            "limit": self.limit,
            "arl": self.arl,
            "side": self.side,
            "count": self.count,
            "alarmed": self.alarmed,
            "logs": list(self._logs) if self.count else [],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RateDrift:
        own = cls(state["limit"], state["arl"], state["side"])
        own.count, own.alarmed = state["count"], state["alarmed"]
        own._logs = list(state["logs"]) or own._logs
        return own
