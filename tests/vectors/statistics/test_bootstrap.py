"""Bootstrap intervals against scipy, hand-made resampling and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.statistics import cluster_bootstrap, hierarchical_bootstrap, hierarchical_draws


def skewed(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=n)


@pytest.mark.parametrize(("interval", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_bounds_are_scipys_where_every_item_is_its_own_cluster(interval: str, theirs: str) -> None:
    v = skewed(40)
    ours = cluster_bootstrap(v, resamples=40_000, interval=interval)  # type: ignore[arg-type]
    oracle = stats.bootstrap(
        (v,), np.mean, n_resamples=40_000, method=theirs, vectorized=True, rng=np.random.default_rng(9)
    )
    assert ours.low == pytest.approx(oracle.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(oracle.confidence_interval.high, abs=0.04)


def test_bca_leans_towards_the_long_tail() -> None:
    v = skewed(30, seed=2)
    plain, bca = (cluster_bootstrap(v, interval=i) for i in ("percentile", "bca"))  # type: ignore[arg-type]
    assert bca.low > plain.low
    assert bca.high > plain.high


def test_whole_clusters_are_drawn() -> None:
    codes = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 6, 7, 8])
    values = np.random.default_rng(1).normal(size=8)[codes]
    rng = np.random.default_rng(3)
    means = []
    for _ in range(4000):
        drawn = rng.integers(0, 8, size=8)
        means.append(np.concatenate([values[codes == c] for c in drawn]).mean())
    ours = cluster_bootstrap(values, codes, resamples=4000, interval="percentile")
    assert ours.standard_error == pytest.approx(np.std(means, ddof=1), rel=0.06)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.08)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    v = skewed(30)
    assert cluster_bootstrap(v, seed=1) == cluster_bootstrap(v, seed=1)
    assert cluster_bootstrap(v, seed=1).low != cluster_bootstrap(v, seed=2).low


def test_hierarchical_draws_resample_seeds_then_items_by_hand() -> None:
    rng = np.random.default_rng(7)
    v = rng.normal(size=5)[:, None] + rng.normal(size=40)[None] + 0.3 * rng.normal(size=(5, 40))
    codes = np.repeat(np.arange(10), 4)
    by_hand = []
    for _ in range(3000):
        seeds = rng.integers(0, 5, size=5)
        items = np.concatenate([np.flatnonzero(codes == c) for c in rng.integers(0, 10, size=10)])
        by_hand.append(v[np.ix_(seeds, items)].mean())
    draws = hierarchical_draws(v, codes, resamples=3000)
    assert draws.shape == (3000,)
    assert draws.std() == pytest.approx(np.std(by_hand), rel=0.06)
    assert draws.mean() == pytest.approx(v.mean(), abs=0.03)


def test_stages_keep_their_places_in_hierarchical_draws() -> None:
    v = np.random.default_rng(0).normal(size=(4, 3, 20)) * 0.01 + np.array([1.0, 2.0, 3.0])[None, :, None]
    draws = hierarchical_draws(v, resamples=50)
    assert draws.shape == (50, 3)
    assert draws.mean(axis=0) == pytest.approx([1.0, 2.0, 3.0], abs=0.05)


def test_noise_between_seeds_widens_the_interval() -> None:
    rng = np.random.default_rng(8)
    items = rng.normal(size=(6, 300))
    quiet = hierarchical_bootstrap(items)
    loud = hierarchical_bootstrap(items + 0.5 * rng.normal(size=6)[:, None])
    assert loud.high - loud.low > 2 * (quiet.high - quiet.low)
    assert loud.n == 6


def test_a_missing_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        hierarchical_draws(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="at least 2 seeds"):
        hierarchical_bootstrap(np.ones((1, 5)))
