"""Limits on a mean and on a rate, against numpy's own arithmetic and against binomial limits of false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from trimtab_server.sequential import BettingMean, NonFinite, RateDrift, RateLimit
from trimtab_server.sequential.betting import STAKES
from trimtab_server.sequential.binomial_limits import tolerated
from trimtab_server.sequential.rates import ODDS


def test_the_betting_evidence_is_the_mean_wealth_over_the_stakes() -> None:
    values = np.random.default_rng(1).gamma(2.0, 0.3, 200)
    test = BettingMean(0.5, 4.0, 0.05)
    for value in values:
        test.update(float(value))
    wealth = np.prod(1 + np.outer(STAKES, np.minimum(values, 4.0) / 0.5 - 1), axis=1)
    assert test.evidence == pytest.approx(np.log(wealth.mean()), rel=1e-10)
    assert test.estimate == pytest.approx(np.minimum(values, 4.0).mean())


def test_a_lower_limit_is_the_mirror_of_an_upper_one() -> None:
    values = np.random.default_rng(2).uniform(0.0, 1.0, 100)
    low, high = BettingMean(0.7, 1.0, 0.05, "below"), BettingMean(0.3, 1.0, 0.05, "above")
    for value in values:
        assert low.update(float(value)) == high.update(float(1.0 - value))
    assert low.evidence == pytest.approx(high.evidence, rel=1e-9)
    assert low.alarmed


def test_one_outlier_counts_no_more_than_the_cap() -> None:
    cut, outlier = BettingMean(0.5, 4.0, 0.05), BettingMean(0.5, 4.0, 0.05)
    cut.update(4.0)
    outlier.update(1e9)
    assert cut.evidence == outlier.evidence


def test_the_rate_evidence_is_the_mean_likelihood_ratio() -> None:
    values = np.random.default_rng(3).random(300) < 0.1
    test = RateLimit(0.05, 0.05)
    for value in values:
        test.update(float(value))
    odds = 0.05 / 0.95 * np.array(ODDS)
    ratio = stats.binom.pmf(values.sum(), 300, odds / (1 + odds)) / stats.binom.pmf(values.sum(), 300, 0.05)
    assert test.evidence == pytest.approx(np.log(ratio.mean()), rel=1e-9)


def test_the_drift_of_a_rate_follows_the_shiryaev_roberts_recursion() -> None:
    values = np.random.default_rng(4).random(200) < 0.2
    test = RateDrift(0.05, 1000.0)
    odds = 0.05 / 0.95 * np.array(ODDS)
    rates = odds / (1 + odds)
    roberts = np.zeros(len(ODDS))
    for value in values:
        test.update(float(value))
        roberts = (1 + roberts) * np.where(value, rates / 0.05, (1 - rates) / 0.95)
    assert test.evidence == pytest.approx(np.log(roberts.mean()), rel=1e-9)
    assert test.alarmed


def test_a_mean_at_its_limit_alarms_no_more_often_than_planned() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        test = BettingMean(0.5, 4.0, 0.05)
        alarms += any(test.update(value) for value in rng.gamma(2.0, 0.25, 400).tolist())
    assert alarms <= tolerated(200, 0.05)


def test_a_rate_at_its_limit_alarms_no_more_often_than_planned() -> None:
    rng = np.random.default_rng(6)
    once = drift = 0
    for _ in range(200):
        values = (rng.random(500) < 0.05).astype(float).tolist()
        limit, change = RateLimit(0.05, 0.05), RateDrift(0.05, 10_000.0)
        once += any([limit.update(value) for value in values])
        drift += any([change.update(value) for value in values])
    assert once <= tolerated(200, 0.05)
    assert drift <= tolerated(200, 500 / 10_000)


def test_harm_is_found_within_the_measured_delays() -> None:
    """Refusals of 15% at a limit of 5%: a median of about 40 replies; KL of 0.75 at 0.5: about 25."""
    rng = np.random.default_rng(7)
    rates, means = [], []
    for _ in range(100):
        rate, mean = RateLimit(0.05, 0.05), BettingMean(0.5, 4.0, 0.05)
        flags = (rng.random(1000) < 0.15).astype(float).tolist()
        rates.append(next(place for place, value in enumerate(flags) if rate.update(value)))
        values = rng.gamma(2.0, 0.375, 1000).tolist()
        means.append(next(place for place, value in enumerate(values) if mean.update(value)))
    assert np.median(rates) < 80
    assert np.median(means) < 50


def test_a_change_late_in_the_stream_is_found_by_drift_before_the_e_process() -> None:
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.random(2000) < 0.02, rng.random(400) < 0.2]).astype(float).tolist()
    limit, drift = RateLimit(0.05, 0.05), RateDrift(0.05, 40_000.0)
    first = [
        next((place for place, value in enumerate(values) if own.update(value)), 9999)
        for own in (limit, drift)
    ]
    assert 2000 <= first[1] < 2200 < first[0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused_and_not_counted(value: float) -> None:
    for test in (BettingMean(0.5, 4.0, 0.05), RateLimit(0.05, 0.05), RateDrift(0.05)):
        with pytest.raises(NonFinite):
            test.update(value)
        assert test.count == 0


def test_a_rate_refuses_what_is_neither_0_nor_1() -> None:
    with pytest.raises(ValueError, match="0 or 1 is expected"):
        RateLimit(0.05, 0.05).update(0.5)
