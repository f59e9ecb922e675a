"""`trimtab case` against a real server on the embedded model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from trimtab_vectors.organism import shipped_model_dir

from .conftest import CommandLine

SAMPLE = shipped_model_dir() / "trial"


def prompts(path: Path, first: int, facts: int) -> Path:
    """Some facts of the shipped sample, each under three pressures."""
    rows = list(csv.reader((SAMPLE / "sample.csv").open(encoding="utf-8-sig")))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *rows[1 + 3 * first : 1 + 3 * (first + facts)]])
    return path


@pytest.fixture
def criteria(tmp_path: Path) -> Path:
    """The sample's, with so little asked that a handful of prompts can show it."""
    text = (SAMPLE / "criteria.toml").read_text(encoding="utf-8")
    for old, new in (
        ("min_prompts = 30", "min_prompts = 2"),
        ("margin = 0.10\nprompt_margin = 0.10", "margin = 0.02\nprompt_margin = 0.02"),
        ("alpha = 0.05", "alpha = 0.4"),
        ("repeats = 3", "repeats = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    before, _, after = text.partition("[[side_effects]]")
    path = tmp_path / "criteria.toml"
    path.write_text(before + "[[lanes]]" + after.partition("[[lanes]]")[2], encoding="utf-8")
    return path


def test_templates_are_listed_shown_and_written_as_files(trimtab: CommandLine, tmp_path: Path) -> None:
    known = [own["id"] for own in trimtab.json("case", "templates")["templates"]]
    assert known == ["sales-honesty", "support", "internal-search"]
    written = trimtab.json("case", "templates", "support", "--out", tmp_path / "support", "--language", "ja")
    assert written["template"]["prompts"]["prompts"] == 150
    shown = trimtab("trial", "check", written["files"][1], "--criteria", written["files"][0])
    assert shown.exit_code == 0, shown.err
    again = trimtab("case", "templates", "support", "--out", tmp_path / "support")
    assert (again.exit_code, "FILE_EXISTS" in again.err) == (1, True)
    missing = trimtab("case", "templates", "magic")
    assert (missing.exit_code, "sales-honesty" in missing.err) == (1, True)


def test_a_case_is_carried_from_its_goal_to_a_snapshot_and_stopped(
    trimtab: CommandLine, criteria: Path, tmp_path: Path
) -> None:
    made = trimtab("case", "new", "--name", "Desk", "--criteria", criteria)
    assert made.exit_code == 0, made.err
    assert "next: trimtab case edit" in made.out
    case = trimtab.json("case", "edit", "--goal", "Honest answers at the desk")["case"]
    assert [step["state"] for step in case["steps"]][:2] == ["done", "next"]
    early = trimtab("trial", "run", prompts(tmp_path / "small.csv", 0, 4), "--case", "-")
    assert (early.exit_code, "trimtab case lock" in early.err) == (1, True)
    shown = trimtab.json("case", "lock", "--check")["case"]
    assert trimtab.json("case", "show")["case"]["lock"] is None
    locked = trimtab.json("case", "lock", "--criteria-hash", shown["lock"]["criteria_hash"])["case"]
    assert locked["lock"]["criteria_json"] == shown["lock"]["criteria_json"]

    other = trimtab("trial", "run", tmp_path / "small.csv", "--case", "-", "--repeats", 2)
    assert (other.exit_code, "CASE_LOCKED" in other.err) == (1, True)
    small = trimtab.json("trial", "run", tmp_path / "small.csv", "--case", "-")
    assert small["verdict"] == "pass", small["reason"]
    repeated = trimtab("trial", "run", tmp_path / "small.csv", "--case", "-")
    assert (repeated.exit_code, "CASE_PROMPTS_REPEATED" in repeated.err) == (1, True)
    trimtab.json("trial", "run", prompts(tmp_path / "fresh.csv", 4, 4), "--case", "-")
    waiting = trimtab("case", "show", "--language", "ja")
    assert "確認試験は合格です" in waiting.out
    assert "next: trimtab case snapshot NAME" in waiting.out
    snapshot = trimtab.json("case", "snapshot", "from-a-case")["snapshot"]
    case = trimtab.json("case", "show")["case"]
    assert case["candidate"]["snapshot"] == snapshot["name"]
    assert case["trials"][0]["trial"] == small["trial"]

    refused = trimtab("case", "decide", "scale", "--reason", "impatient")
    assert (refused.exit_code, "CASE_STEP" in refused.err) == (1, True)
    stopped = trimtab.json("case", "decide", "stop", "--reason", "no budget")["case"]
    assert (stopped["decision"]["choice"], stopped["decision"]["reason"]) == ("stop", "no budget")
    assert "no budget" in trimtab("case", "list").out
    assert "case.decide" in trimtab("audit", "list", "--limit", 3).out


def test_an_export_is_one_json_document(trimtab: CommandLine, tmp_path: Path) -> None:
    case = trimtab.json("case", "new", "--template", "support", "--language", "ja")["case"]
    ran = trimtab("case", "export", case["name"], "--out", tmp_path / "case.json")
    assert ran.exit_code == 0, ran.err
    document = json.loads((tmp_path / "case.json").read_text(encoding="utf-8"))
    assert (document["format"], document["name"]) == ("trimtab.case/1", case["name"])
    locked = trimtab("case", "criteria", case["name"])
    assert (locked.exit_code, "CASE_STEP" in locked.err) == (1, True)
    trimtab.json("case", "lock", case["name"])
    printed = json.loads(trimtab("case", "criteria", case["name"]).out)
    assert [lane["kind"] for lane in printed["lanes"]] == ["unsteered", "prompt", "steered"]
