"""Steerability: how far and how reliably a margin follows the strength.

Formulas: Tan et al. (arXiv:2407.12404, section 3) for the slope of each item and the share of items that go
the wrong way; the specific slope and its rank against random vectors of the same norm on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from torch import nn

from trimtab_vectors.evaluation.batching import Progress, Treatment
from trimtab_vectors.evaluation.margins import MarginItem, measure_margins
from trimtab_vectors.evaluation.shares import share
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.plasticity.grid import item_slopes
from trimtab_vectors.statistics import Estimate, clustered_mean
from trimtab_vectors.statistics.samples import Clusters


@dataclass(frozen=True)
class Steerability:
    """slope: nats per unit of strength, the mean of `item_slopes` (which is the slope of the mean margins).
    anti_steerable: share of items whose slope is negative. spearman: rank correlation of strength and mean
    margin; residual: root mean square of the mean margins about their line, in nats. Both say how far the
    response is a line: beyond the cliff it is none."""

    strengths: tuple[float, ...]
    mean_margins: tuple[float, ...]
    slope: Estimate
    item_slopes: tuple[float, ...]
    anti_steerable: Estimate
    spearman: float
    residual: float


@dataclass(frozen=True)
class SpecificSlope:
    """A slope against those of random vectors of the same norm at the same place.

    specific: slope minus their mean; z: that over their standard deviation. p: rank p value
    `(1 + #{random >= slope}) / (R + 1)`, so that R vectors never give less than 1 / (R + 1).
    """

    slope: float
    random_slopes: tuple[float, ...]
    specific: float
    z: float
    p: float


def steerability(
    strengths: Sequence[float], margins: ArrayLike, clusters: Clusters | None = None
) -> Steerability:
    """From margins `[A, N]` at A strengths (at least two different) of N >= 2 items; clusters: a label an item."""
    grid = np.asarray(strengths, dtype=np.float64)
    values = np.asarray(margins, dtype=np.float64)
    if len(set(strengths)) < 2:
        raise ValueError(f"strengths are {list(strengths)}; a slope needs two different ones")
    if values.ndim != 2 or len(values) != len(grid):
        raise ValueError(
            f"margins have shape {list(values.shape)}; [{len(grid)}, items] is expected, a row a strength"
        )
    slopes = item_slopes(grid, values)
    means = values.mean(axis=1)
    fitted = means.mean() + slopes.mean() * (grid - grid.mean())
    ranks = stats.rankdata(grid), stats.rankdata(means)
    varies = ranks[1].std() > 0
    return Steerability(
        tuple(grid.tolist()),
        tuple(means.tolist()),
        clustered_mean(slopes, clusters),
        tuple(slopes.tolist()),
        share(slopes < 0, clusters),
        float(np.corrcoef(*ranks)[0, 1]) if varies else 0.0,
        float(np.sqrt(np.mean((means - fitted) ** 2))),
    )


def specific_slope(slope: float, random_slopes: Sequence[float]) -> SpecificSlope:
    """Raises ValueError for fewer than two random slopes."""
    others = np.asarray(random_slopes, dtype=np.float64)
    if len(others) < 2:
        raise ValueError(f"{len(others)} random slopes are given; at least 2, better 50, are needed")
    specific = slope - float(others.mean())
    spread = float(others.std(ddof=1))
    return SpecificSlope(
        slope,
        tuple(others.tolist()),
        specific,
        specific / spread if spread > 0 else float("inf") * np.sign(specific),
        rank_p(slope, random_slopes),
    )


def rank_p(value: float, controls: Sequence[float]) -> float:
    """`(1 + #{controls >= value}) / (R + 1)`: one-sided, never 0."""
    return (1 + sum(other >= value for other in controls)) / (len(controls) + 1)


def margin_grid(
    model: nn.Module,
    tokenizer: Any,
    items: Sequence[MarginItem],
    strengths: Sequence[float],
    at: Callable[[float], Treatment],
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Margins against the best dishonest answer, `[A, N]`; `at(strength)` gives each strength's treatment."""
    rows = []
    for done, strength in enumerate(strengths):
        found = measure_margins(model, tokenizer, items, at(strength), batch_tokens=batch_tokens)
        rows.append([margin.against_best for margin in found])
        if progress is not None:
            progress(done + 1, len(strengths))
    return np.array(rows)
