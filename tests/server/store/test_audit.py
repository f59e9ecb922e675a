"""The audit chain."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER, Origin

OPERATOR = Origin(actor="tokens/ab12", role="operator", request_id="r-1")


def fill(database: Database, count: int = 6) -> None:
    with database.write() as connection:
        for number in range(count):
            audit.append(
                connection,
                time=1_000 + number,
                origin=OPERATOR if number % 2 else SERVER,
                action="snapshot.activate",
                subject=f"snapshots/{number}",
                deployment="default",
                from_revision=number,
                to_revision=number + 1,
                reason="なぜなら",
                details={"b": 1.5, "a": [number]},
            )


def drop_triggers(database: Database) -> None:
    with database.write() as connection:
        for operation in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_no_{operation}"))


def test_the_hash_can_be_repeated_from_its_written_definition(database: Database) -> None:
    fill(database, 2)
    with database.read() as connection:
        second, first = audit.records(connection)
    body = json.dumps(
        {
            "action": "snapshot.activate",
            "actor": "tokens/ab12",
            "deployment": "default",
            "details": '{"a":[1],"b":1.5}',
            "from_revision": 1,
            "reason": "なぜなら",
            "request_id": "r-1",
            "role": "operator",
            "sequence": 2,
            "subject": "snapshots/1",
            "time": 1001,
            "to_revision": 2,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert first.previous_hash == "0" * 64
    assert second.previous_hash == first.hash
    assert second.hash == sha256((first.hash + body).encode()).hexdigest()


def test_an_untouched_chain_verifies(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        result = audit.verify(connection)
        assert result.ok
        assert (result.records, result.head) == audit.head(connection)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_records(database: Database, statement: str) -> None:
    fill(database)
    with pytest.raises(IntegrityError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "tampering",
    [
        *(
            f"UPDATE audit SET {column} = {value} WHERE sequence = 3"
            for column, value in {
                "time": 1,
                "actor": "'x'",
                "role": "'admin'",
                "action": "'x'",
                "deployment": "'x'",
                "subject": "'x'",
                "from_revision": 9,
                "to_revision": 9,
                "reason": "''",
                "request_id": "'x'",
                "details": "'{}'",
                "previous_hash": f"'{'1' * 64}'",
                "hash": f"'{'1' * 64}'",
            }.items()
        ),
        "DELETE FROM audit WHERE sequence = 3",
        "DELETE FROM audit WHERE sequence = 1",
        "UPDATE audit SET sequence = 30 WHERE sequence = 3",
    ],
)
def test_every_tampering_is_found(database: Database, tampering: str) -> None:
    fill(database)
    drop_triggers(database)
    with database.write() as connection:
        connection.execute(text(tampering))
    with database.read() as connection:
        assert not audit.verify(connection).ok


def test_a_cut_tail_shows_against_an_exported_head(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        exported = audit.head(connection)
    drop_triggers(database)
    with database.write() as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence = 6"))
    with database.read() as connection:
        result = audit.verify(connection)
    assert result.ok, "the rest of the chain still fits"
    assert (result.records, result.head) != exported


def test_records_are_filtered_and_paged_newest_first(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        newest = audit.records(connection, limit=2)
        older = audit.records(connection, before=newest[-1].sequence, limit=10)
        assert audit.records(connection, action="other") == []
        assert len(audit.records(connection, deployment="default")) == 6
    assert [record.sequence for record in (*newest, *older)] == [6, 5, 4, 3, 2, 1]
