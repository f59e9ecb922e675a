"""The connection rules."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.store.database import Database, has_wal_reset_defect


@pytest.mark.parametrize(
    ("version", "defect"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 54, 0), False),
    ],
)
def test_sqlite_versions_with_the_wal_reset_defect_are_known(
    version: tuple[int, int, int], defect: bool
) -> None:
    assert has_wal_reset_defect(version) is defect


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 3)])
def test_commits_are_durable_and_foreign_keys_enforced(tmp_path: Path, version: tuple[int, int, int]) -> None:
    database = Database.at(tmp_path / "x.db", sqlite_version=version)
    with database.read() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.close()


def test_with_the_defect_every_transaction_uses_one_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database.at(tmp_path / "x.db", sqlite_version=(3, 40, 1))
    seen = []

    def look(write: bool) -> None:
        with (database.write if write else database.read)() as connection:
            seen.append(id(connection.connection.dbapi_connection))

    threads = [threading.Thread(target=look, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.single_connection
    assert len(set(seen)) == 1
    assert any("sqlite_wal_reset_defect" in record.message for record in caplog.records)
    database.close()


def test_without_the_defect_a_read_goes_on_beside_a_write(tmp_path: Path) -> None:
    database = Database.at(tmp_path / "x.db", sqlite_version=(3, 51, 3))
    with database.write() as writer:
        writer.execute(text("CREATE TABLE t (x INTEGER)"))
        with database.read() as reader:
            tables = reader.execute(text("SELECT count(*) FROM sqlite_master")).scalar()
    assert tables == 0, "a reader saw what was not committed"
    database.close()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(
            text("INSERT INTO blobs (digest, size, media_type, create_time) VALUES ('a', 1, 'x', 1)")
        )
        connection.execute(text("INSERT INTO snapshot_vectors (snapshot, vector) VALUES ('no', 'no')"))
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM blobs")).scalar() == 0
