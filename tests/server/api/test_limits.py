"""Buckets, streams, sizes: what one caller may ask for."""

from __future__ import annotations

import random

import pytest
from trimtab_server.api.limits import (
    CONTROL,
    LARGER_MESSAGES,
    MAX_MESSAGE,
    MAX_VECTOR_MESSAGE,
    Bucket,
    Limits,
    RateLimits,
    largest_message,
)
from trimtab_server.api.roles import GRANTS
from trimtab_server.store.refusal import Refusal


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_never_gives_more_than_a_minutes_worth_and_what_has_flowed_in() -> None:
    """Against the definition: over any stretch at most the capacity and the rate times its length."""
    draw = random.Random(7)
    now, per_minute = 0.0, 120
    bucket, taken = Bucket(per_minute, now), [(0.0, 0.0)]
    for _ in range(5_000):
        now += draw.expovariate(4.0)
        amount = draw.randint(1, 5)
        if bucket.take(amount, now) == 0.0:
            taken.append((now, amount))
    for first in range(0, len(taken), 37):
        total = 0.0
        for time, amount in taken[first:]:
            total += amount
            assert total <= per_minute + (time - taken[first][0]) * per_minute / 60 + 1e-6
    # And it is not stingy: nearly everything that flowed in was given out.
    assert sum(amount for _, amount in taken) >= 0.97 * now * per_minute / 60


def test_the_wait_that_is_told_is_the_wait_that_is_needed() -> None:
    bucket = Bucket(60, 0.0)
    assert bucket.take(60, 0.0) == 0.0
    seconds = bucket.take(10, 0.0)
    assert seconds == pytest.approx(10.0)
    assert bucket.take(10, seconds - 0.01) > 0.0
    assert bucket.take(10, seconds + 0.001) == 0.0


def test_what_is_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_off() -> None:
    bucket = Bucket(60, 0.0)
    assert bucket.take(100, 0.0) == 0.0
    assert bucket.take(1, 0.0) == pytest.approx(41.0)
    assert bucket.take(1, 41.5) == 0.0


def test_callers_are_counted_apart_and_refused_with_the_time_to_wait() -> None:
    clock = Clock()
    rates, limits = RateLimits(clock), Limits(requests_per_minute=3)
    for _ in range(3):
        rates.admit("tokens/a", limits)
    with pytest.raises(Refusal) as refused:
        rates.admit("tokens/a", limits)
    assert refused.value.reason == "REQUEST_LIMIT"
    assert refused.value.retry_after_seconds == pytest.approx(20.0)
    rates.admit("tokens/b", limits)
    clock.now += 20.0
    rates.admit("tokens/a", limits)


def test_tokens_not_used_are_given_back_once() -> None:
    clock = Clock()
    rates, limits = RateLimits(clock), Limits(tokens_per_minute=100)
    quota = rates.admit("tokens/a", limits)
    reservation = quota.reserve(80)
    with pytest.raises(Refusal, match="TOKEN_LIMIT"):
        quota.reserve(30)
    reservation.settle(10)
    reservation.settle(10)
    quota.reserve(90)
    with pytest.raises(Refusal, match="TOKEN_LIMIT"):
        quota.reserve(1)


def test_using_more_than_was_reserved_gives_nothing_back() -> None:
    rates = RateLimits(Clock())
    quota = rates.admit("tokens/a", Limits(tokens_per_minute=100))
    quota.reserve(60).settle(70)
    with pytest.raises(Refusal, match="TOKEN_LIMIT"):
        quota.reserve(41)


def test_streams_at_once_are_bounded_and_freed_however_they_end() -> None:
    rates, limits = RateLimits(Clock()), Limits(streams=2)
    with rates.stream("tokens/a", limits):
        with pytest.raises(RuntimeError), rates.stream("tokens/a", limits):
            raise RuntimeError("the caller went away")
        with rates.stream("tokens/a", limits):
            with pytest.raises(Refusal, match="STREAM_LIMIT"), rates.stream("tokens/a", limits):
                raise AssertionError("a third one")
            with rates.stream("tokens/b", limits):
                pass
    with rates.stream("tokens/a", limits), rates.stream("tokens/a", limits):
        pass


def test_no_limit_means_no_limit() -> None:
    rates = RateLimits(Clock())
    for _ in range(10_000):
        rates.admit("tokens/a", Limits()).reserve(10**9).settle(0)


def test_a_limit_changed_meanwhile_counts_from_the_next_call() -> None:
    rates = RateLimits(Clock())
    for _ in range(3):
        rates.admit("tokens/a", Limits(requests_per_minute=3))
    for _ in range(5):
        rates.admit("tokens/a", Limits(requests_per_minute=5))
    with pytest.raises(Refusal):
        rates.admit("tokens/a", Limits(requests_per_minute=5))


def test_callers_long_gone_are_forgotten_and_open_streams_are_not() -> None:
    rates, limits = RateLimits(Clock()), Limits(requests_per_minute=1, streams=1)
    with rates.stream("tokens/first", limits):
        for number in range(10_050):
            rates.admit(f"tokens/{number}", limits)
        assert len(rates._uses) <= 10_001
        with pytest.raises(Refusal, match="STREAM_LIMIT"), rates.stream("tokens/first", limits):
            raise AssertionError("it was forgotten")


def test_only_files_are_large_and_every_named_method_exists() -> None:
    assert CONTROL | set(LARGER_MESSAGES) <= set(GRANTS)
    assert {name for name in GRANTS if largest_message(name) > 8 << 20} == {
        "VectorService/ImportVector",
        "VectorService/MeasureVector",
        "TrialService/CheckTrial",
        "TrialService/CreateTrial",
    }
    assert largest_message("VectorService/ImportVector") == MAX_VECTOR_MESSAGE
    assert largest_message("SnapshotService/RollbackSnapshot") == MAX_MESSAGE == 65_536
