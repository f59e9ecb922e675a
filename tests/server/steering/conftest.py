"""A small world: one hosted model, three vectors, and a store with the unsteered snapshot active."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trimtab_server.steering.creation import create_deployment, create_snapshot
from trimtab_server.steering.snapshot import Sampling
from trimtab_server.steering.validation import (
    Checked,
    DraftSteering,
    DraftTerm,
    ModelFacts,
    VectorFacts,
    check,
)
from trimtab_server.store import schema, vectors
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.vectors import VectorRecord

OURS, OTHER = "f" * 64, "0" * 64

VECTORS = {
    "a" * 64: VectorFacts("a" * 64, (1, 2, 3), "stage-02", OURS, 8),
    "b" * 64: VectorFacts("b" * 64, (0, 3), "stage-01", OURS, 8),
    "c" * 64: VectorFacts("c" * 64, (1, 9), "stage-02", OTHER, 8),
    "d" * 64: VectorFacts("d" * 64, (1,), "stage-02", OTHER, 16),
}


class Catalogue:
    def facts(self, vector: str) -> VectorFacts | None:
        return VECTORS.get(vector)


Check = Callable[..., Checked]


@pytest.fixture
def model() -> ModelFacts:
    return ModelFacts("desk", OURS, 8, 4, ("stage-01", "stage-02"), "stage-02")


@pytest.fixture
def checked(model: ModelFacts) -> Check:
    """Checks a configuration given as keywords."""

    def run(*terms: DraftTerm, sampling: Sampling | None = None, **steering: str) -> Checked:
        draft = DraftSteering(terms=terms, **steering)
        return check(draft, sampling or Sampling(), model, Catalogue())

    return run


@pytest.fixture
def database(tmp_path: Path, checked: Check) -> Iterator[Database]:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    with database.write() as connection:
        for facts in VECTORS.values():
            record = VectorRecord(
                id=facts.id,
                blob=facts.id,
                display_name=facts.id[:4],
                concept="honesty",
                stage=facts.stage,
                model_fingerprint=facts.model_fingerprint,
                method="diff_mean",
                data_hash="e" * 64,
                hidden_size=facts.hidden_size,
                layers=facts.layers,
                raw_norms=(),
                residual_norms=(),
                pair_accuracies=(),
                license="",
                created_by="test",
                create_time=1,
            )
            vectors.add(connection, record, 10)
    create_deployment(database, name="default", model="desk", unsteered=checked(), watched_vector="", time=1)
    yield database
    database.close()


@pytest.fixture
def snapshots(database: Database, checked: Check) -> tuple[str, str, str]:
    """Ids of the unsteered snapshot and of two steered ones."""
    ids = [checked().configuration.id]
    for strength in (0.5, -0.5):
        record = create_snapshot(
            database, checked(DraftTerm("a" * 64, strength)), f"strength {strength}", "", SERVER, 2
        )
        ids.append(record.id)
    return ids[0], ids[1], ids[2]
