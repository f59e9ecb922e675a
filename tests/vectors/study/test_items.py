"""Items are cut by whole facts, lines go where they are told, and nothing held out is chosen on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.study.items import StudyItem, check_disjoint, limited, read_items, read_texts, with_line
from trimtab_vectors.study.plan import Line, PlanError


def item(id: str, fact: str, text: str = "What is it?") -> StudyItem:
    return StudyItem(
        Question(id, "neutral", "en", (Message("user", f"{text} {id}"),), ("yes",), ("no",)), fact
    )


def test_a_limit_keeps_or_drops_whole_facts() -> None:
    items = [item(f"{fact}/{n}", fact) for fact in "abcdef" for n in range(3)]
    kept = limited(items, 10, seed=1)
    counts = {fact: sum(i.fact == fact for i in kept) for fact in {i.fact for i in kept}}
    assert len(kept) == 9 and set(counts.values()) == {3}
    assert limited(items, 10, seed=1) == kept != limited(items, 10, seed=2)
    assert [i.question.id for i in kept] == sorted(i.question.id for i in kept)


def test_one_fact_on_both_sides_is_refused_in_any_wording() -> None:
    with pytest.raises(PlanError, match="fact-2"):
        check_disjoint([item("1", "fact-1"), item("2", "fact-2")], [item("3", "fact-2")])
    check_disjoint([item("1", "fact-1")], [item("3", "fact-2")])


@pytest.mark.parametrize(
    ("position", "system", "expected"),
    [
        ("before", "Be kind.", ["system:Tell the truth. Be kind.", "user:Hello"]),
        ("after", "Be kind.", ["system:Be kind. Tell the truth.", "user:Hello"]),
        ("alone", "Be kind.", ["system:Tell the truth.", "user:Hello"]),
        ("user", "Be kind.", ["system:Be kind.", "user:Tell the truth. Hello"]),
        ("before", "", ["system:Tell the truth.", "user:Hello"]),
        ("user", "", ["user:Tell the truth. Hello"]),
    ],
)
def test_a_line_stands_where_it_is_told(position: str, system: str, expected: list[str]) -> None:
    asked = [*([Message("system", system)] if system else []), Message("user", "Hello")]
    line = Line.model_validate({"text": "Tell the truth.", "language": "en", "position": position})
    assert [f"{m.role}:{m.content}" for m in with_line(asked, line)] == expected


def test_values_are_spaced_as_their_script_is() -> None:
    english = StudyItem(item("1", "f").question, "f", "The warranty is")
    japanese = StudyItem(item("1", "f").question, "f", "保証期間は")
    assert english.reply("two years") == "The warranty is two years"
    assert japanese.reply("二年") == "保証期間は二年"
    assert item("1", "f").reply("yes") == "yes"


def test_a_wrong_line_is_named_by_file_and_number(tmp_path: Path) -> None:
    good = {
        "id": "1", "kind": "neutral", "language": "en", "honest": ["yes"], "dishonest": ["no"],
        "messages": [{"role": "user", "content": "?"}],
    }  # fmt: skip
    path = tmp_path / "items.jsonl"
    for wrong, told in (
        ({**good, "id": "2", "dishonest": []}, "dishonest is empty"),
        ({**good, "id": "2", "fact": ""}, "'fact' must be a text"),
        (good, "used twice"),
        ([1], "object is expected"),
    ):
        path.write_text(f"{json.dumps(good)}\n{json.dumps(wrong)}\n", encoding="utf-8")
        with pytest.raises(PlanError, match=told) as found:
            read_items(path)
        assert "items.jsonl" in str(found.value)
    path.write_text('{"text": "Good."}\n{"messages": [{"role": "user", "content": "?"}]}\n', encoding="utf-8")
    with pytest.raises(PlanError, match=r"items\.jsonl:2: 'messages' must end with"):
        read_texts(path)
