"""Representation stability: how far the direction of one stage is that of another, freed of extraction noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import Clusters, FloatArray, cluster_codes

#: Below this reliability a corrected cosine is a quotient of noises and is not shown.
LEAST_RELIABILITY: Final = 0.5


@dataclass(frozen=True)
class SplitHalf:
    """cosine: mean cosine between the directions of two halves of the pairs. reliability: that of the
    direction from all pairs, `C* = 2C / (1 + C)` (Spearman-Brown); its square root bounds any cosine with it."""

    cosine: float
    reliability: float
    splits: int
    seed: int


def split_half(
    differences: ArrayLike, clusters: Clusters | None = None, *, splits: int = 50, seed: int = 0
) -> SplitHalf:
    """Of paired differences `[n, H]` of states, whose mean is a DiffMean direction.

    Whole clusters go to one half, so that a fact does not vouch for itself. Needs at least 2 clusters.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or not np.isfinite(d).all():
        raise ValueError(f"differences has shape {list(d.shape)}; finite [pairs, hidden] is expected")
    codes, count = cluster_codes(clusters, len(d))
    if count < 2 or splits < 1:
        raise ValueError(f"{count} clusters and {splits} splits; at least 2 clusters and 1 split are needed")
    sums = np.zeros((count, d.shape[1]))
    np.add.at(sums, codes, d)
    rng = np.random.default_rng(seed)
    # The direction of a half needs no division by its size.
    halves = np.array([rng.permutation(count) < count // 2 for _ in range(splits)], dtype=np.float64)
    first = halves @ sums
    cosine = float(_cosine(first, sums.sum(axis=0) - first).mean())
    return SplitHalf(cosine, 2.0 * cosine / (1.0 + cosine) if cosine > -1.0 else -np.inf, splits, seed)


def _cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    if not (norms > 0.0).all():
        raise ValueError("a direction is zero: it has no cosine with anything")
    cosine: FloatArray = (a * b).sum(axis=-1) / norms
    return cosine


@dataclass(frozen=True, eq=False)
class RepresentationStability:
    """Cosines between the directions of stages, by layer.

    plain `[S, S, L]`; corrected: `RS / sqrt(C*_s C*_t)`, at most 1, NaN where a reliability is below .5 (or was
    not measured); band `[S, S]`: mean of the corrected over the layers fixed beforehand, NaN if any is hidden.
    """

    plain: FloatArray
    corrected: FloatArray
    band: FloatArray
    layers: tuple[int, ...]

    @property
    def cumulative(self) -> FloatArray:
        """Stability index since the first stage, `RS*(0, t)`, `[S]`."""
        since_first: FloatArray = self.band[0]
        return since_first

    @property
    def local(self) -> FloatArray:
        """Stability index since the stage before, `RS*(t - 1, t)`, `[S]`; NaN at the first."""
        return np.concatenate([[np.nan], np.diagonal(self.band, offset=1)])

    def local_loss(self, steps: ArrayLike) -> FloatArray:
        """`(1 - local) / (ln(1 + step_t) - ln(1 + step_{t-1}))`, `[S]`: loss per log-step.

        Stages lie closer together early on; without the division early stages would look stable for that alone.
        """
        at = np.asarray(steps, dtype=np.float64)
        if at.shape != (len(self.band),) or (np.diff(at) <= 0).any() or at[0] < 0:
            raise ValueError(f"steps must be {len(self.band)} increasing training steps, one a stage")
        loss = np.full(len(at), np.nan)
        loss[1:] = (1.0 - self.local[1:]) / np.diff(np.log1p(at))
        return loss


def representation_stability(
    vectors: ArrayLike, reliability: ArrayLike, layers: Sequence[int] | None = None
) -> RepresentationStability:
    """From directions `[S, L, H]` and the reliability `[S, L]` of each (`split_half`).

    layers: positions along L of the band, fixed beforehand; default all. Only for stages of one base model:
    directions of separately initialised models share no basis.
    """
    v, c = np.asarray(vectors, dtype=np.float64), np.asarray(reliability, dtype=np.float64)
    if v.ndim != 3 or c.shape != v.shape[:2]:
        raise ValueError(
            f"vectors has shape {list(v.shape)}, reliability {list(c.shape)}; [stages, layers, hidden] and "
            "[stages, layers] are expected"
        )
    band = tuple(range(v.shape[1])) if layers is None else tuple(layers)
    if not band or not set(band) <= set(range(v.shape[1])):
        raise ValueError(f"layers {list(band)} must name some of the {v.shape[1]} layers by position")
    plain = _cosine(v[:, None], v[None])
    shown = np.where(c >= LEAST_RELIABILITY, c, np.nan)
    corrected = np.minimum(1.0, plain / np.sqrt(shown[:, None] * shown[None]))
    # A direction is itself, whatever its noise: only a hidden one is not.
    same = np.arange(len(v))
    corrected[same, same] = np.where(np.isnan(shown), np.nan, 1.0)
    return RepresentationStability(plain, corrected, corrected[:, :, list(band)].mean(axis=2), band)
