"""Writes snapshots, and finds them again by the names people use."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from trimtab_server.steering.snapshot import Configuration
from trimtab_server.steering.validation import Checked
from trimtab_server.store import audit, deployments, snapshots, vectors
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord, RevisionRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin, Result, once
from trimtab_server.store.snapshots import SnapshotRecord

_HEXADECIMAL = re.compile(r"[0-9a-f]{8,64}")
MAX_NAME = 100


class SnapshotDamaged(ValueError):
    """A snapshot's row no longer has the hash that names it."""

    reason = "SNAPSHOT_DAMAGED"

    def __init__(self, snapshot: str) -> None:
        self.metadata = {"snapshot": f"snapshots/{snapshot}"}
        super().__init__(
            f"snapshot {snapshot} no longer has that hash: its row was changed. Roll back to another one, "
            "and see `trimtab store check`"
        )


def create_snapshot(
    database: Database, checked: Checked, display_name: str, description: str, origin: Origin, time: int
) -> SnapshotRecord:
    """Keeps a checked configuration under its content address.

    Creating what exists already returns it, if the name is the same, or none was asked for.

    Raises:
        Refusal: NAME_TAKEN (another snapshot has the name), SNAPSHOT_EXISTS (this one has another name),
            VECTOR_NOT_FOUND (a vector was deleted meanwhile), FIELD_INVALID (the name).
    """
    check_display_name(display_name)
    configuration = checked.configuration
    with database.write() as connection:

        def change() -> Result:
            _store(connection, checked, display_name, description, origin, time)
            return {"snapshot": configuration.id}

        result = once(connection, origin, time, change)
        return find(connection, result["snapshot"])


def check_display_name(name: str, field: str = "display_name") -> None:
    """Raises: Refusal: FIELD_INVALID, where the name could be taken for something else."""
    if len(name) > MAX_NAME or name != name.strip() or "/" in name or not name.isprintable():
        raise Refusal(
            "FIELD_INVALID",
            field=field,
            detail=f"{field} must be at most {MAX_NAME} printable characters without '/', "
            "with no space at its ends",
        )
    if _HEXADECIMAL.fullmatch(name):
        raise Refusal("FIELD_INVALID", field=field, detail=f"{field} {name!r} could be taken for a hash")


def _store(
    connection: Connection,
    checked: Checked,
    display_name: str,
    description: str,
    origin: Origin,
    time: int,
) -> None:
    configuration = checked.configuration
    held = snapshots.find(connection, configuration.id)
    named = snapshots.find_named(connection, display_name) if display_name else None
    if named is not None and named.id != configuration.id:
        raise Refusal(
            "NAME_TAKEN", field="display_name", display_name=display_name, snapshot=f"snapshots/{named.id}"
        )
    if held is not None:
        if not display_name or held.display_name == display_name:
            return
        if held.display_name:
            raise Refusal("SNAPSHOT_EXISTS", snapshot=f"snapshots/{held.id}", display_name=held.display_name)
        snapshots.give_name(connection, held.id, display_name)
        action = "snapshot.name"
    else:
        for vector in configuration.steering.vectors:
            if vectors.find(connection, vector) is None:
                raise Refusal("VECTOR_NOT_FOUND", field="steering.terms", vector=f"vectors/{vector}")
        record = SnapshotRecord(
            configuration.id, display_name, description, configuration.body(), origin.actor, time
        )
        snapshots.add(connection, record, configuration.steering.vectors)
        action = "snapshot.create"
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=f"snapshots/{configuration.id}",
        details={"display_name": display_name} | ({"forced": dict(checked.forced)} if checked.forced else {}),
    )


def find(connection: Connection, name: str, field: str = "name") -> SnapshotRecord:
    """By "snapshots/{sha256}", a unique prefix of at least 8 digits, or "snapshots/{display_name}".

    Raises:
        Refusal: SNAPSHOT_NOT_FOUND, or FIELD_INVALID if a prefix fits several.
    """
    short = name.removeprefix("snapshots/")
    found: SnapshotRecord | None = None
    if _HEXADECIMAL.fullmatch(short):
        candidates = snapshots.with_prefix(connection, short)
        if len(candidates) > 1:
            raise Refusal("FIELD_INVALID", field=field, detail=f"{field} {short} fits several snapshots")
        found = candidates[0] if candidates else None
    elif short:
        found = snapshots.find_named(connection, short)
    if found is None:
        raise Refusal("SNAPSHOT_NOT_FOUND", field=field, snapshot=name)
    return found


def create_deployment(
    database: Database, *, name: str, model: str, unsteered: Checked, watched_vector: str, time: int
) -> DeploymentRecord:
    """A deployment whose revision 1 is unsteered, so that there is always a way back."""
    with database.write() as connection:
        if snapshots.find(connection, unsteered.configuration.id) is None:
            display_name = "unsteered"
            if snapshots.find_named(connection, display_name) is not None:
                display_name = f"unsteered {unsteered.configuration.steering.stage}"
            _store(connection, unsteered, display_name, "The model as it is.", SERVER, time)
        deployment = DeploymentRecord(name, model, 1, watched_vector)
        first = RevisionRecord(
            name, 1, unsteered.configuration.id, "initial", SERVER.actor, "first start", 0, time
        )
        deployments.add(connection, deployment, first)
        audit.append(
            connection,
            time=time,
            origin=SERVER,
            action="deployment.create",
            subject=f"deployments/{name}",
            deployment=name,
            to_revision=1,
            details={"model": model, "snapshot": f"snapshots/{first.snapshot}"},
        )
    return deployment


def configuration_of(record: SnapshotRecord) -> Configuration:
    """Reads the body, which must have the hash that names it.

    Raises:
        SnapshotDamaged: the row was changed behind the server's back.
    """
    if sha256_hex(record.body) != record.id:
        raise SnapshotDamaged(record.id)
    return Configuration.from_body(record.body)
