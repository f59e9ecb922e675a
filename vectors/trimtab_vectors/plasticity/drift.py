"""How far states moved from one stage to another, apart from any direction of interest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import FloatArray


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Linear centred kernel alignment of states of the same inputs, `[n, H1]` and `[n, H2]`; 1: alike up to
    rotation and scale.

    `|Y'X|_F^2 / (|X'X|_F |Y'Y|_F)` with columns centred (Kornblith et al., arXiv:1905.00414, section 3). With fewer
    inputs than dimensions it is biased upwards.
    """
    x, y = _states("first", first), _states("second", second)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} states against {len(y)}; states of the same inputs are expected")
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    own = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    if own == 0.0:
        raise ValueError("the states do not vary over inputs; alignment is undefined")
    return float(np.linalg.norm(y.T @ x) ** 2) / own


def mean_shift(before: ArrayLike, after: ArrayLike, residual_norm: float) -> float:
    """`|mean(after) - mean(before)| / r`: how far the mean state moved, in residual norms."""
    if not residual_norm > 0.0:
        raise ValueError(f"residual_norm is {residual_norm}; a positive norm is expected")
    moved = _states("after", after).mean(axis=0) - _states("before", before).mean(axis=0)
    return float(np.linalg.norm(moved)) / residual_norm


def fine_tuning_shift(before: ArrayLike, after: ArrayLike, direction: ArrayLike) -> float:
    """`(mean(after) - mean(before)) . u`, u the direction at unit length: the shift along what is watched
    (persona vectors, arXiv:2507.21509, section 4)."""
    u = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(u))
    if u.ndim != 1 or not length > 0.0:
        raise ValueError(f"direction has shape {list(u.shape)} and norm {length}; a vector [H] is expected")
    moved = _states("after", after).mean(axis=0) - _states("before", before).mean(axis=0)
    return float(moved @ u) / length


def _states(name: str, states: ArrayLike) -> FloatArray:
    array = np.asarray(states, dtype=np.float64)
    if array.ndim != 2 or len(array) < 2 or not np.isfinite(array).all():
        raise ValueError(
            f"{name} has shape {list(array.shape)}; finite states [inputs >= 2, hidden] are expected"
        )
    return array
