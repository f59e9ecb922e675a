"""Sessions in the arms against the weight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from trimtab_server.sequential import SampleRatio
from trimtab_server.sequential.binomial_limits import tail, tolerated, upper_limit
from trimtab_server.sequential.sample_ratio import ODDS


def test_evidence_is_the_mean_likelihood_ratio() -> None:
    test = SampleRatio(0.1, 0.05)
    for place in range(100):
        test.update(place % 4 == 0)
    odds = 0.1 / 0.9 * np.array(ODDS)
    ratio = stats.binom.pmf(25, 100, odds / (1 + odds)) / stats.binom.pmf(25, 100, 0.1)
    assert test.evidence == pytest.approx(math.log(ratio.mean()))
    assert test.estimate == 0.25


def test_a_right_ratio_alarms_no_more_often_than_planned_while_the_share_changes() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        test = SampleRatio(0.5, 0.05)
        for share in [0.05] * 150 + [0.25] * 150 + [0.5] * 150:
            test.update(bool(rng.random() < share), share)
        alarms += test.alarmed
    assert alarms <= tolerated(200, 0.05)


@pytest.mark.parametrize("actual", [0.0, 0.04, 0.25])
def test_a_wrong_ratio_is_found_on_both_sides(actual: float) -> None:
    rng = np.random.default_rng(2)
    test = SampleRatio(0.1, 0.05)
    for drawn in rng.random(800).tolist():
        test.update(drawn < actual)
    assert test.alarmed


def test_binomial_limits_agree_with_scipy() -> None:
    for count, n, rate in ((0, 20, 0.1), (7, 200, 0.05), (30, 200, 0.1)):
        assert tail(count, n, rate) == pytest.approx(float(stats.binom.sf(count - 1, n, rate)))
        exact = float(stats.beta.ppf(0.95, count + 1, n - count))
        assert upper_limit(count, n) == pytest.approx(exact, rel=1e-9)
    assert tolerated(200, 0.05) == int(stats.binom.isf(1e-4, 200, 0.05))
    assert upper_limit(0, 1000) == pytest.approx(3 / 1000, rel=0.01)
