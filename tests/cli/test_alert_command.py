"""`trimtab alert test`, against a real receiver."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_receiver import HttpReceiver


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    running = HttpReceiver()
    yield running
    running.close()


def test_a_test_alert_arrives_and_needs_no_server(
    nowhere: Any, receiver: HttpReceiver, tmp_path: Path
) -> None:
    file = tmp_path / "pager"
    file.write_text(f"{receiver.url}\nAuthorization: Bearer secret\n")
    file.chmod(0o600)
    answer = nowhere.json("alert", "test", "--alert-webhook", f"@{file}")
    assert answer == {"ok": True, "receivers": [{"receiver": "pager", "ok": True, "answer": "HTTP 200"}]}
    [posted] = receiver.wait(1)
    assert posted.body["text"] == "Trimtab info: this is a test"
    assert posted.headers["Authorization"] == "Bearer secret"


def test_each_webhook_that_does_not_take_it_is_named(nowhere: Any, receiver: HttpReceiver) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{held.getsockname()[1]}/x"
    receiver.script = [403]
    ran = nowhere("alert", "test", "--alert-webhook", receiver.url, "--alert-webhook", closed)
    assert ran.exit_code == 1
    assert "127.0.0.1: NOT DELIVERED, 127.0.0.1: HTTP 403 no such luck" in ran.out
    assert "Connection refused" in ran.out
    assert "/services/hook" not in ran.out + ran.err, "a webhook's URL is a secret"


@pytest.mark.parametrize(
    ("webhook", "says"),
    [
        ("@/nowhere", "cannot read the webhook file"),
        ("http://hooks.example.com/x", "plain http"),
        ("pager", "is a URL"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused(nowhere: Any, webhook: str, says: str) -> None:
    ran = nowhere("alert", "test", "--alert-webhook", webhook)
    assert ran.exit_code == 1
    assert says in ran.err and "[WEBHOOK_INVALID]" in ran.err


def test_a_server_does_not_start_with_a_webhook_that_cannot_be_used(nowhere: Any) -> None:
    ran = nowhere("serve", "--alert-webhook", "http://hooks.example.com/x")
    assert ran.exit_code == 2
    assert "plain http" in " ".join(ran.err.split())
