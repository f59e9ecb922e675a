"""What is kept of each reply, beside the audit and never in it: figures, and text only where somebody asked for it.

Rows go when their time is over. That they went is in the audit: how many, and of which time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from trimtab_server.store import audit
from trimtab_server.store.requests import SERVER
from trimtab_server.store.tables import replies

DAY: Final = 86_400 * 10**9

_COLUMNS: Final = [column for column in replies.c if column.name != "number"]


@dataclass(frozen=True)
class ReplyRecord:
    """One reply. `time` is its end, UTC nanoseconds; `session` a keyed hash (`store.session_key`), "" for none.

    revision: 0 unless the snapshot was the deployment's active one. rollout, arm: "" outside a rollout. prompt:
    canonical JSON of the messages; it and `reply` are None unless the deployment opted in (`store.retention`).
    """

    id: str
    deployment: str
    time: int
    snapshot: str
    revision: int
    signals: Mapping[str, float]
    prompt_tokens: int
    reply_tokens: int
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    stop_reason: str
    session: str = ""
    rollout: str = ""
    arm: str = ""
    prompt: str | None = None
    reply: str | None = None

    def without_text(self) -> ReplyRecord:
        return replace(self, prompt=None, reply=None)


@dataclass(frozen=True)
class Purged:
    """What went: how many rows, and the time of the oldest and the newest of them."""

    count: int
    oldest: int
    newest: int


def add(connection: Connection, new: Sequence[ReplyRecord]) -> int:
    """Adds replies in this order; returns the last one's number."""
    if new:
        connection.execute(
            insert(replies), [vars(reply) | {"signals": _signals_out(reply.signals)} for reply in new]
        )
    return connection.execute(select(func.max(replies.c.number))).scalar() or 0


def find(connection: Connection, reply_id: str) -> ReplyRecord | None:
    row = connection.execute(select(*_COLUMNS).where(replies.c.id == reply_id)).first()
    return None if row is None else _record(row)


def newest(
    connection: Connection, deployment: str, limit: int, *, revision: int | None = None
) -> list[ReplyRecord]:
    """The newest `limit` replies, oldest first; of one revision if it is given."""
    query = select(*_COLUMNS).where(replies.c.deployment == deployment)
    if revision is not None:
        query = query.where(replies.c.revision == revision)
    query = query.order_by(replies.c.number.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)][::-1]


def after(
    connection: Connection, deployment: str, revision: int, number: int, *, limit: int
) -> list[tuple[int, ReplyRecord]]:
    """(number, reply) of the first `limit` replies of a revision with a larger number than that, in order."""
    query: Select[Any] = (
        select(replies.c.number, *_COLUMNS)
        .where(replies.c.deployment == deployment, replies.c.revision == revision, replies.c.number > number)
        .order_by(replies.c.number)
        .limit(limit)
    )
    return [(row.number, _record(row)) for row in connection.execute(query)]


def number_at(connection: Connection, deployment: str, time: int) -> int:
    """The largest number of the replies that had ended by that time; 0 if there were none."""
    query = select(func.max(replies.c.number)).where(
        replies.c.deployment == deployment, replies.c.time <= time
    )
    return connection.execute(query).scalar() or 0


def count_since(connection: Connection, deployment: str, time: int) -> int:
    """Replies that ended after that time."""
    query = select(func.count()).where(replies.c.deployment == deployment, replies.c.time > time)
    return connection.execute(query).scalar_one()


def purge(connection: Connection, deployment: str, before: int, time: int) -> Purged | None:
    """Deletes replies that ended before that, and says so in the audit; None if there were none."""
    return _purge(connection, deployment, before, time, texts_alone=False)


def purge_texts(connection: Connection, deployment: str, before: int, time: int) -> Purged | None:
    """Takes the text out of replies that ended before that, and says so in the audit."""
    return _purge(connection, deployment, before, time, texts_alone=True)


def _purge(
    connection: Connection, deployment: str, before: int, time: int, *, texts_alone: bool
) -> Purged | None:
    old = (replies.c.deployment == deployment) & (replies.c.time < before)
    if texts_alone:
        old &= replies.c.prompt.is_not(None) | replies.c.reply.is_not(None)
    count, oldest, latest = connection.execute(
        select(func.count(), func.min(replies.c.time), func.max(replies.c.time)).where(old)
    ).one()
    if not count:
        return None
    if connection.dialect.name == "sqlite":
        # What is deleted is overwritten, not only forgotten.
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    if texts_alone:
        connection.execute(update(replies).where(old).values(prompt=None, reply=None))
    else:
        connection.execute(delete(replies).where(old))
    audit.append(
        connection,
        time=time,
        origin=SERVER,
        action="reply_texts.purge" if texts_alone else "replies.purge",
        subject=f"deployments/{deployment}/replies",
        deployment=deployment,
        details={"count": count, "oldest": oldest, "newest": latest},
    )
    return Purged(count, oldest, latest)


def _record(row: Row[Any]) -> ReplyRecord:
    values = {name: value for name, value in row._mapping.items() if name != "number"}
    return ReplyRecord(**values | {"signals": {name: float(v) for name, v in values["signals"].items()}})


def _signals_out(signals: Mapping[str, float]) -> dict[str, float | str]:
    """JSON has no form for what is not finite: it is kept as text."""
    return {name: value if math.isfinite(value) else repr(float(value)) for name, value in signals.items()}
