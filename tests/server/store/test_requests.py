"""A retried write gets the first result."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, forget, once

ORIGIN = Origin("tokens/a", "operator", "SnapshotService/ActivateSnapshot", "id-1", "hash-1")


class Change:
    """Counts how often it was made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Result:
        self.made += 1
        return {"revision": self.made}


def serve(database: Database, origin: Origin, change: Change) -> Result:
    with database.write() as connection:
        return once(connection, origin, 1, change)


def test_a_retry_changes_nothing_and_gets_the_first_result(database: Database) -> None:
    change = Change()
    assert serve(database, ORIGIN, change) == serve(database, ORIGIN, change) == {"revision": 1}
    assert change.made == 1


def test_the_same_id_for_another_request_is_refused(database: Database) -> None:
    change = Change()
    serve(database, ORIGIN, change)
    with pytest.raises(Refusal) as refused:
        serve(database, replace(ORIGIN, request_hash="hash-2"), change)
    assert refused.value.reason == "REQUEST_ID_REUSED"


def test_ids_of_other_actors_and_methods_are_apart(database: Database) -> None:
    change = Change()
    serve(database, ORIGIN, change)
    serve(database, replace(ORIGIN, actor="tokens/b"), change)
    serve(database, replace(ORIGIN, method="SnapshotService/RollbackSnapshot"), change)
    assert change.made == 3


def test_without_an_id_every_request_counts(database: Database) -> None:
    change = Change()
    for _ in range(2):
        serve(database, replace(ORIGIN, request_id=""), change)
    assert change.made == 2


def test_a_request_that_failed_may_be_tried_again_with_its_id(database: Database) -> None:
    def fail() -> Result:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError), database.write() as connection:
        once(connection, ORIGIN, 1, fail)
    assert serve(database, ORIGIN, Change()) == {"revision": 1}


def test_old_results_are_forgotten_and_recent_ones_kept(database: Database) -> None:
    change = Change()
    serve(database, ORIGIN, change)
    with database.write() as connection:
        assert forget(connection, before=1) == 0
    serve(database, ORIGIN, change)
    assert change.made == 1
    with database.write() as connection:
        assert forget(connection, before=2) == 1
    serve(database, ORIGIN, change)
    assert change.made == 2
