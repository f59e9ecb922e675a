"""AUROC against comparing every pair, its variances against their definitions and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.statistics import auroc


def draw(rng: np.random.Generator, ups: int, downs: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    scores = np.concatenate([rng.normal(shift, 1, ups), rng.normal(0, 1, downs)])
    return scores, np.repeat([True, False], [ups, downs])


def kernel(scores: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """1, one half or 0 for each positive against each negative."""
    return np.array([[1.0 * (u > d) + 0.5 * (u == d) for d in scores[~flags]] for u in scores[flags]])


def test_area_is_the_share_of_pairs_in_order_with_ties_half() -> None:
    rng = np.random.default_rng(0)
    scores, flags = np.round(rng.normal(size=50), 1), rng.random(50) < 0.4
    assert auroc(scores, flags).value == pytest.approx(kernel(scores, flags).mean())


def test_delong_variance_is_that_of_the_row_and_column_means() -> None:
    scores, flags = draw(np.random.default_rng(1), 30, 20, 0.8)
    k = kernel(scores, flags)
    variance = k.mean(axis=1).var(ddof=1) / 30 + k.mean(axis=0).var(ddof=1) / 20
    found = auroc(scores, flags, interval="delong")
    assert found.standard_error == pytest.approx(math.sqrt(variance))
    assert found.high - found.value == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)


@pytest.mark.parametrize("interval", ["score", "delong"])
def test_intervals_cover_as_often_as_they_say(interval: str) -> None:
    rng = np.random.default_rng(2)
    truth = stats.norm.cdf(1.0 / math.sqrt(2))
    found = [auroc(*draw(rng, 40, 40, 1.0), interval=interval) for _ in range(500)]  # type: ignore[arg-type]
    assert np.mean([not f.excludes(truth) for f in found]) == pytest.approx(0.95, abs=0.03)


def test_items_of_one_cluster_count_together() -> None:
    rng = np.random.default_rng(3)
    estimates, errors, plain = [], [], []
    codes = np.repeat(np.arange(20), 6)
    flags = np.tile([True, False], 60)
    for _ in range(300):
        scores = rng.normal(size=20)[codes] * np.where(flags, 1.0, -1.0) + rng.normal(size=120) + 0.5 * flags
        found = auroc(scores, flags, codes)
        estimates.append(found.value)
        errors.append(found.standard_error)
        plain.append(auroc(scores, flags, interval="delong").standard_error)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.1)
    assert np.mean(plain) < 0.7 * np.std(estimates)


def test_perfect_separation_keeps_an_honest_lower_bound() -> None:
    found = auroc([3.0, 4.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0])
    assert found.value == 1.0
    assert 0.3 < found.low < 0.9
    assert found.high == 1.0
    delong = auroc([3.0, 4.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0], interval="delong")
    assert math.isnan(delong.low)
    assert "undefined" in delong.note


def test_p_is_close_to_the_rank_sum_test() -> None:
    scores, flags = draw(np.random.default_rng(4), 40, 50, 0.4)
    theirs = stats.mannwhitneyu(scores[flags], scores[~flags], use_continuity=False).pvalue
    assert auroc(scores, flags).p == pytest.approx(theirs, rel=0.1)


def test_one_kind_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        auroc([1.0, 2.0], [1, 1])
    with pytest.raises(ValueError, match="interval="):
        auroc([1.0, 2.0], [1, 0], [0, 1], interval="score")
