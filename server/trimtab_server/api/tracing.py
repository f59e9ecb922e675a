"""OpenTelemetry spans of calls and replies, where the server was started with a collector to send them to.

Never what was said: no prompt, no reply, no message of an error, whatever OTEL_* variables ask for. Names follow
the GenAI semantic conventions (status: development) and `steer.*` for what they do not know.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trimtab_server.api.plans import Plan
from trimtab_server.api.registration import CallRecord
from trimtab_server.engine.request import Finished, Token

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Metadata = Sequence[tuple[str, str | bytes]]


class TracingUnavailable(Exception):
    """A collector is named and the extra is not installed."""


class Tracing:
    """Spans of one server. `call` goes around each call, the object itself observes its end; `reply` is told of
    each reply within it."""

    def __init__(self, provider: TracerProvider, model: str, now: Callable[[], int] = time.time_ns) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("trimtab", version("trimtab"))
        self._current_span = trace.get_current_span
        self._server_kind = trace.SpanKind.SERVER
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._extract = TraceContextTextMapPropagator().extract
        self._model = model
        self._now = now

    @classmethod
    def sending_to(cls, endpoint: str, model: str) -> Tracing:
        """Spans go in batches, from a thread of their own, to an OTLP/gRPC collector such as
        http://127.0.0.1:4317. Sampling and limits are OpenTelemetry's own OTEL_* variables.

        Raises:
            TracingUnavailable: the extra is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            raise TracingUnavailable(
                f"traces need {error.name}: pip install 'trimtab[otel]', or leave out --otlp-endpoint"
            ) from error
        resource = Resource.create({"service.name": "trimtab", "service.version": version("trimtab")})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider, model)

    @contextlib.contextmanager
    def call(self, method: str, metadata: Metadata) -> Iterator[None]:
        """The span of a call, below the caller's own if its metadata has a `traceparent`."""
        service, _, name = method.partition("/")
        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        attributes = {"rpc.system": "grpc", "rpc.service": f"trimtab.v1.{service}", "rpc.method": name}
        with self._tracer.start_as_current_span(
            method,
            self._extract(carrier),
            self._server_kind,
            attributes,
            # What an exception says may quote the request.
            record_exception=False,
            set_status_on_exception=False,
        ):
            yield

    def __call__(self, record: CallRecord) -> None:
        """How the call ended; an observer of the gate."""
        span = self._current_span()
        span.set_attribute("rpc.grpc.status", record.code)
        span.set_attribute("trimtab.log_id", record.log_id)
        if record.reason:
            span.set_attribute("error.type", record.reason)
            span.set_status(self._error)

    def reply(self, plan: Plan, tokens: Sequence[Token], finished: Finished) -> None:
        """The span of a reply that ended, below its call's."""
        resolved = plan.resolved
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "trimtab",
            "gen_ai.request.model": self._model,
            "gen_ai.response.id": plan.reply_id,
            "gen_ai.response.finish_reasons": [finished.reason.value],
            "gen_ai.usage.input_tokens": finished.prompt_tokens,
            "gen_ai.usage.output_tokens": finished.reply_tokens,
            "steer.deployment": resolved.deployment,
            "steer.snapshot": resolved.snapshot,
            "steer.revision": resolved.revision,
            "steer.stage": resolved.configuration.steering.stage,
            "steer.arm": resolved.assignment.arm if resolved.assignment else "",
            "trimtab.queue_seconds": finished.queue_seconds,
            "trimtab.prefill_seconds": finished.prefill_seconds,
        }
        end = self._now()
        seconds = finished.queue_seconds + finished.prefill_seconds + finished.decode_seconds
        span = self._tracer.start_span(
            f"chat {self._model}", attributes=attributes, start_time=end - round(seconds * 1e9)
        )
        span.end(end)

    def close(self) -> None:
        """Sends what has not been sent."""
        self._provider.shutdown()
