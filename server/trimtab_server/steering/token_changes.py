"""Makes, rotates, limits and revokes tokens: each one transaction with its audit record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.steering.approvals import require_second_person
from trimtab_server.store import audit, tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, first_result, once
from trimtab_server.store.tokens import TokenRecord

_ADMIN: Final = "admin"
#: An old token goes on beside its successor for at most a day (nanoseconds).
LONGEST_OVERLAP: Final = 24 * 3_600 * 1_000_000_000
_HOUR: Final = 3_600 * 1_000_000_000
HIGHEST_LIMIT: Final = 1_000_000_000


@dataclass(frozen=True)
class TokenLimits:
    """Per minute; 0 is the server's own limit, and as the server's own it is no limit."""

    requests: int = 0
    tokens: int = 0

    def exceeds(self, server: TokenLimits) -> bool:
        """Whether a token with these may use more than one without limits of its own."""
        pairs = ((self.requests, server.requests), (self.tokens, server.tokens))
        return any(own > common > 0 for own, common in pairs)

    def facts(self) -> dict[str, int]:
        return {"requests_per_minute": self.requests, "tokens_per_minute": self.tokens}


def create_token(
    database: Database,
    *,
    display_name: str,
    role: str,
    expire_time: int,
    limits: TokenLimits,
    server_limits: TokenLimits,
    origin: Origin,
    reason: str,
    time: int,
) -> tuple[TokenRecord, str]:
    """A new token and its secret.

    An admin could make their own second person. So once two admin tokens were ever made, the next one takes
    two admins; before that there is nobody to ask.

    Raises:
        Refusal: FIELD_INVALID, SECRET_ALREADY_SENT, SECOND_PERSON_NEEDED, REASON_REQUIRED.
    """
    _check_limits(limits)
    with database.read() as connection:
        _refuse_a_retry(connection, origin)
        asks = (role == _ADMIN and _admins_made(connection) >= 2) or limits.exceeds(server_limits)
    if asks:
        # In hours: two people who both say 90 days do not say it in the same nanosecond.
        hours = round((expire_time - time) / _HOUR) if expire_time else 0
        facts = {"lifetime_hours": hours, "role": role} | limits.facts()
        subject = f"tokens/ of {display_name}"
        _ask(database, "token.create", subject, facts, origin, reason, time)
    token, secret = tokens.mint(
        display_name,
        role,
        time,
        expire_time,
        requests_per_minute=limits.requests,
        tokens_per_minute=limits.tokens,
    )
    with database.write() as connection:
        _refuse_a_retry(connection, origin)

        def change() -> Result:
            tokens.add(connection, token)
            details = {"display_name": display_name, "expire_time": expire_time, "role": role}
            _record(connection, "token.create", token, origin, reason, time, details | limits.facts())
            return {"token": token.id}

        once(connection, origin, time, change)
    return token, secret


def rotate_token(
    database: Database, name: str, *, overlap: int, origin: Origin, reason: str, time: int
) -> tuple[TokenRecord, str]:
    """A new token in the place of `name` (its id), and its secret; the old one ends after `overlap` ns.

    Everybody may rotate their own; an admin those of others. Who rotates an admin's token holds that admin's
    vote afterwards, so another admin's takes two admins.

    Raises:
        Refusal: FIELD_INVALID, TOKEN_NOT_FOUND, ROLE_NOT_ALLOWED, TOKEN_ENDED, SECRET_ALREADY_SENT,
            SECOND_PERSON_NEEDED, REASON_REQUIRED.
    """
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Refusal(
            "FIELD_INVALID",
            field="overlap_seconds",
            detail=f"overlap_seconds must be 0 to {LONGEST_OVERLAP // 10**9}",
        )
    with database.read() as connection:
        _refuse_a_retry(connection, origin)
        old = _usable(connection, name, time)
    own = origin.actor == f"tokens/{old.id}"
    if not own and origin.role != _ADMIN:
        raise Refusal("ROLE_NOT_ALLOWED", role=origin.role, method=f"{origin.method} of another's token")
    if not own and old.role == _ADMIN:
        _ask(database, "token.rotate", f"tokens/{old.id}", {"overlap": overlap}, origin, reason, time)
    new, secret = tokens.mint(
        old.display_name,
        old.role,
        time,
        old.expire_time,
        requests_per_minute=old.requests_per_minute,
        tokens_per_minute=old.tokens_per_minute,
        rotated_from=old.id,
    )
    with database.write() as connection:
        _refuse_a_retry(connection, origin)
        _usable(connection, name, time)

        def change() -> Result:
            tokens.add(connection, new)
            if overlap:
                end = min(time + overlap, old.expire_time or time + overlap)
                tokens.change(connection, old.id, expire_time=end)
            else:
                tokens.revoke(connection, old.id, time)
            _record(
                connection, "token.rotate", new, origin, reason, time, {"from": old.id, "overlap": overlap}
            )
            return {"token": new.id}

        once(connection, origin, time, change)
    return new, secret


def set_limits(
    database: Database, name: str, limits: TokenLimits, *, origin: Origin, reason: str, time: int
) -> TokenRecord:
    """Gives a token limits of its own, or the server's back; takes two admins.

    Raises:
        Refusal: FIELD_INVALID, TOKEN_NOT_FOUND, TOKEN_ENDED, SECOND_PERSON_NEEDED, REASON_REQUIRED,
            ROLE_NOT_ALLOWED.
    """
    _check_limits(limits)
    with database.read() as connection:
        token = _usable(connection, name, time)
    _ask(database, "token.set_limits", f"tokens/{token.id}", limits.facts(), origin, reason, time)
    with database.write() as connection:

        def change() -> Result:
            tokens.change(connection, token.id, **limits.facts())
            _record(connection, "token.set_limits", token, origin, reason, time, limits.facts())
            return {"token": token.id}

        once(connection, origin, time, change)
        return _found(connection, name)


def revoke_token(database: Database, name: str, *, origin: Origin, time: int) -> TokenRecord:
    """Ends a token at once and for good. Raises: Refusal: TOKEN_NOT_FOUND."""
    with database.write() as connection:

        def change() -> Result:
            token = _found(connection, name)
            if not token.revoke_time:
                tokens.revoke(connection, token.id, time)
                _record(connection, "token.revoke", token, origin, "", time, {})
            return {"token": token.id}

        once(connection, origin, time, change)
        return _found(connection, name)


def _ask(
    database: Database,
    action: str,
    subject: str,
    facts: Mapping[str, Any],
    origin: Origin,
    reason: str,
    time: int,
) -> None:
    require_second_person(
        database, action=action, subject=subject, facts=facts, origin=origin, reason=reason, time=time
    )


def _admins_made(connection: Connection) -> int:
    """Admin tokens that ever were: those revoked count, or revoking all others would make one alone again."""
    return sum(token.role == _ADMIN and not token.rotated_from for token in tokens.page(connection))


def _refuse_a_retry(connection: Connection, origin: Origin) -> None:
    earlier = first_result(connection, origin)
    if earlier is not None:
        raise Refusal("SECRET_ALREADY_SENT", token=f"tokens/{earlier['token']}")


def _found(connection: Connection, name: str) -> TokenRecord:
    token = tokens.find(connection, name.removeprefix("tokens/"))
    if token is None:
        raise Refusal("TOKEN_NOT_FOUND", field="name", token=name)
    return token


def _usable(connection: Connection, name: str, time: int) -> TokenRecord:
    token = _found(connection, name)
    if token.revoke_time or 0 < token.expire_time <= time:
        raise Refusal("TOKEN_ENDED", token=f"tokens/{token.id}")
    return token


def _check_limits(limits: TokenLimits) -> None:
    for field, value in limits.facts().items():
        if not 0 <= value <= HIGHEST_LIMIT:
            raise Refusal("FIELD_INVALID", field=field, detail=f"{field} must be 0 to {HIGHEST_LIMIT}")


def _record(
    connection: Connection,
    action: str,
    token: TokenRecord,
    origin: Origin,
    reason: str,
    time: int,
    details: Mapping[str, Any],
) -> None:
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=f"tokens/{token.id}",
        reason=reason,
        details=details,
    )
