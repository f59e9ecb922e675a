"""Tests of one fixed size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats
from trimtab_server.sequential import FixedOutcomeTest, mcnemar_p, paired_score_p


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (5, 0), (12, 4), (30, 33)])
def test_mcnemar_is_the_binomial_tail(lost: int, gained: int) -> None:
    expected = 1.0
    if lost + gained:
        expected = stats.binomtest(lost, lost + gained, alternative="greater").pvalue
    assert mcnemar_p(lost, gained) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("gained", "lost", "n", "null"), [(5, 9, 100, -0.1), (12, 3, 80, 0.05), (0, 4, 60, -0.2)]
)
def test_the_score_test_uses_the_maximum_likelihood_under_the_null(
    gained: int, lost: int, n: int, null: float
) -> None:
    def cost(q: float) -> float:
        chances = np.clip([q + null, q, 1 - 2 * q - null], 1e-300, None)
        return -float(np.dot([gained, lost, n - gained - lost], np.log(chances)))

    bounds = (max(0.0, -null) + 1e-12, (1 - null) / 2 - 1e-12)
    q = optimize.minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    z = (gained - lost - n * null) / math.sqrt(n * (2 * q + null - null**2))
    assert paired_score_p(gained, lost, n, null) == pytest.approx(float(stats.norm.sf(z)), abs=1e-5)


def test_the_score_test_keeps_its_level_at_the_size_of_a_canary_set() -> None:
    rng = np.random.default_rng(1)
    counts = rng.multinomial(200, [0.05, 0.15, 0.8], size=4000)
    wrong = sum(paired_score_p(int(gained), int(lost), 200, -0.1) <= 0.05 for gained, lost, _ in counts)
    # Asymptotic: up to 6.5% is its nature, beyond that a fault.
    assert wrong <= 4000 * 0.065 + 4 * math.sqrt(4000 * 0.065)


def test_nothing_is_said_before_the_last_question_and_nothing_counts_after_it() -> None:
    test = FixedOutcomeTest(20, 0.05)
    for _ in range(19):
        assert not test.update(True, False)
        assert test.evidence == 0.0
    assert test.update(True, False)
    assert test.evidence == pytest.approx(20 * math.log(2))
    before = test.state()
    test.update(False, True)
    assert test.state() == before


def test_a_loss_that_counts_as_no_harm_is_no_alarm() -> None:
    test = FixedOutcomeTest(100, 0.05, "below", -0.1)
    for place in range(100):
        test.update(True, place >= 10)
    assert not test.alarmed


def test_what_is_no_comparison_is_refused() -> None:
    with pytest.raises(ValueError, match="not a paired comparison"):
        paired_score_p(60, 50, 100, 0.0)
