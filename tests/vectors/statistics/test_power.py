"""Sample sizes against the textbook figures and against simulation; Holm by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.statistics import (
    detectable_effect,
    flag_variance,
    holm,
    items_needed,
    t_detectable_effect,
    t_power,
)


@pytest.mark.parametrize(("effect", "n"), [(0.05, 620), (0.10, 150)])
def test_items_for_a_flag_that_changes_on_a_fifth_of_the_items(effect: float, n: int) -> None:
    assert items_needed(flag_variance(0.2, effect), effect) == pytest.approx(n, abs=1)


def test_the_detectable_effect_undoes_the_items_needed() -> None:
    n = items_needed(0.7, 0.13, alpha=0.01, power=0.9)
    assert detectable_effect(0.7, n, alpha=0.01, power=0.9) == pytest.approx(0.13, rel=0.01)


@pytest.mark.parametrize("sides", [1, 2])
def test_t_power_is_the_share_of_simulated_tests_that_reject(sides: int) -> None:
    d = np.random.default_rng(0).normal(1.2, 1.0, size=(20_000, 5))
    p = stats.ttest_1samp(d, 0.0, axis=1, alternative="greater" if sides == 1 else "two-sided").pvalue
    assert t_power(1.2, 1.0, 5, sides=sides) == pytest.approx((p <= 0.05).mean(), abs=0.012)  # type: ignore[arg-type]


def test_the_detectable_effect_of_a_t_test_has_the_power_asked_for() -> None:
    effect = t_detectable_effect(0.05, 4, power=0.8)
    assert t_power(effect, 0.05, 4) == pytest.approx(0.8)
    assert effect > detectable_effect(0.05**2, 4, sides=1)


def test_impossible_orders_are_refused() -> None:
    with pytest.raises(ValueError, match="discordance"):
        flag_variance(0.1, 0.2)
    with pytest.raises(ValueError, match="above alpha"):
        t_detectable_effect(1.0, 4, power=0.01)
    with pytest.raises(ValueError, match="at least 2"):
        t_power(1.0, 1.0, 1)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == pytest.approx([0.2])


def test_holm_keeps_the_chance_of_any_false_rejection() -> None:
    rng = np.random.default_rng(3)
    any_false = [(holm(rng.random(6)) <= 0.05).any() for _ in range(3000)]
    assert np.mean(any_false) == pytest.approx(0.05, abs=0.012)
