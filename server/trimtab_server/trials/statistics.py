"""Paired changes between two lanes, with intervals that are clustered, and honest when nothing or all changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from trimtab_vectors.statistics import (
    Estimate,
    cluster_bootstrap,
    clustered_covariance,
    clustered_mean,
    items_needed,
    mcnemar_exact,
    undetermined,
)
from trimtab_vectors.statistics.samples import cluster_codes

from trimtab_server.sequential import paired_score_p

FloatArray = NDArray[np.float64]
#: More prompts than this are no plan: the margin is too close to what was seen.
MOST_PROMPTS: Final = 100_000
#: The score test asks about changes strictly between -1 and 1.
_INSIDE: Final = 1.0 - 1e-12


@dataclass(frozen=True, eq=False)
class PairedChange:
    """One lane against another over the same prompts.

    differences `[n]`: one a prompt, the mean over its repeats. groups `[n]`: prompts that share one are not
    independent. bounded: differences lie in [-1, 1], as those of rates and grades do.
    """

    differences: FloatArray
    groups: tuple[str, ...]
    bounded: bool = True

    @property
    def prompts(self) -> int:
        return len(self.differences)

    @cached_property
    def group_count(self) -> int:
        return cluster_codes(self.groups, self.prompts)[1]

    @cached_property
    def effective(self) -> float:
        """How many independent pairs of yes/no answers these differences are worth: as many as would give their
        clustered variance, at most one a prompt however often it was repeated; the groups where nothing varies."""
        if self.group_count < 2:
            return float(self.group_count)
        own = self.group_count < self.prompts
        variance = float(clustered_covariance(self.differences[None], self.groups, few_clusters=own)[0, 0])
        if variance <= 0.0:
            return float(self.group_count)
        return max(1.0, min((self._discordant - self._mean**2) / variance, float(self.prompts)))

    def estimate(self, level: float) -> Estimate:
        """The mean change; each bound of the interval is wrong with chance `level` at most.

        Rates and grades: the score test for paired proportions inverted (Tango 1998, Statistics in Medicine 17:891),
        at the effective number of pairs, with t at groups - 1 degrees of freedom in place of z. p: of that test,
        that the change is 0. Else: t over groups (Miller, arXiv:2411.00640, section 2.2).
        """
        confidence = 1.0 - 2.0 * level
        if self.group_count < 2:
            return undetermined(
                "fewer than two groups of prompts",
                confidence=confidence,
                n=self.prompts,
                clusters=self.group_count,
                method="paired change",
            )
        if not self.bounded:
            return clustered_mean(self.differences, self.groups, confidence=confidence)
        tail = float(stats.norm.sf(stats.t.isf(level, self.group_count - 1)))
        return Estimate(
            value=self._mean,
            low=self._bound(tail),
            high=-self._mirrored._bound(tail),
            confidence=confidence,
            alternative="two-sided",
            p=min(1.0, 2.0 * min(self._p_above(0.0), self._mirrored._p_above(0.0))),
            n=self.prompts,
            clusters=self.group_count,
            method="paired score test, effective n",
        )

    def _p_above(self, null: float) -> float:
        """One-sided p of "the change is at most `null`"."""
        n = self.effective
        # Rounding must not make more changes than pairs.
        gained = min(n, max(0.0, (self._discordant + self._mean) / 2.0 * n))
        lost = min(n - gained, max(0.0, (self._discordant - self._mean) / 2.0 * n))
        return paired_score_p(gained, lost, n, null)

    def _bound(self, tail: float) -> float:
        """The lower bound: the largest change below the mean whose p is at most `tail`."""
        low, high = -_INSIDE, min(self._mean, _INSIDE)
        if high <= low:
            return -1.0
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._p_above(middle) <= tail else (low, middle)
        return low

    @cached_property
    def _mirrored(self) -> PairedChange:
        return PairedChange(-self.differences, self.groups, self.bounded)

    def bootstrap(self, level: float, resamples: int = 2000, seed: int = 0) -> Estimate:
        """The same mean, with an interval from drawing whole groups: a check that assumes less."""
        return cluster_bootstrap(
            self.differences,
            self.groups,
            resamples=resamples,
            confidence=1.0 - 2.0 * level,
            interval="percentile",
            seed=seed,
        )

    @property
    def mcnemar_p(self) -> float:
        """Exact p over prompts that changed (McNemar 1947); NaN unless each is one yes/no of a group of its own."""
        if self.group_count != self.prompts or not np.isin(self.differences, (-1.0, 0.0, 1.0)).all():
            return math.nan
        return mcnemar_exact(self.differences < 0, self.differences > 0).p

    @property
    def discordance(self) -> float:
        """Share of prompts that changed, of yes/no outcomes; with repeats, of as many outcomes as those are worth."""
        return self._discordant

    def prompts_needed(
        self, threshold: float, side: Literal["above", "below"], level: float, power: float
    ) -> int | None:
        """How many more prompts would show, with chance `power`, that the change lies on this side of `threshold`:
        if mean, discordance and groups stay as they are. At least 1; None where it lies on the other side, or needs
        more than `MOST_PROMPTS`."""
        distance = (self._mean - threshold) * (1.0 if side == "above" else -1.0)
        if distance <= 0.0 or not self.prompts:
            return None
        if self.bounded:
            # The score grows with the square root of the number of pairs alike.
            change = self if side == "above" else self._mirrored
            score = float(stats.norm.isf(change._p_above(threshold if side == "above" else -threshold)))
            reach = float(stats.norm.isf(level) + stats.norm.ppf(power))
            total = math.ceil(self.prompts * (reach / score) ** 2)
        else:
            variance = self.prompts * float(
                clustered_covariance(self.differences[None], self.groups)[0, 0]
                if self.group_count > 1
                else 0.0
            )
            total = (
                items_needed(variance, distance, alpha=level, power=power, sides=1) if variance > 0.0 else 1
            )
        more = total - self.prompts
        return max(1, more) if more <= MOST_PROMPTS else None

    @cached_property
    def _mean(self) -> float:
        return float(self.differences.mean())

    @cached_property
    def _discordant(self) -> float:
        """Gains and losses together, of yes/no outcomes with this mean and mean square. Differences between them, as
        repeats give, may vary less than any yes/no outcome of their mean: then there are no losses."""
        return max(float((self.differences**2).mean()), abs(self._mean))


def share_estimate(shares: FloatArray, groups: Sequence[str], level: float) -> Estimate:
    """Mean of per-prompt shares `[n]` in [0, 1], with Wilson's interval (1927, JASA 22:209) at the effective number
    of prompts; each bound is wrong with chance `level` at most. p is NaN: nothing is tested."""
    confidence, method = 1.0 - 2.0 * level, "Wilson, effective n"
    if not len(shares):
        return undetermined("no prompt", confidence=confidence, n=0, clusters=0, method=method)
    change = PairedChange(shares, tuple(groups))
    # A share is a change that has no losses.
    n, p, z = change.effective, float(shares.mean()), float(stats.norm.isf(level))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Estimate(
        value=p,
        low=max(0.0, centre - half),
        high=min(1.0, centre + half),
        confidence=confidence,
        alternative="two-sided",
        p=math.nan,
        n=len(shares),
        clusters=change.group_count,
        method=method,
    )
