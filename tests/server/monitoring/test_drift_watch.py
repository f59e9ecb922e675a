"""Drift follows what was written: over restarts, new revisions and new weights."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

import numpy as np
import pytest
from trimtab_server.monitoring.drift import DriftSettings
from trimtab_server.monitoring.drift_watch import DriftAlarm, DriftWatch
from trimtab_server.store import deployments, references, replies
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import RevisionRecord
from trimtab_server.store.references import ReferenceRecord
from trimtab_server.store.replies import ReplyRecord
from trimtab_server.store.requests import Origin

OPERATOR = Origin("tokens/one", "operator")
REFERENCE_TIME = 1_000


class Desk:
    """A deployment whose replies are numbers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.revision = 1
        self.digest = "d" * 64
        self.heard: list[DriftAlarm] = []
        self.written = 0
        with database.read() as connection:
            revision = deployments.find_revision(connection, "default", 1)
        assert revision is not None
        self.snapshot = revision.snapshot

    def watch(self) -> DriftWatch:
        return DriftWatch(
            self.database,
            "default",
            stage_digest=lambda stage: self.digest,
            hear=self.heard.append,
            now=lambda: 10**15,
            settings=DriftSettings(2_000, 0.05),
        )

    def reply(self, values: Sequence[float], revision: int | None = None, stop_reason: str = "stop") -> None:
        number = self.revision if revision is None else revision
        new = []
        for value in values:
            self.written += 1
            new.append(
                ReplyRecord(
                    id=f"{self.written:032x}",
                    deployment="default",
                    time=REFERENCE_TIME + self.written,
                    snapshot=self.snapshot,
                    revision=number,
                    signals={"entropy": float(value)},
                    prompt_tokens=1,
                    reply_tokens=1,
                    queue_seconds=0.0,
                    prefill_seconds=0.0,
                    decode_seconds=0.0,
                    stop_reason=stop_reason,
                )
            )
        with self.database.write() as connection:
            replies.add(connection, new)

    def record_reference(self, seed: int = 0) -> str:
        values = np.random.default_rng(seed).normal(size=400)
        record = ReferenceRecord(
            id=f"{seed + 1:032x}",
            deployment="default",
            source="live",
            snapshot=self.snapshot,
            revision=self.revision,
            stage="models/desk/stages/stage-01",
            stage_digest=self.digest,
            reply_count=400,
            signals=references.values_text({"entropy": values.tolist()}),
            created_by="tokens/one",
            create_time=REFERENCE_TIME + self.written,
        )
        with self.database.write() as connection:
            references.add(connection, record, OPERATOR)
        return record.id

    def activate_again(self) -> None:
        self.revision += 1
        with self.database.write() as connection:
            moved = deployments.move_pointer(
                connection,
                self.revision - 1,
                RevisionRecord(
                    "default", self.revision, self.snapshot, "activate", "tokens/one", "again", 0, 5
                ),
            )
            assert moved


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_without_a_reference_nothing_is_watched_and_with_one_it_is(desk: Desk) -> None:
    watch = desk.watch()
    desk.reply([50.0] * 300)
    assert watch.look() == [] and watch.monitor is None
    desk.record_reference()
    assert watch.look() == []
    assert watch.monitor is not None and watch.monitor.count == 0, "replies before it are the reference's"
    desk.reply(np.random.default_rng(1).normal(size=300))
    assert watch.look() == [] and watch.monitor.count == 300


def test_a_drift_alarms_once_and_is_heard(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    desk.reply(np.random.default_rng(1).normal(size=200))
    watch.look()
    desk.reply(np.random.default_rng(2).normal(2.0, 1.0, size=100))
    alarms = watch.look()
    assert [(one.found.signal, one.raised, one.revision) for one in alarms] == [("entropy", True, 1)]
    desk.reply(np.random.default_rng(3).normal(2.0, 1.0, size=100))
    assert watch.look() == [] and desk.heard == alarms
    assert "entropy of revision 1" in alarms[0].text


@pytest.mark.parametrize("planned", [True, False])
def test_a_restart_keeps_the_evidence(desk: Desk, planned: bool) -> None:
    desk.record_reference()
    whole, first = desk.watch(), desk.watch()
    stream = np.random.default_rng(9).normal(0.25, 1.0, size=1_300)
    desk.reply(stream[:700])
    whole.look()
    first.look()  # past a checkpoint, not at it
    assert whole.monitor is not None and first.monitor is not None
    desk.reply(stream[700:730])
    first.look()
    if planned:
        first.save()
    second = desk.watch()  # what a killed server comes back with
    desk.reply(stream[730:])
    second.look()
    whole.look()
    assert second.monitor is not None
    assert second.monitor.count == 1_300 and second.monitor.state() == whole.monitor.state()


def test_an_alarm_survives_a_restart_and_only_a_new_revision_clears_it(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    desk.reply([9.0] * 100)
    assert watch.look()
    again = desk.watch()
    desk.heard.clear()
    assert again.look() == [] and [one.found.signal for one in desk.heard] == ["entropy"]
    assert again.standing == tuple(desk.heard)
    # A new reference of the same revision does not silence it.
    desk.record_reference(seed=1)
    desk.reply(np.random.default_rng(5).normal(size=50))
    assert again.look() == [] and again.standing
    desk.activate_again()
    over = again.look()
    assert [(one.raised, one.revision) for one in over] == [(False, 1)] and again.standing == ()


def test_replies_of_other_revisions_and_snapshots_do_not_count(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    watch.look()
    desk.reply([50.0] * 100, revision=0)
    desk.reply(np.random.default_rng(5).normal(size=20))
    assert watch.look() == []
    assert watch.monitor is not None and watch.monitor.count == 20


def test_a_reply_that_was_cut_off_says_nothing_of_the_model(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    watch.look()
    desk.reply([50.0] * 100, stop_reason="cancelled")
    assert watch.look() == []
    assert watch.monitor is not None and watch.monitor.count == 0


def test_a_reference_of_other_weights_is_not_used(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    watch.look()
    assert watch.monitor is not None
    watch.save()
    desk.digest = "e" * 64  # a new fine-tune under the old name
    after_restart = desk.watch()
    after_restart.look()
    assert after_restart.monitor is None


def test_a_newer_reference_is_taken_up_while_nothing_alarms(desk: Desk) -> None:
    desk.record_reference()
    watch = desk.watch()
    desk.reply(np.random.default_rng(5).normal(size=20))
    watch.look()
    newer = desk.record_reference(seed=3)
    desk.reply(np.random.default_rng(6).normal(size=10))
    watch.look()
    assert watch.monitor is not None and watch.monitor.count == 10
    watch.save()
    with desk.database.read() as connection:
        state = references.state_of(connection, "default", 1)
    assert state is not None and state.reference == newer


def test_the_store_is_free_while_weights_are_hashed(database: Database) -> None:
    """A rollback may have to be written meanwhile."""
    desk = Desk(database)
    desk.record_reference()
    wrote: list[int] = []

    def write() -> None:
        with database.write() as connection:
            wrote.append(replies.number_at(connection, "default", 0))

    def slow_digest(stage: str) -> str:
        other = Thread(target=write, daemon=True)
        other.start()
        other.join(timeout=5)
        return desk.digest

    DriftWatch(database, "default", stage_digest=slow_digest, hear=desk.heard.append, now=lambda: 1).look()
    assert wrote == [0]
