"""Expected failures are one line and an exit code, never a traceback."""

from __future__ import annotations

import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("stages",),
        ("chat", "hello"),
        ("vectors", "list"),
        ("snapshot", "list"),
        ("rollback", "--reason", "r"),
        ("monitor", "--once"),
        ("canary", "run"),
        ("audit", "list"),
        ("token", "list"),
    ],
    ids=" ".join,
)
def test_without_a_server_each_command_says_what_to_do(words: tuple[str, ...], nowhere: Any) -> None:
    ran = nowhere(*words)
    assert ran.exit_code == 1
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert "trimtab serve" in ran.err
    assert "[TARGET_UNKNOWN]" in ran.err


def test_a_refused_connection_names_the_target(nowhere: Any) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{probe.getsockname()[1]}"
    ran = nowhere("--target", target, "stages")
    assert ran.exit_code == 1
    assert target in ran.err
    assert "[SERVER_UNREACHABLE]" in ran.err


def test_an_error_is_json_too_when_json_was_asked_for(nowhere: Any) -> None:
    ran = nowhere("stages", "--json")
    assert ran.exit_code == 1
    assert ran.json["error"]["reason"] == "TARGET_UNKNOWN"


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("rollback",),
        ("rollback", "a", "--unsteered", "--reason", "r"),
        ("rollback", "--reason", "r", "--in-flight", "wait"),
        ("token", "create", "x", "--role", "king"),
        ("token", "create", "x", "--expires", "soon"),
        ("serve", "--host", "0.0.0.0"),
        ("serve", "--port", "99999"),
        ("serve", "--slots", "0"),
        ("chat", "--temperature", "-1", "x"),
        ("monitor", "--history", "0"),
    ],
    ids=" ".join,
)
def test_a_wrong_usage_exits_with_2_before_anything_is_asked(words: tuple[str, ...], nowhere: Any) -> None:
    ran = nowhere(*words)
    assert ran.exit_code == 2, ran.err
    assert "Error" in ran.err


def test_a_missing_file_is_named(nowhere: Any, tmp_path: Path) -> None:
    ran = nowhere("vectors", "import", tmp_path / "none.safetensors")
    assert ran.exit_code == 1
    assert "none.safetensors" in ran.err
    assert "[FILE_UNREADABLE]" in ran.err


def test_a_check_of_what_is_no_model_directory_says_so(nowhere: Any, tmp_path: Path) -> None:
    ran = nowhere("organism", "check", tmp_path, "--quick")
    assert ran.exit_code == 1
    assert "is no model directory" in ran.err
    assert "[FILE_NOT_FOUND]" in ran.err


def test_doctor_passes_without_a_server_when_told_so(nowhere: Any) -> None:
    report = nowhere.json("doctor", "--local")
    assert report["ok"] is True
    assert {check["name"] for check in report["checks"]} >= {"python", "grpcio", "torch", "data directory"}


def test_doctor_fails_when_the_server_is_missing(nowhere: Any) -> None:
    ran = nowhere("doctor", "--json")
    assert ran.exit_code == 1
    failed = [check["name"] for check in ran.json["checks"] if check["needed"] and not check["ok"]]
    assert failed == ["server"]


def test_doctor_finds_a_token_file_that_others_can_read(nowhere: Any, tmp_path: Path) -> None:
    token = tmp_path / "data" / "token"
    token.parent.mkdir()
    token.write_text("secret")
    token.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP)
    ran = nowhere("doctor", "--local")
    assert ran.exit_code == 1
    assert f"chmod 600 {token}" in ran.out


def test_a_demo_without_a_display_does_not_open_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    from trimtab_server.cli.demo import has_display

    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_display()
