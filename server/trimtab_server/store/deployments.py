"""A deployment's active pointer and the revisions it went through."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select, update

from trimtab_server.store.tables import deployments, revisions, snapshots


@dataclass(frozen=True)
class DeploymentRecord:
    """`revision` is the number of the active one; `watched_vector` is a vector's id or ""."""

    name: str
    model: str
    revision: int
    watched_vector: str = ""


@dataclass(frozen=True)
class RevisionRecord:
    """One move of the pointer. `kind` is "initial", "activate" or "rollback"."""

    deployment: str
    number: int
    snapshot: str
    kind: str
    actor: str
    reason: str
    rolled_back: int
    create_time: int
    snapshot_display_name: str = ""


_REVISION = select(revisions, snapshots.c.display_name.label("snapshot_display_name")).join(
    snapshots, snapshots.c.id == revisions.c.snapshot
)


def add(connection: Connection, deployment: DeploymentRecord, first: RevisionRecord) -> None:
    """A new deployment with its first revision."""
    connection.execute(insert(deployments).values(**asdict(deployment)))
    _insert(connection, first)


def find(connection: Connection, name: str) -> DeploymentRecord | None:
    row = connection.execute(select(deployments).where(deployments.c.name == name)).first()
    return None if row is None else DeploymentRecord(**row._mapping)


def all_of(connection: Connection) -> list[DeploymentRecord]:
    query = select(deployments).order_by(deployments.c.name)
    return [DeploymentRecord(**row._mapping) for row in connection.execute(query)]


def watch(connection: Connection, name: str, vector: str) -> None:
    """Makes the monitors read this vector's direction where a request names none."""
    connection.execute(update(deployments).where(deployments.c.name == name).values(watched_vector=vector))


def move_pointer(connection: Connection, expected: int, revision: RevisionRecord) -> bool:
    """Makes `revision` active if `expected` still is; returns whether it did. Nothing is written if not."""
    moved = connection.execute(
        update(deployments)
        .where(deployments.c.name == revision.deployment, deployments.c.revision == expected)
        .values(revision=revision.number)
    )
    if moved.rowcount != 1:
        return False
    _insert(connection, revision)
    return True


def find_revision(connection: Connection, deployment: str, number: int) -> RevisionRecord | None:
    row = connection.execute(
        _REVISION.where(revisions.c.deployment == deployment, revisions.c.number == number)
    ).first()
    return None if row is None else _record(row)


def history(connection: Connection, deployment: str) -> list[RevisionRecord]:
    """Every revision, oldest first."""
    query = _REVISION.where(revisions.c.deployment == deployment).order_by(revisions.c.number)
    return [_record(row) for row in connection.execute(query)]


def page(
    connection: Connection, deployment: str, *, limit: int, before: int | None = None
) -> list[RevisionRecord]:
    """Newest first, those with a number below `before`."""
    query = _REVISION.where(revisions.c.deployment == deployment)
    if before is not None:
        query = query.where(revisions.c.number < before)
    query = query.order_by(revisions.c.number.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def _insert(connection: Connection, revision: RevisionRecord) -> None:
    values = asdict(revision)
    del values["snapshot_display_name"]
    connection.execute(insert(revisions).values(**values))


def _record(row: object) -> RevisionRecord:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    return RevisionRecord(**{**values, "snapshot_display_name": values["snapshot_display_name"] or ""})
