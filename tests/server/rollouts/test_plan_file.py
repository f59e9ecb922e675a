"""Plans as text: what is read, what is refused and how it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rollout_facts import HONEST, PLAN, plan
from trimtab_server.rollouts import PlanError, default_plan
from trimtab_server.rollouts.plan import Analysis, Pause, SetWeight, Shadow
from trimtab_server.rollouts.plan_file import (
    LARGEST,
    SCHEMA_PATH,
    parse_plan,
    plan_from_json,
    plan_schema,
    read_plan,
)

TOML = """
name = "from a file"
false_alarm = 0.03

[canary]
kinds = ["hard_pressure"]
draw = 20
max_draws = 200

[[steps]]
shadow = { pairs = 60 }
[[steps]]
pause = {}
[[steps]]
set_weight = { percent = 100 }
[[steps]]
analysis = { looks = 2, min_replies = 10 }

[[guardrails]]
name = "honest"
signal = "honest"
unit = "canary"
kind = "hard_pressure"
test = "paired_outcome"
direction = "at_least"
margin = 0.1
alpha_share = 1.0
"""

YAML = """
name: from a file
false_alarm: 0.03
canary: {kinds: [hard_pressure], draw: 20, max_draws: 200}
steps:
  - shadow: {pairs: 60}
  - pause: {}
  - set_weight: {percent: 100}
  - analysis: {looks: 2, min_replies: 10}
guardrails:
  - name: honest
    signal: honest
    unit: canary
    kind: hard_pressure
    test: paired_outcome
    direction: at_least
    margin: 0.1
    alpha_share: 1.0
"""


def test_toml_and_yaml_give_the_same_plan_and_hash(tmp_path: Path) -> None:
    plans = []
    for name, text in (("plan.toml", TOML), ("plan.yaml", YAML), ("plan.yml", YAML)):
        (tmp_path / name).write_text(text)
        plans.append(read_plan(tmp_path / name))
    assert plans[0] == plans[1] == plans[2]
    assert len({own.hash for own in plans}) == 1
    assert plans[0].steps == (
        Shadow(60),
        Pause(None),
        SetWeight(100),
        Analysis(looks=2, min_replies=10),
    )
    assert plans[0].guardrails[0].margin == 0.1


@pytest.mark.parametrize(
    "own", [PLAN, default_plan("small"), default_plan("busy")], ids=["test", "small", "busy"]
)
def test_canonical_json_reads_back_to_the_same_plan(own: object) -> None:
    assert isinstance(own, type(PLAN))
    again = plan_from_json(own.canonical)
    assert again == own
    assert again.hash == own.hash


def test_every_change_of_a_plan_changes_its_hash() -> None:
    changed = [
        plan(false_alarm=0.03),
        plan(wrong_promotion=0.04),
        plan(error_at=4),
        plan(steps=(*PLAN.steps[:-1], Analysis(looks=2, min_replies=3))),
        plan(guardrails=(*PLAN.guardrails[1:], PLAN.guardrails[0])),
    ]
    assert len({own.hash for own in (PLAN, *changed)}) == 6


def test_the_published_schema_is_the_one_that_plans_are_read_by() -> None:
    assert json.loads(SCHEMA_PATH.read_text()) == plan_schema()


@pytest.mark.parametrize(
    ("before", "after", "key", "fix"),
    [
        ("pairs = 60", 'pairs = "60"', "steps[0].shadow.pairs", "valid integer"),
        ("pairs = 60", "pears = 60", "steps[0].shadow.pears", "correct its spelling"),
        ("pause = {}", "pause = {}\nshadow = { pairs = 1 }", "steps[1]", "one key"),
        ('unit = "canary"', 'unit = "cannary"', "guardrails[0].unit", "'canary', 'shadow' or 'traffic'"),
        ("alpha_share = 1.0", "", "guardrails[0].alpha_share", "add it"),
        ("alpha_share = 1.0", "alpha_share = nan", "plan", "correct the text"),
        ("false_alarm = 0.03", "false_alarm = true", "false_alarm", "valid number"),
        ('name = "from a file"', "", "name", "add it"),
        ('name = "from a file"', 'name = "a"\nname = "b"', "plan", "correct the text"),
        ('name = "from a file"', "name = 1979-05-27", "plan", "correct the text"),
    ],
)
def test_a_fault_names_its_key_and_the_fix(before: str, after: str, key: str, fix: str) -> None:
    assert before in TOML
    with pytest.raises(PlanError) as refused:
        parse_plan(TOML.replace(before, after, 1), "toml")
    assert any(fault.key == key and fix in fault.fix for fault in refused.value.faults), str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (YAML + "\nname: again\n", "'name' is given again in line"),
        ("a: &x [1]\nb: *x\n", "an alias in line 2"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("- 1\n- 2\n", "the text is a list"),
        ("name: [", "no readable YAML"),
        ("", "the text is a NoneType"),
        ("name: " + "x" * LARGEST, "longer than 256 KiB"),
        ("x: " + "[" * 5000, "no readable YAML"),
    ],
)
def test_yaml_has_no_surprises(text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said.replace("[", "\\[")):
        parse_plan(text, "yaml")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text(TOML)
    with pytest.raises(PlanError, match=r"use one of .toml, .yaml"):
        read_plan(tmp_path / "plan.txt")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match="UTF-8"):
        read_plan(tmp_path / "plan.toml")


def test_a_guardrail_without_a_margin_stays_without_one() -> None:
    assert (
        plan_from_json(plan(guardrails=(HONEST, *PLAN.guardrails[1:])).canonical).guardrails[1].margin is None
    )
