"""A real OTLP/gRPC collector on loopback that keeps every span."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2


class OtlpCollector(trace_service_pb2_grpc.TraceServiceServicer):
    """Spans by their name."""

    def __init__(self) -> None:
        self.spans: list[trace_pb2.Span] = []
        self.raw: list[bytes] = []
        self._news = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Export(self, request: Any, context: Any) -> Any:
        with self._news:
            self.raw.append(request.SerializeToString())
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
            self._news.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    def wait(self, name: str, count: int = 1, seconds: float = 30) -> list[trace_pb2.Span]:
        """Until so many spans of that name came."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.named(name)) >= count, seconds), (
                f"{sorted({span.name for span in self.spans})} came, no {name}"
            )
        return self.named(name)

    def named(self, name: str) -> list[trace_pb2.Span]:
        return [span for span in self.spans if span.name == name]

    def close(self) -> None:
        self._server.stop(0).wait()
