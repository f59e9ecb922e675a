"""What is sent arrives, once, whatever the receiver does."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from http_receiver import HttpReceiver
from trimtab_server.alerts.alert import Alert, Kind, Severity, State
from trimtab_server.alerts.receiver import Receiver, ReceiverInvalid
from trimtab_server.alerts.sender import AlertSender, Retry

QUICK = Retry(first=0.02, longest=0.1, give_up=20.0)
T = 1_800_000_000_000_000_000


def an_alert(subject: str = "revision 2", **changes: object) -> Alert:
    values: dict[str, object] = {
        "kind": Kind.ROLLBACK,
        "severity": Severity.WARNING,
        "deployment": "default",
        "title": "rolled back",
        "text": "tokens/ab12 went back",
        "facts": {"from revision": 3, "share": 0.5},
        "time": T,
        "subject": subject,
    }
    return Alert(**(values | changes))  # type: ignore[arg-type]


def raised(**changes: object) -> Alert:
    return an_alert(kind=Kind.DISK_NEARLY_FULL, state=State.RAISED, subject="", **changes)


def recovered() -> Alert:
    return an_alert(kind=Kind.DISK_NEARLY_FULL, state=State.RECOVERED, subject="", title="room again")


@contextmanager
def sending(*urls: str, retry: Retry = QUICK, repeat_seconds: float = 3_600) -> Iterator[AlertSender]:
    sender = AlertSender(
        [Receiver.of(url) for url in urls], server="desk-1", retry=retry, repeat_seconds=repeat_seconds
    )
    try:
        yield sender
    finally:
        sender.close(0.0)


def test_a_receiver_gets_text_for_people_and_the_same_facts_for_programs(receiver: HttpReceiver) -> None:
    with sending(receiver.url) as sender:
        assert sender.send(an_alert())
        [posted] = receiver.wait(1)
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.body["text"] == "Trimtab warning: rolled back (default)"
    [attachment] = posted.body["attachments"]
    assert attachment["text"] == "tokens/ab12 went back"
    assert attachment["footer"] == "desk-1"
    assert attachment["ts"] == T // 10**9
    assert {"title": "share", "value": "0.5", "short": True} in attachment["fields"]
    assert posted.event == {
        "kind": "rollback",
        "severity": "warning",
        "state": "event",
        "deployment": "default",
        "subject": "revision 2",
        "time": T // 10**9,
        "facts": {"from revision": 3, "share": 0.5},
    }


def test_a_reason_cannot_call_everybody_or_pretend_to_be_a_link(receiver: HttpReceiver) -> None:
    with sending(receiver.url) as sender:
        sender.send(an_alert(text="<!channel> see <https://evil.example|the runbook> & act"))
        [posted] = receiver.wait(1)
    shown = posted.body["attachments"][0]["text"]
    assert "<" not in shown and ">" not in shown
    assert shown == "&lt;!channel&gt; see &lt;https://evil.example|the runbook&gt; &amp; act"


def test_an_event_is_told_once(receiver: HttpReceiver) -> None:
    with sending(receiver.url) as sender:
        assert [sender.send(an_alert()) for _ in range(3)] == [True, False, False]
        assert sender.send(an_alert("revision 3"))
        told = receiver.wait(2)
    assert [posted.event["subject"] for posted in told] == ["revision 2", "revision 3"]


def test_a_state_is_told_when_it_begins_and_when_it_ends(receiver: HttpReceiver) -> None:
    with sending(receiver.url) as sender:
        assert not sender.send(recovered()), "nothing stood that could recover"
        assert sender.send(raised())
        assert not sender.send(raised(text="still"))
        assert [alert.kind for alert in sender.standing] == [Kind.DISK_NEARLY_FULL]
        assert sender.send(recovered())
        assert sender.standing == ()
        assert not sender.send(recovered())
        assert sender.send(raised()), "it began anew"
        told = receiver.wait(3)
    assert [posted.event["state"] for posted in told] == ["raised", "recovered", "raised"]
    assert told[1].body["text"] == "Trimtab recovered: room again (default)"


def test_what_stands_for_long_is_told_again() -> None:
    now = [0.0]
    sender = AlertSender(repeat_seconds=100, clock=lambda: now[0])
    told = []
    for now[0] in (0.0, 99.0, 100.0, 150.0, 200.0):
        told.append(sender.send(raised()))
    assert told == [True, False, True, False, True]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_receiver_that_fails_for_a_while_gets_it_when_it_is_well(
    receiver: HttpReceiver, status: int
) -> None:
    receiver.script = [status] * 3
    with sending(receiver.url) as sender:
        sender.send(an_alert())
        sender.send(an_alert("revision 3"))
        told = receiver.wait(2)
        assert [posted.event["subject"] for posted in told] == ["revision 2", "revision 3"], "in their order"
        assert sender.tally.failed_attempts == {"127.0.0.1": 3}
        assert sender.tally.lost == {"127.0.0.1": 0}


def test_a_receiver_that_is_down_gets_it_when_it_is_up_again() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with sending(f"http://127.0.0.1:{port}/x") as sender:
        sender.send(an_alert())
        while sender.tally.failed_attempts["127.0.0.1"] < 3:
            threading.Event().wait(0.01)
        assert sender.undelivered == {an_alert().identity}
        back = HttpReceiver(port=port)
        try:
            [posted] = back.wait(1)
        finally:
            back.close()
    assert posted.event["subject"] == "revision 2"


def test_a_receiver_that_refuses_for_good_is_not_asked_again(
    receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.script = [404]
    with caplog.at_level(logging.WARNING, "trimtab.alerts"), sending(receiver.url) as sender:
        sender.send(an_alert())
        sender.send(an_alert("revision 3"))
        [posted] = receiver.wait(1)
        assert receiver.requests == 2
        assert sender.tally.lost == {"127.0.0.1": 1}
    assert posted.event["subject"] == "revision 3"
    assert "1 earlier alerts could not be delivered" in posted.body["attachments"][0]["text"]
    lost = [record for record in caplog.records if record.message == "alert_lost"]
    assert len(lost) == 1
    assert "HTTP 404 no such luck" in lost[0].facts["why"]  # type: ignore[attr-defined]


def test_an_alert_that_nobody_takes_is_given_up_loudly(
    receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.script = [500] * 1_000
    impatient = Retry(first=0.01, longest=0.02, give_up=0.1)
    with caplog.at_level(logging.ERROR, "trimtab.alerts"), sending(receiver.url, retry=impatient) as sender:
        sender.send(an_alert())
        while sender.undelivered:
            threading.Event().wait(0.01)
        assert sender.tally.lost == {"127.0.0.1": 1}
    assert any(record.message == "alert_lost" for record in caplog.records)


def test_a_slow_receiver_holds_up_neither_the_caller_nor_another_receiver(receiver: HttpReceiver) -> None:
    slow = HttpReceiver()
    slow.gate.clear()
    try:
        with sending(slow.url, receiver.url) as sender:
            for number in range(256):
                assert sender.send(an_alert(f"revision {number}"))
            receiver.wait(256)
            assert slow.taken == [], "the slow one has not answered once"
            for number in range(256, 300):
                assert sender.send(an_alert(f"revision {number}"))
            told = receiver.wait(300)
            assert [posted.event["subject"] for posted in told] == [f"revision {n}" for n in range(300)]
            # 256 wait for the slow one; the rest is lost for it, and it will be told so.
            assert sender.tally.lost == {"127.0.0.1": 300 - 256, "127.0.0.1 2": 0}
            slow.gate.set()
            late = slow.wait(256)
        assert "44 earlier alerts could not be delivered" in late[1].body["attachments"][0]["text"]
    finally:
        slow.close()


def test_pauses_grow_up_to_the_longest_and_heed_the_receiver() -> None:
    retry = Retry(first=1.0, longest=60.0)
    assert [retry.pause(n, 0.0) for n in (1, 2, 3, 7, 50)] == [1.0, 2.0, 4.0, 60.0, 60.0]
    assert retry.pause(1, 30.0) == 30.0
    assert retry.pause(1, 9_000.0) == 60.0


def test_secrets_come_from_a_file_and_can_be_changed_while_it_runs(
    receiver: HttpReceiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "pager"
    file.write_text(f"# the pager\n{receiver.url}\nAuthorization: Bearer first\nX-Team: desk\n")
    file.chmod(0o600)
    with caplog.at_level(logging.DEBUG), sending(f"@{file}") as sender:
        sender.send(an_alert())
        receiver.wait(1)
        file.write_text(f"{receiver.url}\nAuthorization: Bearer second\n")
        receiver.script = [500]
        sender.send(an_alert("revision 3"))
        told = receiver.wait(2)
    assert [posted.headers["Authorization"] for posted in told] == ["Bearer first", "Bearer second"]
    assert told[0].headers["X-Team"] == "desk"
    logged = json.dumps([vars(record) for record in caplog.records], default=str)
    assert "alert_not_delivered" in logged
    assert "Bearer" not in logged and "/services/hook" not in logged


def test_a_secret_does_not_follow_a_redirect(receiver: HttpReceiver, tmp_path: Path) -> None:
    elsewhere = HttpReceiver()
    try:
        receiver.script = [302, 307]
        receiver.headers = {"Location": elsewhere.url}
        file = tmp_path / "pager"
        file.write_text(f"{receiver.url}\nAuthorization: Bearer secret\n")
        file.chmod(0o600)
        with sending(f"@{file}") as sender:
            sender.send(an_alert())
            sender.send(an_alert("revision 3"))
            receiver.wait_requests(2)
        assert elsewhere.requests == 0
    finally:
        elsewhere.close()


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("https://hooks.example.com/x\n", 0o644, "chmod 600"),
        ("", 0o600, "is empty"),
        ("https://hooks.example.com/x\nno header\n", 0o600, "line 2 is no header"),
        ("http://hooks.example.com/x\n", 0o600, "plain http"),
        ("ftp://hooks.example.com/x\n", 0o600, "a webhook is a URL"),
    ],
)
def test_a_webhook_file_that_cannot_be_used_says_why(
    tmp_path: Path, content: str, mode: int, says: str
) -> None:
    file = tmp_path / "pager"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(ReceiverInvalid, match=says):
        Receiver.of(f"@{file}")


def test_a_missing_webhook_file_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ReceiverInvalid, match="cannot read the webhook file"):
        Receiver.of(f"@{tmp_path / 'nowhere'}")
