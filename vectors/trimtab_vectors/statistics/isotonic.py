"""Isotonic regression of many timelines at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import FloatArray


def isotonic_regression(
    values: ArrayLike, weights: ArrayLike | None = None, *, decreasing: bool = False
) -> FloatArray:
    """Weighted least-squares fit that never falls (or never rises) along the last axis of `values [..., T]`.

    weights: `[T]`, positive. By the min-max formula, which pooling adjacent violators computes one by one
    (Barlow et al. 1972, section 1.2): the increasing fit at t is the largest over starts s <= t of the smallest
    mean of values[s..u] over ends u >= t. T is small here and timelines are many.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim < 1 or y.shape[-1] < 1:
        raise ValueError(f"values has shape {list(y.shape)}; [..., stages] is expected")
    stages = y.shape[-1]
    w = np.ones(stages) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (stages,) or not (w > 0).all():
        raise ValueError(f"weights must be {stages} positive numbers, one a stage")
    rows = np.ascontiguousarray(np.moveaxis(-y if decreasing else y, -1, 0))
    weighted = rows * w.reshape(-1, *[1] * (rows.ndim - 1))
    fit = np.full_like(rows, -np.inf)
    for start in range(stages):
        total, mass = np.zeros(rows.shape[1:]), 0.0
        means = []
        for end in range(start, stages):
            total = total + weighted[end]
            mass += w[end]
            means.append(total / mass)
        smallest = np.full(rows.shape[1:], np.inf)
        for end in range(stages - 1, start - 1, -1):
            smallest = np.minimum(smallest, means[end - start])
            fit[end] = np.maximum(fit[end], smallest)
    fitted = np.moveaxis(fit, 0, -1)
    return -fitted if decreasing else fitted
