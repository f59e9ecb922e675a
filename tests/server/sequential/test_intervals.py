"""Bounds invert the tests; non-inferiority is wrong as rarely as planned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trimtab_server.sequential import (
    Comparison,
    ConfidenceSequence,
    NonInferiority,
    PairedMeans,
    PairedOutcomes,
    TwoSampleMeans,
)
from trimtab_server.sequential.binomial_limits import tolerated


def _paired(rng: np.random.Generator, mean: float, n: int) -> PairedMeans:
    means = PairedMeans()
    for value in rng.normal(mean, 1.0, n).tolist():
        means.update(value)
    return means


def _samples(rng: np.random.Generator, mean: float, n: int) -> TwoSampleMeans:
    means = TwoSampleMeans()
    for value in rng.normal(0.0, 1.0, n).tolist():
        means.update(value, candidate=False)
        means.update(value * 0.5 + mean, candidate=True)
    return means


def _outcomes(rng: np.random.Generator, mean: float, n: int) -> PairedOutcomes:
    outcomes = PairedOutcomes()
    for drawn in rng.random(n).tolist():
        outcomes.update(drawn >= 0.1 + max(mean, 0.0), drawn < 0.9 + min(mean, 0.0))
    return outcomes


@pytest.mark.parametrize("make", [_paired, _samples, _outcomes])
def test_a_bound_is_the_null_at_which_the_evidence_reaches_its_bar(make: object) -> None:
    assert callable(make)
    comparison: Comparison = make(np.random.default_rng(1), -0.1, 150)
    estimate = comparison.estimate
    assert estimate is not None
    for side, sign in (("above", -1.0), ("below", 1.0)):
        own = "above" if side == "above" else "below"
        bound = comparison.bound(0.05, own)  # type: ignore[arg-type]
        assert (bound - estimate) * sign > 0
        assert comparison.evidence_against(bound + sign * 1e-6, own) >= math.log(20)  # type: ignore[arg-type]
        assert comparison.evidence_against(bound - sign * 1e-6, own) < math.log(20)  # type: ignore[arg-type]


def test_an_interval_is_open_before_the_first_look_and_shrinks_after_it() -> None:
    rng = np.random.default_rng(2)
    few = ConfidenceSequence(_paired(rng, 0.0, 29), 0.05)
    assert (few.low, few.high) == (-math.inf, math.inf)
    widths = [
        own.high - own.low
        for own in (ConfidenceSequence(_paired(rng, 0.0, n), 0.05) for n in (30, 200, 2000))
    ]
    assert widths == sorted(widths, reverse=True)
    none = ConfidenceSequence(PairedOutcomes(), 0.05)
    assert (none.low, none.high) == (-1.0, 1.0)


@pytest.mark.parametrize("kind", ["mean", "outcomes"])
def test_an_interval_misses_the_truth_at_any_time_as_rarely_as_planned(kind: str) -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(120):
        means, outcomes = PairedMeans(), PairedOutcomes()
        out = False
        for _ in range(200):
            if kind == "mean":
                means.update(float(rng.normal(0.3, 1.0)))
                out |= max(
                    means.evidence_against(0.3, "above"), means.evidence_against(0.3, "below")
                ) >= math.log(40)
            else:
                drawn = rng.random()
                outcomes.update(drawn >= 0.05, drawn < 0.85)
                truth = 0.85 - 0.95
                worst = max(
                    outcomes.evidence_against(truth, "above"), outcomes.evidence_against(truth, "below")
                )
                out |= worst >= math.log(40)
        missed += out
    assert missed <= tolerated(120, 0.05)


def test_a_candidate_worse_by_the_margin_is_shown_non_inferior_as_rarely_as_planned() -> None:
    rng = np.random.default_rng(4)
    shown = 0
    for _ in range(200):
        outcomes = PairedOutcomes()
        test = NonInferiority(outcomes, 0.1, 0.05, "below")
        ever = False
        for drawn in rng.random(200).tolist():
            outcomes.update(drawn >= 0.05, drawn < 0.85)
            ever |= test.shown
        shown += ever
    assert shown <= tolerated(200, 0.05)


def test_a_candidate_that_answers_as_stable_is_shown_within_half_a_hundred_questions() -> None:
    outcomes = PairedOutcomes()
    test = NonInferiority(outcomes, 0.1, 0.05, "below")
    counts = []
    for _ in range(60):
        outcomes.update(True, True)
        counts.append(test.shown)
    assert not counts[20]
    assert counts[50]
    assert test.bound == pytest.approx(-0.0686, abs=0.02)


def test_worse_above_mirrors_worse_below() -> None:
    rng = np.random.default_rng(5)
    up, down = PairedMeans(), PairedMeans()
    for value in rng.normal(0.1, 1.0, 80).tolist():
        up.update(value)
        down.update(-value)
    worse_up, worse_down = NonInferiority(up, 0.5, 0.05, "above"), NonInferiority(down, 0.5, 0.05, "below")
    assert worse_up.evidence == pytest.approx(worse_down.evidence)
    assert worse_up.bound == pytest.approx(-worse_down.bound)


def test_a_margin_must_be_a_positive_number() -> None:
    with pytest.raises(ValueError, match="positive loss"):
        NonInferiority(PairedMeans(), 0.0, 0.05, "below")
