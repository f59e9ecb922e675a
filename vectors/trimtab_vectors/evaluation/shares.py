"""Shares of yes/no items with intervals that stay honest when nothing, or everything, happened.

A standard error is 0 when all items agree, and would call a handful of items proof. Here every interval is
that of a proportion, among as many independent items as the clustered ones amount to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from trimtab_vectors.evaluation.honesty import wilson_interval
from trimtab_vectors.statistics import Alternative, Estimate, clustered_covariance, undetermined
from trimtab_vectors.statistics.samples import Clusters, cluster_codes

_NO_ITEM = "there is no item to count"


def share(
    flags: ArrayLike,
    clusters: Clusters | None = None,
    *,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> Estimate:
    """Share of items `[n]` that are true, with Wilson's interval at the effective number of items.

    No test, so p is NaN; NaN altogether, with a note, for no item.
    """
    values = _flags(flags)
    method = "Wilson, effective n"
    if not len(values):
        return undetermined(_NO_ITEM, confidence=confidence, n=0, clusters=None, method=method)
    p, n = float(values.mean()), effective_count(values, clusters)
    low, high = _wilson(p, n, _z(confidence, alternative))
    return _estimate(p, low, high, values, clusters, alternative, confidence, method)


def share_change(
    before: ArrayLike,
    after: ArrayLike,
    clusters: Clusters | None = None,
    *,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> Estimate:
    """Share of `after [n]` minus share of `before [n]` over the same items.

    Adjusted Wald interval for paired proportions (Bonett and Price 2012, J. Educ. Behav. Stat. 37:479, equation
    7) at the effective number of items. p: exact binomial test on the items that changed (two-sided), taking
    each as independent.
    """
    was, now = _flags(before), _flags(after)
    if len(was) != len(now):
        raise ValueError(f"{len(was)} items before and {len(now)} after; the same items are expected")
    method = "paired shares, effective n"
    if not len(was):
        return undetermined(_NO_ITEM, confidence=confidence, n=0, clusters=None, method=method)
    change = now - was
    n = effective_count(change, clusters)
    # Gains and losses as the effective items would show them.
    up = (float((change > 0).mean()) * n + 1) / (n + 2)
    down = (float((change < 0).mean()) * n + 1) / (n + 2)
    reach = _z(confidence, alternative) * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    gained, lost = int((change > 0).sum()), int((change < 0).sum())
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    low, high = max(-1.0, up - down - reach), min(1.0, up - down + reach)
    return _estimate(float(change.mean()), low, high, change, clusters, alternative, confidence, method, p)


def effective_count(values: NDArray[np.float64], clusters: Clusters | None) -> float:
    """How many independent items `values [n]` are worth: n over the design effect, at most n.

    The design effect is the clustered variance of the mean over the plain one, at least 1. Where the values do
    not vary it cannot be seen and 1 is taken, which is what a single deviating item would give as well.
    """
    n = len(values)
    _, count = cluster_codes(clusters, n)
    if clusters is None or count == n:
        return float(n)
    variance = float(values.var()) / n
    if variance == 0.0:
        return float(n)
    if count < 2:
        return 1.0
    clustered = float(clustered_covariance(values[None], clusters, few_clusters=True)[0, 0])
    return n / max(1.0, clustered / variance)


def _wilson(p: float, n: float, z: float) -> tuple[float, float]:
    # Wilson's formula for a count that need not be whole; for whole ones it is `wilson_interval`.
    if n == round(n) and abs(p * n - round(p * n)) < 1e-9:
        return wilson_interval(round(p * n), round(n), z)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _estimate(
    value: float,
    low: float,
    high: float,
    values: Sequence[float] | NDArray[np.float64],
    clusters: Clusters | None,
    alternative: Alternative,
    confidence: float,
    method: str,
    p: float = math.nan,
) -> Estimate:
    return Estimate(
        value,
        -math.inf if alternative == "less" else low,
        math.inf if alternative == "greater" else high,
        confidence,
        alternative,
        p,
        len(values),
        None if clusters is None else cluster_codes(clusters, len(values))[1],
        method,
    )


def _z(confidence: float, alternative: Alternative) -> float:
    tail = 1.0 - confidence
    return float(stats.norm.isf(tail / 2 if alternative == "two-sided" else tail))


def _flags(values: ArrayLike) -> NDArray[np.float64]:
    flags = np.asarray(values, dtype=np.float64)
    if flags.ndim != 1 or not np.isin(flags, (0.0, 1.0)).all():
        raise ValueError("one yes/no value an item is expected, [n]: True and False, or 1 and 0")
    return flags
