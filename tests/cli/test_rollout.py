"""`trimtab rollout` against a real server, and plans without one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trimtab_server.cli.rollout_show import show_evidence, show_list
from trimtab_server.cli.session import Session
from trimtab_server.rollouts import default_plan
from trimtab_server.rollouts.plan_file import read_plan

from .conftest import CommandLine

PLAN = """
name = "by hand"
steps = [
  { pause = { seconds = 3600 } },
  { set_weight = { percent = 50 } },
  { pause = {} },
  { shadow = { pairs = 10000 } },
  { analysis = { looks = 1000 } },
]

[[guardrails]]
name = "repetition in shadow"
signal = "repetition"
unit = "shadow"
test = "paired_mean"
direction = "at_most"
limit = 0.05
margin = 0.2
alpha_share = 0.5

[[guardrails]]
name = "sample ratio"
signal = ""
unit = "traffic"
test = "sample_ratio"
direction = "at_most"
alpha_share = 0.5
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


@pytest.fixture(scope="module")
def candidate(trimtab: CommandLine) -> str:
    """A snapshot that differs from the unsteered one by its prompt alone."""
    trimtab.json("snapshot", "create", "candidate-of-a-rollout", "--system", "Be honest.")
    return "candidate-of-a-rollout"


@pytest.fixture
def quiet(trimtab: CommandLine) -> Iterator[CommandLine]:
    """Nothing is in force before or afterwards."""
    trimtab.json("rollback", "--unsteered", "--reason", "a test begins")
    yield trimtab
    if trimtab.json("rollout", "list")["rollouts"]:
        trimtab("rollout", "abort", "--reason", "a test ends")


# Plans, without a server


def test_a_plan_is_checked_without_a_server_where_traffic_is_given(nowhere: CommandLine, plan: Path) -> None:
    checked = nowhere.json("rollout", "plan", "check", plan, "--replies-per-day", 1000)
    assert checked["ok"] is True
    assert checked["plan"]["hash"] == read_plan(plan).hash
    # An hour, and ten days of a thousand replies for the shadow pairs.
    assert checked["foresight"]["earliest_promotion_seconds"] == 3_600 + 10 * 86_400
    text = nowhere("rollout", "plan", "check", plan, "--replies-per-day", 1000).out
    assert "earliest promotion       10 d 1 h after the start" in text
    assert "what the figures do not show:" in text
    none = nowhere("rollout", "plan", "check", plan, "--replies-per-day", 0).out
    assert "never: there is too little traffic" in none


def test_a_broken_plan_names_every_fault_with_its_fix(nowhere: CommandLine, plan: Path) -> None:
    plan.write_text(PLAN.replace("percent = 50", "percent = 500").replace("margin = 0.2\n", ""))
    ran = nowhere("rollout", "plan", "check", plan, "--replies-per-day", 10, "--json")
    assert ran.exit_code == 1
    assert ran.json["error"]["reason"] == "PLAN_INVALID"
    assert "steps[1].percent" in ran.err
    assert "none has a margin" in ran.err


@pytest.mark.parametrize("name", ["plan.ini", "missing.toml"])
def test_a_file_that_is_no_plan_is_refused(nowhere: CommandLine, tmp_path: Path, name: str) -> None:
    if name.endswith("ini"):
        (tmp_path / name).write_text(PLAN)
    ran = nowhere("rollout", "create", "x", "--plan", tmp_path / name)
    assert (ran.exit_code, "PLAN_UNREADABLE" in ran.err) == (1, True)


@pytest.mark.parametrize("kind", ["small", "busy"])
def test_the_shown_plan_is_the_default_one_when_it_is_read_back(
    nowhere: CommandLine, tmp_path: Path, kind: Any
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(nowhere("rollout", "plan", "show", kind).out)
    assert read_plan(file) == default_plan(kind)
    assert nowhere("rollout", "plan", "show", "large").exit_code == 2


def test_the_schema_is_json(nowhere: CommandLine) -> None:
    schema = json.loads(nowhere("rollout", "plan", "schema").out)
    assert schema["properties"]["guardrails"]
    assert nowhere.json("rollout", "plan", "schema") == schema


# Rollouts


def test_the_server_says_the_same_of_a_plan(trimtab: CommandLine, nowhere: CommandLine, plan: Path) -> None:
    there = trimtab.json("rollout", "plan", "check", plan)
    replies = there["foresight"]["replies_per_day"]
    here = nowhere.json("rollout", "plan", "check", plan, "--replies-per-day", replies)
    assert there == here
    default = trimtab.json("rollout", "plan", "check")
    assert default["plan"]["hash"] == default_plan().hash


def test_a_rollout_by_hand(quiet: CommandLine, candidate: str, plan: Path) -> None:
    made = quiet("rollout", "create", candidate, "--plan", plan, "--reason", "trial passed")
    assert made.exit_code == 0, made.err
    assert "start it with: trimtab rollout start" in made.out
    name = quiet.json("rollout", "status")["rollout"]["name"].rpartition("/")[2]
    started = quiet("rollout", "start", name)
    assert started.out == f"rollout {name} of {candidate}: running, step 1/5 (wait 1 h), weight 0%\n"
    late = quiet("rollout", "promote", "--step", 3)
    assert (late.exit_code, "ROLLOUT_CONFLICT" in late.err) == (1, True)
    assert quiet.json("rollout", "promote", "--step", 1)["rollout"]["weight"] == 50
    assert "step 4/5" in quiet("rollout", "resume").out
    assert quiet.json("rollout", "pause", "--reason", "lunch")["rollout"]["state"] == "paused"
    refused = quiet("snapshot", "activate", candidate)
    assert (refused.exit_code, "ROLLOUT_RUNNING" in refused.err) == (1, True)
    status = quiet("rollout", "status", name).out
    assert "no evidence yet" in status or "repetition in shadow" in status
    assert "50% of sessions get the candidate" in status
    assert "lunch" in status
    aborted = quiet.json("rollout", "abort", "--reason", "seen enough")["rollout"]
    assert (aborted["state"], aborted["weight"], aborted["reason"]) == ("aborted", 0, "seen enough")
    again = quiet.json("rollout", "retry", name)["rollout"]
    assert (again["state"], again["retry_of"]) == ("created", aborted["name"])
    listed = quiet("rollout", "list").out
    assert "seen enough" in listed
    assert "created" in listed
    assert quiet.json("rollout", "list", "--limit", 1)["rollouts"][0]["name"] == again["name"]


def test_full_promotion_names_the_second_person(quiet: CommandLine, candidate: str, plan: Path) -> None:
    quiet.json("rollout", "create", candidate, "--plan", plan, "--start")
    ran = quiet("rollout", "promote", "--full", "--reason", "urgent")
    assert (ran.exit_code, "SECOND_PERSON_NEEDED" in ran.err) == (1, True)


def test_a_watch_follows_to_the_end_and_tells_how_it_ended(
    quiet: CommandLine, data_dir: Path, candidate: str, plan: Path
) -> None:
    quiet.json("rollout", "create", candidate, "--plan", plan, "--start")
    command = (sys.executable, "-m", "trimtab_server.cli.main", "--data-dir", data_dir, "rollout", "watch")
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        first = json.loads(watch.stdout.readline())["rollout"]
        quiet.json("rollout", "abort", "--reason", "the end")
        *_, last = [json.loads(line)["rollout"] for line in watch.stdout]
        assert watch.wait(30) == 1, "it was not promoted"
    assert (first["state"], last["state"], last["reason"]) == ("running", "aborted", "the end")
    ran = quiet("rollout", "watch")
    assert "aborted" in ran.out
    assert "the end" in ran.out
    assert ran.exit_code == 1


def test_replacing_a_rollout_by_an_activation(quiet: CommandLine, candidate: str, plan: Path) -> None:
    quiet.json("rollout", "create", candidate, "--plan", plan, "--start")
    revision = quiet.json("snapshot", "activate", candidate, "--replace", "--reason", "by hand")["revision"]
    assert quiet.json("rollout", "status")["rollout"]["state"] == "aborted"
    undone = quiet.json("rollback", "--reason", "not good")["revision"]
    assert undone["rolled_back"] == revision["number"]


def test_an_unknown_rollout_is_refused(trimtab: CommandLine) -> None:
    ran = trimtab("rollout", "status", "0123456789ab")
    assert (ran.exit_code, "ROLLOUT_NOT_FOUND" in ran.err) == (1, True)


def test_what_is_not_there_yet_says_how_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    show_list(Session(), ())
    show_evidence(Session(), ())
    text = capsys.readouterr().out
    assert "no rollouts; begin one with: trimtab rollout create SNAPSHOT" in text
    assert "no evidence yet: the first look has not been made" in text
