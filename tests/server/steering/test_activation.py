"""Activation and rollback: one transaction each, never an edit."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.steering.activation import activate, roll_back
from trimtab_server.store import audit, deployments
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import RevisionRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

ORIGIN = Origin("tokens/a", "operator", "SnapshotService/ActivateSnapshot")


def act(database: Database, snapshot: str, expected: int = 0, origin: Origin = ORIGIN) -> RevisionRecord:
    return activate(
        database,
        deployment="default",
        snapshot=snapshot,
        expected_revision=expected,
        reason="",
        origin=origin,
        time=10,
    )


def undo(database: Database, **how: Any) -> RevisionRecord:
    return roll_back(
        database, **{"deployment": "default", "reason": "bad", "origin": ORIGIN, "time": 20} | how
    )


def test_a_stale_expectation_is_refused_and_nothing_is_written(database: Database, snapshots: Any) -> None:
    act(database, snapshots[1], expected=1)
    with database.read() as connection:
        before = audit.head(connection)
    with pytest.raises(Refusal) as refused:
        act(database, snapshots[2], expected=1)
    assert refused.value.reason == "REVISION_CONFLICT"
    assert refused.value.metadata["active_revision"] == "2"
    with database.read() as connection:
        assert audit.head(connection) == before
        assert deployments.find(connection, "default") == deployments.DeploymentRecord("default", "desk", 2)


def test_every_move_has_its_audit_record(database: Database, snapshots: Any) -> None:
    act(database, snapshots[1])
    undo(database)
    with database.read() as connection:
        rollback, activation = audit.records(connection, limit=2)
        assert audit.verify(connection).ok
    assert (activation.action, activation.from_revision, activation.to_revision) == (
        "snapshot.activate",
        1,
        2,
    )
    assert (rollback.action, rollback.from_revision, rollback.to_revision) == ("snapshot.rollback", 2, 3)
    assert rollback.reason == "bad"


def test_rollback_names_what_it_undid_and_returns_to_the_snapshot_before(
    database: Database, snapshots: Any
) -> None:
    act(database, snapshots[1])
    act(database, snapshots[2])
    revision = undo(database)
    assert (revision.number, revision.snapshot, revision.kind) == (4, snapshots[1], "rollback")
    assert revision.rolled_back == 3
    assert undo(database).snapshot == snapshots[0]
    with pytest.raises(Refusal) as refused:
        undo(database)
    assert refused.value.reason == "NO_EARLIER_REVISION"


def test_unsteered_is_always_reachable(database: Database, snapshots: Any) -> None:
    for snapshot in (snapshots[1], snapshots[2], snapshots[1]):
        act(database, snapshot)
    assert undo(database, unsteered=True).snapshot == snapshots[0]
    assert undo(database, unsteered=True).snapshot == snapshots[0]


def test_rollback_to_a_named_snapshot_must_have_been_active(database: Database, snapshots: Any) -> None:
    act(database, snapshots[1])
    with pytest.raises(Refusal) as refused:
        undo(database, snapshot=snapshots[2])
    assert refused.value.reason == "NO_EARLIER_REVISION"
    assert undo(database, snapshot=snapshots[0]).snapshot == snapshots[0]


def test_rollback_needs_a_reason(database: Database, snapshots: Any) -> None:
    act(database, snapshots[1])
    with pytest.raises(Refusal) as refused:
        undo(database, reason="  ")
    assert (refused.value.reason, refused.value.field) == ("REASON_REQUIRED", "reason")


def test_unknown_deployments_and_snapshots_are_refused(database: Database) -> None:
    with pytest.raises(Refusal, match="DEPLOYMENT_NOT_FOUND"):
        undo(database, deployment="other")
    with pytest.raises(Refusal, match="SNAPSHOT_NOT_FOUND"):
        act(database, "e" * 64)


def test_a_retry_moves_the_pointer_once(database: Database, snapshots: Any) -> None:
    origin = replace(ORIGIN, request_id="r-1", request_hash="h")
    first = act(database, snapshots[1], expected=1, origin=origin)
    act(database, snapshots[2])
    assert act(database, snapshots[1], expected=1, origin=origin) == first
    undone = undo(database, origin=replace(origin, request_id="r-2", method="m"))
    assert undo(database, origin=replace(origin, request_id="r-2", method="m")) == undone
    with database.read() as connection:
        assert len(deployments.history(connection, "default")) == 4


def test_a_rollback_that_loses_the_race_chooses_again(database: Database, snapshots: Any) -> None:
    """While it was choosing where to go, somebody activated another snapshot: that one is undone."""
    act(database, snapshots[1])
    races = iter([lambda: act(database, snapshots[2]), lambda: None])
    revision = undo(database, before_move=lambda: next(races)())
    assert (revision.number, revision.rolled_back) == (4, 3)
    assert revision.snapshot == snapshots[1]


@pytest.mark.parametrize("statement", ["UPDATE revisions SET reason = 'x'", "DELETE FROM revisions"])
def test_history_cannot_be_edited(database: Database, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))


def test_eight_writers_and_four_readers_see_one_gapless_history(database: Database, snapshots: Any) -> None:
    """Compare-and-set under contention: successes are unique and gapless, and no reader goes back."""
    won: list[int] = []
    outcomes: Counter[str] = Counter()
    backwards: list[tuple[int, int]] = []
    done = threading.Event()

    def active() -> int:
        with database.read() as connection:
            found = deployments.find(connection, "default")
        assert found is not None
        return found.revision

    def write(seed: int) -> None:
        for number in range(25):
            try:
                won.append(act(database, snapshots[(seed + number) % 3], expected=active()).number)
                outcomes["won"] += 1
            except Refusal as refusal:
                outcomes[refusal.reason] += 1

    def read() -> None:
        last = 0
        while not done.is_set():
            seen = active()
            if seen < last:
                backwards.append((last, seen))
            last = seen

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(8)]
    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()

    assert set(outcomes) <= {"won", "REVISION_CONFLICT"}
    assert sum(outcomes.values()) == 200
    assert sorted(won) == list(range(2, 2 + outcomes["won"]))
    assert backwards == []
    with database.read() as connection:
        assert [revision.number for revision in deployments.history(connection, "default")] == list(
            range(1, outcomes["won"] + 2)
        )
        assert audit.verify(connection).ok
