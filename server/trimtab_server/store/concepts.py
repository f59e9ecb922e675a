"""Concepts that vectors stand for, and which of them are protected."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select, update

from trimtab_server.store.tables import concepts, vectors

LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class ConceptRecord:
    """`change_time` is UTC nanoseconds, 0 for one that was there from the start."""

    name: str
    protected: bool
    change_time: int = 0


def normal(concept: str) -> str:
    """The one spelling of a concept's name: capitals, width and spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", concept).casefold().split())[:LONGEST_NAME]


def find(connection: Connection, name: str) -> ConceptRecord:
    """One that nobody has spoken of is not protected."""
    row = connection.execute(select(concepts).where(concepts.c.name == normal(name))).first()
    return ConceptRecord(normal(name), False) if row is None else ConceptRecord(**row._mapping)


def all_of(connection: Connection) -> list[ConceptRecord]:
    """Those of every vector, and those whose protection was ever decided, by name."""
    found = {row.name: ConceptRecord(**row._mapping) for row in connection.execute(select(concepts))}
    for concept in connection.execute(select(vectors.c.concept).distinct()).scalars():
        found.setdefault(normal(concept), ConceptRecord(normal(concept), False))
    return [found[name] for name in sorted(found)]


def protected_of(connection: Connection, vector_ids: Collection[str]) -> dict[str, str]:
    """Vector id -> concept, of those vectors whose concept is protected."""
    protected = set(connection.execute(select(concepts.c.name).where(concepts.c.protected)).scalars())
    rows = connection.execute(select(vectors.c.id, vectors.c.concept).where(vectors.c.id.in_(vector_ids)))
    return {row.id: normal(row.concept) for row in rows if normal(row.concept) in protected}


def protect(connection: Connection, name: str, protected: bool, time: int) -> None:
    """Decides it from now on."""
    values = {"protected": protected, "change_time": time}
    changed = connection.execute(update(concepts).where(concepts.c.name == normal(name)).values(**values))
    if not changed.rowcount:
        connection.execute(insert(concepts).values(name=normal(name), **values))
