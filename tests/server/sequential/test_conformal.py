"""Drift against a recorded reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from trimtab_server.sequential import Batches, ConformalDrift, NonFinite, batch_size, lag1_correlation
from trimtab_server.sequential.binomial_limits import tolerated
from trimtab_server.sequential.conformal import RECENT, SHIFTS, fraction


def test_scores_and_detectors_follow_their_formulas() -> None:
    rng = np.random.default_rng(1)
    reference, values = rng.lognormal(size=200), rng.lognormal(0.2, 1.0, size=50)
    test = ConformalDrift(reference.tolist(), sides="above", salt="kl")
    pool = list(reference)
    shifts = np.array(SHIFTS)
    product, roberts = np.ones(3), np.zeros(3)
    for place, value in enumerate(values.tolist()):
        test.update(value, f"reply {place}")
        below, equal = sum(own < value for own in pool), sum(own == value for own in pool)
        rank = (below + fraction(f"kl/reply {place}") * (equal + 1)) / (len(pool) + 1)
        ratio = np.exp(shifts * stats.norm.ppf(rank) - shifts**2 / 2)
        product, roberts = product * ratio, (1 + roberts) * ratio
        pool.append(value)
    assert test.evidence == pytest.approx(math.log(product.mean()), rel=1e-9)
    assert test.drift == pytest.approx(math.log(roberts.mean()), rel=1e-9)


def test_ranks_of_a_healthy_stream_are_uniform_and_independent_even_with_ties() -> None:
    rng = np.random.default_rng(2)
    test = ConformalDrift(rng.poisson(3.0, 200).tolist())
    scores = []
    for place, value in enumerate(rng.poisson(3.0, 3000).tolist()):
        scores.append(test._score(value, str(place)))
        test.update(value, str(place))
    assert stats.kstest(scores, "norm").pvalue > 1e-4
    assert abs(lag1_correlation(scores)) < 4 / math.sqrt(len(scores))


def test_the_random_part_of_a_rank_is_uniform_and_repeats_by_reply() -> None:
    drawn = [fraction(f"kl/{place}") for place in range(5000)]
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    assert fraction("kl/7") == drawn[7]


@pytest.mark.parametrize("shape", ["normal", "t3", "lognormal"])
def test_healthy_streams_alarm_no_more_often_than_planned(shape: str) -> None:
    rng = np.random.default_rng([3, len(shape)])

    def draw(n: int) -> list[float]:
        values = {"normal": rng.standard_normal, "t3": lambda size: rng.standard_t(3, size)}
        other = values.get(shape, lambda size: rng.lognormal(0, 0.75, size))
        return np.asarray(other(n)).tolist()

    start = later = 0
    for stream in range(60):
        test = ConformalDrift(draw(200), 0.05, 300 / 0.05)
        for place, value in enumerate(draw(300)):
            test.update(value, f"{shape}/{stream}/{place}")
        start += test.from_start
        later += test.drifted
    assert start <= tolerated(60, 0.05)
    assert later <= tolerated(60, 0.05)


def test_a_stream_bad_from_its_start_and_one_that_turns_bad_are_both_found() -> None:
    rng = np.random.default_rng(4)
    bad = ConformalDrift(rng.standard_normal(500).tolist(), sides="below")
    for place in range(120):
        bad.update(float(rng.normal(-0.7)), f"a{place}")
    assert bad.from_start
    later = ConformalDrift(rng.standard_normal(500).tolist())
    for place in range(600):
        later.update(float(rng.normal(0.0 if place < 400 else 1.0)), f"b{place}")
        if place == 399:
            assert not later.alarmed
    assert later.drifted


def test_batching_repairs_correlated_replies() -> None:
    """AR(1) with 0.3: single values alarm in most streams, batches of 10 keep the level."""
    rng = np.random.default_rng(5)

    def correlated(n: int) -> list[float]:
        values = [float(rng.standard_normal())]
        for step in (rng.standard_normal(n - 1) * math.sqrt(1 - 0.09)).tolist():
            values.append(0.3 * values[-1] + step)
        return values

    alarms = {1: 0, 10: 0}
    for stream in range(40):
        reference, values = correlated(500), correlated(1000)
        for batch in alarms:
            test = ConformalDrift(reference, 0.05, 20_000.0, batch=batch)
            for place, value in enumerate(values):
                test.update(value, f"{stream}/{place}")
            alarms[batch] += test.drifted
    assert alarms[10] <= tolerated(40, 0.05)
    assert alarms[1] > alarms[10] + 5


def test_the_pool_keeps_the_reference_and_the_newest_values_only() -> None:
    rng = np.random.default_rng(6)
    reference = rng.standard_normal(200).tolist()
    test = ConformalDrift(reference)
    values = rng.standard_normal(RECENT + 700).tolist()
    for place, value in enumerate(values):
        test.update(value, str(place))
    assert test._pool == sorted([*reference, *values[-RECENT:]])


def test_a_short_or_broken_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200 are expected, better 500"):
        ConformalDrift([0.0] * 199)
    with pytest.raises(NonFinite):
        ConformalDrift([0.0] * 200 + [math.nan])
    test = ConformalDrift([float(place) for place in range(200)])
    with pytest.raises(NonFinite):
        test.update(math.inf, "r")
    assert test.count == 0


def test_correlation_and_batches_agree_with_numpy() -> None:
    values = np.random.default_rng(7).standard_normal(400)
    centred = values - values.mean()
    expected = (centred[1:] * centred[:-1]).sum() / (centred**2).sum()
    assert lag1_correlation(values.tolist()) == pytest.approx(expected)
    batches = Batches(4)
    means = [mean for value in values.tolist() if (mean := batches.update(value)) is not None]
    assert means == pytest.approx(values.reshape(100, 4).mean(axis=1))


def test_the_batch_grows_with_the_correlation_of_the_reference() -> None:
    rng = np.random.default_rng(8)
    sizes = []
    for phi in (0.0, 0.3, 0.7):
        values = [0.0]
        for step in rng.standard_normal(2000).tolist():
            values.append(phi * values[-1] + step)
        sizes.append(batch_size(values))
    assert sizes == [1, 10, 20]
