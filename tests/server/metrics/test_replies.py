"""What is measured of replies, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from trimtab_server.engine.request import Event, Finished, FinishReason, Token
from trimtab_server.metrics.replies import ReplyMetrics, TokenGaps


def token(index: int = 0) -> Token:
    return Token(1, "x", index, -0.1)


def values(registry: CollectorRegistry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def one(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return values(registry)[name, frozenset(labels.items())]


def test_gaps_between_tokens_are_those_of_each_reply() -> None:
    """Replies come and go at random; the oracle keeps each reply's own times."""
    random = np.random.default_rng(3)
    now = [0.0]
    gaps = TokenGaps(clock=lambda: now[0])
    registry = CollectorRegistry()
    registry.register(gaps)
    running: dict[int, float] = {}
    expected: list[float] = []
    tickets = iter(range(10_000))
    for _ in range(400):
        now[0] += float(random.choice([0.0005, 0.004, 0.02, 0.3, 7.0])) * (1 + random.random())
        if not running:
            now[0] += 50.0  # the engine waited: nobody did
        for _ in range(int(random.integers(0, 3))):
            running[next(tickets)] = float("nan")
        events = []
        for ticket in list(running):
            expected.append(now[0] - running[ticket])
            running[ticket] = now[0]
            events.append(Event(ticket, (token(),)))
            if random.random() < 0.2:
                del running[ticket]
        gaps.step(tuple(events))
    real = np.array([gap for gap in expected if not np.isnan(gap)])
    assert len(real) > 300
    bounds = sorted(
        float(dict(labels)["le"])
        for name, labels in values(registry)
        if name == "trimtab_inter_token_latency_seconds_bucket"
    )
    for bound in bounds:
        counted = one(
            registry,
            "trimtab_inter_token_latency_seconds_bucket",
            le="+Inf" if np.isinf(bound) else str(bound),
        )
        assert counted == np.count_nonzero(real <= bound)
    assert one(registry, "trimtab_inter_token_latency_seconds_sum") == pytest.approx(real.sum())


def test_a_reply_that_ended_is_measured_from_the_queue_on() -> None:
    registry = CollectorRegistry()
    heard: list[tuple[Event, ...]] = []
    listener = ReplyMetrics(registry).listening_too(heard.append)
    finished = Finished(FinishReason.STOP, 30, 5, 0.1, 0.2, 0.4, 12, 12)
    events = (Event(1, (token(), token(1)), finished), Event(2, (token(),)))
    listener(events)
    assert heard == [events], "the real listener comes first and misses nothing"
    assert one(registry, "trimtab_time_to_first_token_seconds_sum") == pytest.approx(0.3)
    assert one(registry, "trimtab_e2e_request_latency_seconds_sum") == pytest.approx(0.7)
    assert one(registry, "trimtab_request_time_per_output_token_seconds_sum") == pytest.approx(0.1)
    assert one(registry, "trimtab_generation_tokens_total") == 3
    assert one(registry, "trimtab_prompt_tokens_total") == 30
    assert one(registry, "trimtab_request_success_total", finished_reason="stop") == 1
    assert one(registry, "trimtab_steered_requests_total", mode="steered") == 1
    assert one(registry, "trimtab_steering_applications_missed_total") == 0


@pytest.mark.parametrize(
    ("finished", "name", "labels"),
    [
        (Finished(FinishReason.CANCELLED, 9, 0, 1.0, 0.0, 0.0, 0, 0), "cancelled", {"stage": "queue"}),
        (Finished(FinishReason.CANCELLED, 9, 0, 1.0, 0.1, 0.0, 0, 0), "cancelled", {"stage": "prefill"}),
        (Finished(FinishReason.CANCELLED, 9, 2, 1.0, 0.1, 0.1, 0, 0), "cancelled", {"stage": "decode"}),
        (Finished(FinishReason.DEADLINE, 9, 2, 1.0, 0.1, 0.1, 0, 0), "failure", {"reason": "deadline"}),
        (Finished(FinishReason.ERROR, 9, 2, 1.0, 0.1, 0.1, 0, 0, "oom"), "failure", {"reason": "error"}),
    ],
)
def test_what_did_not_end_by_itself_is_counted_and_not_timed(
    finished: Finished, name: str, labels: dict[str, str]
) -> None:
    registry = CollectorRegistry()
    ReplyMetrics(registry).listening_too(lambda events: None)((Event(1, (), finished),))
    assert one(registry, f"trimtab_request_{name}_total", **labels) == 1
    assert one(registry, "trimtab_e2e_request_latency_seconds_count") == 0


def test_spare_replies_do_not_colour_what_users_wait() -> None:
    registry = CollectorRegistry()
    spare = Finished(FinishReason.STOP, 9, 2, 30.0, 0.1, 0.1, 0, 0, spare=True)
    ReplyMetrics(registry).listening_too(lambda events: None)((Event(1, (), spare),))
    assert one(registry, "trimtab_spare_requests_total", finished_reason="stop") == 1
    assert one(registry, "trimtab_time_to_first_token_seconds_count") == 0


def test_steering_that_fell_short_is_counted() -> None:
    registry = CollectorRegistry()
    short = Finished(FinishReason.STOP, 9, 2, 0.0, 0.1, 0.1, 7, 12)
    ReplyMetrics(registry).listening_too(lambda events: None)((Event(1, (), short),))
    assert one(registry, "trimtab_steering_applications_missed_total") == 5
