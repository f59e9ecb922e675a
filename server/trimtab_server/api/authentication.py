"""Turns a bearer token, or a client certificate, into a caller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trimtab_server.api.principals import Principal, Principals
from trimtab_server.api.roles import Role
from trimtab_server.store import tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal


@dataclass(frozen=True)
class Caller:
    """Who calls: `actor` is a resource name, "tokens/{id}" or "principals/{name}", never a secret.

    Limits of 0 are the server's own.
    """

    actor: str
    role: Role
    display_name: str = ""
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


class Authenticator:
    """Checks secrets against the tokens in the store, and certificates against the principals file.

    Both are kept in memory. `reload` is called after each change made here, and now and then for changes made
    elsewhere.
    """

    def __init__(
        self, database: Database, now: Callable[[], int], principals: Principals | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._principals = principals or Principals(None)
        self._lock = threading.Lock()
        self._known: Mapping[str, tokens.TokenRecord] = {}
        self.reload()

    def reload(self) -> None:
        """What changed counts from the next call on, and from the next message of a running stream."""
        with self._lock, self._database.read() as connection:
            self._known = {token.id: token for token in tokens.page(connection)}
        self._principals.reload()

    def authenticate(self, authorization: str | None, identities: Sequence[str] = ()) -> Caller:
        """The caller behind the value of the `authorization` metadata, else behind a verified certificate.

        A token that is shown decides, also over TLS with a client certificate: then both must be good.

        Args:
            identities: the names in the peer's certificate, of a connection that required one.

        Raises:
            Refusal: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED or CERTIFICATE_UNKNOWN.
        """
        if authorization is None and identities:
            principal = self._principals.find(identities)
            if principal is None:
                raise Refusal("CERTIFICATE_UNKNOWN", identities=", ".join(identities))
            return _caller_of(principal)
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Refusal("TOKEN_MISSING")
        token = self._known.get(tokens.id_of(secret) or "")
        if token is None or not token.matches(secret):
            raise Refusal("TOKEN_INVALID")
        self._check(token)
        return Caller(
            f"tokens/{token.id}",
            Role(token.role),
            token.display_name,
            token.requests_per_minute,
            token.tokens_per_minute,
        )

    def check_still(self, caller: Caller) -> None:
        """For a stream that is running: whether its caller may still be answered.

        Raises:
            Refusal: TOKEN_EXPIRED, TOKEN_REVOKED or CERTIFICATE_UNKNOWN.
        """
        kind, _, name = caller.actor.partition("/")
        if kind == "principals":
            if not self._principals.holds(name, caller.role):
                raise Refusal("CERTIFICATE_UNKNOWN", identities=caller.actor)
            return
        token = self._known.get(name)
        if token is None:
            raise Refusal("TOKEN_REVOKED", token=caller.actor)
        self._check(token)

    def _check(self, token: tokens.TokenRecord) -> None:
        name = f"tokens/{token.id}"
        if token.revoke_time:
            raise Refusal("TOKEN_REVOKED", token=name)
        if token.expire_time and token.expire_time <= self._now():
            raise Refusal("TOKEN_EXPIRED", token=name)


def _caller_of(principal: Principal) -> Caller:
    return Caller(
        f"principals/{principal.name}",
        principal.role,
        principal.name,
        principal.requests_per_minute,
        principal.tokens_per_minute,
    )
