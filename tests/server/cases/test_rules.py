"""What makes a confirmation one, and when a prompt of a snapshot is a lane's."""

from __future__ import annotations

import hashlib
import hmac

from trimtab_server.cases.rules import (
    lane_changes,
    prompt_mark,
    prompt_marks,
    released_prompt,
    repeated,
    same_prompt,
)
from trimtab_server.trials.prompts import Prompt

SECRET, OTHER = "ab" * 32, "cd" * 32


def prompts(*texts: str) -> tuple[Prompt, ...]:
    return tuple(Prompt(f"p{number}", text) for number, text in enumerate(texts, start=1))


def test_a_prompt_is_repeated_whatever_its_case_and_spaces_and_setting() -> None:
    asked = prompt_marks(SECRET, prompts("What is the price?", "How  long\nis the warranty?"))
    again = (
        Prompt("a", "WHAT is  the price?", system="Sell it."),
        Prompt("b", "How long is the warranty?"),
        Prompt("c", "What is the price now?"),
    )
    found = repeated(SECRET, again, asked)
    assert found is not None
    assert (found.count, found.total, found.first) == (2, 3, ("a", "b"))


def test_fresh_prompts_repeat_nothing_and_only_the_first_few_are_named() -> None:
    asked = prompt_marks(SECRET, prompts(*(f"Question {n}?" for n in range(40))))
    assert repeated(SECRET, prompts("Something new?"), asked) is None
    found = repeated(SECRET, prompts(*(f"Question {n}?" for n in range(20, 60))), asked)
    assert found is not None
    assert (found.count, found.total, found.first) == (20, 40, ("p1", "p2", "p3", "p4", "p5"))


def test_a_mark_is_a_keyed_hash_that_another_case_does_not_share() -> None:
    expected = hmac.new(bytes.fromhex(SECRET), b"what is the price?", hashlib.sha256).hexdigest()
    assert prompt_mark(SECRET, "What is the price?") == expected[:16]
    assert prompt_mark(SECRET, "What is the price?") != prompt_mark(OTHER, "What is the price?")
    assert prompt_marks(SECRET, prompts("A?", "a?")) == (prompt_mark(SECRET, "a?"),)


def test_full_width_and_half_width_characters_are_one_prompt() -> None:
    asked = prompt_marks(SECRET, prompts("保証は１０年ですか？"))
    assert repeated(SECRET, prompts("保証は10年ですか?"), asked) is not None


def test_every_difference_of_lanes_is_named() -> None:
    locked = {"unsteered": 0, "steered": 1, "prompt": 2}
    assert lane_changes(locked, dict(locked)) == ()
    changes = lane_changes(locked, {"unsteered": 0, "steered": 9, "extra": 3})
    assert [own.said_in("en") for own in changes] == [
        "lane prompt is missing",
        "lane extra was added",
        "lane steered steers otherwise",
    ]
    assert changes[2].said_in("ja") == "レーン「steered」のステアリングが異なります"


def test_a_snapshot_may_speak_one_language_of_a_lane_or_all() -> None:
    lines = ("Always say only what is true.", "どんなときもありのままを述べてください。")
    assert same_prompt(lines[0], lines)
    assert same_prompt(lines[1], lines)
    assert same_prompt(released_prompt(lines), lines)
    assert not same_prompt("", lines)
    assert not same_prompt(lines[0] + " Be brief.", lines)
