"""The two-way fit against plain least squares and against planted margins; ratios between stages."""

from __future__ import annotations

import numpy as np
import pytest
from trimtab_vectors.plasticity import readout_plasticity, transfer_ratios, two_way_fit


def matrix(seed: int = 0, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(5, 7))
    m[rng.random(m.shape) < missing] = np.nan
    return m


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_fitted_cells_are_those_of_lstsq_over_dummy_columns(missing: float, weighted: bool) -> None:
    m = matrix(1, missing)
    w = np.random.default_rng(2).uniform(0.5, 2.0, size=m.shape) if weighted else np.ones(m.shape)
    rows, columns = np.nonzero(np.isfinite(m))
    design = np.hstack([np.eye(5)[rows], np.eye(7)[columns]])
    root = np.sqrt(w[rows, columns])
    solved = np.linalg.lstsq(design * root[:, None], m[rows, columns] * root, rcond=None)[0]
    fit = two_way_fit(m, w if weighted else None)
    fitted = (m - fit.specificity)[rows, columns]
    assert fitted == pytest.approx(design @ solved)
    assert fit.exportability.sum() == pytest.approx(0.0, abs=1e-12)
    assert fit.receptivity.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(fit.specificity).sum() == np.isnan(m).sum()


def test_in_a_full_matrix_the_margins_are_row_and_column_means() -> None:
    m = matrix(3)
    fit = two_way_fit(m)
    assert fit.mean == pytest.approx(m.mean())
    assert fit.exportability == pytest.approx(m.mean(axis=1) - m.mean())
    assert fit.receptivity_level == pytest.approx(m.mean(axis=0))
    assert fit.explained == pytest.approx(1 - fit.specificity.var() / m.var())


def test_planted_margins_come_back_though_cells_are_missing() -> None:
    rng = np.random.default_rng(4)
    x, r = rng.normal(size=6), rng.normal(size=8)
    x, r = x - x.mean(), r - r.mean()
    m = 2.0 + x[:, None] + r[None]
    m[rng.random(m.shape) < 0.4] = np.nan
    fit = two_way_fit(m)
    assert fit.mean == pytest.approx(2.0)
    assert fit.exportability == pytest.approx(x)
    assert fit.receptivity == pytest.approx(r)
    assert fit.explained == pytest.approx(1.0)


def test_cells_that_share_no_stage_cannot_be_compared() -> None:
    m = np.full((4, 4), np.nan)
    m[:2, :2] = m[2:, 2:] = 1.0
    with pytest.raises(ValueError, match="2 groups without a stage in common"):
        two_way_fit(m)
    with pytest.raises(ValueError, match="groups"):
        two_way_fit(np.vstack([matrix(), np.full((1, 7), np.nan)]))


def test_transfer_ratios_divide_by_what_the_own_vector_does() -> None:
    rng = np.random.default_rng(5)
    own = rng.normal(3.0, 0.5, size=(3, 40))
    items = own[None] * np.array([1.0, 0.5, -0.2])[:, None, None]
    items[np.arange(3), np.arange(3)] = own
    items[2, 0] = np.nan
    found = transfer_ratios(items)
    half, back, same = found[1][0], found[2][1], found[1][1]
    assert half is not None and back is not None and same is not None
    assert half.value == pytest.approx(0.5)
    assert back.value == pytest.approx(-0.2)
    assert (same.value, same.low, same.high) == pytest.approx((1.0, 1.0, 1.0))
    assert found[2][0] is None


def test_readout_plasticity_is_relative_to_the_first_stage() -> None:
    rng = np.random.default_rng(6)
    base = rng.normal(2.0, 1.0, size=60)
    items = np.full((3, 3, 60), np.nan)
    items[0, 0], items[1, 1] = base, 2.0 * base + rng.normal(0.0, 0.2, size=60)
    found = readout_plasticity(items)
    assert found[0] is not None and found[0].value == pytest.approx(1.0)
    assert found[1] is not None and found[1].low < 2.0 < found[1].high
    assert found[2] is None


def test_a_first_stage_without_effect_leaves_plasticity_undetermined() -> None:
    rng = np.random.default_rng(7)
    items = np.zeros((2, 2, 30))
    items[0, 0], items[1, 1] = np.tile([1.1, -1.0], 15), rng.normal(3.0, 1.0, size=30)
    found = readout_plasticity(items)[1]
    assert found is not None and not found.defined
