"""Bearer tokens: 256 random bits each, of which only the hash is kept."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Connection, insert, select, update

from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.tables import tokens

_BRAND: Final = "trimtab"


@dataclass(frozen=True)
class TokenRecord:
    """Times are UTC nanoseconds; 0 means never (`expire_time`) and not (`revoke_time`).

    Limits per minute of 0 are the server's own. `rotated_from` is the token in whose place it was made.
    """

    id: str
    display_name: str
    role: str
    secret_hash: str
    create_time: int
    expire_time: int = 0
    revoke_time: int = 0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    rotated_from: str = ""

    def matches(self, secret: str) -> bool:
        """Whether this is the token's secret, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self.secret_hash, sha256_hex(secret))


def mint(
    display_name: str,
    role: str,
    create_time: int,
    expire_time: int = 0,
    *,
    requests_per_minute: int = 0,
    tokens_per_minute: int = 0,
    rotated_from: str = "",
) -> tuple[TokenRecord, str]:
    """A new token and its secret, `trimtab_<id>_<43 characters>`. The secret is nowhere else."""
    token = secrets.token_hex(6)
    secret = f"{_BRAND}_{token}_{secrets.token_urlsafe(32)}"
    record = TokenRecord(
        id=token,
        display_name=display_name,
        role=role,
        secret_hash=sha256_hex(secret),
        create_time=create_time,
        expire_time=expire_time,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        rotated_from=rotated_from,
    )
    return record, secret


def id_of(secret: str) -> str | None:
    """The public part by which a secret is looked up; None if it does not look like one of ours."""
    parts = secret.split("_", 2)
    if len(parts) != 3 or parts[0] != _BRAND:
        return None
    return parts[1]


def add(connection: Connection, token: TokenRecord) -> None:
    connection.execute(insert(tokens).values(**asdict(token)))


def find(connection: Connection, token: str) -> TokenRecord | None:
    row = connection.execute(select(tokens).where(tokens.c.id == token)).first()
    return None if row is None else TokenRecord(**row._mapping)


def revoke(connection: Connection, token: str, time: int) -> None:
    """Revokes it from now on; the time of an earlier revocation stays."""
    connection.execute(
        update(tokens).where(tokens.c.id == token, tokens.c.revoke_time == 0).values(revoke_time=time)
    )


def change(connection: Connection, token: str, **values: int) -> None:
    """Gives it another end (`expire_time`) or other limits."""
    connection.execute(update(tokens).where(tokens.c.id == token).values(**values))


def person(connection: Connection, token: str) -> str:
    """The first of the tokens in whose places this one was made: whoever rotates a token stays who they are."""
    seen: set[str] = set()
    while (found := find(connection, token)) is not None and found.rotated_from and token not in seen:
        seen.add(token)
        token = found.rotated_from
    return token


def page(
    connection: Connection, *, limit: int | None = None, after: tuple[int, str] | None = None
) -> list[TokenRecord]:
    """Oldest first; `after` is the (create_time, id) of the last one already seen."""
    query = select(tokens).order_by(tokens.c.create_time, tokens.c.id)
    if after is not None:
        time, token = after
        query = query.where(
            (tokens.c.create_time > time) | ((tokens.c.create_time == time) & (tokens.c.id > token))
        )
    if limit is not None:
        query = query.limit(limit)
    return [TokenRecord(**row._mapping) for row in connection.execute(query)]
