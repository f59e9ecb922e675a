"""The catalogue of steering vectors: what each is, and which snapshots refer to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from trimtab_server.store import vector_measurements
from trimtab_server.store.tables import blobs, snapshot_vectors, vectors


@dataclass(frozen=True)
class VectorRecord:
    """One steering vector's manifest and its blob. Lists run in the order of `layers`."""

    id: str
    blob: str
    display_name: str
    concept: str
    stage: str
    model_fingerprint: str
    method: str
    data_hash: str
    hidden_size: int
    layers: tuple[int, ...]
    raw_norms: tuple[float, ...]
    residual_norms: tuple[float, ...]
    pair_accuracies: tuple[float, ...]
    license: str
    created_by: str
    create_time: int
    suggested_strength: float = 0.0
    suggested_layers: tuple[int, ...] = ()
    safe_strength: float = 0.0
    snapshot_count: int = 0
    explained_variances: tuple[float, ...] = ()
    noise_ceilings: tuple[float, ...] = ()
    separations: tuple[float, ...] = ()
    agreements: tuple[float, ...] = ()


_COLUMNS = tuple(field.name for field in fields(VectorRecord) if field.name != "snapshot_count")
_COUNT = (
    select(func.count())
    .select_from(snapshot_vectors)
    .where(snapshot_vectors.c.vector == vectors.c.id)
    .scalar_subquery()
    .label("snapshot_count")
)


def add(connection: Connection, record: VectorRecord, size: int) -> None:
    """Adds a vector whose blob of `size` bytes is already on disk."""
    held = connection.execute(select(blobs.c.digest).where(blobs.c.digest == record.blob)).first()
    if held is None:
        connection.execute(
            insert(blobs).values(
                digest=record.blob,
                size=size,
                media_type="application/vnd.trimtab.vector+safetensors",
                create_time=record.create_time,
            )
        )
    values = asdict(record)
    connection.execute(
        insert(vectors).values(
            {
                name: list(values[name]) if isinstance(values[name], tuple) else values[name]
                for name in _COLUMNS
            }
        )
    )


def find(connection: Connection, vector: str) -> VectorRecord | None:
    """By its whole id."""
    row = connection.execute(select(vectors, _COUNT).where(vectors.c.id == vector)).first()
    return None if row is None else _record(row)


def page(
    connection: Connection, *, limit: int, after: tuple[int, str] | None = None, concept: str = ""
) -> list[VectorRecord]:
    """Oldest first; `after` is the (create_time, id) of the last one already seen."""
    query = select(vectors, _COUNT).order_by(vectors.c.create_time, vectors.c.id).limit(limit)
    if concept:
        query = query.where(vectors.c.concept == concept)
    if after is not None:
        time, vector = after
        query = query.where(
            (vectors.c.create_time > time) | ((vectors.c.create_time == time) & (vectors.c.id > vector))
        )
    return [_record(row) for row in connection.execute(query)]


def remove(connection: Connection, record: VectorRecord) -> bool:
    """Deletes the rows of a vector no snapshot refers to; returns whether its blob is now unused."""
    vector_measurements.remove(connection, record.id)
    connection.execute(delete(vectors).where(vectors.c.id == record.id))
    if connection.execute(select(vectors.c.id).where(vectors.c.blob == record.blob)).first() is not None:
        return False
    connection.execute(delete(blobs).where(blobs.c.digest == record.blob))
    return True


def snapshots_using(connection: Connection, vector: str) -> list[str]:
    """Ids of the snapshots that refer to the vector."""
    query = select(snapshot_vectors.c.snapshot).where(snapshot_vectors.c.vector == vector)
    return list(connection.execute(query.order_by(snapshot_vectors.c.snapshot)).scalars())


def _record(row: Any) -> VectorRecord:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row._mapping.items()
    }
    return VectorRecord(**values)
