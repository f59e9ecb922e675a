"""What a comparison shows at any time: an interval for the difference, and whether it is within a margin."""

from __future__ import annotations

import math

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.comparisons import Comparison
from trimtab_server.sequential.finite import chance


class ConfidenceSequence:
    """An interval for the difference that holds at all times at once with chance at least 1 - alpha.

    All nulls against which neither one-sided e-process has reached 2 / alpha (the tests of `comparisons`,
    inverted). Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence
    sequences" (Ann. Stat. 49:1055); for means it is asymptotic (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024,
    Ann. Stat. 52:2613), for outcomes of pairs exact. It has no memory of its own: the comparison is its state.

    Can tell: at any look, where the difference lies. Cannot tell: as sharply as an interval of one fixed size.
    """

    def __init__(self, comparison: Comparison, alpha: float) -> None:
        self.comparison = comparison
        self.alpha = chance("alpha", alpha)

    @property
    def low(self) -> float:
        return self.comparison.bound(self.alpha / 2.0, "above")

    @property
    def high(self) -> float:
        return self.comparison.bound(self.alpha / 2.0, "below")


class NonInferiority:
    """Is the candidate shown to be worse by less than `margin`?

    `worse` says on which side of 0 a difference is bad: `below` for rates of honest answers (shown once the lower
    bound is above -margin), `above` for KL or refusals. The chance that it is ever shown for a candidate that is
    worse by the margin or more is at most alpha.

    Can tell: that harm beyond the margin is excluded. Cannot tell: that there is no harm at all; "not shown" is
    not enough data, never a failure.
    """

    def __init__(self, comparison: Comparison, margin: float, alpha: float, worse: Side) -> None:
        if not 0.0 < margin < math.inf:
            raise ValueError(
                f"margin is {margin}; a positive loss that would still be acceptable is expected"
            )
        self.comparison = comparison
        self.margin = float(margin)
        self.alpha = chance("alpha", alpha)
        self.worse: Side = worse

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value against "worse by the margin or more"."""
        if self.worse == "below":
            return self.comparison.evidence_against(-self.margin, "above")
        return self.comparison.evidence_against(self.margin, "below")

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    @property
    def shown(self) -> bool:
        return self.evidence >= self.bar

    @property
    def bound(self) -> float:
        """The worst difference that is not excluded."""
        return self.comparison.bound(self.alpha, "above" if self.worse == "below" else "below")
