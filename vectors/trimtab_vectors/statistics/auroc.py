"""How well a score tells two groups apart, without a threshold."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from trimtab_vectors.statistics.estimate import Estimate
from trimtab_vectors.statistics.samples import Clusters, FloatArray, cluster_codes, sample, share


def auroc(
    scores: ArrayLike,
    positive: ArrayLike,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
    interval: Literal["score", "delong"] | None = None,
) -> Estimate:
    """Chance that a positive item scores above a negative one, ties counting half; `[n]` each.

    interval: "score" inverts the test with the Hanley-McNeil variance (1982, Radiology 143:29) and stays
    informative at perfect separation; "delong" uses the empirical variance (DeLong 1988, Biometrics 44:837)
    and, with clusters, Obuchowski's (1997, Biometrics 53:567); NaN where that variance is 0. Default: delong
    with clusters, else score. p: two-sided, against one half.
    """
    s = sample("scores", scores, 2)
    flags = np.asarray(positive)
    if flags.shape != s.shape or not np.isin(flags, (0, 1)).all():
        raise ValueError("positive must hold one yes/no value for each score: True and False, or 1 and 0")
    flags = flags.astype(np.bool_)
    ups, downs = int(flags.sum()), int((~flags).sum())
    if not ups or not downs:
        raise ValueError(f"{ups} items are positive and {downs} are not; both kinds are needed")
    share("confidence", confidence)
    chosen = interval or ("delong" if clusters is not None else "score")
    if chosen == "score" and clusters is not None:
        raise ValueError('the score interval takes items one by one; use interval="delong" with clusters')
    above, below = _placements(s, flags)
    area = float(above.mean())
    codes, count = cluster_codes(clusters, len(s))
    variance = (
        _variance(above, below, codes[flags], codes[~flags], count) if min(ups, downs) > 1 else math.nan
    )
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    low = high = math.nan
    if chosen == "score":
        low, high = _score_interval(area, ups, downs, z)
    elif variance > 0:
        reach = z * math.sqrt(variance)
        low, high = max(0.0, area - reach), min(1.0, area + reach)
    tested = variance if chosen == "delong" else _hanley_mcneil(0.5, ups, downs)
    p = 2.0 * float(stats.norm.sf(abs(area - 0.5) / math.sqrt(tested))) if tested > 0 else math.nan
    return Estimate(
        value=area,
        low=low,
        high=high,
        confidence=confidence,
        alternative="two-sided",
        p=p,
        n=len(s),
        clusters=count if clusters is not None else None,
        method=f"AUROC, {chosen}",
        standard_error=math.sqrt(variance) if variance >= 0 else math.nan,
        note="" if math.isfinite(low) else "no variation between placements: the interval is undefined",
    )


def _placements(scores: FloatArray, flags: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives below it; for each negative the share of positives above it."""
    ups, downs = scores[flags], scores[~flags]
    ordered_downs, ordered_ups = np.sort(downs), np.sort(ups)
    left, right = np.searchsorted(ordered_downs, ups, "left"), np.searchsorted(ordered_downs, ups, "right")
    above = (left + right) / (2.0 * len(downs))
    left, right = np.searchsorted(ordered_ups, downs, "left"), np.searchsorted(ordered_ups, downs, "right")
    below = 1.0 - (left + right) / (2.0 * len(ups))
    return above, below


def _variance(
    above: FloatArray, below: FloatArray, up_codes: np.ndarray, down_codes: np.ndarray, count: int
) -> float:
    """Obuchowski's variance; with one item a cluster it is DeLong's."""
    area = above.mean()
    ups = np.bincount(up_codes, weights=above - area, minlength=count)
    downs = np.bincount(down_codes, weights=below - area, minlength=count)
    groups_up, groups_down = len(np.unique(up_codes)), len(np.unique(down_codes))
    if min(groups_up, groups_down) < 2:
        return math.nan
    m, k = len(above), len(below)
    s_up = groups_up / (groups_up - 1) * float(ups @ ups) / m**2
    s_down = groups_down / (groups_down - 1) * float(downs @ downs) / k**2
    shared = count / (count - 1) * float(ups @ downs) / (m * k)
    return s_up + s_down + 2.0 * shared


def _hanley_mcneil(area: float, ups: int, downs: int) -> float:
    q1, q2 = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    spread = area * (1 - area) + (ups - 1) * (q1 - area**2) + (downs - 1) * (q2 - area**2)
    return spread / (ups * downs)


def _score_interval(area: float, ups: int, downs: int, z: float) -> tuple[float, float]:
    def excess(candidate: float) -> float:
        return (area - candidate) ** 2 - z**2 * _hanley_mcneil(candidate, ups, downs)

    # At an area of 0 or 1 the variance vanishes too and the edge itself is a root: the bound is the other one.
    edge = 1e-9
    low = 0.0 if area == 0.0 else float(optimize.brentq(excess, 0.0, min(area, 1.0 - edge)))
    high = 1.0 if area == 1.0 else float(optimize.brentq(excess, max(area, edge), 1.0))
    return low, high
