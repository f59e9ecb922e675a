"""Steerability by cell: slopes over strengths, and what is left of them against random vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from trimtab_vectors.plasticity.effects import CellEstimates
from trimtab_vectors.plasticity.grid import EffectGrid, item_slopes
from trimtab_vectors.statistics.samples import FloatArray


@dataclass(frozen=True, eq=False)
class SteerabilityMatrix:
    """slope: nats a unit of strength. anti_steerable: share of items with a negative slope. spearman, residual:
    rank correlation of strength and mean margin, and root mean square of the mean margins about their line,
    nats. `[S, T]`."""

    slope: CellEstimates
    anti_steerable: FloatArray
    spearman: FloatArray
    residual: FloatArray


@dataclass(frozen=True, eq=False)
class SpecificSteerability:
    """Slopes against random vectors of the same norm at the same layers, `[S, T]`.

    slope: `S* = S - mean_r S_random(r)`, item by item, so that its interval is paired. z: S* over the standard
    deviation of the random slopes. rank_p: `(1 + #{random >= S}) / (R + 1)`. random_95th: 95th percentile of the
    random slopes, `[T]`. random_vectors: R.
    """

    slope: CellEstimates
    z: FloatArray
    rank_p: FloatArray
    random_95th: FloatArray
    random_vectors: int


def steerability_matrix(grid: EffectGrid, *, confidence: float = 0.95) -> SteerabilityMatrix:
    """Formulas: Tan et al. (arXiv:2407.12404, section 3), for each cell of the grid."""
    slopes = item_slopes(grid.strengths, grid.margins)
    means = grid.margins.mean(axis=3)
    a = np.asarray(grid.strengths)
    line = means.mean(axis=2, keepdims=True) + slopes.mean(axis=2)[:, :, None] * (a - a.mean())
    spearman = np.full(slopes.shape[:2], np.nan)
    for s, t in np.argwhere(grid.measured):
        # A response that does not vary at all has no rank order: it stays NaN.
        if np.ptp(means[s, t]) > 0.0:
            spearman[s, t] = stats.spearmanr(a, means[s, t]).statistic
    return SteerabilityMatrix(
        slope=CellEstimates.of(slopes, grid.clusters, confidence, "slope over strengths, clustered t"),
        anti_steerable=np.where(grid.measured, (slopes < 0.0).mean(axis=2), np.nan),
        spearman=spearman,
        residual=np.sqrt(((means - line) ** 2).mean(axis=2)),
    )


def specific_steerability(
    grid: EffectGrid, random_slopes: FloatArray, *, confidence: float = 0.95
) -> SpecificSteerability:
    """random_slopes: item slopes `[R, T, n]` of R random vectors on each model stage (`item_slopes`), R >= 20."""
    slopes = item_slopes(grid.strengths, grid.margins)
    expected = ("R", *slopes.shape[1:])
    if random_slopes.ndim != 3 or random_slopes.shape[1:] != slopes.shape[1:]:
        raise ValueError(f"random_slopes has shape {list(random_slopes.shape)}; {list(expected)} is expected")
    vectors = random_slopes.shape[0]
    if vectors < 20:
        raise ValueError(
            f"{vectors} random vectors are too few for a 95th percentile; at least 20 are needed"
        )
    randoms = random_slopes.mean(axis=2)
    plain = slopes.mean(axis=2)
    specific = slopes - random_slopes.mean(axis=0)[None]
    spread = randoms.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (plain - randoms.mean(axis=0)) / np.where(spread > 0.0, spread, np.nan)
    reached = (randoms[:, None, :] >= plain[None]).sum(axis=0)
    known = np.isfinite(plain) & np.isfinite(randoms).all(axis=0)
    return SpecificSteerability(
        slope=CellEstimates.of(specific, grid.clusters, confidence, "specific slope, clustered t"),
        z=z,
        rank_p=np.where(known, (1.0 + reached) / (vectors + 1.0), np.nan),
        random_95th=np.percentile(randoms, 95, axis=0),
        random_vectors=vectors,
    )
