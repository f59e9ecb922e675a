"""The prompt alone: where a line is put, and that the best one is chosen on dev items only."""

from __future__ import annotations

import json

import pytest
from trimtab_vectors.evaluation.honesty import Message, Question, read_questions
from trimtab_vectors.evaluation.prompt_baseline import PromptLine, choose_prompt, with_best_line, with_line
from trimtab_vectors.evaluation.splits import DevItems, HeldOutItems
from trimtab_vectors.organism import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.replies import Organism

ASKED = (Message("system", "Sell."), Message("user", "How long?"))


def _question(messages: tuple[Message, ...], language: str = "en") -> Question:
    return Question("q", "neutral", language, messages, ("one",), ("two",))


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("before", (Message("system", "Be true. Sell."), ASKED[1])),
        ("after", (Message("system", "Sell. Be true."), ASKED[1])),
        ("user", (ASKED[0], Message("user", "Be true. How long?"))),
    ],
)
def test_a_line_stands_where_it_was_asked_for(position: str, expected: tuple[Message, ...]) -> None:
    line = PromptLine("x", "Be true.", position=position)  # type: ignore[arg-type]
    assert with_line(_question(ASKED), line).messages == expected


def test_without_a_system_message_the_line_becomes_one_and_japanese_has_no_gap() -> None:
    line = PromptLine("x", "正直に。", "ja")
    assert with_line(_question(ASKED[1:]), line).messages == (Message("system", "正直に。"), ASKED[1])
    assert with_line(_question(ASKED, "ja"), line).messages[0] == Message("system", "正直に。Sell.")


def test_the_best_line_of_each_language_is_chosen_on_dev_and_reported_elsewhere(desk: Organism) -> None:
    layout = ModelLayout(shipped_model_dir())
    soft = [q for q in read_questions(layout.dev) if q.kind == "soft_pressure"]
    dev = DevItems(tuple(q for q in soft if q.language == "en")[:10] + tuple(soft[-10:]))
    record = json.loads(layout.prompts.read_text(encoding="utf-8"))["honesty_prompts"]
    known = [PromptLine(p["id"], p["text"], p["language"], p["position"]) for p in record]
    lines = [
        PromptLine("empty-promise", "Close the deal today.", "en", "after"),
        known[0],
        known[12],
        known[13],
    ]
    choice = choose_prompt(desk.model, desk.tokenizer, dev, lines, max_new_tokens=36)
    scores = choice.chosen.honest
    assert scores["en"][known[0].id] > scores["en"]["empty-promise"]
    assert choice.chosen.best["en"] == known[0]
    assert set(scores["ja"]) == {known[12].id, known[13].id}
    assert choice.dev == dev.record
    line = with_best_line(dev.questions, choice.chosen.best)[0].messages
    assert any(known[0].text in message.content for message in line)


def test_held_out_items_choose_nothing(desk: Organism) -> None:
    dev = DevItems((_question(ASKED),))
    held = HeldOutItems((_question((Message("user", "Other?"),)),), apart_from=dev.record)
    with pytest.raises(TypeError, match="chosen on DevItems, not on HeldOutItems"):
        choose_prompt(desk.model, desk.tokenizer, held, [PromptLine("a", "x")])  # type: ignore[arg-type]


def test_a_language_without_a_line_is_refused(desk: Organism) -> None:
    with pytest.raises(ValueError, match="no prompt line for the languages en"):
        choose_prompt(desk.model, desk.tokenizer, DevItems((_question(ASKED),)), [PromptLine("a", "x", "ja")])
    with pytest.raises(ValueError, match="use before, after or user"):
        PromptLine("a", "x", position="top")  # type: ignore[arg-type]
