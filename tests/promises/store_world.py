"""The product's own store code at work: import a vector, make a snapshot of it, activate it, roll it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab_server.steering.activation import activate, roll_back
from trimtab_server.steering.creation import create_deployment, create_snapshot
from trimtab_server.steering.snapshot import Configuration, Steering, Term
from trimtab_server.steering.validation import Checked
from trimtab_server.store import audit, deployments, schema, vectors
from trimtab_server.store.blobs import BlobDamaged, BlobStore
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.check import check
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.vectors import VectorRecord

OPERATOR = Origin("tokens/ab12", "operator", "test", auth_method="token")
DEPLOYMENT = "default"


@dataclass(frozen=True)
class Store:
    """One process's hold on a data directory."""

    root: Path
    database: Database
    blobs: BlobStore


@dataclass(frozen=True)
class Acknowledged:
    """A write that the caller was told about: revision `revision` made `snapshot` active. Its vector, if there
    was a new one, is `vector` with the content `content_of(number)`."""

    number: int
    revision: int
    snapshot: str
    vector: str = ""


@contextmanager
def opened(root: Path, **options: Any) -> Iterator[Store]:
    """`options` are those of `Database.at`."""
    database = Database.at(root / "trimtab.db", **options)
    try:
        yield Store(root, database, BlobStore(root / "blobs"))
    finally:
        database.close()


def prepare(root: Path, driver: Any = sqlite3) -> None:
    """A data directory whose deployment is at revision 1, unsteered."""
    root.mkdir(parents=True, exist_ok=True)
    with opened(root, driver=driver) as store:
        schema.upgrade(store.database)
        unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
        create_deployment(
            store.database, name=DEPLOYMENT, model="desk", unsteered=unsteered, watched_vector="", time=1
        )


def content_of(number: int) -> bytes:
    """The bytes of the vector of write `number`; some 6 KiB, so that pages and sectors are torn."""
    return f"vector {number} ".encode() * 500


def import_vector(store: Store, number: int) -> str:
    """As the server does: the blob first, then one transaction with the rows and the record."""
    content = content_of(number)
    digest = store.blobs.put(content)
    record = VectorRecord(
        id=sha256_hex(f"id {number}"),
        blob=digest,
        display_name=f"vector {number}",
        concept="honesty",
        stage="stage-01",
        model_fingerprint="f" * 64,
        method="diff_mean",
        data_hash="e" * 64,
        hidden_size=8,
        layers=(1, 2),
        raw_norms=(1.0, 1.0),
        residual_norms=(1.0, 1.0),
        pair_accuracies=(),
        license="",
        created_by=OPERATOR.actor,
        create_time=number,
    )
    with store.database.write() as connection:
        if vectors.find(connection, record.id) is not None:
            return record.id
        vectors.add(connection, record, len(content))
        audit.append(
            connection,
            time=number,
            origin=OPERATOR,
            action="vector.import",
            subject=f"vectors/{record.id}",
            details={"concept": record.concept},
        )
    return record.id


def activate_new(store: Store, number: int) -> Acknowledged:
    """Imports a vector, makes a snapshot of it and activates that: three transactions and a blob."""
    vector = import_vector(store, number)
    steering = Steering("desk", "stage-01", (Term(vector, 0.3, (1, 2)),))
    configuration = Configuration(steering)
    create_snapshot(store.database, Checked(configuration, {}), "", "", OPERATOR, number)
    revision = activate(
        store.database,
        deployment=DEPLOYMENT,
        snapshot=configuration.id,
        expected_revision=0,
        reason="",
        origin=OPERATOR,
        time=number,
    )
    return Acknowledged(number, revision.number, configuration.id, vector)


def roll_back_once(store: Store, number: int, **target: Any) -> Acknowledged:
    """Rolls back, to the last revision that was not itself rolled back unless told otherwise."""
    revision = roll_back(
        store.database,
        deployment=DEPLOYMENT,
        reason=f"rollback {number}",
        origin=OPERATOR,
        time=number,
        **target,
    )
    return Acknowledged(number, revision.number, revision.snapshot)


def faults_of(store: Store, acknowledged: Sequence[Acknowledged], pending: int = 1) -> list[str]:
    """What is wrong with a store after the worst: everything that `trimtab store check` looks at, and each
    acknowledged write.

    Args:
        pending: moves of the pointer that may have been durable before their answer was out.
    """
    faults = [f"{line.name}: {fault}" for line in check(store.database, store.blobs) for fault in line.faults]
    if faults:
        return faults
    with store.database.read() as connection:
        held = {r.number: r.snapshot for r in deployments.history(connection, DEPLOYMENT)}
        known = {
            write.vector: vectors.find(connection, write.vector) for write in acknowledged if write.vector
        }
    last = max((write.revision for write in acknowledged), default=1)
    if not last <= max(held) <= last + pending:
        faults.append(f"the pointer is at {max(held)}, acknowledged was {last}")
    for write in acknowledged:
        if held.get(write.revision) != write.snapshot:
            faults.append(f"acknowledged revision {write.revision} is lost or another")
        row = known.get(write.vector)
        if write.vector and row is None:
            faults.append(f"the vector of acknowledged write {write.number} is lost")
        if row is not None:
            try:
                whole = store.blobs.get(row.blob) == content_of(write.number)
            except BlobDamaged as damage:
                faults.append(str(damage))
            else:
                faults += [] if whole else [f"the blob of write {write.number} has another content"]
    return faults


def server_event(store: Store, time: int) -> None:
    """A record that changes nothing."""
    with store.database.write() as connection:
        audit.append(connection, time=time, origin=SERVER, action="server.start", subject="server")
