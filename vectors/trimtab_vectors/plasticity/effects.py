"""Effects of vectors from every stage on every stage, with clustered intervals; and what share of the gap
between a lying and an honest prompt they close."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.plasticity.grid import EffectGrid
from trimtab_vectors.statistics import Estimate, clustered_mean, ratio_of_means
from trimtab_vectors.statistics.samples import Clusters, FloatArray, same_length, sample


@dataclass(frozen=True, eq=False)
class CellEstimates:
    """A figure for each cell, `[S, T]` each; NaN where a cell was not measured or cannot be determined.

    items `[S, T, n]`: the figure of each item, whose mean a cell is.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    standard_error: FloatArray
    p: FloatArray
    items: FloatArray
    confidence: float
    method: str

    @classmethod
    def of(
        cls, items: FloatArray, clusters: Sequence[Hashable] | None, confidence: float, method: str
    ) -> CellEstimates:
        """Clustered means over the last axis of `items [S, T, n]`."""
        fields = ("value", "low", "high", "standard_error", "p")
        cells = {name: np.full(items.shape[:2], np.nan) for name in fields}
        for s, t in np.argwhere(np.isfinite(items).all(axis=2)):
            found = clustered_mean(items[s, t], clusters, confidence=confidence)
            for name in fields:
                cells[name][s, t] = getattr(found, name)
        return cls(**cells, items=items, confidence=confidence, method=method)


def effect_matrix(grid: EffectGrid, strength: float, *, confidence: float = 0.95) -> CellEstimates:
    """`E[s, t] = mean_i (y_i(+a) - y_i(-a)) / 2` at a strength a fixed beforehand, in nats."""
    if strength <= 0.0:
        raise ValueError(
            f"strength is {strength:g}; a positive one whose negative is in the grid is expected"
        )
    items = (grid.at(strength) - grid.at(-strength)) / 2.0
    return CellEstimates.of(items, grid.clusters, confidence, f"effect at +-{strength:g}, clustered t")


def one_sided_effect_matrix(grid: EffectGrid, strength: float, *, confidence: float = 0.95) -> CellEstimates:
    """`mean_i (y_i(a) - y_i(0))`: the effect against the unsteered model, in nats."""
    if strength == 0.0:
        raise ValueError("strength is 0; that is what it is compared with")
    items = grid.at(strength) - grid.at(0.0)
    return CellEstimates.of(
        items, grid.clusters, confidence, f"effect at {strength:g} against 0, clustered t"
    )


def normalised_effect(
    steered: ArrayLike,
    lying: ArrayLike,
    honest: ArrayLike,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """NIE: `(mean y(lying prompt, steered) - mean y(lying prompt)) / (mean y(honest prompt) - mean y(lying prompt))`.

    Margins of the same items `[n]`. 1 means that steering closes the gap as the honest prompt does (Marks & Tegmark,
    arXiv:2310.06824, section 6). Undetermined where the gap's interval includes 0: then no gap is there to close.
    """
    s, low, high = sample("steered", steered, 2), sample("lying", lying, 2), sample("honest", honest, 2)
    same_length(steered=s, lying=low, honest=high)
    return ratio_of_means(s - low, high - low, clusters, confidence=confidence)
