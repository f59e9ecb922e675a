"""Recorded references of drift, and how far each revision's evidence has come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from trimtab_server.store import audit
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.requests import Origin
from trimtab_server.store.tables import drift_references, drift_states

Source = Literal["live", "canary"]
#: A reference holds at least so many replies.
FEWEST_REPLIES: Final = 200
RECOMMENDED_REPLIES: Final = 500


@dataclass(frozen=True)
class ReferenceRecord:
    """How replies of one snapshot looked while they were good.

    source: "live" replies, or answers to "canary" questions; what is compared with it must come from the same.
    stage_digest: of the stage's weights, so that a new fine-tune under the old name is noticed. signals:
    canonical JSON, name -> values in the order of the replies.
    """

    id: str
    deployment: str
    source: Source
    snapshot: str
    revision: int
    stage: str
    stage_digest: str
    reply_count: int
    signals: str
    created_by: str
    create_time: int

    @property
    def hash(self) -> str:
        """SHA-256 of all values."""
        return sha256_hex(self.signals)

    @cached_property
    def values(self) -> Mapping[str, tuple[float, ...]]:
        return {name: tuple(values) for name, values in json.loads(self.signals).items()}

    def signal_id(self, signal: str) -> str:
        """What a rollout's plan calls the values of one signal."""
        return f"{self.id}/{signal}"

    def signal_hash(self, signal: str) -> str:
        """SHA-256 of one signal's values; a rollout's plan names it beside their id. Raises: KeyError."""
        return sha256_hex(canonical_json(list(self.values[signal])))

    def stale(self, snapshot: str, stage_digest: str) -> str:
        """Why it no longer describes a deployment that serves this; "" while it does."""
        if self.stage_digest != stage_digest:
            return "the stage or its fine-tune has changed since it was recorded"
        if self.snapshot != snapshot:
            return "another snapshot is active"
        return ""


@dataclass(frozen=True)
class DriftStateRecord:
    """Evidence about one revision. Replies with a larger `reply_number` are not in it yet."""

    deployment: str
    revision: int
    reference: str
    reply_number: int
    state: str
    time: int


def values_text(values: Mapping[str, Sequence[float]]) -> str:
    """The canonical form that is hashed."""
    return canonical_json({name: list(own) for name, own in values.items()})


def add(connection: Connection, record: ReferenceRecord, origin: Origin) -> None:
    """Keeps it, with an audit record that holds its hash."""
    connection.execute(drift_references.insert().values(**_columns(record), hash=record.hash))
    audit.append(
        connection,
        time=record.create_time,
        origin=origin,
        action="reference.record",
        subject=f"deployments/{record.deployment}/references/{record.id}",
        deployment=record.deployment,
        details={
            "hash": record.hash,
            "snapshot": f"snapshots/{record.snapshot}",
            "source": record.source,
            "replies": record.reply_count,
        },
    )


def find(connection: Connection, reference: str) -> ReferenceRecord | None:
    """Raises: ReferenceChanged."""
    row = connection.execute(select(drift_references).where(drift_references.c.id == reference)).first()
    return None if row is None else _record(row)


def values_of(connection: Connection, signal_id: str) -> tuple[float, ...] | None:
    """The values that a rollout's plan names by `ReferenceRecord.signal_id`; None if there are none.

    Raises:
        ReferenceChanged: they are not what was recorded.
    """
    reference, _, signal = signal_id.partition("/")
    record = find(connection, reference)
    return None if record is None else record.values.get(signal)


def newest(
    connection: Connection, deployment: str, source: Source, snapshot: str, stage_digest: str
) -> ReferenceRecord | None:
    """The last one that is not stale for what the deployment serves. Raises: ReferenceChanged."""
    query = (
        select(drift_references)
        .where(
            drift_references.c.deployment == deployment,
            drift_references.c.source == source,
            drift_references.c.snapshot == snapshot,
            drift_references.c.stage_digest == stage_digest,
        )
        .order_by(drift_references.c.create_time.desc(), drift_references.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _record(row)


def page(
    connection: Connection, deployment: str, *, limit: int, before: tuple[int, str] | None = None
) -> list[ReferenceRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(drift_references).where(drift_references.c.deployment == deployment)
    if before is not None:
        time, reference = before
        query = query.where(
            (drift_references.c.create_time < time)
            | ((drift_references.c.create_time == time) & (drift_references.c.id < reference))
        )
    query = query.order_by(drift_references.c.create_time.desc(), drift_references.c.id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


class ReferenceChanged(Exception):
    """A stored reference does not have the hash it was recorded with."""


def save_state(connection: Connection, record: DriftStateRecord) -> None:
    """Replaces what was known of the revision; evidence about earlier revisions is no longer needed."""
    connection.execute(drift_states.delete().where(drift_states.c.deployment == record.deployment))
    connection.execute(drift_states.insert().values(**vars(record)))


def state_of(connection: Connection, deployment: str, revision: int) -> DriftStateRecord | None:
    row = connection.execute(
        select(drift_states).where(
            drift_states.c.deployment == deployment, drift_states.c.revision == revision
        )
    ).first()
    return None if row is None else DriftStateRecord(**row._mapping)


def _columns(record: ReferenceRecord) -> dict[str, Any]:
    return {
        column.name: getattr(record, column.name) for column in drift_references.c if column.name != "hash"
    }


def _record(row: Any) -> ReferenceRecord:
    values = dict(row._mapping)
    kept = values.pop("hash")
    record = ReferenceRecord(**values)
    if record.hash != kept:
        raise ReferenceChanged(
            f"reference {record.id} was changed in the store: its values no longer have the hash it was "
            "recorded with; record a new one"
        )
    return record
