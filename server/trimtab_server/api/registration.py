"""The one place between gRPC and the servicers.

Services are registered from their descriptors with raw bytes in and out. So undecodable bytes are ours to
answer (gRPC itself would answer UNKNOWN), and every call passes the same steps: authenticate, authorise, count
against the caller's limits, read, parse, call, serialise, map errors, log.

To gRPC every method takes a stream, of which one message is read. On the wire that is the same, and it lets
the gate look at the caller before it takes a byte of the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from trimtab_server.api.authentication import Authenticator, Caller
from trimtab_server.api.errors import refusal_from, status_of
from trimtab_server.api.limits import CONTROL, Limits, Quota, RateLimits, largest_message
from trimtab_server.api.log import in_call
from trimtab_server.api.principals import identities_of
from trimtab_server.api.refused_logins import REASONS, RefusedLogins
from trimtab_server.api.roles import authorise
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

log = logging.getLogger("trimtab.rpc")

Context = grpc.aio.ServicerContext[Any, Any]

_LONGEST_REQUEST_ID: Final = 200
_LONGEST_CLIENT_VERSION: Final = 100
#: Bytes a second at which a request must come, beside the time every caller has.
_SLOWEST_UPLOAD: Final = 1 << 20

#: Methods whose calls end at `Gate`'s longest reply, whatever deadline they came with.
_REPLYING: Final = frozenset({"ChatService/Chat", "ChatService/Compare"})


@dataclass(frozen=True)
class Call:
    """What a servicer knows of a call beside its request.

    `deadline` is on time.monotonic()'s clock. What a servicer puts into `response_metadata` before its first
    message goes out as the call's initial metadata. `client_version` is what the caller's program calls itself.
    """

    caller: Caller
    method: str
    log_id: str
    deadline: float | None
    request_hash: str
    quota: Quota
    client_version: str = ""
    response_metadata: dict[str, str] = field(default_factory=dict)

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
        return Origin(
            self.caller.actor,
            self.caller.role.value,
            self.method,
            request_id,
            self.request_hash,
            auth_method="certificate" if self.caller.actor.startswith("principals/") else "token",
            client_version=self.client_version,
        )


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

#: Told a call's method and metadata, it gives what the call happens in.
Around = Callable[[str, Sequence[tuple[str, str | bytes]]], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def untraced(_method: str, _metadata: object) -> Iterator[None]:
    """Around a call that nobody traces."""
    yield


def log_call(record: CallRecord) -> None:
    """The access log."""
    log.info("call", extra={"facts": vars(record)})


class Gate:
    """Every call goes through here, once.

    Args:
        stall_seconds: how long a caller may take to send its request (a large one longer), and to take an answer.
        limits: of callers that have none of their own.
        longest_reply_seconds: the latest deadline of a chat reply; also that of one that came without.
        around: entered for each call; its observers are called within.
        now: UTC nanoseconds.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        observers: Iterable[Observer] = (log_call,),
        stall_seconds: float = 5.0,
        *,
        limits: Limits | None = None,
        refused_logins: RefusedLogins | None = None,
        longest_reply_seconds: float = 120.0,
        around: Around = untraced,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._around = around
        self.authenticator = authenticator
        self.stall_seconds = stall_seconds
        self.longest_reply_seconds = longest_reply_seconds
        self.rates = RateLimits()
        self.refused_logins = refused_logins or RefusedLogins(0)
        self.now = now
        self._observers = tuple(observers)
        self._limits = limits or Limits()
        #: Set while draining: new calls are refused, running ones go on.
        self.closed = False
        self.running = 0

    def limits_of(self, caller: Caller) -> Limits:
        """The caller's own, else the server's."""
        return Limits(
            caller.requests_per_minute or self._limits.requests_per_minute,
            caller.tokens_per_minute or self._limits.tokens_per_minute,
            self._limits.streams,
        )

    def register(
        self,
        server: grpc.aio.Server,
        service: ServiceDescriptor,
        servicer: object,
        only: Collection[str] | None = None,
    ) -> None:
        """Adds every method of the service, or those of "Service/Method" in `only`.

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
            if only is None or f"{service.name}/{method.name}" in only:
                handlers[method.name] = self._handler(service, method, serve)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))

    def _handler(
        self, service: ServiceDescriptor, method: MethodDescriptor, serve: Callable[..., Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        name = f"{service.name}/{method.name}"
        request_class = GetMessageClass(method.input_type)

        async def unary(_: object, context: Context) -> bytes:
            async with self._passage(name, context) as passage:
                request, call = await passage.admit(request_class)
                answer: Message = await serve(request, call)
                await passage.announce(call)
                return answer.SerializeToString()
            raise AssertionError("a passage that did not return has aborted")

        async def streaming(_: object, context: Context) -> None:
            async with self._passage(name, context) as passage:
                request, call = await passage.admit(request_class)
                answers: AsyncGenerator[Message, None] = serve(request, call)
                # Closing it runs the servicer's `finally` also when the caller goes away.
                async with contextlib.aclosing(answers):
                    with self.rates.stream(call.caller.actor, self.limits_of(call.caller)):
                        async for answer in answers:
                            await passage.write(answer.SerializeToString(), call)

        if method.server_streaming:
            return grpc.stream_stream_rpc_method_handler(streaming)
        return grpc.stream_unary_rpc_method_handler(unary)

    @contextlib.asynccontextmanager
    async def _passage(self, method: str, context: Context) -> AsyncIterator[_Passage]:
        passage = _Passage(self, method, context)
        metadata = tuple(context.invocation_metadata() or ())
        with in_call(passage.log_id), self._around(method, metadata):
            async with self._observed(passage):
                yield passage

    @contextlib.asynccontextmanager
    async def _observed(self, passage: _Passage) -> AsyncIterator[_Passage]:
        self.running += 1
        try:
            yield passage
            passage.code = "OK"
        except asyncio.CancelledError:
            passage.code = "CANCELLED"
            raise
        except _CallerGone:
            passage.code = "CANCELLED"
        except Exception as error:
            await passage.fail(error)
        finally:
            self.running -= 1
            record = passage.record()
            for observer in self._observers:
                observer(record)


class _CallerGone(Exception):
    """Nobody is left to write to."""


class _Passage:
    """The state of one call on its way through the gate."""

    def __init__(self, gate: Gate, method: str, context: Context) -> None:
        self._gate = gate
        self._method = method
        self._context = context
        self.log_id = uuid.uuid4().hex
        self._begin = time.monotonic()
        self._caller: Caller | None = None
        self._announced = False
        self.code = "UNKNOWN"
        self._reason = ""
        context.set_trailing_metadata((("x-log-id", self.log_id),))

    async def admit(self, request_class: type[Message]) -> tuple[Message, Call]:
        """Raises: Refusal: SERVER_DRAINING, a refused login, ROLE_NOT_ALLOWED, a limit, REQUEST_UNDECODABLE."""
        gate = self._gate
        if gate.closed:
            raise Refusal("SERVER_DRAINING", retry_after_seconds=1.0)
        self._caller = caller = self._identify()
        authorise(caller.role, self._method)
        limits = Limits() if self._method in CONTROL else gate.limits_of(caller)
        quota = gate.rates.admit(caller.actor, limits)
        raw = await self._read()
        try:
            request = request_class.FromString(raw)
        except DecodeError:
            raise self._undecodable(request_class, f"{len(raw)} bytes do not parse") from None
        call = Call(
            caller=caller,
            method=self._method,
            log_id=self.log_id,
            deadline=self._deadline(),
            request_hash=sha256_hex(request.SerializeToString(deterministic=True)),
            quota=quota,
            client_version=self._client_version(),
        )
        return request, call

    async def announce(self, call: Call) -> None:
        """Sends what the servicer has to say ahead of its first message, once."""
        if not self._announced:
            self._announced = True
            if call.response_metadata:
                await self._context.send_initial_metadata(tuple(call.response_metadata.items()))

    async def write(self, message: bytes, call: Call) -> None:
        """Raises: Refusal: CONSUMER_STALLED, or the caller's token was revoked or has expired meanwhile."""
        self._gate.authenticator.check_still(call.caller)
        seconds = self._gate.stall_seconds
        try:
            await self.announce(call)
            await asyncio.wait_for(self._context.write(message), seconds)
        except TimeoutError:
            raise Refusal("CONSUMER_STALLED", seconds=f"{seconds:g}") from None
        except grpc.aio.InternalError as error:
            # What gRPC says when the call ended between our step and its own, before it cancels the handler.
            raise _CallerGone from error

    def _client_version(self) -> str:
        told = dict(self._context.invocation_metadata() or ()).get("user-agent", "")
        text = told.decode(errors="replace") if isinstance(told, bytes) else told
        return "".join(sign for sign in text[:_LONGEST_CLIENT_VERSION] if sign.isprintable())

    def _identify(self) -> Caller:
        metadata = dict(self._context.invocation_metadata() or ())
        authorization = metadata.get("authorization")
        if isinstance(authorization, bytes):
            authorization = authorization.decode(errors="replace")
        identities = identities_of(self._context.auth_context()) if authorization is None else ()
        gate = self._gate
        try:
            return gate.authenticator.authenticate(authorization, identities)
        except Refusal as refusal:
            if refusal.reason not in REASONS:
                raise
            raise gate.refused_logins.refuse(refusal, self._context.peer(), gate.now()) from None

    async def _read(self) -> bytes:
        """The one message. Raises: Refusal: REQUEST_NOT_SENT, MESSAGE_TOO_LARGE."""
        limit = largest_message(self._method)
        seconds = self._gate.stall_seconds + limit / _SLOWEST_UPLOAD
        try:
            raw = await asyncio.wait_for(self._context.read(), seconds)
        except TimeoutError:
            raise Refusal("REQUEST_NOT_SENT", seconds=f"{seconds:g}") from None
        if not isinstance(raw, bytes):
            raise Refusal("REQUEST_NOT_SENT", seconds="0")
        if len(raw) > limit:
            raise Refusal("MESSAGE_TOO_LARGE", method=self._method, bytes=len(raw), limit=limit)
        return raw

    def _deadline(self) -> float | None:
        """On time.monotonic()'s clock."""
        remaining = self._context.time_remaining()
        if self._method in _REPLYING:
            longest = self._gate.longest_reply_seconds
            remaining = longest if remaining is None else min(remaining, longest)
        return None if remaining is None else time.monotonic() + remaining

    def _undecodable(self, request_class: type[Message], detail: str) -> Refusal:
        return Refusal("REQUEST_UNDECODABLE", message_type=request_class.DESCRIPTOR.full_name, detail=detail)

    async def fail(self, error: Exception) -> NoReturn:
        """Ends the call with the error's status; what we do not know is logged and says nothing outside."""
        refusal = refusal_from(error)
        if refusal is None:
            log.error(
                "internal_error",
                exc_info=error,
                extra={"facts": {"method": self._method, "log_id": self.log_id}},
            )
            refusal = Refusal("INTERNAL", request_id=self.log_id)
        status = status_of(refusal)
        self._reason = refusal.reason
        self.code = next(code.name for code in grpc.StatusCode if code.value[0] == status.code)
        rich = rpc_status.to_status(status)
        self._context.set_trailing_metadata((*rich.trailing_metadata, ("x-log-id", self.log_id)))
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
            log_id=self.log_id,
            peer=self._context.peer(),
        )
