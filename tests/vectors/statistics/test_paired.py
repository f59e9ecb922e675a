"""Paired tests against scipy and against enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.statistics import Alternative, mcnemar_exact, paired_t, sign_flip

ALTERNATIVES: list[Alternative] = ["two-sided", "greater", "less"]


def differences(n: int, seed: int = 0, shift: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, size=n)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_paired_t_is_scipys(alternative: Alternative) -> None:
    d = differences(9)
    found = paired_t(d, null=0.1, alternative=alternative, confidence=0.9)
    theirs = stats.ttest_1samp(d, 0.1, alternative=alternative)
    interval = theirs.confidence_interval(0.9)
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def by_enumeration(d: np.ndarray, null: float) -> tuple[float, float]:
    """One-sided p values, greater and less, over every pattern of signs."""
    shifted = d - null
    sums = np.array([np.dot(s, shifted) for s in itertools.product((1, -1), repeat=len(d))])
    observed = shifted.sum()
    return float((sums >= observed - 1e-12).mean()), float((sums <= observed + 1e-12).mean())


@pytest.mark.parametrize("n", [1, 3, 4, 7, 10])
@pytest.mark.parametrize("null", [0.0, 0.4])
def test_sign_flip_is_the_enumeration_of_all_signs(n: int, null: float) -> None:
    d = differences(n, seed=n)
    greater, less = by_enumeration(d, null)
    assert sign_flip(d, null=null, alternative="greater").p == pytest.approx(greater)
    assert sign_flip(d, null=null, alternative="less").p == pytest.approx(less)
    assert sign_flip(d, null=null).p == pytest.approx(min(1.0, 2 * min(greater, less)))


def test_ties_and_zeros_count_in_the_enumeration() -> None:
    d = np.array([0.0, 1.0, 1.0, -1.0, 2.0])
    assert sign_flip(d, alternative="greater").p == pytest.approx(by_enumeration(d, 0.0)[0])


def test_sign_flip_interval_holds_exactly_the_nulls_that_are_not_rejected() -> None:
    d = differences(7, seed=3)
    found = sign_flip(d, alternative="greater", confidence=0.9)
    assert by_enumeration(d, found.low - 1e-6)[0] <= 0.1
    assert by_enumeration(d, found.low + 1e-6)[0] > 0.1
    both = sign_flip(d, confidence=0.9)
    assert by_enumeration(d, both.low - 1e-6)[0] <= 0.05 < by_enumeration(d, both.low + 1e-6)[0]
    assert by_enumeration(d, both.high + 1e-6)[1] <= 0.05 < by_enumeration(d, both.high - 1e-6)[1]


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.125), (4, 0.0625), (5, 0.03125)])
def test_few_seeds_cannot_reach_a_small_p(seeds: int, least: float) -> None:
    found = sign_flip(np.arange(1.0, seeds + 1), alternative="greater")
    assert found.p == least
    assert math.isinf(found.low) == (least > 0.05)


def test_drawn_signs_agree_with_the_normal_limit_and_repeat_by_seed() -> None:
    d = differences(60, shift=0.25)
    found = sign_flip(d, alternative="greater", seed=4)
    z = d.sum() / np.sqrt((d**2).sum())
    assert found.p == pytest.approx(stats.norm.sf(z), abs=0.01)
    assert found == sign_flip(d, alternative="greater", seed=4)
    assert found.seed == 4
    assert found.low == pytest.approx(paired_t(d, alternative="greater").low, abs=0.03)


def test_mcnemar_is_the_binomial_test_on_changed_items() -> None:
    before = np.array([1] * 30 + [0] * 20 + [1] * 4 + [0] * 13)
    after = np.array([1] * 30 + [0] * 20 + [0] * 4 + [1] * 13)
    found = mcnemar_exact(before, after)
    assert found.value == pytest.approx(9 / 67)
    assert found.p == pytest.approx(2 * sum(math.comb(17, k) for k in range(5)) / 2**17)
    assert found.low < found.value < found.high
    assert mcnemar_exact([1, 0, 1], [1, 0, 1]).p == 1.0


def test_mcnemar_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    cells = rng.multinomial(60, [0.5, 0.25, 0.1, 0.15], size=600)
    hits = 0
    for both, up, down, neither in cells:
        before = np.repeat([1, 0, 1, 0], [both, up, down, neither])
        after = np.repeat([1, 1, 0, 0], [both, up, down, neither])
        hits += not mcnemar_exact(before, after).excludes(0.15)
    assert hits / 600 == pytest.approx(0.95, abs=0.025)


def test_differences_without_any_variation_have_no_p() -> None:
    found = paired_t([0.5, 0.5, 0.5])
    assert math.isnan(found.p)
    assert found.as_dict()["p"] is None
    assert "no variation" in found.note


def test_a_missing_value_is_refused_not_skipped() -> None:
    with pytest.raises(ValueError, match="1 of 3 values in differences are not finite"):
        paired_t([0.1, math.nan, 0.2])
    with pytest.raises(ValueError, match="yes/no"):
        mcnemar_exact([0.5, 1], [1, 1])
