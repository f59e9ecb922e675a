"""Means and ratios over items that are not independent: several items share a fact, a template, a topic."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from trimtab_vectors.statistics.estimate import Alternative, Estimate, undetermined
from trimtab_vectors.statistics.samples import Clusters, FloatArray, cluster_codes, same_length, sample
from trimtab_vectors.statistics.student import t_estimate


def clustered_covariance(
    samples: FloatArray, clusters: Clusters | None, *, few_clusters: bool = False
) -> FloatArray:
    """Covariance `[k, k]` of the means of k samples over the same items, `samples [k, n]`.

    Diagonal: `(1 / n^2) sum_c (sum_{i in c} d_i - n_c mean(d))^2` (Miller, arXiv:2411.00640, section 2.2).
    few_clusters: times C / (C - 1), without which few clusters look too certain; with one item a cluster the
    result is then exactly sd / sqrt(n).
    """
    codes, count = cluster_codes(clusters, samples.shape[1])
    if count < 2:
        raise ValueError(f"the items form {count} cluster; at least 2 are needed for a standard error")
    centred = samples - samples.mean(axis=1, keepdims=True)
    sums = np.stack([np.bincount(codes, weights=row, minlength=count) for row in centred])
    covariance: FloatArray = sums @ sums.T / samples.shape[1] ** 2
    return covariance * (count / (count - 1)) if few_clusters else covariance


def clustered_standard_error(values: ArrayLike, clusters: Clusters | None = None) -> float:
    """Standard error of the mean of `values [n]`; formula: `clustered_covariance`, without the correction."""
    return math.sqrt(float(clustered_covariance(sample("values", values, 2)[None], clusters)[0, 0]))


def clustered_mean(
    values: ArrayLike,
    clusters: Clusters | None = None,
    *,
    null: float = 0.0,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> Estimate:
    """Mean of `values [n]` with a clustered interval: t with C - 1 degrees of freedom, corrected for few C."""
    v = sample("values", values, 2)
    _, count = cluster_codes(clusters, len(v))
    variance = float(clustered_covariance(v[None], clusters, few_clusters=True)[0, 0])
    return t_estimate(
        float(v.mean()),
        math.sqrt(variance),
        count - 1,
        null=null,
        alternative=alternative,
        confidence=confidence,
        n=len(v),
        clusters=count if clusters is not None else None,
        method="clustered t" if clusters is not None else "paired t",
    )


def ratio_of_means(
    numerator: ArrayLike,
    denominator: ArrayLike,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """`mean(numerator) / mean(denominator)` over the same items `[n]`, with Fieller's interval.

    Undefined (NaN, with a note) where the interval of the denominator includes 0: there the set of
    ratios that the data allow has no bounds (Fieller 1954, J. R. Stat. Soc. B 16:175). p: that the ratio is 0.
    """
    top, bottom = sample("numerator", numerator, 2), sample("denominator", denominator, 2)
    n = same_length(numerator=top, denominator=bottom)
    _, count = cluster_codes(clusters, n)
    covariance = clustered_covariance(np.stack([top, bottom]), clusters, few_clusters=True)
    return fieller(
        float(top.mean()),
        float(bottom.mean()),
        covariance,
        df=count - 1,
        confidence=confidence,
        n=n,
        clusters=count if clusters is not None else None,
    )


def fieller(
    top: float,
    bottom: float,
    covariance: FloatArray,
    *,
    df: float,
    confidence: float,
    n: int,
    clusters: int | None,
) -> Estimate:
    """Fieller's interval of `top / bottom` from their covariance `[2, 2]`; see `ratio_of_means`."""
    method = "ratio of means, Fieller"
    t = float(stats.t.ppf(0.5 + confidence / 2, df))
    vt, vb, vtb = float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1])
    a = bottom**2 - t**2 * vb
    if bottom == 0.0 or a <= 0.0:
        note = "the interval of the denominator includes 0"
        return undetermined(note, confidence=confidence, n=n, clusters=clusters, method=method)
    b = top * bottom - t**2 * vtb
    root = math.sqrt(max(0.0, b**2 - a * (top**2 - t**2 * vt)))
    ratio = top / bottom
    se = math.sqrt(max(0.0, vt - 2 * ratio * vtb + ratio**2 * vb)) / abs(bottom)
    p = 2.0 * float(stats.t.sf(abs(top) / math.sqrt(vt), df)) if vt > 0 else math.nan
    return Estimate(
        ratio, (b - root) / a, (b + root) / a, confidence, "two-sided", p, n, clusters, method, se
    )
