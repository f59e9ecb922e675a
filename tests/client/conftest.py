"""A real gRPC server on a real socket whose answers each test scripts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status

Answer = Callable[[Any, grpc.ServicerContext], Any]

SERVICES = ("chat", "model", "vector", "snapshot", "monitor", "rollout", "audit", "token", "trial", "case")


@dataclass
class Received:
    """One call as the server saw it."""

    method: str
    request: Any
    metadata: dict[str, str]
    time_remaining: float | None


@dataclass
class ScriptedServer:
    """Answers by method name: `server.answers["GetVector"] = lambda request, context: Vector(...)`.

    A method without an answer is UNIMPLEMENTED. A streaming method's answer is a generator function.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    _server: grpc.Server | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def calls(self, method: str) -> list[Received]:
        return [call for call in self.received if call.method == method]

    def start(self) -> None:
        import importlib

        server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        for name in SERVICES:
            module = importlib.import_module(f"trimtab_protos.v1.{name}_pb2_grpc")
            service = f"{name.capitalize()}Service"
            base = getattr(module, f"{service}Servicer")
            methods = {m: self._handler(m) for m in vars(base) if not m.startswith("_")}
            servicer = type(f"Scripted{service}", (base,), methods)()
            getattr(module, f"add_{service}Servicer_to_server")(servicer, server)
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        self._server = server

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(grace=None).wait()
            self._server = None

    def _handler(self, method: str) -> Callable[..., Any]:
        def handle(_: object, request: Any, context: grpc.ServicerContext) -> Any:
            metadata = {str(k): str(v) for k, v in context.invocation_metadata()}
            self.received.append(Received(method, request, metadata, context.time_remaining()))
            context.add_callback(self.ended.set)
            if method not in self.answers:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "not scripted")
            return self.answers[method](request, context)

        return handle


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    scripted.start()
    yield scripted
    scripted.stop()


@pytest.fixture
def refuse() -> Callable[..., Answer]:
    """Make an answer that fails with a status and rich details."""

    def make(code: grpc.StatusCode, message: str, *details: Message) -> Answer:
        status = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            context.abort_with_status(rpc_status.to_status(status))

        return answer

    return make
