"""Spans name what steered a reply, and never what was said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from trimtab_server.api.registration import CallRecord
from trimtab_server.api.tracing import Tracing
from trimtab_server.engine.request import Finished, FinishReason, Token

SECRET = "zyzzyva in the prompt"
NOW = 1_800_000_000_000_000_000


class Recorded:
    """A tracer whose spans stay in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider, "desk", now=lambda: NOW)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._exporter.get_finished_spans()}


def a_plan() -> Any:
    steering = SimpleNamespace(stage="stage-11", system_prompt=SECRET)
    resolved = SimpleNamespace(
        deployment="default",
        snapshot="ab" * 32,
        revision=7,
        configuration=SimpleNamespace(steering=steering),
        assignment=SimpleNamespace(arm="candidate"),
    )
    return SimpleNamespace(reply_id="r1", resolved=resolved, messages=({"role": "user", "content": SECRET},))


def a_record(code: str = "OK", reason: str = "") -> CallRecord:
    return CallRecord("ChatService/Chat", "tokens/a", "operator", code, reason, 0.1, "log-1", "peer")


def test_a_reply_is_a_span_below_its_call_with_model_usage_snapshot_and_revision() -> None:
    recorded = Recorded()
    tracing = recorded.tracing
    finished = Finished(FinishReason.STOP, 30, 2, 0.1, 0.2, 0.3, 4, 4)
    with tracing.call("ChatService/Chat", ()):
        tracing.reply(a_plan(), [Token(1, SECRET, 0, -1.0)], finished)
        tracing(a_record())
    call, reply = recorded.spans["ChatService/Chat"], recorded.spans["chat desk"]
    assert reply.parent is not None and reply.parent.span_id == call.context.span_id
    expected = {
        "gen_ai.request.model": "desk",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.response.finish_reasons": ("stop",),
        "steer.snapshot": "ab" * 32,
        "steer.revision": 7,
        "steer.arm": "candidate",
    }
    assert expected.items() <= dict(reply.attributes or {}).items()
    assert reply.end_time == NOW
    assert reply.start_time == NOW - 600_000_000
    assert {"rpc.method": "Chat", "trimtab.log_id": "log-1"}.items() <= dict(call.attributes or {}).items()
    assert "zyzzyva" not in call.to_json() + reply.to_json()


def test_a_call_continues_the_trace_of_its_caller() -> None:
    recorded = Recorded()
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with recorded.tracing.call("ChatService/Chat", (("traceparent", f"00-{trace_id}-{span_id}-01"),)):
        pass
    span = recorded.spans["ChatService/Chat"]
    assert format(span.context.trace_id, "032x") == trace_id
    assert span.parent is not None and format(span.parent.span_id, "016x") == span_id


def test_a_traceparent_that_is_none_begins_a_new_trace() -> None:
    recorded = Recorded()
    with recorded.tracing.call("ChatService/Chat", (("traceparent", "zz-nonsense"), ("x-bin", b"\xff"))):
        pass
    assert recorded.spans["ChatService/Chat"].parent is None


def test_an_error_is_named_and_its_words_are_not_kept() -> None:
    recorded = Recorded()
    with pytest.raises(ValueError), recorded.tracing.call("ChatService/Chat", ()):
        recorded.tracing(a_record("INVALID_ARGUMENT", "PROMPT_TOO_LONG"))
        raise ValueError(SECRET)
    span = recorded.spans["ChatService/Chat"]
    assert span.attributes is not None and span.attributes["error.type"] == "PROMPT_TOO_LONG"
    assert not span.status.is_ok
    assert span.events == ()
    assert "zyzzyva" not in span.to_json()
