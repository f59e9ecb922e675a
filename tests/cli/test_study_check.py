"""`trimtab study check`: its JSON, and an exit code that is 0 only where everything it checks holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.plasticity import planted

CHECK = ("study", "check", "--timelines", 400, "--seed", 3)


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command looks for the results of the study; nothing is there yet."""
    path = tmp_path / "summary.json"
    monkeypatch.setattr(planted, "shipped_summary", lambda: path)
    return path


def test_all_lines_hold(nowhere: Any, summary: Path) -> None:
    summary.write_text(json.dumps({"planted_window": "confirmed", "planted_null": "none"}))
    found = nowhere.json(*CHECK)
    assert found["ok"] is True
    assert set(found["false_windows"]) >= {"flat", "decaying"}
    assert max(found["false_windows"]["flat"], found["false_windows"]["decaying"]) <= 0.06
    assert found["power"] >= 0.75
    low, high = found["intervals"]["power"]["decaying"]
    assert low < found["power_by_trend"]["decaying"] < high
    assert (found["planted_window"], found["planted_null"]) == ("confirmed", "none")
    assert (found["seed"], found["timelines"]) == (3, 400)


def test_without_a_study_the_planted_lines_are_missing_and_the_check_fails(
    nowhere: Any, summary: Path
) -> None:
    ran = nowhere(*CHECK, "--json")
    assert ran.exit_code == 1
    assert (ran.json["planted_window"], ran.json["planted_null"], ran.json["ok"]) == (
        "missing",
        "missing",
        False,
    )
    shown = nowhere(*CHECK)
    assert shown.exit_code == 1
    assert "FAIL" in shown.out and "missing" in shown.out
    assert "false windows, flat" in shown.out


def test_a_null_in_which_a_window_was_found_fails_the_check(nowhere: Any, summary: Path) -> None:
    summary.write_text(json.dumps({"planted_window": "confirmed", "planted_null": "confirmed"}))
    assert nowhere(*CHECK, "--json").exit_code == 1


def test_a_broken_summary_is_said_in_one_line(nowhere: Any, summary: Path) -> None:
    summary.write_text("{}")
    ran = nowhere(*CHECK)
    assert ran.exit_code == 1
    assert "planted_window" in ran.err and "STUDY_SUMMARY_INVALID" in ran.err
