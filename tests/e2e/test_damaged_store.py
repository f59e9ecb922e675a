"""A server on a damaged store: it starts, never answers unsteered in the place of steered, and the way back is open."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from server_process import ServerProcess
from trimtab_client import (
    Client,
    Message,
    ReplyFinished,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
    TrimtabError,
)
from trimtab_server.cli.main import app
from typer.testing import CliRunner


@contextmanager
def serving(data: Path) -> Iterator[Client]:
    """A client of a server on the directory; the server ends in order, also if the test fails."""
    server = ServerProcess(data, "--no-auto-canary")
    try:
        with server.client() as client:
            yield client
    finally:
        status = server.stop()
    assert status == 0


def activate_steered(client: Client) -> str:
    """The vector of the snapshot that is active now."""
    stage = client.models()[0].default_stage
    vector = next(v for v in client.vectors() if v.suggested_strength > 0)
    term = SteeringTerm(vector.name, vector.suggested_strength, layers=vector.suggested_layers)
    client.activate_snapshot(client.create_snapshot(Steering(stage, (term,))).name)
    return vector.name


def ask(client: Client) -> ReplyFinished:
    events = list(client.chat([Message(Role.USER, "What is the warranty?")], sampling=Sampling(max_tokens=4)))
    assert isinstance(events[-1], ReplyFinished)
    return events[-1]


def ask_when_loaded(client: Client) -> ReplyFinished:
    """Of the damaged snapshot nothing said which stage to load at the start, so it is loaded only now."""
    for _ in range(100):
        try:
            return ask(client)
        except TrimtabError as error:
            if error.reason != "STAGE_LOADING":
                raise
            time.sleep(0.2)
    raise AssertionError("the stage was not loaded within twenty seconds")


def trimtab(data: Path, *words: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["--data-dir", str(data), *words, "--json"])
    return {"exit_code": result.exit_code, **json.loads(result.stdout)}


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server left that ended in order, with a steered snapshot active."""
    data = tmp_path_factory.mktemp("sound") / "data"
    with serving(data) as client:
        activate_steered(client)
        ask(client)
    return data


@pytest.fixture
def data(left_behind: Path, tmp_path: Path) -> Path:
    return shutil.copytree(left_behind, tmp_path / "data")


def test_the_store_of_a_server_checks_whole_and_its_heads_are_found_again(data: Path) -> None:
    assert trimtab(data, "store", "check")["ok"] is True
    verified = trimtab(data, "audit", "verify")
    assert verified["exit_code"] == 0 and verified["ok"] is True
    assert isinstance(verified["heads"], int) and verified["heads"] >= 3
    with closing(sqlite3.connect(data / "trimtab.db")) as database:
        (details,) = database.execute(
            "SELECT details FROM audit WHERE action = 'snapshot.activate'"
        ).fetchone()
    told = json.loads(details)["circumstances"]
    assert told["auth_method"] == "token" and told["trigger"] == "human" and told["outcome"] == "done"
    assert told["client_version"].startswith("trimtab/") and len(told["model_digest"]) == 64
    assert told["node"] and told["monotonic"] > 0


def test_a_damaged_vector_is_refused_and_the_unsteered_snapshot_serves(data: Path) -> None:
    for blob in (data / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o644)
            blob.write_bytes(blob.read_bytes()[:-1] + b"\x01")
    found = trimtab(data, "store", "check")
    assert found["exit_code"] == 1 and found["ok"] is False
    with serving(data) as client:
        with pytest.raises(TrimtabError) as refused:
            ask(client)
        assert refused.value.reason == "BLOB_DAMAGED"
        client.rollback(unsteered=True, reason="the vector is damaged")
        assert ask(client).steering.snapshot == client.deployment().active_snapshot.name


def test_a_snapshot_whose_row_was_changed_is_refused_and_the_unsteered_snapshot_serves(data: Path) -> None:
    with closing(sqlite3.connect(data / "trimtab.db", isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER snapshots_no_change")
        intruder.execute(
            "UPDATE snapshots SET body = body || ' ' "
            "WHERE id = (SELECT snapshot FROM revisions ORDER BY number DESC LIMIT 1)"
        )
    with serving(data) as client:
        with pytest.raises(TrimtabError) as refused:
            ask(client)
        assert refused.value.reason == "SNAPSHOT_DAMAGED"
        client.rollback(unsteered=True, reason="the snapshot is damaged")
        assert ask_when_loaded(client).steering.snapshot == client.deployment().active_snapshot.name
