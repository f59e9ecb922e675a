"""Paired comparisons: the same items, steered and unsteered, one difference an item."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from trimtab_vectors.statistics.estimate import Alternative, Estimate
from trimtab_vectors.statistics.samples import BoolArray, FloatArray, same_length, sample, share
from trimtab_vectors.statistics.student import t_estimate

#: Up to this many differences every pattern of signs is enumerated.
EXACT_UP_TO: Final = 16


def paired_t(
    differences: ArrayLike,
    *,
    null: float = 0.0,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> Estimate:
    """Student's t over paired differences `[n]`, n >= 2; standard error sd / sqrt(n)."""
    d = sample("differences", differences, least=2)
    n = len(d)
    return t_estimate(
        float(d.mean()),
        float(d.std(ddof=1)) / math.sqrt(n),
        n - 1,
        null=null,
        alternative=alternative,
        confidence=confidence,
        n=n,
        clusters=None,
        method="paired t",
    )


def sign_flip(
    differences: ArrayLike,
    *,
    null: float = 0.0,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
    resamples: int = 19_999,
    seed: int = 0,
) -> Estimate:
    """Sign-flip (randomisation) test of paired differences `[n]`; exact up to 16 of them, else drawn.

    The null is that the differences are symmetric around `null`. Interval: the test inverted, whose bounds
    are order statistics of the means of all subsets (Hartigan 1969, JASA 64:1303). With few units the
    smallest possible p is 2**-n one-sided, so 3 or 4 seeds can never reach .05 and the bound is infinite.
    """
    d = sample("differences", differences)
    share("confidence", confidence)
    exact = len(d) <= EXACT_UP_TO
    means = _subset_means_all(d) if exact else _subset_means_drawn(d, resamples, seed)
    patterns = len(means) + 1
    # Flipping the signs of a subset F raises the sum above the observed one exactly when mean(F) <= null.
    scale = float(np.abs(d).max()) + abs(null)
    above = (1 + int((means <= null + 1e-12 * scale).sum())) / patterns
    below = (1 + int((means >= null - 1e-12 * scale).sum())) / patterns
    tail = 1.0 - confidence
    if alternative == "two-sided":
        p, tail = min(1.0, 2.0 * min(above, below)), tail / 2
    else:
        p = above if alternative == "greater" else below
    rank = math.floor(tail * patterns + 1e-9)
    ordered = np.sort(means)
    low = float(ordered[rank - 1]) if rank else -math.inf
    high = float(ordered[-rank]) if rank else math.inf
    return Estimate(
        value=float(d.mean()),
        low=-math.inf if alternative == "less" else low,
        high=math.inf if alternative == "greater" else high,
        confidence=confidence,
        alternative=alternative,
        p=p,
        n=len(d),
        clusters=None,
        method="exact sign flip" if exact else f"sign flip, {resamples} draws",
        seed=None if exact else seed,
    )


def _subset_means_all(d: FloatArray) -> FloatArray:
    sums, sizes = np.zeros(1), np.zeros(1)
    for value in d:
        sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1])
    means: FloatArray = sums[1:] / sizes[1:]
    return means


def _subset_means_drawn(d: FloatArray, resamples: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, 1000):
        chosen = rng.integers(0, 2, size=(min(1000, resamples - start), len(d))).astype(np.float64)
        # The empty subset is the observed pattern, which is counted once already: draw one item instead.
        chosen[chosen.sum(axis=1) == 0, rng.integers(len(d))] = 1.0
        means[start : start + len(chosen)] = chosen @ d / chosen.sum(axis=1)
    return means


def mcnemar_exact(before: ArrayLike, after: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Change of a yes/no outcome on the same items `[n]`: share after minus share before, two-sided.

    p: exact binomial test on the items that changed (McNemar 1947); 1 if none did. Interval: adjusted Wald
    for paired proportions (Bonett & Price 2012, J. Educ. Behav. Stat. 37:479, equation 7).
    """
    was, now = _flags("before", before), _flags("after", after)
    n = same_length(before=was.astype(np.float64), after=now.astype(np.float64))
    share("confidence", confidence)
    gained, lost = int((now & ~was).sum()), int((was & ~now).sum())
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    se = math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * se
    return Estimate(
        value=(gained - lost) / n,
        low=max(-1.0, up - down - reach),
        high=min(1.0, up - down + reach),
        confidence=confidence,
        alternative="two-sided",
        p=p,
        n=n,
        clusters=None,
        method="exact McNemar",
        standard_error=se,
    )


def _flags(name: str, values: ArrayLike) -> BoolArray:
    flags = np.asarray(values)
    if flags.ndim != 1 or not len(flags) or not np.isin(flags, (0, 1)).all():
        raise ValueError(f"{name} must hold one yes/no value an item: True and False, or 1 and 0")
    return flags.astype(np.bool_)
