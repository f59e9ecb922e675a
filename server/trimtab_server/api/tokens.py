"""TokenService: bearer tokens and their roles."""

from __future__ import annotations

from collections.abc import Callable

from trimtab_protos.v1 import token_pb2

from trimtab_server.api import paging, wire
from trimtab_server.api.authentication import Authenticator
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.steering.creation import check_display_name
from trimtab_server.store import audit, tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, first_result, once
from trimtab_server.store.tokens import TokenRecord


class TokenServicer:
    """A secret leaves the server once, in the answer to the request that made it."""

    def __init__(
        self,
        *,
        database: Database,
        authenticator: Authenticator,
        workers: Workers,
        now: Callable[[], int],
    ) -> None:
        self._database = database
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
        expires = request.expire_time.ToNanoseconds() if request.HasField("expire_time") else 0
        if expires and expires <= now:
            raise Refusal("FIELD_INVALID", field="expire_time", detail="expire_time is in the past")
        record, secret = tokens.mint(request.display_name, role, now, expires)
        await self._workers.change(self._create, record, call.origin(request.request_id))
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
        record = await self._workers.change(
            self._revoke, request.name.removeprefix("tokens/"), call.origin(request.request_id)
        )
        return wire.token_out(record)

    def _create(self, record: TokenRecord, origin: Origin) -> None:
        with self._database.write() as connection:
            earlier = first_result(connection, origin)
            if earlier is not None:
                raise Refusal("SECRET_ALREADY_SENT", token=f"tokens/{earlier['token']}")

            def change() -> Result:
                tokens.add(connection, record)
                audit.append(
                    connection,
                    time=record.create_time,
                    origin=origin,
                    action="token.create",
                    subject=f"tokens/{record.id}",
                    details={"display_name": record.display_name, "role": record.role},
                )
                return {"token": record.id}

            once(connection, origin, record.create_time, change)
        self._authenticator.reload()

    def _revoke(self, token: str, origin: Origin) -> TokenRecord:
        now = self._now()
        with self._database.write() as connection:

            def change() -> Result:
                record = tokens.find(connection, token)
                if record is None:
                    raise Refusal("TOKEN_NOT_FOUND", field="name", token=f"tokens/{token}")
                if not record.revoke_time:
                    tokens.revoke(connection, token, now)
                    audit.append(
                        connection, time=now, origin=origin, action="token.revoke", subject=f"tokens/{token}"
                    )
                return {"token": token}

            once(connection, origin, now, change)
            revoked = tokens.find(connection, token)
        self._authenticator.reload()
        assert revoked is not None, "tokens are never deleted"
        return revoked
