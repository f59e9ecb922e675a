"""Snapshots are kept once, under their content address, and found by the names people use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.steering import creation
from trimtab_server.steering.creation import create_snapshot
from trimtab_server.steering.validation import DraftTerm
from trimtab_server.store import audit
from trimtab_server.store import vectors as vector_rows
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER

A, B = "a" * 64, "b" * 64


def refusal(call: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value


def test_the_same_content_is_one_snapshot(database: Database, checked: Any) -> None:
    first = create_snapshot(database, checked(DraftTerm(A, 0.5)), "mild", "", SERVER, 5)
    again = create_snapshot(database, checked(DraftTerm(A, 0.5)), "mild", "", SERVER, 9)
    nameless = create_snapshot(database, checked(DraftTerm(A, 0.5)), "", "", SERVER, 9)
    assert first == again == nameless


def test_names_belong_to_one_snapshot(database: Database, checked: Any) -> None:
    create_snapshot(database, checked(DraftTerm(A, 0.5)), "mild", "", SERVER, 5)
    other = refusal(lambda: create_snapshot(database, checked(DraftTerm(A, 0.6)), "mild", "", SERVER, 6))
    assert other.reason == "NAME_TAKEN"
    renamed = refusal(lambda: create_snapshot(database, checked(DraftTerm(A, 0.5)), "new", "", SERVER, 6))
    assert renamed.reason == "SNAPSHOT_EXISTS"
    assert renamed.metadata["display_name"] == "mild"


def test_a_nameless_snapshot_can_be_named_once(database: Database, checked: Any) -> None:
    create_snapshot(database, checked(DraftTerm(A, 0.5)), "", "", SERVER, 5)
    assert create_snapshot(database, checked(DraftTerm(A, 0.5)), "mild", "", SERVER, 6).display_name == "mild"
    assert refusal(
        lambda: create_snapshot(database, checked(DraftTerm(A, 0.5)), "other", "", SERVER, 7)
    ).reason == ("SNAPSHOT_EXISTS")


@pytest.mark.parametrize("name", ["a/b", " a", "a" * 101, "deadbeef", "a\nb", "\u202ereversed"])
def test_misleading_names_are_refused(database: Database, checked: Any, name: str) -> None:
    assert (
        refusal(lambda: create_snapshot(database, checked(), name, "", SERVER, 5)).reason == "FIELD_INVALID"
    )


def test_snapshots_are_found_by_hash_prefix_and_name(database: Database, snapshots: Any) -> None:
    with database.read() as connection:
        for name in (snapshots[1], snapshots[1][:8], f"snapshots/{snapshots[1][:12]}", "strength 0.5"):
            assert creation.find(connection, name).id == snapshots[1]
        for name in ("", "nobody", snapshots[1][:7], "f" * 64, "%"):
            assert refusal(lambda n=name: creation.find(connection, n)).reason == "SNAPSHOT_NOT_FOUND"


def test_a_forced_vector_is_in_the_audit(database: Database, checked: Any) -> None:
    create_snapshot(database, checked(DraftTerm(B, 0.5, force=True)), "forced", "", SERVER, 5)
    with database.read() as connection:
        record = audit.records(connection, limit=1)[0]
    assert record.action == "snapshot.create"
    details = json.loads(record.details)
    assert (details["display_name"], details["forced"]) == ("forced", {B: "stage"})


def test_a_snapshot_keeps_its_vectors(database: Database, snapshots: Any) -> None:
    with database.write() as connection:
        record = vector_rows.find(connection, A)
        assert record is not None
        assert record.snapshot_count == 2
        assert set(vector_rows.snapshots_using(connection, A)) == set(snapshots[1:])
    with pytest.raises(IntegrityError), database.write() as connection:
        vector_rows.remove(connection, record)


def test_the_database_refuses_to_change_a_snapshot(database: Database, snapshots: Any) -> None:
    with pytest.raises(IntegrityError, match="immutable"), database.write() as connection:
        connection.execute(text("UPDATE snapshots SET body = '{}'"))
