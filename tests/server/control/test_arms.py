"""Arms: the share that was asked for, the same arm for a session, the same one in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest, chi2_contingency, kstest
from trimtab_server.control.arms import assign, choose_arm, place_of
from trimtab_server.store.rollouts import RolloutRecord, new_secret

Make = Callable[..., RolloutRecord]

SESSIONS = [f"session-{number}" for number in range(20_000)]


def _by_hand(secret: str, session: str) -> float:
    """HMAC-SHA256 written out as in RFC 2104, section 2."""
    key = bytes.fromhex(secret).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + b"place\0" + session.encode()).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    return int(outer[:16], 16) / 2**64 * 100


def test_the_place_of_a_session_is_hmac_sha256_of_it(secret: str) -> None:
    for session in ("", "a", "会話-1", "x" * 500):
        assert place_of(secret, session) == pytest.approx(_by_hand(secret, session), abs=1e-12)


def test_the_places_of_sessions_are_evenly_spread(secret: str) -> None:
    places = [place_of(secret, session) for session in SESSIONS]
    assert kstest(places, "uniform", args=(0, 100)).pvalue > 1e-3
    assert min(places) >= 0 and max(places) < 100


@pytest.mark.parametrize("weight", [1, 5, 10, 25, 50, 99])
def test_the_candidate_gets_the_share_of_sessions_that_the_weight_says(weight: int, record: Make) -> None:
    rollout = record(weight=weight)
    candidates = sum(choose_arm(rollout, session) == "candidate" for session in SESSIONS)
    assert binomtest(candidates, len(SESSIONS), weight / 100).pvalue > 1e-3


def test_weight_0_gives_nobody_the_candidate_and_100_everybody(record: Make) -> None:
    assert {choose_arm(record(weight=0), session) for session in SESSIONS} == {"stable"}
    assert {choose_arm(record(weight=100), session) for session in SESSIONS} == {"candidate"}


def test_a_session_that_has_the_candidate_keeps_it_while_the_weight_grows(record: Make) -> None:
    before: set[str] = set()
    for weight in (0, 1, 10, 25, 50, 100):
        now = {s for s in SESSIONS[:3_000] if choose_arm(record(weight=weight), s) == "candidate"}
        assert before <= now
        before = now


def test_another_rollout_draws_the_sessions_anew(record: Make) -> None:
    first, second = record(weight=50), record(weight=50, secret=new_secret())
    table = [[0, 0], [0, 0]]
    for session in SESSIONS:
        row = choose_arm(first, session) == "candidate"
        table[row][choose_arm(second, session) == "candidate"] += 1
    assert chi2_contingency(table).pvalue > 1e-3, "the draws of two rollouts depend on each other"


def test_the_arm_does_not_depend_on_the_process(tmp_path: Path, secret: str) -> None:
    program = (
        "import sys; from trimtab_server.control.arms import place_of;"
        "print([place_of(sys.argv[1], f's{n}') for n in range(50)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, secret],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{[place_of(secret, f's{n}') for n in range(50)]}\n"}


def test_what_the_evidence_keeps_of_a_session_tells_sessions_apart_and_not_which_they_are(
    record: Make,
) -> None:
    rollout = record()
    keys = {assign(rollout, session).session for session in SESSIONS}
    assert len(keys) == len(SESSIONS)
    assert assign(rollout, "alice").session == assign(replace(rollout, weight=90), "alice").session
    assert assign(rollout, "alice").session != assign(record(secret=new_secret()), "alice").session
    assert hashlib.sha256(b"alice").hexdigest()[:16] != assign(rollout, "alice").session
