"""Counts calls by method and status, and refusals by reason."""

from __future__ import annotations

from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

#: Reasons for which a reply was not even queued.
_NOT_ADMITTED: Final = frozenset(
    {
        "QUEUE_FULL",
        "DEADLINE_IMPOSSIBLE",
        "SERVER_DRAINING",
        "STAGE_LOADING",
        "REQUEST_LIMIT",
        "TOKEN_LIMIT",
        "STREAM_LIMIT",
    }
)

#: Of a unary call: from the 0.3 ms of the quickest to a stage that has to be loaded.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class FinishedCall(Protocol):
    """What of a call is counted."""

    @property
    def method(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def seconds(self) -> float: ...


class CallMetrics:
    """An observer of the gate. Methods, codes and reasons are ours, so their number is bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "trimtab_rpc_requests", "Finished calls.", ["method", "code"], registry=registry
        )
        self._seconds = Histogram(
            "trimtab_rpc_duration_seconds",
            "From the first byte of a call to its end; of a stream, all of it.",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._refusals = Counter("trimtab_refusals", "Refused calls.", ["reason"], registry=registry)
        self._rejections = Counter(
            "trimtab_admission_rejections",
            "Replies refused for want of room or time.",
            ["reason"],
            registry=registry,
        )

    def __call__(self, call: FinishedCall) -> None:
        self._calls.labels(call.method, call.code).inc()
        self._seconds.labels(call.method).observe(call.seconds)
        if call.reason:
            self._refusals.labels(call.reason).inc()
        if call.reason in _NOT_ADMITTED:
            self._rejections.labels(call.reason).inc()
