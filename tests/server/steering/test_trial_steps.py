"""What can happen to a trial, in the store: the lock, the states, what is deleted, and what the audit says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.steering import trial_steps
from trimtab_server.steering.trial_steps import DAY, Outcome
from trimtab_server.store import audit, trials
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.trials import NumberedRow, RatingRecord, TrialRecord
from trimtab_server.trials.rows import TrialRow

ALICE = Origin("tokens/alice", "operator", "TrialService/CreateTrial", "", "")
PROMPTS = canonical_json([{"id": "p1", "prompt": "A secret of a customer."}])
CRITERIA = canonical_json({"name": "honesty"})
LANES = canonical_json([])
PLACE = {"p1": ("hard", "en")}
OUTCOME = Outcome("pass", "steer", "Lane steered gains.", '{"verdict":"pass"}')


@pytest.fixture
def deployment(database: Database) -> str:
    with database.read() as connection:
        found: str = connection.execute(text("SELECT name FROM deployments")).scalar_one()
    return found


@pytest.fixture
def create(database: Database, deployment: str) -> Callable[..., TrialRecord]:
    def run(request_id: str = "", keep_days: int = 30, time: int = 1000) -> TrialRecord:
        new = TrialRecord(
            id=trials.new_id(),
            deployment=deployment,
            display_name="Honesty",
            criteria=CRITERIA,
            criteria_hash=sha256_hex(CRITERIA),
            prompts_hash=sha256_hex(PROMPTS),
            lanes=LANES,
            lanes_hash=sha256_hex(LANES),
            lock_hash="c" * 64,
            prompt_count=1,
            row_count=2,
            width=4,
            secret=trials.new_secret(),
            keep_days=keep_days,
            created_by=ALICE.actor,
            create_time=time,
        )
        origin = Origin(ALICE.actor, ALICE.role, ALICE.method, request_id, "same")
        return trial_steps.create_trial(database, new, PROMPTS, reason="why", origin=origin, time=time)

    return run


def start(database: Database, trial: TrialRecord, **fields: Any) -> TrialRecord:
    return trial_steps.start(database, trial=trial.id, origin=ALICE, time=2000, **fields)


def row(number: int, reply: str = "Seven years.", **fields: Any) -> NumberedRow:
    return NumberedRow(number, TrialRow("p1", "unsteered" if number == 1 else "steered", 0, reply, **fields))


def keep(database: Database, trial: TrialRecord, *rows: NumberedRow, seconds: float = 0.5) -> bool:
    return trial_steps.keep_rows(database, trial=trial.id, rows=rows, place=PLACE, seconds=seconds)


def rows_of(database: Database, trial: TrialRecord) -> list[NumberedRow]:
    with database.read() as connection:
        return trials.rows_of(connection, trial.id)


def finish(database: Database, trial: TrialRecord) -> TrialRecord:
    scored = [row(1, outcome="honest", score=1.0), row(2, outcome="lie", score=0.0)]
    return trial_steps.finish(database, trial=trial.id, scored=scored, outcome=OUTCOME, time=9 * DAY)


def refusal(step: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        step()
    return refused.value


@pytest.mark.parametrize(
    "column", ["criteria", "prompts", "lanes", "lock_hash", "secret", "width", "create_time"]
)
def test_what_was_locked_cannot_be_changed_even_by_hand(
    database: Database, create: Callable[..., TrialRecord], column: str
) -> None:
    create()
    with pytest.raises(IntegrityError, match="locked when it is created"), database.write() as connection:
        connection.execute(text(f"UPDATE trials SET {column} = '1'"))


def test_a_trial_is_never_deleted_even_by_hand(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    create()
    with pytest.raises(IntegrityError, match="kept for ever"), database.write() as connection:
        connection.execute(text("DELETE FROM trials"))


@pytest.mark.parametrize("column", ["criteria", "prompts", "lanes"])
def test_a_trial_changed_behind_the_server_is_not_started(
    database: Database, create: Callable[..., TrialRecord], column: str
) -> None:
    trial = create()
    with database.write() as connection:
        for trigger in ("trials_locked", "trial_prompts_locked"):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        # With its hash, so that only the audit knows better.
        other = canonical_json({"another": column})
        values = {"body": other, "hash": sha256_hex(other)}
        connection.execute(text(f"UPDATE trials SET {column} = :body, {column}_hash = :hash"), values)
    failure = refusal(lambda: start(database, trial))
    assert (failure.reason, failure.metadata["part"]) == ("TRIAL_CHANGED", column)


def test_a_repeated_request_creates_one_trial(database: Database, create: Callable[..., TrialRecord]) -> None:
    assert create("once").id == create("once").id


def test_rows_are_kept_while_the_trial_runs_and_not_after(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = start(database, create())
    assert keep(database, trial, row(1), seconds=0.25)
    trial_steps.pause(database, trial=trial.id, origin=ALICE, time=3)
    assert not keep(database, trial, row(2)), "a batch that comes after the pause is dropped whole"
    assert [own.number for own in rows_of(database, trial)] == [1]
    resumed = trial_steps.resume(database, trial=trial.id, origin=ALICE, time=4)
    assert keep(database, trial, row(2), seconds=0.5)
    with database.read() as connection:
        found = trials.find(connection, resumed.id)
    assert found is not None
    assert found.seconds == 0.75


def test_a_row_kept_again_takes_the_place_of_the_one_before(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = start(database, create())
    failed = row(2, "", error="the step failed")
    keep(database, trial, row(1), failed)
    keep(database, trial, row(2, "Now it is there."))
    assert rows_of(database, trial) == [row(1), row(2, "Now it is there.")]


def test_figures_of_a_row_come_back_to_the_last_bit(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = start(database, create())
    exact = row(1, score=0.1 + 0.2, seconds=1 / 3, measures={"kl": 2.0**-52, "entropy": 1e300})
    keep(database, trial, exact)
    assert rows_of(database, trial) == [exact]


def test_states_follow_each_other_as_they_may_and_no_otherwise(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = create()
    resume = {"trial": trial.id, "origin": ALICE, "time": 3}
    assert refusal(lambda: trial_steps.pause(database, **resume)).reason == "TRIAL_STATE"
    assert refusal(lambda: trial_steps.resume(database, **resume)).reason == "TRIAL_STATE"
    start(database, trial)
    assert refusal(lambda: start(database, trial)).reason == "TRIAL_STATE"
    keep(database, trial, row(1), row(2))
    finished = finish(database, trial)
    assert finished.state == trials.FINISHED
    assert refusal(lambda: trial_steps.resume(database, **resume)).reason == "TRIAL_STATE"
    assert refusal(lambda: finish(database, trial)).reason == "TRIAL_STATE"


def test_the_verdict_its_scores_and_the_record_of_it_are_written_together(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = start(database, create())
    keep(database, trial, row(1), row(2))
    finished = finish(database, trial)
    assert (finished.verdict, finished.recommendation) == ("pass", "steer")
    assert [own.row.outcome for own in rows_of(database, trial)] == ["honest", "lie"]
    with database.read() as connection:
        record = audit.records(connection, limit=1)[0]
        assert audit.verify(connection).ok
    details = json.loads(record.details)
    assert (record.action, record.subject) == ("trial.finish", trial.name)
    assert details["verdict"] == "pass"
    assert details["result_hash"] == sha256_hex(OUTCOME.result)


def test_what_ran_when_the_server_ended_is_paused_at_the_next_start(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    running, created = start(database, create()), create()
    paused = trial_steps.pause_interrupted(database, "the server stopped", 5)
    assert [(own.id, own.state, own.changed_by) for own in paused] == [(running.id, "paused", "server")]
    with database.read() as connection:
        untouched = trials.find(connection, created.id)
    assert untouched is not None
    assert untouched.state == trials.CREATED


def test_prompts_and_replies_go_when_their_time_is_over_and_the_verdict_stays(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    trial = start(database, create(keep_days=30))
    keep(database, trial, row(1), row(2))
    finished = finish(database, trial)
    with database.write() as connection:
        trials.put_rating(connection, trial.id, RatingRecord(1, "tokens/bob", 3, 1))
    assert finished.expire_time == 9 * DAY + 30 * DAY, "counted from its end"
    with database.read() as connection:
        assert trials.expired(connection, finished.expire_time - 1) == []
        assert [own.id for own in trials.expired(connection, finished.expire_time)] == [trial.id]
    deleted = trial_steps.delete_rows(database, trial=trial.id, reason="kept", origin=ALICE, time=40 * DAY)
    assert (deleted.state, deleted.verdict, deleted.result) == ("deleted", "pass", OUTCOME.result)
    assert rows_of(database, trial) == []
    with database.read() as connection:
        assert trials.prompts_of(connection, trial.id) is None
        assert trials.ratings_of(connection, trial.id) == []
        assert trials.expired(connection, 10_000 * DAY) == []


def test_one_that_was_never_finished_expires_too_and_a_running_one_never(
    database: Database, create: Callable[..., TrialRecord]
) -> None:
    waiting, running = create(keep_days=1, time=DAY), start(database, create(keep_days=1, time=DAY))
    with database.read() as connection:
        assert [own.id for own in trials.expired(connection, 2 * DAY)] == [waiting.id]
    assert (
        refusal(
            lambda: trial_steps.delete_rows(database, trial=running.id, reason="x", origin=ALICE, time=1)
        ).reason
        == "TRIAL_STATE"
    )


def test_deleted_text_is_nowhere_in_the_file_any_more(
    database: Database, create: Callable[..., TrialRecord], tmp_path: Any
) -> None:
    trial = start(database, create())
    keep(database, trial, row(1, "A reply that nobody may read again."))
    trial_steps.pause(database, trial=trial.id, origin=ALICE, time=3)
    trial_steps.delete_rows(database, trial=trial.id, reason="customer data", origin=ALICE, time=4)
    with database.read() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = (tmp_path / "trimtab.db").read_bytes()
    assert b"nobody may read again" not in stored
    assert b"A secret of a customer" not in stored
