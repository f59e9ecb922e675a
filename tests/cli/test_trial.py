"""`trimtab trial` against a real server on the embedded model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from trimtab_vectors.organism import shipped_model_dir

from .conftest import CommandLine

SAMPLE = shipped_model_dir() / "trial"
LANES = ("unsteered", "prompt", "steered")
VERDICTS = ("pass", "fail", "not enough data", "error")


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first two facts of the sample."""
    path = tmp_path_factory.mktemp("trial") / "prompts.csv"
    rows = list(csv.reader((SAMPLE / "sample.csv").open(encoding="utf-8-sig")))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows[:7])
    return path


@pytest.fixture(scope="module")
def criteria(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "criteria.toml"
    text = (SAMPLE / "criteria.toml").read_text(encoding="utf-8")
    path.write_text(text.replace("min_prompts = 30", "min_prompts = 2"), encoding="utf-8")
    return path


def test_the_sample_is_written_beside_you_and_nothing_is_overwritten(
    nowhere: CommandLine, tmp_path: Path
) -> None:
    written = nowhere.json("trial", "sample", tmp_path / "here")
    assert Path(written["prompts"]).read_bytes() == (SAMPLE / "sample.csv").read_bytes()
    assert Path(written["criteria"]).read_bytes() == (SAMPLE / "criteria.toml").read_bytes()
    again = nowhere("trial", "sample", tmp_path / "here")
    assert again.exit_code == 1
    assert "FILE_EXISTS" in again.err


def test_a_run_prints_the_promised_json_whatever_its_verdict(
    trimtab: CommandLine, prompts: Path, criteria: Path
) -> None:
    ran = trimtab(
        "trial", "run", prompts, "--criteria", criteria, "--lanes", ",".join(LANES), "--repeats", 2, "--json"
    )
    assert ran.exit_code == 0, ran.err
    printed = ran.json
    assert printed["verdict"] in VERDICTS
    assert printed["recommendation"] in ("steer", "a prompt is enough", None)
    assert printed["rows"] == 4 + 6 * 3 * 2, "two facts with two probes each, and 6 prompts in 3 lanes twice"
    assert sorted(printed["lanes"]) == sorted(LANES)
    for lane in printed["lanes"].values():
        assert sum(lane[rate] for rate in ("honest", "lie", "evade", "no_belief")) == pytest.approx(1.0)
        low, high = lane["ci"]
        assert low <= lane["honest"] <= high
    shown = trimtab.json("trial", "show", printed["trial"])
    assert shown == printed
    rows = trimtab.json("trial", "rows", printed["trial"], "--lane", "steered", "--limit", 3)
    assert (len(rows["rows"]), rows["total"]) == (3, 12)


def test_without_criteria_company_prompts_are_tried_by_the_servers_own(
    trimtab: CommandLine, prompts: Path
) -> None:
    printed = trimtab.json("trial", "run", prompts, "--lanes", "unsteered,prompt,steered")
    assert printed["verdict"] == "not enough data", "two facts are not thirty"
    assert printed["more_prompts_needed"] == 28


def test_people_read_lanes_intervals_and_a_sentence(
    trimtab: CommandLine, prompts: Path, criteria: Path
) -> None:
    ran = trimtab("trial", "run", prompts, "--criteria", criteria, "--repeats", 2)
    assert ran.exit_code == 0, ran.err
    for word in ("unsteered", "steered+prompt", "honest", "gain (95%)"):
        assert word in ran.out
    listed = trimtab("trial", "list", "--limit", 1)
    assert "finished" in listed.out
    assert "trial.finish" in trimtab("audit", "list", "--limit", 3).out


def test_a_check_says_what_would_be_asked_and_asks_nothing(trimtab: CommandLine, prompts: Path) -> None:
    before = trimtab.json("trial", "list")["trials"]
    checked = trimtab.json("trial", "check", prompts, "--lanes", "unsteered,prompt")["check"]
    assert (checked["prompt_count"], checked["group_count"]) == (6, 2)
    assert checked["pressures"] == {"neutral": 2, "soft": 2, "hard": 2}
    assert trimtab.json("trial", "list")["trials"] == before


def test_faults_of_files_name_their_place(trimtab: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("prompt,pressure\nHow much?,loud\n", encoding="utf-8")
    ran = trimtab("trial", "run", bad, "--lanes", "unsteered,prompt")
    assert ran.exit_code == 1
    assert "bad.csv, row 2, column 'pressure'" in ran.err
    missing = trimtab("trial", "run", tmp_path / "nothing.csv")
    assert (missing.exit_code, "FILE_UNREADABLE" in missing.err) == (1, True)


def test_an_export_is_one_json_document(
    trimtab: CommandLine, prompts: Path, criteria: Path, tmp_path: Path
) -> None:
    trial = trimtab.json("trial", "run", prompts, "--criteria", criteria, "--lanes", ",".join(LANES))["trial"]
    ran = trimtab("trial", "export", trial, "--out", tmp_path / "trial.json")
    assert ran.exit_code == 0, ran.err
    document = json.loads((tmp_path / "trial.json").read_text(encoding="utf-8"))
    assert document["name"] == trial
    assert len(document["rows"]) == 4 + 6 * 3 * 3


def test_replies_are_graded_at_the_keyboard_and_the_rating_goes_on_after_a_break(
    trimtab: CommandLine, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("prompt\nWhat is the price of the Padeson camera?\nWho are you?\n", encoding="utf-8")
    started = trimtab("trial", "run", own, "--lanes", "unsteered,prompt")
    assert started.exit_code == 0, started.err
    assert "trimtab trial rate" in started.out
    stopped = trimtab("trial", "rate", stdin="9\n3\nq\n")
    assert "1 of 4 replies graded by you" in stopped.out
    early = trimtab("trial", "rate", "--finish")
    assert (early.exit_code, "have no grade yet" in early.err) == (1, True)
    done = trimtab("trial", "rate", stdin="4\n2\n1\n")
    assert "nothing is left to grade" in done.out
    assert trimtab("trial", "rate", "--finish").exit_code == 0
    rows = trimtab.json("trial", "rows")["rows"]
    assert {row["outcome"] for row in rows} == {"rated"}
    assert {row["lane"] for row in rows} == {"unsteered", "prompt"}


def test_a_trial_is_started_without_waiting_paused_resumed_and_its_replies_deleted(
    trimtab: CommandLine, prompts: Path, criteria: Path
) -> None:
    run = ("trial", "run", prompts, "--criteria", criteria, "--detach")
    trial = trimtab.json(*run)["trial"]
    paused = trimtab("trial", "pause", trial, "--reason", "wait", "--json")
    if paused.exit_code == 0:
        assert paused.json["state"] == "paused"
        assert trimtab.json("trial", "resume", trial)["verdict"] in VERDICTS
    else:
        assert "TRIAL_STATE" in paused.err, "it was faster than the hand"
    deleted = trimtab.json("trial", "delete", trial, "--reason", "customer data")
    assert deleted["state"] == "deleted"
    assert trimtab.json("trial", "rows", trial)["total"] == 0
