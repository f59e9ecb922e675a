"""A fresh store with one deployment, and replies to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_server.steering.creation import create_deployment
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store import schema
from trimtab_server.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
    create_deployment(database, name="default", model="desk", unsteered=unsteered, watched_vector="", time=1)
    yield database
    database.close()
