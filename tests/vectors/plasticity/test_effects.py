"""Effect matrices, normalised effects and slopes against per-cell formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.plasticity import (
    EffectGrid,
    effect_matrix,
    item_slopes,
    normalised_effect,
    one_sided_effect_matrix,
    specific_steerability,
    steerability_matrix,
)
from trimtab_vectors.statistics import clustered_mean

STRENGTHS = (-0.2, -0.1, 0.0, 0.1, 0.2)
CLUSTERS = tuple(f"fact {i // 3}" for i in range(30))


def grid(seed: int = 0, missing: tuple[tuple[int, int], ...] = ()) -> EffectGrid:
    rng = np.random.default_rng(seed)
    slopes = rng.normal(4.0, 2.0, size=(2, 3, 1, 30))
    margins = rng.normal(size=(1, 3, 1, 30)) + slopes * np.array(STRENGTHS)[:, None]
    margins = margins + 0.05 * rng.normal(size=margins.shape)
    for cell in missing:
        margins[cell] = np.nan
    return EffectGrid(margins, STRENGTHS, ("s0", "s1"), ("s0", "s1", "s2"), CLUSTERS)


def test_effect_is_half_the_difference_of_plus_and_minus_with_a_clustered_interval() -> None:
    g = grid()
    found = effect_matrix(g, 0.2)
    for s in range(2):
        for t in range(3):
            items = (g.margins[s, t, 4] - g.margins[s, t, 0]) / 2
            oracle = clustered_mean(items, CLUSTERS)
            assert found.value[s, t] == pytest.approx(items.mean())
            assert (found.low[s, t], found.high[s, t]) == pytest.approx((oracle.low, oracle.high))
    one_sided = one_sided_effect_matrix(g, -0.1)
    assert one_sided.value[1, 2] == pytest.approx((g.margins[1, 2, 1] - g.margins[1, 2, 2]).mean())


def test_a_cell_that_was_not_measured_stays_unknown() -> None:
    g = grid(missing=((1, 0),))
    found = steerability_matrix(g)
    for figure in (
        effect_matrix(g, 0.1).value,
        found.slope.low,
        found.anti_steerable,
        found.spearman,
        found.residual,
    ):
        assert np.isnan(figure[1, 0])
        assert np.isfinite(figure).sum() == 5


def test_half_a_cell_is_refused() -> None:
    margins = grid().margins.copy()
    margins[1, 2, 0, 4] = np.nan
    with pytest.raises(ValueError, match="vector stage s1 on model stage s2 is only partly measured"):
        EffectGrid(margins, STRENGTHS, ("s0", "s1"), ("s0", "s1", "s2"))
    with pytest.raises(ValueError, match="is not in the grid"):
        effect_matrix(grid(), 0.15)


def test_slopes_are_polyfit_for_each_item() -> None:
    g = grid()
    slopes = item_slopes(g.strengths, g.margins)
    for s, t, i in [(0, 0, 0), (1, 2, 7), (0, 1, 29)]:
        assert slopes[s, t, i] == pytest.approx(np.polyfit(STRENGTHS, g.margins[s, t, :, i], 1)[0])


def test_linearity_figures_are_scipys() -> None:
    g = grid()
    found = steerability_matrix(g)
    means = g.margins[0, 1].mean(axis=1)
    line = np.polyval(np.polyfit(STRENGTHS, means, 1), STRENGTHS)
    assert found.residual[0, 1] == pytest.approx(np.sqrt(np.mean((means - line) ** 2)))
    assert found.spearman[0, 1] == pytest.approx(stats.spearmanr(STRENGTHS, means).statistic)
    assert found.anti_steerable[0, 1] == np.mean(found.slope.items[0, 1] < 0)


def test_the_specific_slope_subtracts_random_vectors_item_by_item() -> None:
    g = grid()
    randoms = np.random.default_rng(1).normal(1.0, 0.5, size=(25, 3, 30))
    found = specific_steerability(g, randoms)
    plain = item_slopes(g.strengths, g.margins)
    assert found.slope.value == pytest.approx(plain.mean(axis=2) - randoms.mean(axis=(0, 2))[None])
    random_means = randoms.mean(axis=2)[:, 2]
    assert found.z[1, 2] == pytest.approx(
        (plain[1, 2].mean() - random_means.mean()) / random_means.std(ddof=1)
    )
    assert found.rank_p == pytest.approx(np.full((2, 3), 1 / 26))
    assert found.random_95th[2] == pytest.approx(np.quantile(random_means, 0.95))


def test_a_vector_like_any_random_one_has_no_small_rank() -> None:
    rng = np.random.default_rng(2)
    slopes = rng.normal(size=(26, 3, 30))
    margins = slopes[:1, :, None, :] * np.array(STRENGTHS)[:, None]
    g = EffectGrid(margins, STRENGTHS, ("s0",), ("a", "b", "c"))
    found = specific_steerability(g, slopes[1:])
    above = (slopes[1:].mean(axis=2) >= slopes[0].mean(axis=1)).sum(axis=0)
    assert found.rank_p[0] == pytest.approx((1 + above) / 26)
    with pytest.raises(ValueError, match="at least 20"):
        specific_steerability(g, slopes[1:10])


def test_the_normalised_effect_is_the_share_of_the_gap_that_is_closed() -> None:
    rng = np.random.default_rng(3)
    lying = rng.normal(-3.0, 0.5, size=40)
    honest = lying + rng.normal(4.0, 0.3, size=40)
    found = normalised_effect(lying + 0.75 * (honest - lying), lying, honest)
    assert (found.value, found.low, found.high) == pytest.approx((0.75, 0.75, 0.75))


def test_without_a_gap_to_close_the_normalised_effect_is_undetermined() -> None:
    rng = np.random.default_rng(4)
    lying = rng.normal(size=40)
    found = normalised_effect(lying + 1.0, lying, lying + rng.normal(0.0, 1.0, size=40))
    assert not found.defined
    assert "includes 0" in found.note
