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
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from trimtab_server.api.authentication import Authenticator, Caller
from trimtab_server.api.limits import Limits, RateLimits
from trimtab_server.api.log import in_call
from trimtab_server.api.passage import Call, CallerGone, CallRecord, Context, Passage
from trimtab_server.api.refused_logins import RefusedLogins

__all__ = ["Around", "Call", "CallRecord", "Gate", "Observer", "log_call", "untraced"]

log = logging.getLogger("trimtab.rpc")

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
    async def _passage(self, method: str, context: Context) -> AsyncIterator[Passage]:
        passage = Passage(self, method, context)
        metadata = tuple(context.invocation_metadata() or ())
        with in_call(passage.log_id), self._around(method, metadata):
            async with self._observed(passage):
                yield passage

    @contextlib.asynccontextmanager
    async def _observed(self, passage: Passage) -> AsyncIterator[Passage]:
        self.running += 1
        try:
            yield passage
            passage.code = "OK"
        except asyncio.CancelledError:
            passage.code = "CANCELLED"
            raise
        except CallerGone:
            passage.code = "CANCELLED"
        except Exception as error:
            await passage.fail(error)
        finally:
            self.running -= 1
            record = passage.record()
            for observer in self._observers:
                observer(record)
