"""References, drift and retention over the real socket, on the shipped model."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from trimtab_protos.v1 import audit_pb2, chat_pb2, monitor_pb2, snapshot_pb2

from .conftest import Server, Stubs, chat_request, refused, steering

SECRET = "zqx7-canary-9f31c0"
LONG = 40


class House:
    """One server after the other on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.start()

    def start(self) -> None:
        self.server = Server(self.data_dir, shadow_share=1.0)
        self.client = self.server.client()

    def stop(self) -> None:
        self.client.close()
        self.server.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The tests of this module tell one story, in their order: a server's start is dear."""
    built = House(tmp_path_factory.mktemp("references") / "data")
    yield built
    built.stop()


def chat(client: Stubs, number: int, max_tokens: int, session: str = "") -> str:
    """The id of a reply to a prompt that holds the secret."""
    request = chat_request(f"{SECRET} question {number}?", max_tokens=max_tokens, session_id=session)
    return list(client.chat.Chat(request))[-1].finished.reply_id


def chat_often(client: Stubs, numbers: Sequence[int], max_tokens: int) -> None:
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda number: chat(client, number, max_tokens), numbers))


def record(client: Stubs, **fields: object) -> monitor_pb2.Reference:
    answers = list(client.monitor.RecordReference(monitor_pb2.RecordReferenceRequest(**fields)))
    assert [answer.WhichOneof("event") for answer in answers].count("reference") == 1
    return answers[-1].reference


def drift_alarms(client: Stubs, wanted: int, raised: bool = True) -> list[monitor_pb2.DriftAlarm]:
    found = []
    for event in client.monitor.Watch(monitor_pb2.WatchRequest(), timeout=30):
        if event.HasField("drift_alarm") and event.drift_alarm.raised == raised:
            found.append(event.drift_alarm)
            if len(found) == wanted:
                break
    return found


def rows(data_dir: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{data_dir / 'trimtab.db'}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def one_more(house: House, session: str = "") -> dict[str, object]:
    """The kept row of one more reply."""
    reply_id = chat(house.client, 999, 6, session)
    end = time.monotonic() + 20
    while True:
        found = rows(house.data_dir, f"SELECT prompt, reply, session FROM replies WHERE id = '{reply_id}'")
        if found:
            return dict(zip(("prompt", "reply", "session"), found[0], strict=True))
        assert time.monotonic() < end, "the reply was not written"
        time.sleep(0.1)


def test_a_reference_needs_replies_and_says_how_many(house: House) -> None:
    desk = house.client
    failure = refused(lambda: desk.monitor.RecordReference(monitor_pb2.RecordReferenceRequest(replies=200)))
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "REFERENCE_TOO_SHORT")
    assert "200" in failure.message
    for replies in (-1, 1, 199, 5_001):
        request = monitor_pb2.RecordReferenceRequest(replies=replies)
        failure = refused(lambda request=request: desk.monitor.RecordReference(request))
        assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("replies",))


def test_drift_is_watched_from_the_reference_on_and_alarms(house: House) -> None:
    desk = house.client
    chat_often(desk, range(220), 6)
    made = record(desk, replies=200, request_id="reference-1")
    assert (made.reply_count, made.source, made.stale) == (200, monitor_pb2.REFERENCE_SOURCE_LIVE, "")
    signals = {signal.signal: signal for signal in made.signals}
    tokens = signals[monitor_pb2.SIGNAL_REPLY_TOKENS]
    assert (tokens.count, tokens.unwatched) == (200, "") and 1 <= tokens.mean <= 6
    assert signals[monitor_pb2.SIGNAL_UNSTEERED_PERPLEXITY].mean >= 1.0
    assert "no signal of drift" in signals[monitor_pb2.SIGNAL_TOKENS_PER_SECOND].unwatched
    assert record(desk, replies=200, request_id="reference-1") == made, "a retry records nothing new"
    listed = desk.monitor.ListReferences(monitor_pb2.ListReferencesRequest()).references
    assert list(listed) == [made]

    chat_often(desk, range(220, 280), LONG)
    alarms = drift_alarms(desk, 1)
    assert {alarm.signal for alarm in alarms} <= {signal.signal for signal in made.signals}
    assert alarms[0].reference == made.name and alarms[0].finding == "from the first reply"


def test_an_alarm_outlives_the_server_and_ends_with_the_revision(house: House) -> None:
    house.stop()
    house.start()
    client = house.client
    standing = drift_alarms(client, 1)[0]
    assert standing.finding == "from the first reply" and standing.revision.endswith("/revisions/1")
    other = steering()
    other.system_prompt = "Be brief."
    made = client.snapshot.CreateSnapshot(snapshot_pb2.CreateSnapshotRequest(steering=other))
    events = client.monitor.Watch(monitor_pb2.WatchRequest(), timeout=60)
    next(event for event in events if event.HasField("heartbeat"))
    client.snapshot.ActivateSnapshot(
        snapshot_pb2.ActivateSnapshotRequest(
            deployment="deployments/default", snapshot=made.name, reason="after the alarm"
        )
    )
    over = next(event.drift_alarm for event in events if event.HasField("drift_alarm"))
    assert not over.raised and over.signal == standing.signal
    listed = client.monitor.ListReferences(monitor_pb2.ListReferencesRequest()).references
    assert [reference.stale for reference in listed] == ["another snapshot is active"]


def test_prompts_and_replies_are_in_no_file_of_the_server(house: House) -> None:
    """After hundreds of chats whose prompts hold the secret."""
    kept = rows(house.data_dir, "SELECT count(*), count(prompt), count(reply) FROM replies")
    assert kept[0][0] >= 280 and kept[0][1:] == (0, 0)
    for path in [house.server.log, *house.data_dir.rglob("*")]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_text_is_kept_only_once_somebody_said_why(house: House) -> None:
    client = house.client
    default = client.monitor.GetRetention(monitor_pb2.GetRetentionRequest())
    assert (default.reply_days, default.text_days) == (183, 0)
    wanted = {"reply_days": 200, "text_days": 3}
    unexplained = monitor_pb2.UpdateRetentionRequest(**wanted)
    assert refused(lambda: client.monitor.UpdateRetention(unexplained)).reason == "REASON_REQUIRED"
    impossible = monitor_pb2.UpdateRetentionRequest(reply_days=2, text_days=3, reason="x")
    assert refused(lambda: client.monitor.UpdateRetention(impossible)).fields == ("text_days",)
    request = monitor_pb2.UpdateRetentionRequest(**wanted, reason="a complaint", request_id="keep-1")
    changed = client.monitor.UpdateRetention(request)
    assert (changed.reply_days, changed.text_days) == (200, 3)
    assert client.monitor.UpdateRetention(request) == changed
    kept = one_more(house, session="anna@example.org")
    assert SECRET in str(kept["prompt"]) and kept["reply"]
    assert kept["session"] and "anna" not in str(kept["session"]), "a keyed hash alone"
    log = client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(action="retention.change"))
    assert len(log.audit_records) == 1 and log.audit_records[0].reason == "a complaint"


def test_only_live_chats_leave_a_reply(house: House) -> None:
    before = rows(house.data_dir, "SELECT count(*) FROM replies")[0][0]
    lanes = [
        chat_pb2.Lane(lane_id=name, messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello?")])
        for name in ("a", "b")
    ]
    list(house.client.chat.Compare(chat_pb2.CompareRequest(lanes=lanes)))
    one_more(house)
    assert rows(house.data_dir, "SELECT count(*) FROM replies") == [(int(str(before)) + 1,)]


def test_a_reference_of_canary_questions_is_asked_in_spare_slots(house: House) -> None:
    request = monitor_pb2.RecordReferenceRequest(replies=200, source=monitor_pb2.REFERENCE_SOURCE_CANARY)
    answers = list(house.client.monitor.RecordReference(request))
    assert [answer.progress.done for answer in answers[:-1]] == list(range(1, 201))
    made = answers[-1].reference
    counts = {signal.signal: signal.count for signal in made.signals}
    assert made.source == monitor_pb2.REFERENCE_SOURCE_CANARY and made.reply_count == 200
    assert counts[monitor_pb2.SIGNAL_EVASION] == counts[monitor_pb2.SIGNAL_KL_TO_UNSTEERED] == 200
    assert all(signal.unwatched for signal in made.signals), "live replies are not compared with it"
