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
    sign_flip,
    undetermined,
)
from trimtab_vectors.statistics.samples import cluster_codes

FloatArray = NDArray[np.float64]
#: More prompts than this are no plan: the margin is too close to what was seen.
MOST_PROMPTS: Final = 100_000


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
        """How many independent prompts these are worth: n over the design effect, which is taken as 1 at least, and
        as large as groups can make it where the differences do not vary."""
        n, variance = self.prompts, float(self.differences.var())
        if self.group_count == n:
            return float(n)
        if variance == 0.0 or self.group_count < 2:
            return float(self.group_count)
        clustered = clustered_covariance(self.differences[None], self.groups, few_clusters=True)[0, 0]
        return n / max(1.0, float(clustered) / (variance / n))

    def estimate(self, level: float) -> Estimate:
        """The mean change; each bound of the interval is wrong with chance `level` at most.

        Rates: adjusted Wald interval for paired proportions (Bonett & Price 2012, J. Educ. Behav. Stat. 37:479,
        equation 7), at the effective number of prompts. That equation adds one gain and one loss to the sample; said
        so, it takes differences between -1 and 1 too, as repeats give them. t with groups - 1 degrees of freedom in
        place of z. Else: t over groups (Miller, arXiv:2411.00640, section 2.2). p: that the mean is 0, sign flips of
        whole groups.
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
        centre, error = _adjusted(self._mean, self._square, self.effective)
        reach = float(stats.t.ppf(1.0 - level, self.group_count - 1)) * error
        return Estimate(
            value=self._mean,
            low=max(-1.0, centre - reach),
            high=min(1.0, centre + reach),
            confidence=confidence,
            alternative="two-sided",
            p=self.flip_p,
            n=self.prompts,
            clusters=self.group_count,
            method="paired shares, effective n",
            standard_error=error,
        )

    @cached_property
    def flip_p(self) -> float:
        """Two-sided p that the differences are symmetric about 0, flipping the signs of whole groups."""
        codes, count = cluster_codes(self.groups, self.prompts)
        totals = np.bincount(codes, weights=self.differences, minlength=count)
        return sign_flip(totals).p if count > 1 else math.nan

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
        """Mean square of the differences: of yes/no outcomes the share of prompts that changed."""
        return self._square

    def prompts_needed(
        self, threshold: float, side: Literal["above", "below"], level: float, power: float
    ) -> int | None:
        """How many more prompts would show, with chance `power`, that the change lies on this side of `threshold`:
        if mean, discordance and groups stay as they are. At least 1; None where it lies on the other side, or needs
        more than `MOST_PROMPTS`."""
        distance = (self._mean - threshold) * (1.0 if side == "above" else -1.0)
        if distance <= 0.0 or not self.prompts:
            return None
        worth = self.effective / self.prompts
        if self.bounded:
            reach = float(stats.norm.isf(level) + stats.norm.ppf(power))
            total = self._smallest(threshold, side, reach)
        else:
            variance = float(self.differences.var()) / worth
            total = (
                items_needed(variance, distance, alpha=level, power=power, sides=1) if variance > 0.0 else 1
            )
        more = math.ceil(total / worth) - self.prompts if self.bounded else total - self.prompts
        return max(1, more) if more <= MOST_PROMPTS else None

    def _smallest(self, threshold: float, side: str, reach: float) -> int:
        """Effective prompts at which the adjusted interval, widened for the power, clears the threshold."""

        def clears(n: int) -> bool:
            centre, error = _adjusted(self._mean, self._square, n)
            edge = centre - reach * error if side == "above" else centre + reach * error
            return edge > threshold if side == "above" else edge < threshold

        top = 1
        while not clears(top):
            top *= 2
            if top > 2 * MOST_PROMPTS:
                return top
        low = top // 2
        while top - low > 1:
            middle = (low + top) // 2
            low, top = (low, middle) if clears(middle) else (middle, top)
        return top

    @cached_property
    def _mean(self) -> float:
        return float(self.differences.mean())

    @cached_property
    def _square(self) -> float:
        return float((self.differences**2).mean())


def _adjusted(mean: float, square: float, n: float) -> tuple[float, float]:
    """Mean and standard error with one gain and one loss added to n differences of this mean and mean square."""
    centre = n * mean / (n + 2.0)
    spread = (n * square + 2.0) / (n + 2.0) - centre**2
    return centre, math.sqrt(max(0.0, spread) / (n + 2.0))


def share_estimate(shares: FloatArray, groups: Sequence[str], level: float) -> Estimate:
    """Mean of per-prompt shares `[n]` in [0, 1], with Wilson's interval (1927, JASA 22:209) at the effective number
    of prompts; each bound is wrong with chance `level` at most. p is NaN: nothing is tested."""
    confidence, method = 1.0 - 2.0 * level, "Wilson, effective n"
    if not len(shares):
        return undetermined("no prompt", confidence=confidence, n=0, clusters=0, method=method)
    change = PairedChange(shares, tuple(groups))
    n, p, z = _binomial_worth(change), float(shares.mean()), float(stats.norm.isf(level))
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


def _binomial_worth(shares: PairedChange) -> float:
    """Independent yes/no answers that would give this variance of the mean, at most one a prompt however often it was
    repeated. Where nothing varies: the groups."""
    p = float(shares.differences.mean())
    if shares.group_count < 2 or not 0.0 < p < 1.0:
        return float(shares.group_count)
    variance = float(clustered_covariance(shares.differences[None], shares.groups, few_clusters=True)[0, 0])
    if variance <= 0.0:
        return float(shares.group_count)
    return max(1.0, min(p * (1.0 - p) / variance, float(shares.prompts)))
