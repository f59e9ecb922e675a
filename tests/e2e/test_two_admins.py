"""Two people, a token rotated in its file, and limits: by the command line, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess


class Person:
    """Somebody at a terminal, with a token in a file of their own."""

    def __init__(self, server: ServerProcess, file: Path) -> None:
        self.server = server
        self.file = file

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trimtab_server.cli.main", "--target", self.server.target]
        command += ["--token-file", str(self.file), *words, "--json"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def get(self, *words: str) -> Any:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str) -> Any:
        done = self.run(*words)
        assert done.returncode == 1, done.stdout
        return json.loads(done.stdout)["error"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("two") / "data", "--no-auto-canary")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Person:
    return Person(server, server.data_dir / "token")


@pytest.fixture(scope="module")
def bo(server: ServerProcess, ada: Person) -> Person:
    file = server.data_dir.parent / "bo"
    file.write_text(ada.get("token", "create", "bo", "--role", "admin")["secret"])
    return Person(server, file)


def test_a_concept_is_protected_by_two_and_the_proposal_is_seen_in_between(ada: Person, bo: Person) -> None:
    words = ("concept", "protect", "brevity", "--reason", "customers ask for it")
    refusal = ada.refused(*words)
    assert refusal["reason"] == "SECOND_PERSON_NEEDED"
    (waiting,) = bo.get("approval", "list")["approvals"]
    assert (waiting["name"], waiting["proposer_reason"]) == (
        refusal["metadata"]["approval"],
        "customers ask for it",
    )
    assert bo.get(*words)["concept"]["protected"]
    assert bo.get("approval", "list")["approvals"] == []
    (approved,) = bo.get("approval", "list", "--all")["approvals"]
    assert approved["state"] == "approved"
    concepts = {c["name"]: c["protected"] for c in ada.get("concept", "list")["concepts"]}
    assert (concepts["brevity"], concepts["honesty"]) == (True, True)


def test_a_proposal_can_be_taken_back(ada: Person, bo: Person) -> None:
    words = ("concept", "unprotect", "honesty", "--reason", "a slip")
    approval = ada.refused(*words)["metadata"]["approval"]
    assert ada.get("approval", "cancel", approval, "--reason", "a slip")["approval"]["state"] == "cancelled"
    assert bo.refused(*words)["reason"] == "SECOND_PERSON_NEEDED"


def test_rotating_writes_the_new_token_where_the_old_one_was(ada: Person, bo: Person) -> None:
    before = bo.file.read_text()
    rotated = bo.get("token", "rotate", "--overlap", "now")
    assert rotated["file"] == str(bo.file)
    assert "secret" not in rotated
    assert bo.file.read_text() != before
    assert bo.file.stat().st_mode & 0o777 == 0o600
    listed = {token["name"]: token for token in bo.get("token", "list")["tokens"]}
    old = listed[rotated["token"]["rotated_from"]]
    assert old["revoke_time"] is not None
    lost = bo.file.parent / "lost"
    lost.write_text(before)
    assert Person(bo.server, lost).refused("token", "list")["reason"] == "TOKEN_REVOKED"


def test_a_tokens_limits_are_shown_and_changed_by_two(ada: Person, bo: Person) -> None:
    made = ada.get("token", "create", "batch", "--role", "inference", "--requests-per-minute", "60")["token"]
    words = ("token", "limits", made["name"], "--requests-per-minute", "90", "--reason", "it grew")
    assert ada.refused(*words)["reason"] == "SECOND_PERSON_NEEDED"
    assert bo.get(*words)["token"]["requests_per_minute"] == 90
    plenty = ("token", "create", "plenty", "--role", "inference", "--requests-per-minute", "999999")
    assert ada.refused(*plenty, "--reason", "much to do")["reason"] == "SECOND_PERSON_NEEDED"


def test_no_secret_is_in_the_log_or_in_the_store(server: ServerProcess, ada: Person, bo: Person) -> None:
    kept = server.log.read_bytes() + b"".join(
        file.read_bytes() for file in server.data_dir.glob("trimtab.db*") if file.is_file()
    )
    for person in (ada, bo):
        secret = person.file.read_text().strip()
        assert secret.split("_", 2)[2].encode() not in kept
