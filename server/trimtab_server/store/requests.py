"""Write requests that may arrive twice: the retry gets the first result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from trimtab_server.store.refusal import Refusal
from trimtab_server.store.tables import requests


@dataclass(frozen=True)
class Origin:
    """Who asks for a change, and through which request.

    `actor` is a token's resource name, or "server" for what the server does by itself. `request_hash` is the
    hash of the whole request, so that an id used for two different requests is noticed. An empty
    `request_id` means that the caller does not want retries to be recognised.

    The last three are for the audit alone: how the actor showed who it is ("token", "certificate"), what its
    program calls itself, and what set the change off ("human", "server", or a guardrail with its statistic).
    """

    actor: str
    role: str
    method: str = ""
    request_id: str = ""
    request_hash: str = ""
    auth_method: str = ""
    client_version: str = ""
    trigger: str = "human"


#: The server itself: first start, automatic canary runs, self-check.
SERVER = Origin(actor="server", role="server", auth_method="none", trigger="server")

Result = Mapping[str, Any]


def first_result(connection: Connection, origin: Origin) -> Result | None:
    """What the first request with this id led to; None if there was none.

    Raises:
        Refusal: REQUEST_ID_REUSED, the id was used for another request.
    """
    if not origin.request_id:
        return None
    row = connection.execute(
        select(requests.c.request_hash, requests.c.result).where(
            requests.c.actor == origin.actor,
            requests.c.method == origin.method,
            requests.c.request_id == origin.request_id,
        )
    ).first()
    if row is None:
        return None
    if row.request_hash != origin.request_hash:
        raise Refusal("REQUEST_ID_REUSED", field="request_id", request_id=origin.request_id)
    result: Result = row.result
    return result


def once(connection: Connection, origin: Origin, time: int, change: Callable[[], Result]) -> Result:
    """Runs `change` unless this request was served before; its result is kept in the same transaction."""
    earlier = first_result(connection, origin)
    if earlier is not None:
        return earlier
    result = change()
    if origin.request_id:
        connection.execute(
            insert(requests).values(
                actor=origin.actor,
                method=origin.method,
                request_id=origin.request_id,
                request_hash=origin.request_hash,
                result=dict(result),
                create_time=time,
            )
        )
    return result


def forget(connection: Connection, before: int) -> int:
    """Drops results of requests older than that: nobody retries them. Returns how many went."""
    return connection.execute(delete(requests).where(requests.c.create_time < before)).rowcount
