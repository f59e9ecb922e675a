"""What was measured of vectors: the newest record of each at each stage."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from trimtab_server.store.tables import vector_measurements, vectors


@dataclass(frozen=True)
class MeasurementRecord:
    """`body`: the sweep and the card as JSON. `stage_digest`: of the weights it was measured on."""

    vector: str
    stage: str
    stage_digest: str
    body: str
    created_by: str
    create_time: int


@dataclass(frozen=True)
class Suggestion:
    """What a sweep recommends."""

    strength: float
    layers: tuple[int, ...]
    safe_strength: float


def keep(connection: Connection, record: MeasurementRecord) -> None:
    """Takes the place of an earlier one at the same stage."""
    table = vector_measurements
    connection.execute(delete(table).where(table.c.vector == record.vector, table.c.stage == record.stage))
    connection.execute(
        insert(table).values(
            vector=record.vector,
            stage=record.stage,
            stage_digest=record.stage_digest,
            body=record.body,
            created_by=record.created_by,
            create_time=record.create_time,
        )
    )


def suggest(connection: Connection, vector: str, suggestion: Suggestion) -> None:
    """The dose that is offered for a vector from now on; its content and its name stay."""
    connection.execute(
        update(vectors)
        .where(vectors.c.id == vector)
        .values(
            suggested_strength=suggestion.strength,
            suggested_layers=list(suggestion.layers),
            safe_strength=suggestion.safe_strength,
        )
    )


def find(connection: Connection, vector: str, stage: str) -> MeasurementRecord | None:
    table = vector_measurements
    row = connection.execute(select(table).where(table.c.vector == vector, table.c.stage == stage)).first()
    return None if row is None else MeasurementRecord(**row._mapping)


def remove(connection: Connection, vector: str) -> None:
    """All of a vector's, before the vector itself goes."""
    connection.execute(delete(vector_measurements).where(vector_measurements.c.vector == vector))
