"""One call on its way through the gate: who calls, what was asked, what is answered, how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from trimtab_server.api.authentication import Caller
from trimtab_server.api.errors import refusal_from, status_of
from trimtab_server.api.limits import CONTROL, Limits, Quota, largest_message
from trimtab_server.api.principals import identities_of
from trimtab_server.api.refused_logins import REASONS
from trimtab_server.api.roles import authorise
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

if TYPE_CHECKING:
    from trimtab_server.api.registration import Gate

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


class CallerGone(Exception):
    """Nobody is left to write to."""


class Passage:
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
            # Not wait_for: before Python 3.12 it can lose a cancellation, and with it the end of a watch.
            async with asyncio.timeout(seconds):
                await self._context.write(message)
        except TimeoutError:
            raise Refusal("CONSUMER_STALLED", seconds=f"{seconds:g}") from None
        except grpc.aio.InternalError as error:
            # What gRPC says when the call ended between our step and its own, before it cancels the handler.
            raise CallerGone from error

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
            async with asyncio.timeout(seconds):
                raw = await self._context.read()
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
