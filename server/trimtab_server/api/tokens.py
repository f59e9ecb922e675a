"""TokenService: bearer tokens and their roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from trimtab_protos.v1 import token_pb2

from trimtab_server.api import paging, wire
from trimtab_server.api.authentication import Authenticator
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.steering import token_changes
from trimtab_server.steering.creation import check_display_name
from trimtab_server.steering.token_changes import TokenLimits
from trimtab_server.store import tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.tokens import TokenRecord

P = ParamSpec("P")
R = TypeVar("R")

_NANOSECONDS: Final = 1_000_000_000

#: Nanoseconds of the epoch that the store can hold.
_LATEST: Final = (1 << 63) - 1


class TokenServicer:
    """A secret leaves the server once, in the answer to the request that made it.

    limits: the server's own, of tokens that have none.
    """

    def __init__(
        self,
        *,
        database: Database,
        limits: TokenLimits,
        authenticator: Authenticator,
        workers: Workers,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._limits = limits
        self._authenticator = authenticator
        self._workers = workers
        self._now = now

    async def CreateToken(
        self, request: token_pb2.CreateTokenRequest, call: Call
    ) -> token_pb2.CreateTokenResponse:
        check_display_name(request.display_name)
        role = wire.TOKEN_ROLES.get(request.role)
        if role is None:
            raise Refusal("FIELD_INVALID", field="role", detail="role is missing or unknown; choose one")
        now = self._now()
        expires = _expiry(request)
        if expires and expires <= now:
            raise Refusal("FIELD_INVALID", field="expire_time", detail="expire_time is in the past")
        record, secret = await self._workers.change(
            self._changed,
            token_changes.create_token,
            self._database,
            display_name=request.display_name,
            role=role,
            expire_time=expires,
            limits=TokenLimits(request.requests_per_minute, request.tokens_per_minute),
            server_limits=self._limits,
            origin=call.origin(request.request_id),
            reason=request.reason,
            time=now,
        )
        return token_pb2.CreateTokenResponse(token=wire.token_out(record), secret=secret)

    async def ListTokens(
        self, request: token_pb2.ListTokensRequest, call: Call
    ) -> token_pb2.ListTokensResponse:
        size, after = paging.size_of(request.page_size), paging.position(request.page_token)

        def page() -> list[TokenRecord]:
            with self._database.read() as connection:
                return tokens.page(connection, limit=size + 1, after=after)

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda record: (record.create_time, record.id)
        )
        return token_pb2.ListTokensResponse(
            tokens=[wire.token_out(row) for row in rows], next_page_token=token
        )

    async def RevokeToken(self, request: token_pb2.RevokeTokenRequest, call: Call) -> token_pb2.Token:
        record = await self._workers.control(
            self._changed,
            token_changes.revoke_token,
            self._database,
            request.name,
            origin=call.origin(request.request_id),
            time=self._now(),
        )
        return wire.token_out(record)

    async def RotateToken(
        self, request: token_pb2.RotateTokenRequest, call: Call
    ) -> token_pb2.RotateTokenResponse:
        name = request.name or call.caller.actor
        record, secret = await self._workers.change(
            self._changed,
            token_changes.rotate_token,
            self._database,
            name,
            overlap=request.overlap_seconds * _NANOSECONDS,
            origin=call.origin(request.request_id),
            reason=request.reason,
            time=self._now(),
        )
        return token_pb2.RotateTokenResponse(token=wire.token_out(record), secret=secret)

    async def SetTokenLimits(self, request: token_pb2.SetTokenLimitsRequest, call: Call) -> token_pb2.Token:
        record = await self._workers.change(
            self._changed,
            token_changes.set_limits,
            self._database,
            request.name,
            TokenLimits(request.requests_per_minute, request.tokens_per_minute),
            origin=call.origin(request.request_id),
            reason=request.reason,
            time=self._now(),
        )
        return wire.token_out(record)

    def _changed(self, change: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Makes the change; it counts before its caller is answered."""
        result = change(*args, **kwargs)
        self._authenticator.reload()
        return result


def _expiry(request: token_pb2.CreateTokenRequest) -> int:
    """Nanoseconds of the epoch; 0 for never. Raises: Refusal: FIELD_INVALID."""
    if not request.HasField("expire_time"):
        return 0
    try:
        expires = request.expire_time.ToNanoseconds()
    except ValueError as error:
        raise Refusal(
            "FIELD_INVALID", field="expire_time", detail=f"expire_time is no time: {error}"
        ) from None
    if expires > _LATEST:
        raise Refusal(
            "FIELD_INVALID",
            field="expire_time",
            detail="expire_time is after 2262; leave it out for a token without end",
        )
    return expires
