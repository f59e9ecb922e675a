"""Pairs and two samples: formulas by numerical integration, levels by binomial limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats
from trimtab_server.sequential import (
    NonFinite,
    OutcomeTest,
    PairedMsprt,
    PairedOutcomes,
    PairedShift,
    SignTest,
    TwoSampleMeans,
    TwoSampleMsprt,
)
from trimtab_server.sequential.binomial_limits import tolerated
from trimtab_server.sequential.comparisons import OUTCOME_STAKES
from trimtab_server.sequential.mixture import log_half_normal
from trimtab_server.sequential.paired_shift import SIGN_WEIGHT


@pytest.mark.parametrize(("total", "n"), [(0.0, 10), (12.0, 40), (-9.0, 60), (35.0, 35), (3.0, 200)])
def test_the_mixture_is_the_integral_over_half_normal_effects(total: float, n: int) -> None:
    def integrand(effect: float) -> float:
        return math.exp(effect * total - effect * effect * n / 2) * 2 * stats.norm.pdf(effect, scale=0.5)

    integral, _ = integrate.quad(integrand, 0, 6, limit=200, points=[max(0.0, min(5.9, total / n))])
    assert log_half_normal(total, n, 0.5) == pytest.approx(math.log(integral), abs=1e-6)


@pytest.mark.parametrize("total", [-40.0, -400.0, -5000.0, 400.0])
def test_the_mixture_is_finite_far_from_zero(total: float) -> None:
    assert math.isfinite(log_half_normal(total, 5000))


def test_the_mixture_has_mean_one_without_an_effect() -> None:
    sums = np.random.default_rng(1).standard_normal(200_000) * math.sqrt(20)
    values = np.exp([log_half_normal(total, 20, 0.5) for total in sums[:20_000]])
    assert values.mean() == pytest.approx(1.0, abs=5 * values.std() / math.sqrt(len(values)))


def test_paired_evidence_is_that_of_the_standardised_sum_and_0_before_the_first_look() -> None:
    differences = np.random.default_rng(2).normal(-0.2, 1.0, 60)
    test = PairedMsprt(1e-9, "below", null=-0.1)
    for place, difference in enumerate(differences):
        test.update(float(difference))
        if place < 29:
            assert test.evidence == 0.0
    total = -(differences + 0.1).sum() / differences.std(ddof=1)
    assert test.evidence == pytest.approx(log_half_normal(total, 60), rel=1e-9)


def test_two_samples_use_the_larger_of_welch_and_pooled_error() -> None:
    rng = np.random.default_rng(3)
    stable, candidate = rng.normal(0, 2.0, 300), rng.normal(0.5, 1.0, 40)
    means = TwoSampleMeans()
    for value in stable:
        means.update(float(value), candidate=False)
    for value in candidate:
        means.update(float(value), candidate=True)
    information = 40 * 300 / 340
    welch = candidate.var(ddof=1) / 40 + stable.var(ddof=1) / 300
    pooled = (39 * candidate.var(ddof=1) + 299 * stable.var(ddof=1)) / 338 / information
    assert pooled > welch
    z = (candidate.mean() - stable.mean()) / math.sqrt(pooled)
    expected = log_half_normal(z * math.sqrt(information), information)
    assert means.evidence_against(0.0, "above") == pytest.approx(expected, rel=1e-9)
    # Both agree with scipy's pooled t statistic.
    assert z == pytest.approx(stats.ttest_ind(candidate, stable).statistic)


def test_sign_evidence_is_the_likelihood_ratio_of_the_signs() -> None:
    test = SignTest(0.05, "below")
    for difference in [-1.0] * 9 + [2.0] * 3 + [0.0] * 4:
        test.update(difference)
    rates = (1 + np.array(OUTCOME_STAKES)) / 2
    ratio = stats.binom.pmf(9, 12, rates) / stats.binom.pmf(9, 12, 0.5)
    assert test.evidence == pytest.approx(math.log(ratio.mean()))
    assert test.ties == 4


@pytest.mark.parametrize("test", [SignTest(0.05, "below"), OutcomeTest(0.05)], ids=["sign", "outcomes"])
def test_the_exact_tests_have_mean_evidence_1_over_all_sequences(test: SignTest | OutcomeTest) -> None:
    """An e-value's mean under the null is at most 1: summed over all 2^10 sequences of a fair coin."""
    total = 0.0
    for losses in product((True, False), repeat=10):
        own = type(test).from_state(test.state())
        for lost in losses:
            if isinstance(own, SignTest):
                own.update(-1.0 if lost else 1.0)
            else:
                own.update(lost, not lost)
        total += math.exp(own.evidence)
    assert total / 2**10 == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("null", [-0.3, -0.1, 0.0, 0.2])
def test_paired_outcomes_have_mean_wealth_1_exactly_at_any_null(null: float) -> None:
    """One question with a mean difference of `null` multiplies each stake's wealth by 1 on average."""
    gain = 0.3
    chances = {1: gain, -1: gain - null, 0: 1 - 2 * gain + null}
    for side, sign in (("above", 1), ("below", -1)):
        mean = 0.0
        for difference, chance in chances.items():
            outcomes = PairedOutcomes()
            outcomes.update(difference == -1, difference == 1)
            mean += chance * math.exp(outcomes.evidence_against(null, "above" if sign > 0 else "below"))
        assert mean == pytest.approx(1.0), side


def test_paired_shift_mixes_both_e_values_and_only_the_exact_one_before_30() -> None:
    differences = np.random.default_rng(5).normal(0.4, 1.0, 40)
    both, sign, mean = PairedShift(1e-9), SignTest(1e-9), PairedMsprt(1e-9)
    for place, difference in enumerate(differences.tolist()):
        for own in (both, sign, mean):
            own.update(difference)
        parts = SIGN_WEIGHT * math.exp(sign.evidence)
        if place >= 29:
            parts += (1 - SIGN_WEIGHT) * math.exp(mean.evidence)
        assert both.evidence == pytest.approx(math.log(parts))


Draw = Callable[[np.random.Generator], np.ndarray]
_DRAWS: dict[str, Draw] = {
    "normal": lambda rng: rng.standard_normal(300),
    "t3": lambda rng: rng.standard_t(3, 300),
    "lognormal": lambda rng: rng.lognormal(0.0, 0.75, 300),
}


@pytest.mark.parametrize("draw", _DRAWS.values(), ids=list(_DRAWS))
@pytest.mark.parametrize("side", ["above", "below"])
def test_equal_arms_alarm_no_more_often_than_planned(draw: Draw, side: str) -> None:
    rng = np.random.default_rng([6, len(side), int(draw(np.random.default_rng(0))[0] * 1e6) % 97])
    paired = unpaired = 0
    for _ in range(120):
        test = PairedShift(0.05, "above" if side == "above" else "below")
        paired += any([test.update(value) for value in (draw(rng) - draw(rng)).tolist()])
        arms, values = (rng.random(300) < 0.25).tolist(), draw(rng).tolist()
        two = TwoSampleMsprt(0.05, "above" if side == "above" else "below")
        unpaired += any([two.update(own, candidate=arm) for own, arm in zip(values, arms, strict=True)])
    assert paired <= tolerated(120, 0.05)
    assert unpaired <= tolerated(120, 0.05)


def test_half_a_standard_deviation_is_found_within_40_pairs_at_an_eighth_of_the_budget() -> None:
    """Correlation 0.6 between the arms; median over 200 streams. One standard deviation: before the first look."""
    rng = np.random.default_rng(7)
    medians = []
    for harm in (0.5, 1.0):
        delays = []
        for _ in range(200):
            test = PairedShift(0.05 / 8, "below")
            values = rng.normal(-harm, math.sqrt(0.8), 400).tolist()
            delays.append(next(place + 1 for place, value in enumerate(values) if test.update(value)))
        medians.append(float(np.median(delays)))
    assert medians[0] <= 42
    assert medians[1] <= 30


def test_equal_differences_are_strong_but_not_infinite_evidence() -> None:
    test = PairedMsprt(0.05)
    for _ in range(40):
        test.update(1e-3)
    assert test.alarmed
    assert math.isfinite(test.evidence)
    same = PairedMsprt(0.05)
    for _ in range(40):
        same.update(0.0)
    assert same.evidence < 0.0


def test_what_is_not_finite_is_refused() -> None:
    for paired in (PairedMsprt(0.05), SignTest(0.05), PairedShift(0.05)):
        with pytest.raises(NonFinite):
            paired.update(math.nan)
        assert paired.count == 0
    with pytest.raises(NonFinite):
        TwoSampleMsprt(0.05).update(math.inf, candidate=True)
