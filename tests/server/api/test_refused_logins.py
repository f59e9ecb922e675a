"""Refused logins are answered, slowed down and recorded without letting an attacker fill the disk."""

from __future__ import annotations

import json

import pytest
from trimtab_server.api.refused_logins import RefusedLogins, address_of
from trimtab_server.store.refusal import Refusal


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_from_one_address_is_told_to_wait_and_others_are_not() -> None:
    clock = Clock()
    refused = RefusedLogins(5, clock)
    answers = [refused.refuse(Refusal("TOKEN_INVALID"), f"ipv4:10.0.0.1:{port}", 1) for port in range(8)]
    assert [answer.reason for answer in answers] == ["TOKEN_INVALID"] * 5 + ["TOO_MANY_REFUSED_LOGINS"] * 3
    assert answers[-1].retry_after_seconds == pytest.approx(12.0)
    assert refused.refuse(Refusal("TOKEN_INVALID"), "ipv4:10.0.0.2:1", 1).reason == "TOKEN_INVALID"
    known = Refusal("TOKEN_EXPIRED", token="tokens/abc")
    assert refused.refuse(known, "ipv4:10.0.0.1:9", 1) is known, (
        "whoever had a good one is told what is wrong"
    )
    clock.now += 12.0
    assert refused.refuse(Refusal("TOKEN_MISSING"), "ipv4:10.0.0.1:9", 1).reason == "TOKEN_MISSING"


def test_a_million_refusals_make_one_small_record_that_adds_up() -> None:
    refused = RefusedLogins(100, Clock())
    for number in range(100_000):
        reason = "TOKEN_EXPIRED" if number % 4 else "TOKEN_INVALID"
        facts = {"token": f"tokens/{number % 500}"} if number % 4 else {}
        refused.refuse(Refusal(reason, **facts), f"ipv4:10.0.{number % 9}.{number % 200}:1", 5)
    batch = refused.take(9)
    assert batch is not None
    assert batch.total == 100_000
    assert sum(entry["count"] for entry in batch.details["refusals"]) == 100_000
    assert (batch.details["since"], batch.details["until"]) == (5, 9)
    assert len(json.dumps(batch.details)) < 4_000
    assert refused.take(10) is None


def test_the_record_counts_addresses_and_keeps_none() -> None:
    refused = RefusedLogins(0)
    for peer in ("ipv4:192.0.2.7:40", "ipv4:192.0.2.7:41", "ipv6:%5B2001:db8::1%5D:9"):
        refused.refuse(Refusal("TOKEN_REVOKED", token="tokens/abc"), peer, 1)
    batch = refused.take(2)
    assert batch is not None
    assert batch.details["addresses"] == 2
    assert batch.details["refusals"] == [{"count": 3, "reason": "TOKEN_REVOKED", "token": "tokens/abc"}]
    text = json.dumps(batch.details)
    assert "192.0.2.7" not in text
    assert "2001" not in text


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:4711", "127.0.0.1"),
        ("ipv6:%5B::1%5D:4711", "%5B::1%5D"),
        ("unix:/run/trimtab.sock", "unix:/run/trimtab.sock"),
    ],
)
def test_an_address_is_one_whatever_port_it_calls_from(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_memory_is_bounded_under_addresses_that_never_come_back() -> None:
    refused = RefusedLogins(5, Clock())
    for number in range(20_000):
        refused.refuse(Refusal("TOKEN_INVALID"), f"ipv4:{number}:1", 1)
    assert len(refused._addresses) <= 4_096
    assert len(refused._from) <= 4_096
