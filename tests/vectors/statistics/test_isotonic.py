"""The batched isotonic fit against scipy's pool of adjacent violators and against the conditions of a minimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from trimtab_vectors.statistics import isotonic_regression


@pytest.mark.parametrize("decreasing", [False, True])
def test_every_row_is_scipys_fit(decreasing: bool) -> None:
    rng = np.random.default_rng(0)
    y = np.round(rng.normal(size=(3, 40, 9)), 1)
    weights = rng.uniform(0.2, 3.0, size=9)
    fit = isotonic_regression(y, weights, decreasing=decreasing)
    assert fit.shape == y.shape
    for index in np.ndindex(3, 40):
        theirs = optimize.isotonic_regression(y[index], weights=weights, increasing=not decreasing).x
        assert fit[index] == pytest.approx(theirs)


def test_the_fit_beats_every_monotone_timeline_on_a_grid() -> None:
    y = np.array([0.0, 3.0, 1.0, 2.0])
    levels = np.arange(0.0, 3.01, 0.25)
    grid = np.stack(np.meshgrid(*[levels] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    monotone = grid[(np.diff(grid, axis=1) >= 0).all(axis=1)]
    best = monotone[((monotone - y) ** 2).sum(axis=1).argmin()]
    assert isotonic_regression(y) == pytest.approx(best)


def test_a_monotone_timeline_is_its_own_fit_and_one_stage_too() -> None:
    assert isotonic_regression([3.0, 2.0, 2.0, -1.0], decreasing=True) == pytest.approx([3.0, 2.0, 2.0, -1.0])
    assert isotonic_regression([4.0]) == pytest.approx([4.0])


def test_weights_must_be_positive_and_one_a_stage() -> None:
    with pytest.raises(ValueError, match="3 positive numbers"):
        isotonic_regression([1.0, 2.0, 3.0], [1.0, 0.0, 1.0])
