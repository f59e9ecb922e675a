"""Is the mean of bounded values within a limit? Evidence by betting."""

from __future__ import annotations

import math
from typing import Any, Final, Literal, TypeAlias

from trimtab_server.sequential.finite import chance, finite, log_mean_exp

Side: TypeAlias = Literal["above", "below"]

#: Shares of the highest stake that keeps the wealth positive; cautious ones win on small excesses.
STAKES: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)


class BettingMean:
    """E-process against "the mean is at most `limit`" (side above; below: at least `limit`).

    Values x are cut to [0, cap]. For side above each stake c multiplies its wealth by `1 + c (x / limit - 1)`;
    evidence is the mean wealth over `STAKES`. For side below x and limit are first mirrored at cap. While every
    conditional mean keeps the limit, the wealth is a non-negative supermartingale that starts at 1, so it ever
    reaches 1 / alpha with chance at most alpha (Ville), however often one looks. Waudby-Smith & Ramdas 2024,
    "Estimating means of bounded random variables by betting" (JRSS-B 86:1), section 4, with a fixed mixture of
    stakes.

    Can tell: that the mean of the cut values is over the limit, for any distribution and any dependence that
    leaves the conditional means within it. Cannot tell: that the mean is within the limit (no alarm is no
    proof), nor where within the cut range the values lie; replies that influence each other in streaks move
    the conditional mean and can alarm although the long-run mean keeps the limit: batch them.
    """

    def __init__(self, limit: float, cap: float, alpha: float, side: Side = "above") -> None:
        if not 0.0 < limit < cap < math.inf:
            raise ValueError(f"limit is {limit} and cap {cap}; 0 < limit < cap is expected")
        self.limit = float(limit)
        self.cap = float(cap)
        self.alpha = chance("alpha", alpha)
        self.side: Side = side
        self.count = 0
        self.alarmed = False
        self._total = 0.0
        self._logs = [0.0] * len(STAKES)

    def update(self, value: float) -> bool:
        """Takes one value; whether the alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        cut = min(max(finite("value", value), 0.0), self.cap)
        self.count += 1
        self._total += cut
        above = self.side == "above"
        ratio = cut / self.limit if above else (self.cap - cut) / (self.cap - self.limit)
        for place, stake in enumerate(STAKES):
            self._logs[place] += math.log1p(stake * (ratio - 1.0))
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
        """Mean of the cut values."""
        return self._total / self.count if self.count else None

    def state(self) -> dict[str, Any]:
        return {
            "limit": self.limit,
            "cap": self.cap,
            "alpha": self.alpha,
            "side": self.side,
            "count": self.count,
            "alarmed": self.alarmed,
            "total": self._total,
            "logs": list(self._logs),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> BettingMean:
        own = cls(state["limit"], state["cap"], state["alpha"], state["side"])
        own.count, own.alarmed = state["count"], state["alarmed"]
        own._total, own._logs = state["total"], list(state["logs"])
        return own
