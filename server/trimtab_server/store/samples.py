"""The monitors' figures, the newest few thousand of a deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, delete, insert, select

from trimtab_server.store.tables import samples


@dataclass(frozen=True)
class SampleRecord:
    """One value of one signal. `count`, `lower` and `upper` are set for shares: replies and 95% interval."""

    deployment: str
    signal: str
    value: float
    time: int
    snapshot: str
    reply_id: str = ""
    count: int = 0
    lower: float | None = None
    upper: float | None = None


_COLUMNS = [samples.c[field.name] for field in fields(SampleRecord)]


def add(connection: Connection, new: Sequence[SampleRecord]) -> None:
    if new:
        connection.execute(insert(samples), [asdict(sample) for sample in new])


def recent(connection: Connection, deployment: str, limit: int) -> list[SampleRecord]:
    """The newest `limit` samples, oldest first."""
    query = (
        select(*_COLUMNS).where(samples.c.deployment == deployment).order_by(samples.c.id.desc()).limit(limit)
    )
    return [SampleRecord(*row) for row in connection.execute(query)][::-1]


def trim(connection: Connection, deployment: str, keep: int) -> int:
    """Deletes all but the newest `keep`; returns how many went."""
    oldest_kept = connection.execute(
        select(samples.c.id)
        .where(samples.c.deployment == deployment)
        .order_by(samples.c.id.desc())
        .offset(keep - 1)
        .limit(1)
    ).scalar()
    if oldest_kept is None:
        return 0
    gone = connection.execute(
        delete(samples).where(samples.c.deployment == deployment, samples.c.id < oldest_kept)
    )
    return gone.rowcount
