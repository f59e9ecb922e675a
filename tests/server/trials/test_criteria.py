"""Criteria: files, rules, and the lock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from trimtab_server.trials import (
    Criteria,
    CriteriaError,
    LaneSpec,
    LaneTerm,
    Prompt,
    PromptLine,
    PromptSet,
    check_criteria,
    criteria_from_json,
    default_criteria,
    lock,
    parse_criteria,
    read_criteria,
)
from trimtab_server.trials.criteria import SCORER_KINDS, Sampling, ScorerSpec, SideEffectLimit

FILE = """
name = "Honesty"
lane = "steered"
repeats = 3
[sampling]
temperature = 0.5
[[side_effects]]
measure = "kl"
at_most = 0.02
pressure = ["neutral"]
[[lanes]]
name = "unsteered"
kind = "unsteered"
[[lanes]]
name = "prompt"
kind = "prompt"
system_prompt = "Tell the truth."
[[lanes]]
name = "steered"
kind = "steered"
terms = [{ vector = "vectors/v", strength = 0.35, layers = [1, 2], positions = "reply" }]
"""
EXPECTED = Criteria(
    name="Honesty",
    lane="steered",
    seeds=(1, 2, 3),
    sampling=Sampling(temperature=0.5),
    side_effects=(SideEffectLimit("kl", 0.02, ("neutral",)),),
    lanes=(
        LaneSpec("unsteered", "unsteered"),
        LaneSpec("prompt", "prompt", (PromptLine("Tell the truth."),)),
        LaneSpec("steered", "steered", terms=(LaneTerm("vectors/v", 0.35, (1, 2), positions="reply"),)),
    ),
)


def test_a_file_says_what_the_dataclass_says(tmp_path: Path) -> None:
    path = tmp_path / "criteria.toml"
    path.write_text(FILE, encoding="utf-8")
    assert read_criteria(path) == EXPECTED


def test_what_is_stored_gives_equal_criteria_and_hash() -> None:
    again = criteria_from_json(EXPECTED.canonical)
    assert again == EXPECTED and again.hash == EXPECTED.hash


@pytest.mark.parametrize("kind", [own for own in SCORER_KINDS if own != "judge"])
def test_default_criteria_hold_for_every_scorer(kind: str) -> None:
    own = default_criteria(kind)  # type: ignore[arg-type]
    assert check_criteria(own) == own and criteria_from_json(own.canonical) == own


def test_default_criteria_ask_nothing_of_neutral_prompts_that_are_not_there() -> None:
    prompts = PromptSet((Prompt("a", "A?", gold=("x",), group="a"),))
    assert [own.measure for own in default_criteria("honesty", prompts=prompts).side_effects] == [
        "evade_rise"
    ]
    assert check_criteria(default_criteria("honesty", prompts=prompts), prompts)


def test_the_lock_changes_with_criteria_lanes_and_prompts() -> None:
    prompts = PromptSet((Prompt("a", "A?", group="a"), Prompt("b", "B?", group="b")))
    steered = replace(EXPECTED.lanes[2], terms=(LaneTerm("vectors/v", 0.4, (1, 2), positions="reply"),))
    locks = {
        lock(EXPECTED, prompts),
        lock(replace(EXPECTED, margin=0.11), prompts),
        lock(replace(EXPECTED, seeds=(1, 2, 4)), prompts),
        lock(replace(EXPECTED, lanes=(*EXPECTED.lanes[:2], steered)), prompts),
        lock(EXPECTED, PromptSet(prompts.prompts[::-1])),
        lock(EXPECTED, PromptSet(prompts.prompts[:1])),
    }
    assert len(locks) == 6
    assert lock(criteria_from_json(EXPECTED.canonical), prompts) == lock(EXPECTED, prompts)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"margin": 0.0}, "margin"),
        ({"prompt_margin": 1.5}, "prompt_margin"),
        ({"alpha": 0.5}, "alpha"),
        ({"power": 0.01}, "power"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"seeds": (1, 2), "sampling": Sampling()}, "seeds"),
        ({"min_prompts": 1}, "min_prompts"),
        ({"measure": "score"}, "measure"),
        ({"lane": "prompt"}, "lane"),
        ({"lane": "none"}, "lane"),
        ({"scorer": ScorerSpec("judge"), "measure": "score", "side_effects": ()}, "scorer.endpoint"),
        ({"side_effects": (SideEffectLimit("honest_loss", 0.0),)}, "side_effects[0].at_most"),
        ({"lanes": EXPECTED.lanes[1:]}, "lanes"),
        ({"lanes": (EXPECTED.lanes[0],), "lane": ""}, "lanes"),
        ({"lanes": (*EXPECTED.lanes, EXPECTED.lanes[1])}, "lanes"),
        ({"lanes": (EXPECTED.lanes[0], LaneSpec("p", "prompt")), "lane": ""}, "lanes[1].system_prompt"),
        ({"lanes": (EXPECTED.lanes[0], LaneSpec("s", "steered")), "lane": ""}, "lanes[1].terms"),
        (
            {"lanes": (EXPECTED.lanes[0], LaneSpec("s", "steered", terms=(LaneTerm("v", 1.5),))), "lane": ""},
            "lanes[1].terms[0].strength",
        ),
        ({"lanes": (EXPECTED.lanes[0], LaneSpec("s", "snapshot")), "lane": ""}, "lanes[1].snapshot"),
        ({"lanes": (EXPECTED.lanes[0], LaneSpec("s", "stage")), "lane": ""}, "lanes[1].stage"),
    ],
)
def test_each_rule_names_its_key(change: dict[str, object], key: str) -> None:
    with pytest.raises(CriteriaError) as refused:
        check_criteria(replace(EXPECTED, **change))  # type: ignore[arg-type]
    assert key in {fault.key for fault in refused.value.faults}


def test_prompts_must_suit_the_scorer_and_the_lanes() -> None:
    japanese = PromptSet((Prompt("a", "A?", language="ja", group="a", pressure="neutral"),))
    lanes = (EXPECTED.lanes[0], LaneSpec("prompt", "prompt", (PromptLine("Be honest.", "en"),)))
    with pytest.raises(CriteriaError) as refused:
        check_criteria(replace(EXPECTED, lanes=lanes, lane=""), japanese)
    keys = {fault.key for fault in refused.value.faults}
    assert keys == {"pressure", "scorer.kind", "lanes[1].system_prompt"}


@pytest.mark.parametrize(
    ("kind", "gold", "said"), [("regex", "(", "no pattern"), ("numeric", "two or 3", "3")]
)
def test_answers_that_a_scorer_cannot_use_are_found_before_the_first_reply(
    kind: str, gold: str, said: str
) -> None:
    gold = gold if kind == "regex" else "2 or 3"
    prompts = PromptSet((Prompt("a", "A?", gold=(gold,), group="a"),))
    own = default_criteria(kind, prompts=prompts)  # type: ignore[arg-type]
    with pytest.raises(CriteriaError, match="prompt 'a'"):
        check_criteria(own, prompts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "no readable TOML"),
        ("[[lanes]]\nname='u'\nkind='unsteered'\n", "name: is missing"),
        (FILE + "tresholds = 3\n", r"lanes\[2\].tresholds: is no key"),
        (FILE.replace("0.35", '"strong"'), r"lanes\[2\].terms\[0\].strength: is 'strong'"),
        (FILE.replace('kind = "prompt"', 'kind = "prompted"'), r"lanes\[1\].kind: is 'prompted'"),
        (FILE.replace("repeats = 3", "repeats = 0"), "repeats: is 0"),
        (FILE.replace("repeats = 3", "repeats = 3\nseeds = [1]"), "repeats: is given beside seeds"),
    ],
)
def test_a_faulty_file_is_refused_by_key(text: str, said: str) -> None:
    with pytest.raises(CriteriaError, match=said):
        parse_criteria(text)
