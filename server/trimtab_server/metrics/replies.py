"""Counts tokens and replies, and measures what a user feels of them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from threading import get_ident, local
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from trimtab_server.engine.request import Event, Finished, FinishReason, StepListener

_TO_FIRST_TOKEN: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_BETWEEN_TOKENS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0)
_WHOLE_REPLY: Final = tuple(0.01 * 2**n for n in range(14))


class TokenGaps(Collector):
    """The times between two tokens of a reply.

    All replies of a batch get their tokens in the same steps, so one reading of the clock a step serves all of
    them: a reply that had a token in this step and in the one before waited just as long as from step to step.
    Measured on the engine's thread, where tokens are made; waiting for a slow caller is not in it. Where one step
    gives a reply its first two tokens (prompt read and first decode), the time between them is not measured.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._engine = local()
        # Per engine thread, so that no two of them write to the same place.
        self._counts: dict[int, list[int]] = {}
        self._sums: dict[int, float] = {}

    def step(self, events: tuple[Event, ...]) -> None:
        """Takes in one step of one engine; called on its thread."""
        now = self._clock()
        last: float = getattr(self._engine, "last", now)
        had: frozenset[int] = getattr(self._engine, "had", frozenset())
        has = frozenset(event.ticket for event in events if event.tokens)
        self._engine.last, self._engine.had = now, has
        again = len(has & had)
        if again:
            gap, thread = now - last, get_ident()
            counts = self._counts.setdefault(thread, [0] * (len(_BETWEEN_TOKENS) + 1))
            counts[bisect_left(_BETWEEN_TOKENS, gap)] += again
            self._sums[thread] = self._sums.get(thread, 0.0) + again * gap

    def collect(self) -> Iterator[HistogramMetricFamily]:
        counts = [sum(column) for column in zip(*list(self._counts.values()), strict=True)]
        bounds = [*map(str, _BETWEEN_TOKENS), "+Inf"]
        yield HistogramMetricFamily(
            "trimtab_inter_token_latency_seconds",
            "Between two tokens of a reply, as the engine makes them.",
            buckets=list(zip(bounds, accumulate(counts or [0] * len(bounds)), strict=True)),
            sum_value=sum(self._sums.values()),
        )


class ReplyMetrics:
    """Listens to the engines' steps. Spare replies (shadow pairs, canaries) are counted apart from real ones."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gaps = TokenGaps()
        registry.register(self._gaps)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"trimtab_{name}", text, labels, registry=registry)

        def seconds(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"trimtab_{name}_seconds", text, buckets=buckets, registry=registry)

        self._prompt_tokens = counter("prompt_tokens", "Tokens of the prompts of replies that ended.")
        self._reply_tokens = counter("generation_tokens", "Tokens made.")
        self._ended = counter("request_success", "Replies that ended by themselves.", "finished_reason")
        self._failed = counter(
            "request_failure", "Replies that ended with an error or their deadline.", "reason"
        )
        self._cancelled = counter("request_cancelled", "Replies cancelled, by where they were.", "stage")
        self._steered = counter("steered_requests", "Replies, by whether anything steered them.", "mode")
        self._spare = counter(
            "spare_requests", "Replies in slots that nobody else wanted.", "finished_reason"
        )
        self._missed = counter(
            "steering_applications_missed", "Layer-token pairs that should have been steered and were not."
        )
        self._first_token = seconds(
            "time_to_first_token", "From the queue to the first token.", _TO_FIRST_TOKEN
        )
        self._queued = seconds("request_queue_time", "In the queue.", _TO_FIRST_TOKEN)
        self._prefilled = seconds("request_prefill_time", "Reading the prompt.", _TO_FIRST_TOKEN)
        self._decoded = seconds("request_decode_time", "From the first token to the last.", _WHOLE_REPLY)
        self._whole = seconds("e2e_request_latency", "From the queue to the last token.", _WHOLE_REPLY)
        self._per_token = seconds(
            "request_time_per_output_token", "Mean gap between the tokens of one reply.", _BETWEEN_TOKENS
        )

    def listening_too(self, listener: StepListener) -> StepListener:
        """A listener that hands everything on first, and then counts it."""

        def step(events: tuple[Event, ...]) -> None:
            listener(events)
            self._gaps.step(events)
            made = sum(len(event.tokens) for event in events)
            if made:
                self._reply_tokens.inc(made)
            for event in events:
                if event.finished is not None:
                    self._finished(event.finished)

        return step

    def _finished(self, finished: Finished) -> None:
        self._prompt_tokens.inc(finished.prompt_tokens)
        if finished.spare:
            self._spare.labels(finished.reason.value).inc()
            return
        if finished.reason is FinishReason.CANCELLED:
            self._cancelled.labels(_where(finished)).inc()
        elif finished.reason in (FinishReason.ERROR, FinishReason.DEADLINE):
            self._failed.labels(finished.reason.value).inc()
        else:
            self._succeeded(finished)

    def _succeeded(self, finished: Finished) -> None:
        self._ended.labels(finished.reason.value).inc()
        steered = finished.steering_applications_expected > 0
        self._steered.labels("steered" if steered else "unsteered").inc()
        missed = finished.steering_applications_expected - finished.steering_applications
        self._missed.inc(max(0, missed))
        to_first = finished.queue_seconds + finished.prefill_seconds
        self._queued.observe(finished.queue_seconds)
        self._prefilled.observe(finished.prefill_seconds)
        self._first_token.observe(to_first)
        self._decoded.observe(finished.decode_seconds)
        self._whole.observe(to_first + finished.decode_seconds)
        if finished.reply_tokens > 1:
            self._per_token.observe(finished.decode_seconds / (finished.reply_tokens - 1))


def _where(finished: Finished) -> str:
    """Where a cancelled reply was: in the queue, reading the prompt, or writing."""
    if finished.reply_tokens:
        return "decode"
    return "prefill" if finished.prefill_seconds else "queue"
