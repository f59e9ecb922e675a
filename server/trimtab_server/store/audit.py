"""The record of every change of state: append-only and hash-chained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.database import Writing
from trimtab_server.store.requests import Origin
from trimtab_server.store.tables import audit

#: The previous hash of the first record.
GENESIS: Final = "0" * 64

#: The key within `details` under which each record says how and where it came about.
CIRCUMSTANCES: Final = "circumstances"


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
class Witness:
    """What somebody outside the database knows of the chain: that record `sequence` had this hash."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Verification:
    """`fault` is empty if the chain holds; otherwise it names the first record that does not fit, and why.

    `witnesses` counts what was known from outside and found again.
    """

    records: int
    head: str
    fault: str = ""
    witnesses: int = 0

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
    outcome: str = "done",
) -> AuditRecord:
    """Adds the record of a change. Call it in the transaction that makes the change.

    Args:
        time: UTC nanoseconds.
        details: whatever else the action needs; JSON without NaN.
        outcome: "done", or what became of a change that was asked for and not made ("refused", "proposed").
    """
    writing = Writing.of(connection)
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
        "details": canonical_json(
            {**(details or {}), CIRCUMSTANCES: _circumstances(writing, origin, outcome)}
        ),
        "previous_hash": last.hash if last else GENESIS,
    }
    record = AuditRecord(**fields, hash="")
    record = AuditRecord(**fields, hash=record.computed_hash())
    connection.execute(insert(audit).values(**asdict(record)))
    writing.appended.append(record)
    return record


def _circumstances(writing: Writing, origin: Origin, outcome: str) -> dict[str, Any]:
    node = writing.node
    told = {
        "auth_method": origin.auth_method,
        "client_version": origin.client_version,
        "model_digest": node.model_digest,
        "node": node.name,
        "outcome": outcome,
        "server_version": node.version,
        "trigger": origin.trigger,
    }
    return {"monotonic": node.monotonic(), **{name: value for name, value in told.items() if value}}


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


def records_after(connection: Connection, sequence: int, *, limit: int) -> list[AuditRecord]:
    """Oldest first, those with a sequence above `sequence`."""
    query = select(audit).where(audit.c.sequence > sequence).order_by(audit.c.sequence).limit(limit)
    return [AuditRecord(**row._mapping) for row in connection.execute(query)]


def head(connection: Connection) -> tuple[int, str]:
    """The number of records and the newest one's hash."""
    count = connection.execute(select(func.count()).select_from(audit)).scalar_one()
    newest = connection.execute(select(audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)).scalar()
    return count, newest or GENESIS


def verify(connection: Connection, witnesses: Iterable[Witness] = ()) -> Verification:
    """Recomputes the whole chain from the first record.

    By itself it finds every changed, dropped, swapped or inserted record. A cut tail and a chain rewritten as
    a whole are found by what `witnesses` know: heads that were exported before.
    """
    return verify_records(oldest_first(connection), witnesses)


def verify_records(records: Iterator[AuditRecord], witnesses: Iterable[Witness] = ()) -> Verification:
    """The same over records from anywhere, oldest first; for instance an exported file."""
    known: dict[int, set[str]] = {}
    for witness in witnesses:
        known.setdefault(witness.sequence, set()).add(witness.hash)
    # A head exported before the first record says nothing that could be wrong.
    found = len(known.pop(0, ()))
    previous, count = GENESIS, 0
    for record in records:
        count += 1
        fault = _fault(record, count, previous)
        expected = known.pop(count, None)
        if not fault and expected is not None:
            found += record.hash in expected
            if expected != {record.hash}:
                fault = f"record {count} is not the one whose head was exported: the chain was rewritten"
        if fault:
            return Verification(count, previous, fault, found)
        previous = record.hash
    if known:
        fault = f"the chain ends at record {count}, a head of record {max(known)} was exported: it was cut"
        return Verification(count, previous, fault, found)
    return Verification(count, previous, "", found)


def _fault(record: AuditRecord, expected: int, previous: str) -> str:
    if record.sequence != expected:
        return f"record {expected} is missing: found {record.sequence} in its place"
    if record.previous_hash != previous:
        return f"record {expected} does not follow the one before it"
    if record.hash != record.computed_hash():
        return f"record {expected} was changed: its hash does not fit its content"
    return ""


def oldest_first(connection: Connection) -> Iterator[AuditRecord]:
    """Every record."""
    for row in connection.execute(select(audit).order_by(audit.c.sequence)):
        yield AuditRecord(**row._mapping)
