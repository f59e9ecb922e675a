"""Margins of a stage by stage study: vector from stage s, on the model of stage t, at every strength."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class EffectGrid:
    """Margins of one training seed, in nats: log p(honest answer) - log p(its dishonest match).

    margins: `[S, T, A, n]`: stage s of the vector, stage t of the model, strength, item. A cell that was not
    measured is NaN throughout; half a cell is refused, since a mean over other items is another quantity.
    strengths: `[A]`, increasing, in units of the residual norm. clusters: a label an item, items that share a
    fact or template; None where each stands alone. vector_stages, model_stages: their names. seed: the run.
    """

    margins: FloatArray
    strengths: tuple[float, ...]
    vector_stages: tuple[str, ...]
    model_stages: tuple[str, ...]
    clusters: tuple[Hashable, ...] | None = None
    seed: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.vector_stages), len(self.model_stages), len(self.strengths))
        if self.margins.ndim != 4 or self.margins.shape[:3] != shape or self.margins.shape[3] < 2:
            raise ValueError(
                f"margins has shape {list(self.margins.shape)}; {list(shape)} and at least 2 items are expected "
                "(vector stages, model stages, strengths, items)"
            )
        if list(self.strengths) != sorted(set(self.strengths)):
            raise ValueError(f"strengths {list(self.strengths)} must increase, each once")
        if self.clusters is not None and len(self.clusters) != self.margins.shape[3]:
            raise ValueError(f"clusters holds {len(self.clusters)} labels for {self.margins.shape[3]} items")
        finite = np.isfinite(self.margins)
        partly = finite.any(axis=(2, 3)) & ~finite.all(axis=(2, 3))
        if partly.any():
            s, t = np.argwhere(partly)[0]
            raise ValueError(
                f"the cell of vector stage {self.vector_stages[s]} on model stage {self.model_stages[t]} is only "
                "partly measured; measure all its strengths and items, or leave it NaN"
            )

    @property
    def measured(self) -> BoolArray:
        """Which cells were measured, `[S, T]`."""
        measured: BoolArray = np.isfinite(self.margins[:, :, 0, 0])
        return measured

    def at(self, strength: float) -> FloatArray:
        """Margins at one strength of the grid, `[S, T, n]`."""
        found = np.flatnonzero(np.isclose(self.strengths, strength, rtol=1e-9, atol=1e-12))
        if not len(found):
            raise ValueError(f"strength {strength:g} is not in the grid {list(self.strengths)}")
        margins: FloatArray = self.margins[:, :, found[0]]
        return margins


def item_slopes(strengths: ArrayLike, margins: ArrayLike) -> FloatArray:
    """Least-squares slope of `margins [..., A, n]` over strengths `[A]`, for each item: `[..., n]`.

    Per-item steerability (Tan et al., arXiv:2407.12404, section 3). The mean over items is the slope of the mean.
    """
    a = np.asarray(strengths, dtype=np.float64)
    y = np.asarray(margins, dtype=np.float64)
    if len(set(a.tolist())) < 2 or y.ndim < 2 or y.shape[-2] != len(a):
        raise ValueError(
            f"margins of shape {list(y.shape)} at strengths {a.tolist()}; [..., strengths, items] and at least 2 "
            "different strengths are expected"
        )
    centred = a - a.mean()
    slopes: FloatArray = np.einsum("a,...an->...n", centred / (centred @ centred), y)
    return slopes
