"""Rows of immutable snapshots. What a body means is `trimtab_server.steering`'s business."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from trimtab_server.store.tables import snapshot_vectors, snapshots


@dataclass(frozen=True)
class SnapshotRecord:
    """`id` is the SHA-256 of `body`, the canonical JSON of the configuration."""

    id: str
    display_name: str
    description: str
    body: str
    created_by: str
    create_time: int


_COLUMNS = [
    snapshots.c[name] for name in ("id", "display_name", "description", "body", "created_by", "create_time")
]


def add(connection: Connection, record: SnapshotRecord, vectors: Iterable[str]) -> None:
    """Adds the snapshot and its references, which keep those vectors from being deleted."""
    connection.execute(
        insert(snapshots).values(
            id=record.id,
            display_name=record.display_name or None,
            description=record.description,
            body=record.body,
            created_by=record.created_by,
            create_time=record.create_time,
        )
    )
    for vector in sorted(set(vectors)):
        connection.execute(insert(snapshot_vectors).values(snapshot=record.id, vector=vector))


def give_name(connection: Connection, snapshot: str, display_name: str) -> None:
    """Names a snapshot that has no name yet."""
    connection.execute(
        update(snapshots)
        .where(snapshots.c.id == snapshot, snapshots.c.display_name.is_(None))
        .values(display_name=display_name)
    )


def find(connection: Connection, snapshot: str) -> SnapshotRecord | None:
    """By its whole id."""
    return _first(connection, snapshots.c.id == snapshot)


def find_named(connection: Connection, display_name: str) -> SnapshotRecord | None:
    return _first(connection, snapshots.c.display_name == display_name)


def with_prefix(connection: Connection, prefix: str) -> list[SnapshotRecord]:
    """At most two of those whose id begins so: enough to know whether the prefix is unique."""
    query = select(*_COLUMNS).where(snapshots.c.id.startswith(prefix, autoescape=True)).limit(2)
    return [_record(row) for row in connection.execute(query)]


def page(
    connection: Connection, *, limit: int, before: tuple[int, str] | None = None
) -> list[SnapshotRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(*_COLUMNS).order_by(snapshots.c.create_time.desc(), snapshots.c.id.desc()).limit(limit)
    if before is not None:
        time, snapshot = before
        query = query.where(
            (snapshots.c.create_time < time)
            | ((snapshots.c.create_time == time) & (snapshots.c.id < snapshot))
        )
    return [_record(row) for row in connection.execute(query)]


def _first(connection: Connection, condition: ColumnElement[bool]) -> SnapshotRecord | None:
    row = connection.execute(select(*_COLUMNS).where(condition)).first()
    return None if row is None else _record(row)


def _record(row: Any) -> SnapshotRecord:
    return SnapshotRecord(**{**row._mapping, "display_name": row.display_name or ""})
