"""The record of every change of state: append-only and hash-chained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text

from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.requests import Origin
from trimtab_server.store.tables import audit

#: The previous hash of the first record.
GENESIS: Final = "0" * 64

_APPEND_ONLY: Final = {
    "audit": "the audit chain",
    "revisions": "the history of a deployment",
}


@dataclass(frozen=True)
class AuditRecord:
    """One change. `time` is UTC nanoseconds; `details` is canonical JSON."""

    sequence: int
    time: int
    actor: str
    role: str
    action: str
    deployment: str
    subject: str
    from_revision: int
    to_revision: int
    reason: str
    request_id: str
    details: str
    previous_hash: str
    hash: str

    def body(self) -> str:
        """The canonical JSON that is hashed: every field but the two hashes."""
        fields = asdict(self)
        del fields["previous_hash"], fields["hash"]
        return canonical_json(fields)

    def computed_hash(self) -> str:
        """sha256 over the previous record's hash followed by this record's body."""
        return sha256_hex(self.previous_hash + self.body())


@dataclass(frozen=True)
class Verification:
    """`fault` is empty if the chain holds; otherwise it names the first record that does not fit, and why."""

    records: int
    head: str
    fault: str = ""

    @property
    def ok(self) -> bool:
        return not self.fault


def append(
    connection: Connection,
    *,
    time: int,
    origin: Origin,
    action: str,
    subject: str,
    deployment: str = "",
    from_revision: int = 0,
    to_revision: int = 0,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditRecord:
    """Adds the record of a change. Call it in the transaction that makes the change."""
    last = connection.execute(
        select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)
    ).first()
    fields: dict[str, Any] = {
        "sequence": (last.sequence if last else 0) + 1,
        "time": time,
        "actor": origin.actor,
        "role": origin.role,
        "action": action,
        "deployment": deployment,
        "subject": subject,
        "from_revision": from_revision,
        "to_revision": to_revision,
        "reason": reason,
        "request_id": origin.request_id,
        "details": canonical_json(details or {}),
        "previous_hash": last.hash if last else GENESIS,
    }
    record = AuditRecord(**fields, hash="")
    record = AuditRecord(**fields, hash=record.computed_hash())
    connection.execute(insert(audit).values(**asdict(record)))
    return record


def records(
    connection: Connection,
    *,
    before: int | None = None,
    limit: int | None = None,
    deployment: str = "",
    action: str = "",
) -> list[AuditRecord]:
    """Newest first, those with a sequence below `before`."""
    query = select(audit).order_by(audit.c.sequence.desc())
    if before is not None:
        query = query.where(audit.c.sequence < before)
    if deployment:
        query = query.where(audit.c.deployment == deployment)
    if action:
        query = query.where(audit.c.action == action)
    if limit is not None:
        query = query.limit(limit)
    return [AuditRecord(**row._mapping) for row in connection.execute(query)]


def head(connection: Connection) -> tuple[int, str]:
    """The number of records and the newest one's hash."""
    count = connection.execute(select(func.count()).select_from(audit)).scalar_one()
    newest = connection.execute(select(audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)).scalar()
    return count, newest or GENESIS


def verify(connection: Connection) -> Verification:
    """Recomputes the whole chain from the first record.

    It finds every changed, dropped, swapped or inserted record. A cut tail and a chain rewritten as a whole
    are found by comparing the head with one that was exported before.
    """
    return verify_records(_oldest_first(connection))


def verify_records(oldest_first: Iterator[AuditRecord]) -> Verification:
    """The same over records from anywhere, for instance an exported file."""
    previous, count = GENESIS, 0
    for record in oldest_first:
        count += 1
        if record.sequence != count:
            fault = f"record {count} is missing: found {record.sequence} in its place"
        elif record.previous_hash != previous:
            fault = f"record {count} does not follow the one before it"
        elif record.hash != record.computed_hash():
            fault = f"record {count} was changed: its hash does not fit its content"
        else:
            previous = record.hash
            continue
        return Verification(count, previous, fault)
    return Verification(count, previous)


def _oldest_first(connection: Connection) -> Iterator[AuditRecord]:
    for row in connection.execute(select(audit).order_by(audit.c.sequence)):
        yield AuditRecord(**row._mapping)


def create_triggers(connection: Connection) -> None:
    """Makes the database itself refuse to change history.

    Called after each migration, because rebuilding a table drops its triggers.
    """
    if connection.dialect.name != "sqlite":
        raise NotImplementedError(
            f"append-only triggers are written for SQLite, not for {connection.dialect.name}"
        )
    for table, what in _APPEND_ONLY.items():
        for operation in ("UPDATE", "DELETE"):
            name = f"{table}_no_{operation.lower()}"
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            connection.execute(
                text(
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{what} is append-only'); END"
                )
            )
    connection.execute(text("DROP TRIGGER IF EXISTS snapshots_no_change"))
    connection.execute(
        text(
            "CREATE TRIGGER snapshots_no_change "
            "BEFORE UPDATE OF id, body, created_by, create_time ON snapshots "
            "BEGIN SELECT RAISE(ABORT, 'a snapshot is immutable'); END"
        )
    )
