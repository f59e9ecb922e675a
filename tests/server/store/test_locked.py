"""Another program that holds the database: a reader delays nobody, a writer is told of by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from promises.store_world import Store, activate_new, faults_of, opened, prepare, roll_back_once
from sqlalchemy import event
from trimtab_server.store.failure import StorageFailure


@pytest.fixture(params=[(3, 40, 1), (3, 51, 3)], ids=["one connection", "many"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    prepare(tmp_path)
    with opened(tmp_path, sqlite_version=request.param) as store:
        yield store


def test_a_reader_that_never_ends_holds_up_no_activation_and_no_rollback(store: Store) -> None:
    with closing(sqlite3.connect(store.root / "trimtab.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT revision FROM deployments").fetchone()
        writes = [activate_new(store, 2), roll_back_once(store, 3)]
        assert faults_of(store, writes, pending=0) == []
        assert reader.execute("SELECT revision FROM deployments").fetchone() == before == (1,)


def test_a_writer_that_never_ends_is_a_refusal_worth_another_try(store: Store) -> None:
    @event.listens_for(store.database.engine, "connect")
    def impatient(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    store.database.engine.dispose()
    with closing(sqlite3.connect(store.root / "trimtab.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailure, match="another program holds the database") as refused:
            roll_back_once(store, 3, unsteered=True)
        assert refused.value.reason == "STORE_LOCKED"
        assert refused.value.metadata["retry_after_seconds"] == "1"
        writer.execute("ROLLBACK")
    assert roll_back_once(store, 3, unsteered=True).revision == 2
