"""Replies are kept as long as they were meant to, and what goes is in the audit."""

from __future__ import annotations

import json
import math
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from trimtab_server.steering.creation import create_deployment
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store import audit, references, replies, retention
from trimtab_server.store.database import Database
from trimtab_server.store.references import DriftStateRecord, ReferenceChanged, ReferenceRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.replies import DAY, ReplyRecord
from trimtab_server.store.requests import Origin
from trimtab_server.store.retention import RetentionRecord
from trimtab_server.store.session_key import SessionKey

ADMIN = Origin("tokens/one", "admin")


def reply(number: int, **values: object) -> ReplyRecord:
    record = ReplyRecord(
        id=f"{number:032x}",
        deployment="default",
        time=number * DAY,
        snapshot="s" * 64,
        revision=2,
        signals={"entropy": 0.1 * number},
        prompt_tokens=5,
        reply_tokens=7,
        queue_seconds=0.0,
        prefill_seconds=0.1,
        decode_seconds=0.2,
        stop_reason="stop",
    )
    return replace(record, **values)


def first_deployment(database: Database) -> None:
    unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
    create_deployment(database, name="default", model="desk", unsteered=unsteered, watched_vector="", time=1)


def actions(database: Database) -> list[str]:
    with database.read() as connection:
        return [record.action for record in audit.records(connection)]


def test_a_reply_comes_back_as_it_was_also_where_a_figure_is_not_finite(database: Database) -> None:
    odd = reply(1, signals={"entropy": math.nan, "kl_largest": math.inf, "repetition": 0.25})
    whole = reply(2, session="ab", rollout="r", arm="candidate", prompt="[]", reply="はい")
    with database.write() as connection:
        assert replies.add(connection, [odd, whole]) == 2
        assert replies.add(connection, []) == 2
        found = replies.find(connection, odd.id)
        assert found is not None and math.isnan(found.signals["entropy"])
        assert {**found.signals, "entropy": 0} == {"entropy": 0, "kl_largest": math.inf, "repetition": 0.25}
        assert replies.find(connection, whole.id) == whole
        assert replies.find(connection, "none") is None


def test_replies_come_in_the_order_in_which_they_ended(database: Database) -> None:
    with database.write() as connection:
        replies.add(connection, [reply(n, time=DAY) for n in (3, 1, 2)])
        replies.add(connection, [reply(9, revision=3), reply(8, deployment="other")])
        order = [int(one.id, 16) for one in replies.newest(connection, "default", 10, revision=2)]
        assert order == [3, 1, 2]
        assert [int(one.id, 16) for one in replies.newest(connection, "default", 2)] == [2, 9]
        later = replies.after(connection, "default", 2, 1, limit=9)
        assert replies.after(connection, "default", 2, 1, limit=1) == later[:1]
        assert replies.number_at(connection, "default", 8 * DAY) == 3
        assert replies.number_at(connection, "default", 0) == 0
        assert [(number, int(one.id, 16)) for number, one in later] == [(2, 1), (3, 2)]


def test_a_purge_says_how_many_went_and_of_which_time(database: Database) -> None:
    with database.write() as connection:
        replies.add(connection, [reply(n) for n in range(1, 11)] + [reply(11, deployment="other", time=DAY)])
    with database.write() as connection:
        gone = replies.purge(connection, "default", 5 * DAY, 99)
        assert gone == replies.Purged(4, DAY, 4 * DAY)
        assert [one.time // DAY for one in replies.newest(connection, "default", 20)] == [5, 6, 7, 8, 9, 10]
        assert len(replies.newest(connection, "other", 20)) == 1
        record = audit.records(connection)[0]
        assert (record.action, record.actor, record.time) == ("replies.purge", "server", 99)
        details = record.details if isinstance(record.details, dict) else json.loads(record.details)
        assert {key: details[key] for key in ("count", "oldest", "newest")} == {
            "count": 4,
            "oldest": DAY,
            "newest": 4 * DAY,
        }
    with database.write() as connection:
        assert replies.purge(connection, "default", 5 * DAY, 100) is None
    assert actions(database).count("replies.purge") == 1, "a purge of nothing is no event"


def test_a_number_is_never_given_twice(database: Database) -> None:
    with database.write() as connection:
        assert replies.add(connection, [reply(1), reply(2)]) == 2
    with database.write() as connection:
        replies.purge(connection, "default", 99 * DAY, 1)
    with database.write() as connection:
        assert replies.add(connection, [reply(3)]) == 3


def test_purged_text_is_overwritten_on_the_disk(tmp_path: Path, database: Database) -> None:
    secret = "canary-" + "7f3a" * 40
    with database.write() as connection:
        replies.add(
            connection, [reply(1, prompt=secret, reply=secret), reply(9, prompt="kept", reply="kept")]
        )
    with database.write() as connection:
        gone = replies.purge_texts(connection, "default", 5 * DAY, 7)
        assert gone == replies.Purged(1, DAY, DAY)
        found = replies.find(connection, reply(1).id)
        assert found is not None and found.prompt is None and found.signals == reply(1).signals
        assert replies.find(connection, reply(9).id).prompt == "kept"
        assert replies.purge_texts(connection, "default", 5 * DAY, 8) is None
    assert actions(database)[0] == "reply_texts.purge"
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
    assert secret.encode() not in (tmp_path / "trimtab.db").read_bytes()


def test_by_default_figures_stay_half_a_year_and_text_is_not_kept(database: Database) -> None:
    first_deployment(database)
    with database.write() as connection:
        assert retention.of(connection, "default") == RetentionRecord("default", 183, 0, 0)
        wanted = RetentionRecord("default", 365, 30, change_time=5)
        retention.change(connection, wanted, ADMIN, reason="a complaint is looked into")
        assert retention.of(connection, "default") == wanted
        retention.change(connection, replace(wanted, text_days=0), ADMIN)
        assert retention.of(connection, "default").text_days == 0
    assert actions(database).count("retention.change") == 2


@pytest.mark.parametrize(("reply_days", "text_days"), [(0, 0), (10, -1), (10, 11), (9_999, 0)])
def test_an_impossible_retention_is_refused(database: Database, reply_days: int, text_days: int) -> None:
    first_deployment(database)
    with pytest.raises(Refusal), database.write() as connection:
        retention.change(connection, RetentionRecord("default", reply_days, text_days), ADMIN)


def test_the_session_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    key = SessionKey.at(tmp_path)
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600
    assert SessionKey.at(tmp_path).hash("anna@example") == key.hash("anna@example")
    assert key.hash("anna@example") != key.hash("anna@example ") and key.hash("") == ""
    other = tmp_path / "other"
    other.mkdir()
    assert SessionKey.at(other).hash("anna@example") != key.hash("anna@example")


def reference(number: int, **values: object) -> ReferenceRecord:
    record = ReferenceRecord(
        id=f"{number:032x}",
        deployment="default",
        source="live",
        snapshot="s" * 64,
        revision=2,
        stage="models/desk/stages/stage-01",
        stage_digest="d" * 64,
        reply_count=200,
        signals=references.values_text({"entropy": [0.5, 0.25]}),
        created_by="tokens/one",
        create_time=number,
    )
    return replace(record, **values)


def test_a_reference_is_stale_for_another_snapshot_and_for_new_weights(database: Database) -> None:
    first_deployment(database)
    one = reference(1)
    with database.write() as connection:
        references.add(connection, one, ADMIN)
        references.add(connection, reference(2, source="canary"), ADMIN)
        references.add(connection, reference(3, snapshot="t" * 64), ADMIN)
        assert references.newest(connection, "default", "live", "s" * 64, "d" * 64) == one
        assert references.newest(connection, "default", "live", "s" * 64, "e" * 64) is None
        assert [found.create_time for found in references.page(connection, "default", limit=9)] == [3, 2, 1]
        second = references.page(connection, "default", limit=9, before=(3, reference(3).id))
        assert [found.create_time for found in second] == [2, 1]
    assert one.stale("s" * 64, "d" * 64) == ""
    assert "fine-tune" in one.stale("s" * 64, "e" * 64)
    assert "another snapshot" in one.stale("t" * 64, "d" * 64)
    assert one.values == {"entropy": (0.5, 0.25)}


def test_a_reference_that_was_changed_in_the_store_is_not_used(database: Database) -> None:
    first_deployment(database)
    with database.write() as connection:
        references.add(connection, reference(1), ADMIN)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE drift_references SET signals = '{\"entropy\":[9.0]}'").close()
    with database.read() as connection, pytest.raises(ReferenceChanged):
        references.find(connection, reference(1).id)


def test_only_the_newest_revisions_evidence_is_kept(database: Database) -> None:
    first_deployment(database)
    with database.write() as connection:
        for revision, number in ((1, 5), (1, 9), (2, 12)):
            references.save_state(
                connection, DriftStateRecord("default", revision, "r", number, "{}", time=number)
            )
        assert references.state_of(connection, "default", 1) is None
        found = references.state_of(connection, "default", 2)
        assert found == DriftStateRecord("default", 2, "r", 12, "{}", 12)
