"""The way back without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess
from trimtab_server.cli.main import app
from typer.testing import CliRunner


class CommandLine:
    """`trimtab --data-dir DIR`, in this process."""

    def __init__(self, data_dir: Path) -> None:
        self.options = ["--data-dir", str(data_dir)]

    def __call__(self, *words: str) -> Any:
        environ = {"TRIMTAB_TARGET": None, "TRIMTAB_TOKEN": None, "TRIMTAB_DATA_DIR": None}
        return CliRunner().invoke(app, [*self.options, *words], env=environ, catch_exceptions=False)

    def json(self, *words: str) -> Any:
        ran = self(*words, "--json")
        assert ran.exit_code == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that was killed with a steered snapshot active."""
    data_dir = tmp_path_factory.mktemp("offline") / "data"
    server = ServerProcess(data_dir, "--no-auto-canary")
    online = CommandLine(data_dir)
    for words in (
        ("snapshot", "create", "kind", "--system", "Be kind."),
        ("snapshot", "create", "brief", "--system", "Be brief."),
        ("snapshot", "activate", "kind", "--reason", "first"),
        ("snapshot", "activate", "brief", "--reason", "second"),
    ):
        ran = online(*words)
        assert ran.exit_code == 0, ran.stderr
    refused = online("rollback", "--offline", "--reason", "impatience")
    assert refused.exit_code == 1
    assert f"process {server.process.pid}" in refused.stderr and "[DATA_DIR_IN_USE]" in refused.stderr
    server.kill()
    return data_dir


def test_a_killed_servers_directory_is_rolled_back_and_the_next_start_serves_it(left_behind: Path) -> None:
    offline = CommandLine(left_behind)
    first = offline.json("rollback", "--offline", "--reason", "the server does not start")["revision"]
    assert (first["number"], first["rolled_back"], first["snapshot_display_name"]) == (4, 3, "kind")
    assert first["actor"].startswith("local/")
    ran = offline("rollback", "--offline", "--unsteered", "--reason", "not this one either")
    assert ran.exit_code == 0, ran.stderr
    assert "unsteered is active, undoing revision 4; the next start of the server serves it" in ran.stdout
    assert offline.json("audit", "verify")["ok"]
    assert offline.json("store", "check")["ok"]

    server = ServerProcess(left_behind, "--no-auto-canary")
    with server.client() as client:
        active = client.deployment().active_revision
        assert (active.number, active.snapshot_display_name) == (5, "unsteered")
        [newest] = client.audit_records(action="snapshot.rollback", limit=1).records
        assert newest.reason == "not this one either"
        assert newest.actor.startswith("local/")
    assert server.stop() == 0


def test_what_cannot_be_done_offline_says_why_and_changes_nothing(left_behind: Path, tmp_path: Path) -> None:
    offline = CommandLine(left_behind)
    before = offline.json("audit", "verify")["head"]
    assert "[SNAPSHOT_NOT_FOUND]" in offline("rollback", "nosuch", "--offline", "--reason", "r").stderr
    assert "[REASON_REQUIRED]" in offline("rollback", "--offline", "--reason", " ").stderr
    unknown = offline("rollback", "--offline", "--reason", "r", "--deployment", "other")
    assert "[DEPLOYMENT_NOT_FOUND]" in unknown.stderr
    assert offline.json("audit", "verify")["head"] == before
    empty = CommandLine(tmp_path / "none")
    assert "[DATA_DIR_EMPTY]" in empty("rollback", "--offline", "--reason", "r").stderr
    assert not (tmp_path / "none").exists()


def test_it_works_where_torch_cannot_be_imported(left_behind: Path) -> None:
    """The GPU stack may be just what is broken."""
    code = "import sys; sys.modules['torch'] = None; from trimtab_server.cli.main import main; main()"
    words = ["--data-dir", str(left_behind), "rollback", "kind", "--offline", "--reason", "no torch here"]
    ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "kind is active" in ran.stdout
