"""Does a timeline only ever fade? The departure of the mean over seeds from its best never-rising fit."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.isotonic import isotonic_regression
from trimtab_vectors.statistics.samples import FloatArray

#: Small enough for a processor's cache, which halves the time.
_CELLS_AT_ONCE: Final = 100_000


def isotonic_departure(
    theta: FloatArray, weights: ArrayLike | None = None, *, draws: int = 999, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """T_iso and its p value for timelines `theta [N, G, T]` of G seeds: `[N]` each.

    `T_iso = sum_t w_t (mean_t - fit_t)^2`, fit the never-rising least-squares fit of the mean timeline. Null:
    noise with the seeds' own covariance, whole timelines at a time so that adjacent stages stay correlated,
    added to the fit. Every timeline meets the same random multipliers, so its p value does not depend on which
    others are judged beside it. With fewer than 2 seeds p is NaN.
    """
    count, seeds, stages = theta.shape
    if seeds == 0:
        return np.full(count, np.nan), np.full(count, np.nan)
    w = np.ones(stages) if weights is None else np.asarray(weights, dtype=np.float64)
    mean = theta.mean(axis=1)
    fit = isotonic_regression(mean, w, decreasing=True)
    observed: FloatArray = (w * (mean - fit) ** 2).sum(axis=-1)
    if seeds < 2:
        return observed, np.full(count, np.nan)
    multipliers = np.random.default_rng(seed).standard_normal((draws, seeds))
    residuals = (theta - mean[:, None]) / np.sqrt(seeds * (seeds - 1))
    exceeded = np.zeros(count)
    step = max(1, _CELLS_AT_ONCE // (draws * stages))
    for start in range(0, count, step):
        rows = slice(start, start + step)
        # Summed seed by seed, not as a matrix product, whose rounding depends on how many rows it has.
        noise = sum(multipliers[:, g, None, None] * residuals[None, rows, g] for g in range(seeds))
        drawn = fit[None, rows] + noise
        departure = (w * (drawn - isotonic_regression(drawn, w, decreasing=True)) ** 2).sum(axis=-1)
        exceeded[rows] = (departure >= observed[None, rows]).sum(axis=0)
    return observed, (1.0 + exceeded) / (draws + 1.0)
