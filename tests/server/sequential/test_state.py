"""Every statistic goes through JSON and on as if nothing had happened."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from trimtab_server.sequential import (
    Batches,
    BettingMean,
    ConformalDrift,
    FixedOutcomeTest,
    OutcomeTest,
    PairedMeans,
    PairedMsprt,
    PairedOutcomes,
    PairedShift,
    RateDrift,
    RateLimit,
    SampleRatio,
    SignTest,
    TwoSampleMeans,
    TwoSampleMsprt,
)

_REFERENCE = [random.Random(0).gauss(0, 1) for _ in range(200)]


def _value(test: Any, rng: random.Random, _: int) -> None:
    test.update(rng.gauss(0.4, 1.0))


def _positive(test: Any, rng: random.Random, _: int) -> None:
    test.update(rng.expovariate(1.0))


def _flag(test: Any, rng: random.Random, _: int) -> None:
    test.update(float(rng.random() < 0.2))


def _session(test: Any, rng: random.Random, _: int) -> None:
    test.update(rng.random() < 0.2, 0.3)


def _question(test: Any, rng: random.Random, _: int) -> None:
    test.update(rng.random() < 0.8, rng.random() < 0.6)


def _arm(test: Any, rng: random.Random, _: int) -> None:
    test.update(rng.gauss(0, 1), candidate=rng.random() < 0.4)


def _reply(test: Any, rng: random.Random, place: int) -> None:
    test.update(rng.gauss(0.5, 1.0), f"reply {place}")


_CASES: list[tuple[Any, Callable[[Any, random.Random, int], None]]] = [
    (BettingMean(0.9, 5.0, 0.05), _positive),
    (BettingMean(1.2, 5.0, 0.05, "below"), _positive),
    (RateLimit(0.1, 0.05), _flag),
    (RateLimit(0.9, 0.05, "below"), _flag),
    (RateDrift(0.1, 500.0), _flag),
    (ConformalDrift(_REFERENCE, sides="above", salt="kl"), _reply),
    (ConformalDrift(_REFERENCE, batch=3), _reply),
    (PairedMsprt(0.05, "above", 0.1), _value),
    (SignTest(0.05, "above", 0.1), _value),
    (PairedShift(0.05, "above", 0.1), _value),
    (TwoSampleMsprt(0.05, "below"), _arm),
    (OutcomeTest(0.05), _question),
    (FixedOutcomeTest(90, 0.05, "below", -0.02), _question),
    (SampleRatio(0.3, 0.05), _session),
    (PairedMeans(), _value),
    (TwoSampleMeans(), _arm),
    (PairedOutcomes(), _question),
    (Batches(7), _value),
]


@pytest.mark.parametrize(("fresh", "give"), _CASES, ids=lambda own: getattr(type(own), "__name__", ""))
def test_a_state_taken_anywhere_continues_bit_for_bit(
    fresh: Any, give: Callable[[Any, random.Random, int], None]
) -> None:
    whole = type(fresh).from_state(fresh.state())
    halved = type(fresh).from_state(fresh.state())
    first, second = random.Random(1), random.Random(1)
    for place in range(120):
        give(whole, first, place)
        if place in (0, 1, 29, 60):
            halved = type(halved).from_state(json.loads(json.dumps(halved.state(), allow_nan=False)))
        give(halved, second, place)
        assert halved.state() == whole.state()
        if hasattr(whole, "evidence"):
            assert halved.evidence == whole.evidence
            assert halved.alarmed == whole.alarmed


def test_an_alarm_stays_when_the_evidence_falls_again() -> None:
    test = SignTest(0.05, "above")
    for _ in range(12):
        test.update(1.0)
    assert test.alarmed
    for _ in range(60):
        test.update(-1.0)
    assert test.evidence < 0.0
    assert test.alarmed
