"""Evidence ages: with the clock, with another snapshot, and with other weights under the same name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_server.steering.freshness import Freshness, freshness
from trimtab_server.store import canary_runs, deployments, references, schema, snapshots
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord, RevisionRecord
from trimtab_server.store.references import ReferenceRecord
from trimtab_server.store.requests import SERVER
from trimtab_server.store.snapshots import SnapshotRecord

HOUR = 3_600 * 1_000_000_000
ACTIVE, OTHER = "a" * 64, "b" * 64
WEIGHTS, NEW_WEIGHTS = "1" * 64, "2" * 64


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    held = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(held)
    with held.write() as connection:
        for snapshot in (ACTIVE, OTHER):
            snapshots.add(connection, SnapshotRecord(snapshot, snapshot[:4], "", "{}", "tokens/test", 1), ())
        deployments.add(
            connection,
            DeploymentRecord("default", "model", 1),
            RevisionRecord("default", 1, ACTIVE, "initial", "server", "", 0, 1),
        )
    yield held
    held.close()


def run(database: Database, time: int, snapshot: str = ACTIVE, digest: str = WEIGHTS) -> None:
    with database.write() as connection:
        record = CanaryRunRecord(f"{time:x}", "default", snapshot, 1, 0, (), 1.0, "0" * 64, time, digest)
        canary_runs.add(connection, record)


def reference(database: Database, time: int, snapshot: str = ACTIVE, digest: str = WEIGHTS) -> None:
    with database.write() as connection:
        references.add(
            connection,
            ReferenceRecord(
                f"{time:x}", "default", "live", snapshot, 1, "s", digest, 200, "{}", "tokens/test", time
            ),
            SERVER,
        )


def read(
    database: Database, *, now: int = 10 * HOUR, digest: str = WEIGHTS, canaries: bool = True
) -> Freshness:
    with database.read() as connection:
        return freshness(
            connection,
            "default",
            stage_digest=digest,
            has_canary_set=canaries,
            stale_after_hours=24.0,
            now=now,
        )


def test_what_was_never_tried_is_stale(database: Database) -> None:
    known = read(database)
    assert known.canary_time == 0 and known.stale == (
        "the canary set was never run through the active snapshot",
    )


def test_a_run_through_the_active_snapshot_is_fresh_until_it_is_too_old(database: Database) -> None:
    run(database, 9 * HOUR)
    assert read(database) == Freshness(9 * HOUR, 0, ())
    assert read(database, now=33 * HOUR).stale == ()
    assert read(database, now=34 * HOUR).stale == ("the canary set was not run for 25 hours",)


def test_a_run_through_another_snapshot_says_nothing_of_the_active_one(database: Database) -> None:
    run(database, 9 * HOUR, snapshot=OTHER)
    assert read(database).stale == ("the canary set was never run through the active snapshot",)


def test_a_new_fine_tune_under_the_old_name_makes_runs_and_references_stale(database: Database) -> None:
    run(database, 9 * HOUR)
    reference(database, 8 * HOUR)
    assert read(database) == Freshness(9 * HOUR, 8 * HOUR, ())
    known = read(database, digest=NEW_WEIGHTS)
    assert known.stale == (
        "the stage was trained again since the canary set was run through it",
        "the newest reference is stale: the stage or its fine-tune has changed since it was recorded",
    )
    run(database, 9 * HOUR + 1, digest=NEW_WEIGHTS)
    assert len(read(database, digest=NEW_WEIGHTS).stale) == 1, "the new run is about the new weights"


def test_a_reference_of_another_snapshot_is_stale(database: Database) -> None:
    run(database, 9 * HOUR)
    reference(database, 8 * HOUR, snapshot=OTHER)
    assert read(database).stale == ("the newest reference is stale: another snapshot is active",)


def test_without_a_canary_set_nothing_is_asked_of_it(database: Database) -> None:
    assert read(database, canaries=False) == Freshness(0, 0, ())
