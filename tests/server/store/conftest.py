"""A fresh store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_server.store import schema
from trimtab_server.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    yield database
    database.close()
