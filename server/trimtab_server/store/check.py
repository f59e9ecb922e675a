"""Whether a store is what it should be: pages, chain, triggers, pointers, snapshots and blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from trimtab_server.store import audit, deployments
from trimtab_server.store.audit import Witness
from trimtab_server.store.blobs import BlobDamaged, BlobStore
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.tables import blobs, snapshots
from trimtab_server.store.triggers import TRIGGERS, missing_triggers

#: Audit actions that move a pointer, each with exactly one revision.
MOVES = ("snapshot.activate", "snapshot.rollback")


@dataclass(frozen=True)
class Line:
    """One thing that was looked at. `faults` says what is wrong, and is empty if nothing is."""

    name: str
    looked_at: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.faults


def check(database: Database, blob_store: BlobStore, witnesses: Iterable[Witness] = ()) -> list[Line]:
    """Looks at everything. A part that cannot be read is a fault of that part, and the others are looked at."""
    with database.read() as connection:
        return [
            _line("database", connection, _pages),
            _line("triggers", connection, _triggers),
            _line("audit", connection, lambda connection: _chain(connection, witnesses)),
            _line("deployments", connection, _deployments),
            _line("snapshots", connection, _snapshots),
            _line("blobs", connection, lambda connection: _blobs(connection, blob_store)),
        ]


Look = Callable[[Connection], tuple[int, list[str]]]


def _line(name: str, connection: Connection, look: Look) -> Line:
    try:
        looked_at, faults = look(connection)
    except Exception as error:
        # A damaged page shows in whatever reads it; the other lines must still be told.
        failure = StorageFailure.of_database(getattr(error, "orig", None)) or error
        return Line(name, 0, (f"cannot be read: {failure}",))
    return Line(name, looked_at, tuple(faults))


def _pages(connection: Connection) -> tuple[int, list[str]]:
    said = list(connection.execute(text("PRAGMA integrity_check")).scalars())
    faults = [] if said == ["ok"] else said
    faults += [
        f"row {row[1]} of {row[0]} names a row of {row[2]} that is not there"
        for row in connection.execute(text("PRAGMA foreign_key_check"))
    ]
    return int(connection.execute(text("PRAGMA page_count")).scalar_one()), faults


def _triggers(connection: Connection) -> tuple[int, list[str]]:
    missing = missing_triggers(connection)
    return len(TRIGGERS), [f"{name} is missing or changed: records could be altered" for name in missing]


def _chain(connection: Connection, witnesses: Iterable[Witness]) -> tuple[int, list[str]]:
    checked = audit.verify(connection, witnesses)
    return checked.records, [] if checked.ok else [checked.fault]


def _deployments(connection: Connection) -> tuple[int, list[str]]:
    found = deployments.all_of(connection)
    return len(found), [fault for one in found if (fault := _pointer_fault(connection, one))]


def _pointer_fault(connection: Connection, deployment: DeploymentRecord) -> str:
    name = f"deployments/{deployment.name}"
    history = deployments.history(connection, deployment.name)
    numbers = [revision.number for revision in history]
    if numbers != list(range(1, len(numbers) + 1)):
        return f"{name}: the history has a hole, its revisions are not 1 to {max(numbers, default=0)}"
    if not history or deployment.revision != history[-1].number:
        return f"{name}: the pointer is at revision {deployment.revision}, the history ends at {len(history)}"
    recorded = {
        record.to_revision: record.subject
        for record in audit.records(connection, deployment=deployment.name)
        if record.action in MOVES
    }
    moved = {r.number: f"snapshots/{r.snapshot}" for r in history if r.kind != "initial"}
    differ = sorted(number for number in moved.keys() | recorded if moved.get(number) != recorded.get(number))
    if differ:
        return f"{name}: revision {differ[0]} and the audit do not tell the same"
    return ""


def _snapshots(connection: Connection) -> tuple[int, list[str]]:
    rows = connection.execute(select(snapshots.c.id, snapshots.c.body)).all()
    return len(rows), [
        f"snapshots/{row.id} no longer has that hash: its row was changed"
        for row in rows
        if sha256_hex(row.body) != row.id
    ]


def _blobs(connection: Connection, blob_store: BlobStore) -> tuple[int, list[str]]:
    digests = list(connection.execute(select(blobs.c.digest).order_by(blobs.c.digest)).scalars())
    faults = []
    for digest in digests:
        try:
            blob_store.get(digest)
        except BlobDamaged as damage:
            faults.append(str(damage))
    return len(digests), faults
