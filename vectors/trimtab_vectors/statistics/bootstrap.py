"""Bootstrap intervals: over clusters of items, and over training seeds with clusters inside.

Each draw is a mean, computed from cluster sums and counts, so thousands of draws cost one matrix product.
Over three to five seeds a bootstrap is too narrow to decide anything: it is for plots, the decision is made
by a t or sign-flip test over seeds.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from trimtab_vectors.statistics.estimate import Estimate
from trimtab_vectors.statistics.samples import Clusters, FloatArray, cluster_codes, sample, share

Interval: TypeAlias = Literal["percentile", "bca"]


def cluster_bootstrap(
    values: ArrayLike,
    clusters: Clusters | None = None,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    interval: Interval = "bca",
    seed: int = 0,
) -> Estimate:
    """Mean of `values [n]` with a bootstrap interval; whole clusters are drawn with replacement.

    bca: bias corrected and accelerated, the acceleration from the jackknife over clusters (Efron 1987,
    JASA 82:171). Needs at least two clusters.
    """
    v = sample("values", values, 2)
    sums, counts = _cluster_totals(v[None], clusters)
    if len(counts) < 2:
        raise ValueError("the items form 1 cluster; at least 2 are needed to draw from")
    weights = _draws(len(counts), resamples, np.random.default_rng(seed))
    draws = (weights @ sums[0]) / (weights @ counts)
    jackknife = (sums[0].sum() - sums[0]) / (counts.sum() - counts)
    low, high = bootstrap_interval(draws, float(v.mean()), jackknife, confidence, interval)
    return Estimate(
        value=float(v.mean()),
        low=low,
        high=high,
        confidence=confidence,
        alternative="two-sided",
        p=math.nan,
        n=len(v),
        clusters=len(counts) if clusters is not None else None,
        method=f"cluster bootstrap, {interval}, {resamples} draws",
        standard_error=float(draws.std(ddof=1)),
        seed=seed,
    )


def hierarchical_draws(
    values: ArrayLike, clusters: Clusters | None = None, *, resamples: int = 2000, seed: int = 0
) -> FloatArray:
    """Bootstrap draws `[resamples, ...]` of the mean over seeds and items of `values [G, ..., n]`.

    Seeds are drawn first, then clusters of items. All seeds answer the same items, so one draw of clusters
    serves every seed: drawing anew for each would average away item noise that they share.
    """
    v = np.asarray(values, dtype=np.float64)
    if v.ndim < 2 or v.shape[0] < 1 or v.shape[-1] < 1:
        raise ValueError(f"values has shape {list(v.shape)}; [seeds, ..., items] is expected")
    if not np.isfinite(v).all():
        raise ValueError("values holds cells that are not finite; leave out those seeds or items, and say so")
    sums, counts = _cluster_totals(v.reshape(-1, v.shape[-1]), clusters)
    rng = np.random.default_rng(seed)
    seeds = _draws(v.shape[0], resamples, rng) / v.shape[0]
    items = _draws(len(counts), resamples, rng)
    items = items / (items @ counts)[:, None]
    totals = sums.reshape(v.shape[0], -1, len(counts))
    draws = np.empty((resamples, totals.shape[1]))
    for cell in range(totals.shape[1]):
        draws[:, cell] = np.einsum("bg,gc,bc->b", seeds, totals[:, cell], items, optimize=True)
    return draws.reshape(resamples, *v.shape[1:-1])


def hierarchical_bootstrap(
    values: ArrayLike,
    clusters: Clusters | None = None,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    interval: Interval = "percentile",
    seed: int = 0,
) -> Estimate:
    """Mean of `values [G, n]` over seeds and items; see `hierarchical_draws`. bca: jackknife over seeds.

    n is the number of seeds: the unit of replication of any claim about time.
    """
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 2 or v.shape[0] < 2:
        raise ValueError(
            f"values has shape {list(v.shape)}; [seeds, items] with at least 2 seeds is expected"
        )
    draws = hierarchical_draws(v, clusters, resamples=resamples, seed=seed)
    means = v.mean(axis=1)
    jackknife = (means.sum() - means) / (len(means) - 1)
    low, high = bootstrap_interval(draws, float(v.mean()), jackknife, confidence, interval)
    return Estimate(
        value=float(v.mean()),
        low=low,
        high=high,
        confidence=confidence,
        alternative="two-sided",
        p=math.nan,
        n=v.shape[0],
        clusters=cluster_codes(clusters, v.shape[1])[1],
        method=f"hierarchical bootstrap, {interval}, {resamples} draws",
        standard_error=float(draws.std(ddof=1)),
        seed=seed,
    )


def bootstrap_interval(
    draws: FloatArray, value: float, jackknife: FloatArray, confidence: float, interval: Interval
) -> tuple[float, float]:
    """Bounds from draws `[B]` of a statistic whose value on the data is `value`.

    jackknife: the statistic with each unit left out; used by bca only.
    """
    share("confidence", confidence)
    tails = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
    if interval == "bca":
        tails = _bca_tails(draws, value, jackknife, tails)
    elif interval != "percentile":
        raise ValueError(f"interval is {interval!r}; use percentile or bca")
    low, high = np.quantile(draws, tails)
    return float(low), float(high)


def _bca_tails(draws: FloatArray, value: float, jackknife: FloatArray, tails: FloatArray) -> FloatArray:
    below = float((draws < value).mean() + 0.5 * (draws == value).mean())
    if not 0.0 < below < 1.0:
        raise ValueError(
            "every bootstrap draw lies on one side of the estimate; use more draws or percentile"
        )
    bias = stats.norm.ppf(below)
    influence = jackknife.mean() - jackknife
    spread = float((influence**2).sum()) ** 1.5
    acceleration = float((influence**3).sum()) / (6.0 * spread) if spread > 0 else 0.0
    z = bias + stats.norm.ppf(tails)
    corrected: FloatArray = stats.norm.cdf(bias + z / (1.0 - acceleration * z))
    return corrected


def _cluster_totals(rows: FloatArray, clusters: Clusters | None) -> tuple[FloatArray, FloatArray]:
    codes, count = cluster_codes(clusters, rows.shape[1])
    sums = np.stack([np.bincount(codes, weights=row, minlength=count) for row in rows])
    return sums.astype(np.float64), np.bincount(codes, minlength=count).astype(np.float64)


def _draws(units: int, resamples: int, rng: np.random.Generator) -> FloatArray:
    """How often each unit is drawn, `[resamples, units]`."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; at least 1 is expected, 2000 for a report")
    return rng.multinomial(units, np.full(units, 1.0 / units), size=resamples).astype(np.float64)
