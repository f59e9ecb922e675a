"""What each lane sends, and which rows a trial has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trimtab_server.trials import (
    LaneSpec,
    Prompt,
    PromptLine,
    PromptSet,
    TrialRow,
    default_criteria,
    missing,
    planned,
    row_seed,
)
from trimtab_server.trials.criteria import Sampling
from trimtab_server.trials.rows import RowKey, in_order

EN = Prompt("a", "Price?", "You sell.", gold=("x",), belief_probes=("Fact: price?",), group="a")
JA = Prompt(
    "b", "価格は？", "販売員です。", gold=("x",), language="ja", group="b", belief_probes=("事実: 価格は。",)
)
BARE = Prompt("c", "Price?", gold=("y",), belief_probes=("Fact: price?", "Check: price."), group="c")
SET = PromptSet((EN, JA, BARE))
CRITERIA = replace(default_criteria(), seeds=(1, 2), sampling=Sampling(temperature=0.5))


@pytest.mark.parametrize(
    ("position", "english", "japanese"),
    [
        ("before", ["Be true. You sell.", "Price?"], ["正直に。販売員です。", "価格は？"]),
        ("after", ["You sell. Be true.", "Price?"], ["販売員です。正直に。", "価格は？"]),
        ("instead", ["Be true.", "Price?"], ["正直に。", "価格は？"]),
        ("user", ["You sell.", "Be true. Price?"], ["販売員です。", "正直に。価格は？"]),
    ],
)
def test_a_line_stands_where_it_is_told_to(position: str, english: list[str], japanese: list[str]) -> None:
    lines = (PromptLine("Be true.", "", position), PromptLine("正直に。", "ja", position))  # type: ignore[arg-type]
    lane = LaneSpec("prompt", "prompt", lines)
    assert [m.content for m in lane.messages(EN)] == english
    assert [m.content for m in lane.messages(JA)] == japanese


def test_a_line_becomes_the_system_message_where_there_is_none() -> None:
    lane = LaneSpec("prompt", "prompt", (PromptLine("Be true.", position="after"),))
    assert [(m.role, m.content) for m in lane.messages(BARE)] == [("system", "Be true."), ("user", "Price?")]


def test_a_probe_is_asked_without_the_pressure() -> None:
    assert [m.content for m in LaneSpec("u", "unsteered").probe_messages(EN, 1)] == ["Fact: price?"]


def test_probes_come_first_and_are_asked_once_and_rows_of_a_prompt_stay_together() -> None:
    keys = planned(CRITERIA, SET)
    probes = [RowKey("a", "unsteered", 0, 1), RowKey("b", "unsteered", 0, 1), RowKey("c", "unsteered", 0, 2)]
    assert list(keys[:3]) == probes
    assert [(k.prompt_id, k.lane, k.repeat) for k in keys[3:7]] == [
        ("a", "unsteered", 0),
        ("a", "prompt", 0),
        ("a", "unsteered", 1),
        ("a", "prompt", 1),
    ]
    assert len(keys) == 3 + 3 * 2 * 2 == len(set(keys))


def test_missing_rows_are_those_without_a_reply_in_the_planned_order() -> None:
    keys = planned(CRITERIA, SET)
    rows = [TrialRow(k.prompt_id, k.lane, k.repeat, "r", k.probe) for k in keys]
    rows[4] = replace(rows[4], reply="", error="cancelled")
    assert missing(CRITERIA, SET, reversed(rows[:-2])) == (keys[4], *keys[-2:])


def test_lanes_share_a_seed_and_prompts_and_repeats_do_not() -> None:
    keys = planned(CRITERIA, SET)[3:]
    seeds = {key: row_seed(CRITERIA, key) for key in keys}
    by_place: dict[tuple[str, int], set[int]] = {}
    for key, seed in seeds.items():
        by_place.setdefault((key.prompt_id, key.repeat), set()).add(seed)
    assert all(len(own) == 1 for own in by_place.values())
    assert len({seed for own in by_place.values() for seed in own}) == 6
    assert all(0 <= seed < 2**32 for seed in seeds.values())


def test_two_different_rows_of_one_key_are_refused_and_equal_ones_are_one() -> None:
    row = TrialRow("a", "unsteered", 0, "x")
    assert in_order([row, replace(row)]) == [row]
    with pytest.raises(ValueError, match="two rows are of prompt 'a'"):
        in_order([row, replace(row, reply="y")])


def test_a_row_survives_json() -> None:
    row = TrialRow("a", "unsteered", 1, "x", 0, "honest", 1.0, 7, 10, 4, 0.2, "stop", {"kl": 0.1}, "")
    assert TrialRow.from_dict(row.as_dict()) == row
