"""Does a vector from one stage work on another: transfer ratios, and the matrix taken apart."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components

from trimtab_vectors.statistics import Estimate, ratio_of_means
from trimtab_vectors.statistics.samples import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class TwoWayFit:
    """`M[s, t] = mean + exportability[s] + receptivity[t] + specificity[s, t]`, in the matrix's unit.

    exportability `[S]`: how well vectors from stage s work anywhere; receptivity `[T]`: how well stage t answers
    to any vector; each sums to 0. specificity `[S, T]`: what is special to the pair, NaN where not measured.
    explained: share of the (weighted) variance of the cells that the two margins explain; NaN if there is none.
    """

    mean: float
    exportability: FloatArray
    receptivity: FloatArray
    specificity: FloatArray
    explained: float

    @property
    def receptivity_level(self) -> FloatArray:
        """`mean + receptivity [T]`: the effect of an average vector on each stage, comparable with 0."""
        return self.mean + self.receptivity


def two_way_fit(matrix: ArrayLike, weights: ArrayLike | None = None) -> TwoWayFit:
    """Least squares with sum-to-zero margins over the measured cells of `matrix [S, T]`; NaN: not measured.

    weights `[S, T]`: such as 1 / se^2; positive at measured cells. Default: all 1.

    Raises:
        ValueError: a stage has no measured cell, or the measured cells fall into groups that share no stage, so
            that the margins cannot be told apart.
    """
    m = np.asarray(matrix, dtype=np.float64)
    if m.ndim != 2:
        raise ValueError(f"matrix has shape {list(m.shape)}; [vector stages, model stages] is expected")
    s, t = m.shape
    known = np.isfinite(m)
    w = np.ones_like(m) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != m.shape or not (w[known] > 0.0).all():
        raise ValueError("weights must have the matrix's shape and be positive wherever it is measured")
    links = np.zeros((s + t, s + t))
    links[:s, s:] = known
    groups, _ = connected_components(links, directed=False)
    if groups > 1:
        raise ValueError(
            f"the measured cells form {groups} groups without a stage in common; measure cells that link them, or "
            "leave out stages without any"
        )
    rows, columns = np.nonzero(known)
    design = np.hstack([np.ones((len(rows), 1)), _sum_to_zero(s)[rows], _sum_to_zero(t)[columns]])
    root = np.sqrt(w[known])
    solution = np.linalg.lstsq(design * root[:, None], m[known] * root, rcond=None)[0]
    exportability, receptivity = _sum_to_zero(s) @ solution[1:s], _sum_to_zero(t) @ solution[s:]
    specificity = m - (solution[0] + exportability[:, None] + receptivity[None])
    centred = m[known] - np.average(m[known], weights=w[known])
    spread = float((w[known] * centred**2).sum())
    left = float((w[known] * specificity[known] ** 2).sum())
    return TwoWayFit(
        float(solution[0]),
        exportability,
        receptivity,
        specificity,
        1.0 - left / spread if spread > 0 else np.nan,
    )


def _sum_to_zero(levels: int) -> FloatArray:
    """`[levels, levels - 1]`: the last level is minus the sum of the others."""
    return np.vstack([np.eye(levels - 1), -np.ones((1, levels - 1))])


def transfer_ratios(
    items: FloatArray, clusters: Sequence[Hashable] | None = None, *, confidence: float = 0.95
) -> list[list[Estimate | None]]:
    """`TR[s, t] = S*[s, t] / S*[t, t]` from item slopes `[S, S, n]` over the same stages both ways.

    Fieller's interval over the items. None where either cell was not measured; undetermined where the stage's
    own effect cannot be told from 0.
    """
    stages = _square(items)
    known: BoolArray = np.asarray(np.isfinite(items).all(axis=2))
    return [
        [
            ratio_of_means(items[s, t], items[t, t], clusters, confidence=confidence)
            if known[s, t] and known[t, t]
            else None
            for t in range(stages)
        ]
        for s in range(stages)
    ]


def readout_plasticity(
    items: FloatArray, clusters: Sequence[Hashable] | None = None, *, confidence: float = 0.95
) -> list[Estimate | None]:
    """`PI_t = S*[t, t] / S*[0, 0]`: how steerable a stage is by its own vector, the first stage being 1.

    items: item slopes `[S, S, n]`. Interval and None as in `transfer_ratios`.
    """
    stages = _square(items)
    own = [items[t, t] for t in range(stages)]
    known = [bool(np.isfinite(row).all()) for row in own]
    return [
        ratio_of_means(own[t], own[0], clusters, confidence=confidence) if known[t] and known[0] else None
        for t in range(stages)
    ]


def _square(items: FloatArray) -> int:
    if items.ndim != 3 or items.shape[0] != items.shape[1]:
        raise ValueError(
            f"items has shape {list(items.shape)}; the same stages for vectors and models, [S, S, n], are expected"
        )
    return int(items.shape[0])
