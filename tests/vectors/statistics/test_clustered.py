"""Clustered means and ratios against loops, simulations and the definition of Fieller's set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.statistics import (
    clustered_mean,
    clustered_standard_error,
    non_inferiority,
    paired_t,
    ratio_of_means,
)

RNG = np.random.default_rng(0)
LABELS = [f"fact {i}" for i in RNG.integers(0, 12, size=60)]
VALUES = RNG.normal(size=60) + np.array([len(label) * 0.2 for label in LABELS])


def test_standard_error_is_the_sum_over_clusters() -> None:
    mean = VALUES.mean()
    total = 0.0
    for label in set(LABELS):
        inside = [v for v, c in zip(VALUES, LABELS, strict=True) if c == label]
        total += (sum(inside) - len(inside) * mean) ** 2
    assert clustered_standard_error(VALUES, LABELS) == pytest.approx(math.sqrt(total) / 60)


def test_items_of_their_own_give_the_paired_t() -> None:
    ours, plain = clustered_mean(VALUES, list(range(60))), paired_t(VALUES)
    assert (ours.low, ours.high, ours.p) == pytest.approx((plain.low, plain.high, plain.p))
    assert (ours.clusters, plain.clusters) == (60, None)


def test_repeating_every_item_does_not_make_the_mean_more_certain() -> None:
    once = clustered_mean(VALUES[:20], list(range(20)))
    thrice = clustered_mean(np.repeat(VALUES[:20], 3), np.repeat(np.arange(20), 3))
    assert thrice.standard_error == pytest.approx(once.standard_error)
    assert paired_t(np.repeat(VALUES[:20], 3)).standard_error < 0.7 * once.standard_error


def test_a_clustered_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(10), 6)
    hits = plain = 0
    for _ in range(500):
        values = rng.normal(size=10)[codes] + 0.5 * rng.normal(size=60)
        hits += not clustered_mean(values, codes).excludes(0.0)
        plain += not paired_t(values).excludes(0.0)
    assert hits / 500 == pytest.approx(0.95, abs=0.03)
    assert plain / 500 < 0.75


def test_one_cluster_has_no_standard_error() -> None:
    with pytest.raises(ValueError, match="1 cluster"):
        clustered_standard_error([1.0, 2.0], ["a", "a"])
    with pytest.raises(ValueError, match="1 labels for 2 items"):
        clustered_mean([1.0, 2.0], ["a"])


def test_fiellers_bounds_are_the_ratios_that_are_just_not_rejected() -> None:
    rng = np.random.default_rng(2)
    bottom = rng.normal(2.0, 1.0, size=25)
    top = 0.6 * bottom + rng.normal(0.0, 0.5, size=25)
    found = ratio_of_means(top, bottom)
    for bound in (found.low, found.high):
        assert stats.ttest_1samp(top - bound * bottom, 0.0).pvalue == pytest.approx(0.05)
    assert found.low < found.value < found.high


def test_a_ratio_is_undetermined_where_its_denominator_may_be_zero() -> None:
    rng = np.random.default_rng(3)
    found = ratio_of_means(rng.normal(1.0, 0.1, size=20), rng.normal(0.05, 1.0, size=20))
    assert not found.defined
    assert math.isnan(found.low)
    assert "denominator includes 0" in found.note
    assert ratio_of_means([1.0, 2.0], [0.0, 0.0]).defined is False


def test_the_ratio_of_a_sample_to_itself_is_exactly_one() -> None:
    found = ratio_of_means(VALUES + 5.0, VALUES + 5.0, LABELS)
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_non_inferiority_needs_the_bound_not_the_mean_below_the_margin() -> None:
    rng = np.random.default_rng(4)
    many, few = rng.normal(0.005, 0.1, size=2000), rng.normal(0.005, 0.1, size=20)
    assert non_inferiority(many, 0.02).holds
    few = few - few.mean() + 0.005
    found = non_inferiority(few, 0.02)
    assert not found.holds
    theirs = stats.ttest_1samp(few, 0.02, alternative="less")
    assert found.loss.p == pytest.approx(theirs.pvalue)
    assert found.loss.high == pytest.approx(theirs.confidence_interval(0.95).high)
    with pytest.raises(ValueError, match="margin"):
        non_inferiority(few, 0.0)
