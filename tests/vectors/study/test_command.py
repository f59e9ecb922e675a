"""`trimtab study plan`, `run` and `status`, offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from trimtab_server.cli.main import app
from typer.testing import CliRunner


@pytest.fixture
def trimtab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("TRIMTAB_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_study_is_planned_run_watched_and_gone_on_with(
    trimtab: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    code, text, _ = trimtab("study", "plan", folder / "study.toml", "--json")
    planned = json.loads(text)
    assert code == 0 and planned["cells"]["effect"] == 49 and planned["seconds"] > 0
    assert planned["runs"] == ["llama/natural/seed-1", "llama/natural/seed-2"] and len(planned["hash"]) == 64
    code, text, _ = trimtab("study", "run", folder / "study.toml", "--out", out, "--device", "cpu", "--json")
    ran = json.loads(text)
    assert code == 0 and ran["computed"] == planned["cells"]
    assert {w["statistic"] for w in ran["windows"]} == {"receptivity", "lag"}
    code, text, _ = trimtab("study", "status", out, "--json")
    state = json.loads(text)
    assert code == 0 and state["done"] == state["total"] == sum(planned["cells"].values())
    assert state["summarised"] and state["dose_locked"]
    code, text, _ = trimtab("study", "run", folder / "study.toml", "--out", out)
    assert code == 0 and "0 cells computed" in text and "fine-tune seed" in text


def test_what_cannot_be_run_is_told_in_one_line(
    trimtab: Callable[..., tuple[int, str, str]],
    plan_file: Callable[[str, str], Path],
    folder: Path,
    tmp_path: Path,
) -> None:
    for arguments, told in (
        (("plan", plan_file("seed = 3\n", "sede = 3\n")), "sede: unknown key"),
        (("plan", tmp_path / "none.toml"), "none.toml"),
        (("status", tmp_path), "is no study"),
    ):
        code, _, error = trimtab("study", *arguments)
        assert code == 1 and told in " ".join(error.split()) and "Traceback" not in error
