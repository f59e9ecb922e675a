"""A store with three snapshots, and a local HTTP receiver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from http_receiver import HttpReceiver
from trimtab_server.steering.creation import create_deployment, create_snapshot
from trimtab_server.steering.snapshot import Sampling
from trimtab_server.steering.validation import Checked, DraftSteering, ModelFacts, check
from trimtab_server.store import schema
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER

MODEL = ModelFacts("desk", "f" * 64, 8, 4, ("stage-01",), "stage-01")


class NoVectors:
    def facts(self, vector: str) -> None:
        return None


def checked(system_prompt: str = "") -> Checked:
    return check(DraftSteering(system_prompt=system_prompt), Sampling(), MODEL, NoVectors())


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    running = HttpReceiver()
    yield running
    running.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    create_deployment(database, name="default", model="desk", unsteered=checked(), watched_vector="", time=1)
    yield database
    database.close()


@pytest.fixture
def snapshots(database: Database) -> list[str]:
    """Ids of two more than the unsteered one."""
    return [
        create_snapshot(database, checked(prompt), prompt, "", SERVER, 2).id
        for prompt in ("be kind", "be brief")
    ]
