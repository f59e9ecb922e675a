"""Turns a bearer token into a caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from trimtab_server.api.roles import Role
from trimtab_server.store import tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal


@dataclass(frozen=True)
class Caller:
    """Who calls: `actor` is the token's resource name, never its secret."""

    actor: str
    role: Role
    display_name: str = ""


class Authenticator:
    """Checks secrets against the tokens in the store, which are kept in memory and re-read after a change."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[str, tokens.TokenRecord] = {}
        self.reload()

    def reload(self) -> None:
        """To be called after a token was made or revoked; it counts from the next call on."""
        with self._lock, self._database.read() as connection:
            self._known = {token.id: token for token in tokens.page(connection)}

    def authenticate(self, authorization: str | None) -> Caller:
        """The caller behind the value of the `authorization` metadata.

        Raises:
            Refusal: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED or TOKEN_REVOKED.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Refusal("TOKEN_MISSING")
        token = self._known.get(tokens.id_of(secret) or "")
        if token is None or not token.matches(secret):
            raise Refusal("TOKEN_INVALID")
        name = f"tokens/{token.id}"
        if token.revoke_time:
            raise Refusal("TOKEN_REVOKED", token=name)
        if token.expire_time and token.expire_time <= self._now():
            raise Refusal("TOKEN_EXPIRED", token=name)
        return Caller(name, Role(token.role), token.display_name)
