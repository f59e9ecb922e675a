"""The one place between gRPC and the servicers.

Services are registered from their descriptors with raw bytes in and out. So undecodable bytes are ours to
answer (gRPC itself would answer UNKNOWN), and every call passes the same steps: authenticate, authorise,
parse, call, serialise, map errors, log.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from trimtab_server.api.authentication import Authenticator, Caller
from trimtab_server.api.errors import refusal_from, status_of
from trimtab_server.api.roles import authorise
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

log = logging.getLogger("trimtab.rpc")

Context = grpc.aio.ServicerContext[Any, Any]

_LONGEST_REQUEST_ID: Final = 200


@dataclass(frozen=True)
class Call:
    """What a servicer knows of a call beside its request. `deadline` is on time.monotonic()'s clock."""

    caller: Caller
    method: str
    log_id: str
    deadline: float | None
    request_hash: str

    def origin(self, request_id: str = "") -> Origin:
        """Who asks for a change through this call.

        Raises:
            Refusal: FIELD_INVALID, the id is longer than it may be.
        """
        if len(request_id) > _LONGEST_REQUEST_ID:
            raise Refusal(
                "FIELD_INVALID",
                field="request_id",
                detail=f"request_id is longer than {_LONGEST_REQUEST_ID} characters; a UUID is enough",
            )
        return Origin(self.caller.actor, self.caller.role.value, self.method, request_id, self.request_hash)


@dataclass(frozen=True)
class CallRecord:
    """One finished call, for logs and metrics."""

    method: str
    actor: str
    role: str
    code: str
    reason: str
    seconds: float
    log_id: str
    peer: str


Observer = Callable[[CallRecord], None]


def log_call(record: CallRecord) -> None:
    """The access log."""
    log.info("call", extra={"facts": vars(record)})


class Gate:
    """Every call goes through here, once."""

    def __init__(
        self,
        authenticator: Authenticator,
        observers: Iterable[Observer] = (log_call,),
        stall_seconds: float = 10.0,
    ) -> None:
        self._authenticator = authenticator
        self._observers = tuple(observers)
        self._stall_seconds = stall_seconds
        #: Set while draining: new calls are refused, running ones go on.
        self.closed = False
        self.running = 0

    def register(self, server: grpc.aio.Server, service: ServiceDescriptor, servicer: object) -> None:
        """Adds every method of the service.

        Raises:
            TypeError: the servicer lacks one, or has it in the wrong kind (a streaming method is an
                asynchronous generator, any other a coroutine function).
        """
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for method in service.methods:
            serve = getattr(servicer, method.name, None)
            right = inspect.isasyncgenfunction if method.server_streaming else inspect.iscoroutinefunction
            if serve is None or not right(serve) or method.client_streaming:
                raise TypeError(
                    f"{type(servicer).__name__}.{method.name} does not implement {method.full_name}"
                )
            handlers[method.name] = self._handler(service, method, serve)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))

    def _handler(
        self, service: ServiceDescriptor, method: MethodDescriptor, serve: Callable[..., Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        name = f"{service.name}/{method.name}"
        request_class = GetMessageClass(method.input_type)

        async def unary(raw: bytes, context: Context) -> bytes:
            async with self._passage(name, context) as passage:
                request, call = passage.admit(raw, request_class)
                answer: Message = await serve(request, call)
                return answer.SerializeToString()
            raise AssertionError("a passage that did not return has aborted")

        async def streaming(raw: bytes, context: Context) -> None:
            async with self._passage(name, context) as passage:
                request, call = passage.admit(raw, request_class)
                answers: AsyncGenerator[Message, None] = serve(request, call)
                # Closing it runs the servicer's `finally` also when the caller goes away.
                async with contextlib.aclosing(answers):
                    async for answer in answers:
                        await self._write(context, answer.SerializeToString())

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(streaming)
        return grpc.unary_unary_rpc_method_handler(unary)

    async def _write(self, context: Context, message: bytes) -> None:
        try:
            await asyncio.wait_for(context.write(message), self._stall_seconds)
        except TimeoutError:
            raise Refusal("CONSUMER_STALLED", seconds=f"{self._stall_seconds:g}") from None

    @contextlib.asynccontextmanager
    async def _passage(self, method: str, context: Context) -> AsyncIterator[_Passage]:
        passage = _Passage(self, self._authenticator, method, context)
        self.running += 1
        try:
            yield passage
            passage.code = "OK"
        except asyncio.CancelledError:
            passage.code = "CANCELLED"
            raise
        except Exception as error:
            await passage.fail(error)
        finally:
            self.running -= 1
            record = passage.record()
            for observer in self._observers:
                observer(record)


class _Passage:
    """The state of one call on its way through the gate."""

    def __init__(self, gate: Gate, authenticator: Authenticator, method: str, context: Context) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._method = method
        self._context = context
        self._log_id = uuid.uuid4().hex
        self._begin = time.monotonic()
        self._caller: Caller | None = None
        self.code = "UNKNOWN"
        self._reason = ""
        context.set_trailing_metadata((("x-log-id", self._log_id),))

    def admit(self, raw: bytes, request_class: type[Message]) -> tuple[Message, Call]:
        """Raises: Refusal: SERVER_DRAINING, a TOKEN_ reason, ROLE_NOT_ALLOWED or REQUEST_UNDECODABLE."""
        if self._gate.closed:
            raise Refusal("SERVER_DRAINING", retry_after_seconds=1.0)
        metadata = dict(self._context.invocation_metadata() or ())
        authorization = metadata.get("authorization")
        self._caller = self._authenticator.authenticate(
            authorization.decode(errors="replace") if isinstance(authorization, bytes) else authorization
        )
        authorise(self._caller.role, self._method)
        try:
            request = request_class.FromString(raw)
        except DecodeError:
            raise Refusal(
                "REQUEST_UNDECODABLE",
                message_type=request_class.DESCRIPTOR.full_name,
                detail=f"{len(raw)} bytes do not parse",
            ) from None
        remaining = self._context.time_remaining()
        call = Call(
            caller=self._caller,
            method=self._method,
            log_id=self._log_id,
            deadline=None if remaining is None else time.monotonic() + remaining,
            request_hash=sha256_hex(request.SerializeToString(deterministic=True)),
        )
        return request, call

    async def fail(self, error: Exception) -> NoReturn:
        """Ends the call with the error's status; what we do not know is logged and says nothing outside."""
        refusal = refusal_from(error)
        if refusal is None:
            log.error(
                "internal_error",
                exc_info=error,
                extra={"facts": {"method": self._method, "log_id": self._log_id}},
            )
            refusal = Refusal("INTERNAL", request_id=self._log_id)
        status = status_of(refusal)
        self._reason = refusal.reason
        self.code = next(code.name for code in grpc.StatusCode if code.value[0] == status.code)
        rich = rpc_status.to_status(status)
        self._context.set_trailing_metadata((*rich.trailing_metadata, ("x-log-id", self._log_id)))
        await self._context.abort(rich.code, rich.details)

    def record(self) -> CallRecord:
        caller = self._caller
        return CallRecord(
            method=self._method,
            actor=caller.actor if caller else "",
            role=caller.role.value if caller else "",
            code=self.code,
            reason=self._reason,
            seconds=round(time.monotonic() - self._begin, 6),
            log_id=self._log_id,
            peer=self._context.peer(),
        )
