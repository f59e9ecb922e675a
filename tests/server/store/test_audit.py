"""The audit chain."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_server.store.node import Node
from trimtab_server.store.requests import SERVER, Origin

OPERATOR = Origin(
    actor="tokens/ab12",
    role="operator",
    request_id="r-1",
    auth_method="token",
    client_version="trimtab/9",
)
NODE = Node("desk-1", "1.2", "f00d", monotonic=lambda: 77)


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
    database.node = NODE
    fill(database, 2)
    with database.read() as connection:
        second, first = audit.records(connection)
    body = json.dumps(
        {
            "action": "snapshot.activate",
            "actor": "tokens/ab12",
            "deployment": "default",
            "details": '{"a":[1],"b":1.5,"circumstances":{"auth_method":"token","client_version":"trimtab/9",'
            '"model_digest":"f00d","monotonic":77,"node":"desk-1","outcome":"done","server_version":"1.2",'
            '"trigger":"human"}}',
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
        alone = audit.verify(connection)
        result = audit.verify(connection, [audit.Witness(*exported)])
    assert alone.ok, "the rest of the chain still fits"
    assert result.fault == "the chain ends at record 5, a head of record 6 was exported: it was cut"


def test_a_chain_written_anew_shows_against_an_exported_head(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        witness = audit.Witness(*audit.head(connection))
        others = list(audit.oldest_first(connection))
    forged, previous = [], audit.GENESIS
    for record in others:
        record = replace(record, actor="tokens/innocent", previous_hash=previous)
        record = replace(record, hash=record.computed_hash())
        previous = record.hash
        forged.append(record)
    assert audit.verify_records(iter(forged)).ok, "by itself the forgery fits"
    assert "rewritten" in audit.verify_records(iter(forged), [witness]).fault
    assert audit.verify_records(iter(others), [witness]).witnesses == 1


def test_whoever_listens_hears_of_each_commit_that_was_recorded_and_of_no_other(database: Database) -> None:
    heard: list[list[int]] = []
    database.listeners.append(lambda records: heard.append([record.sequence for record in records]))
    fill(database, 2)
    with database.write() as connection:
        connection.execute(text("DELETE FROM requests"))
    with pytest.raises(RuntimeError), database.write() as connection:
        audit.append(connection, time=1, origin=SERVER, action="never", subject="kept")
        raise RuntimeError
    fill(database, 1)
    assert heard == [[1, 2], [3]]


def test_records_are_filtered_and_paged_newest_first(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        newest = audit.records(connection, limit=2)
        older = audit.records(connection, before=newest[-1].sequence, limit=10)
        assert audit.records(connection, action="other") == []
        assert len(audit.records(connection, deployment="default")) == 6
    assert [record.sequence for record in (*newest, *older)] == [6, 5, 4, 3, 2, 1]
