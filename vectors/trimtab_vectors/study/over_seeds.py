"""Figures over fine-tune seeds: hierarchical bootstrap draws, seeds first and then clusters of items.

One set of draws serves everything that is compared: a difference or a ratio of two figures is taken draw by draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab_vectors.evaluation.shares import share, share_change
from trimtab_vectors.statistics import Estimate, hierarchical_draws
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.results import MatrixInterval, SeriesInterval, matrix_interval, series_interval

_TAILS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure `[...]` and bootstrap draws of it `[B, ...]`."""

    value: FloatArray
    draws: FloatArray

    def __truediv__(self, other: Drawn) -> Drawn:
        """NaN where the interval of the divisor includes 0: there the ratio is not determined."""
        low, high = other.bounds()
        determined = (low > 0.0) | (high < 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(determined, self.value / other.value, np.nan)
            draws = np.where(determined, self.draws / other.draws, np.nan)
        return Drawn(value, draws)

    def __sub__(self, other: Drawn) -> Drawn:
        return Drawn(self.value - other.value, self.draws - other.draws)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        low, high = np.quantile(self.draws, _TAILS, axis=0)
        return low, high

    def series(self) -> SeriesInterval:
        return series_interval(self.value, *self.bounds())

    def matrix(self) -> MatrixInterval:
        return matrix_interval(self.value, *self.bounds())


@dataclass(frozen=True, eq=False)
class OverSeeds:
    """The runs of one arc, and how to draw from them."""

    figures: Sequence[RunFigures]
    resamples: int
    seed: int

    @property
    def clusters(self) -> Sequence[object] | None:
        return self.figures[0].grid.clusters

    def drawn(self, items: Sequence[FloatArray]) -> Drawn:
        """Of each run's `[..., n]` over the held-out items. Draws of the same seeds and facts every time, so two
        results may be divided or subtracted."""
        values = np.stack(items)
        draws = hierarchical_draws(values, self.clusters, resamples=self.resamples, seed=self.seed)
        return Drawn(values.mean(axis=(0, -1)), draws)

    def over_runs(self, values: Sequence[FloatArray]) -> Drawn:
        """Of one figure a run `[...]`: seeds alone are drawn. NaN where any run has no figure."""
        stacked = np.stack(values)
        rng = np.random.default_rng(self.seed)
        weights = rng.multinomial(len(stacked), [1.0 / len(stacked)] * len(stacked), size=self.resamples)
        draws = np.einsum("bg,g...->b...", weights / len(stacked), stacked)
        return Drawn(stacked.mean(axis=0), draws)

    def share(
        self, flags: Sequence[FloatArray], confidence: float, known: Sequence[object] | None
    ) -> Estimate:
        """Share of true items over all runs; items of one fact stay together across runs."""
        return share(np.concatenate(flags), self._repeated(known), confidence=confidence)

    def share_change(
        self,
        before: Sequence[FloatArray],
        after: Sequence[FloatArray],
        confidence: float,
        known: Sequence[object] | None,
    ) -> Estimate:
        return share_change(
            np.concatenate(before), np.concatenate(after), self._repeated(known), confidence=confidence
        )

    def _repeated(self, labels: Sequence[object] | None) -> list[str] | None:
        return None if labels is None else [str(label) for label in labels] * len(self.figures)


def two_way_margins(matrix: Drawn) -> tuple[Drawn, Drawn]:
    """(receptivity level `[T]`, exportability `[S]`) of a complete matrix, draw by draw.

    Where every cell is measured the least-squares margins of `plasticity.two_way_fit` are the means of columns and
    the centred means of rows.
    """
    receptivity = Drawn(matrix.value.mean(0), matrix.draws.mean(1))
    exportability = Drawn(
        matrix.value.mean(1) - matrix.value.mean(),
        matrix.draws.mean(2) - matrix.draws.mean((1, 2))[:, None],
    )
    return receptivity, exportability
