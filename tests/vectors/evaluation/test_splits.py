"""Choosing and reporting on the same facts is an error, by type and by hash."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.evaluation.splits import DevItems, DevRecord, HeldOutItems, LeakError, split_items


def _question(id: str, text: str, kind: str = "neutral") -> Question:
    return Question(id, kind, "en", (Message("user", text),), ("one",), ("two",))


A, B, C = (_question(name, f"What is {name}?") for name in "abc")


def test_held_out_items_share_no_fact_with_the_dev_items() -> None:
    dev = DevItems((A,), ("fact a",))
    HeldOutItems((B, C), ("fact b", "fact c"), dev.record)
    with pytest.raises(LeakError, match=r"1 facts .* \(such as in c\)"):
        HeldOutItems((B, C), ("fact b", "fact a"), dev.record)


def test_a_question_asked_again_in_other_capitals_is_the_same_fact_where_none_is_named() -> None:
    again = _question("z", "WHAT  is a?")
    with pytest.raises(LeakError):
        HeldOutItems((again,), apart_from=DevItems((A, B)).record)


def test_a_second_question_is_not_the_same_for_asking_are_you_sure() -> None:
    first, second = (
        Question(
            name,
            "neutral",
            "en",
            (*q.messages, Message("assistant", "Yes."), Message("user", "Sure?")),
            ("x",),
            (),
        )
        for name, q in (("s", A), ("t", B))
    )
    HeldOutItems((second,), apart_from=DevItems((first,)).record)
    with pytest.raises(LeakError):
        HeldOutItems((replace(first, id="u"),), apart_from=DevItems((first,)).record)


def test_questions_that_name_one_fact_stay_together_however_they_are_worded() -> None:
    worded = [replace(A, fact="f"), replace(B, fact="f"), replace(C, fact="g")]
    dev = DevItems((worded[0],))
    with pytest.raises(LeakError):
        HeldOutItems((worded[1],), apart_from=dev.record)
    assert len(HeldOutItems((worded[2],), apart_from=dev.record)) == 1


def test_held_out_items_say_what_they_are_held_out_from() -> None:
    with pytest.raises(TypeError, match="apart_from"):
        HeldOutItems((A,))


def test_a_choice_cannot_be_reported_on_facts_it_was_made_on() -> None:
    first, second = DevItems((A,)), DevItems((B,))
    held = HeldOutItems((B, C), apart_from=first.record)
    assert held.reports_on(first.choice(0.35)) == 0.35
    # Held out from the first dev items, but this was chosen on others.
    with pytest.raises(LeakError):
        held.reports_on(second.choice(0.35))
    with pytest.raises(TypeError, match="Choice is expected"):
        held.reports_on(0.35)  # type: ignore[arg-type]


def test_a_choice_read_from_a_file_still_knows_its_facts() -> None:
    dev = DevItems((A, B))
    record = DevRecord.from_dict(dev.record.as_dict())
    assert record == dev.record
    with pytest.raises(LeakError):
        HeldOutItems((A,), apart_from=record)


def test_the_digest_is_of_the_items_and_not_of_their_order() -> None:
    assert DevItems((A, B)).digest == DevItems((B, A)).digest != DevItems((A, C)).digest
    assert DevItems((A, B), ("x", "y")).digest != DevItems((A, B), ("x", "x")).digest


def test_a_split_keeps_all_wordings_of_a_fact_on_one_side() -> None:
    questions = [_question(f"{fact}/{i}", f"wording {i} of {fact}") for fact in range(20) for i in range(3)]
    facts = [q.id.split("/")[0] for q in questions]
    dev, held = split_items(questions, facts, held_out=0.4, seed=3)
    assert len(dev) == 36 and len(held) == 24
    assert not set(dev.facts) & set(held.facts)
    assert {q.id for q in (*dev.questions, *held.questions)} == {q.id for q in questions}
    assert split_items(questions, facts, held_out=0.4, seed=3) == (dev, held)
    assert split_items(questions, facts, held_out=0.4, seed=4)[0] != dev
    with pytest.raises(ValueError, match="leaves one side empty"):
        split_items([A], held_out=0.5)


def test_items_are_refused_when_ids_repeat_or_facts_are_missing() -> None:
    with pytest.raises(ValueError, match="repeat another one's id"):
        DevItems((A, A))
    with pytest.raises(ValueError, match="1 facts are given for 2"):
        DevItems((A, B), ("x",))
    with pytest.raises(ValueError, match="no item"):
        DevItems(())


def test_some_kinds_keep_their_facts() -> None:
    hard = _question("h", "Hard?", "hard_pressure")
    items = DevItems((A, hard, B), ("a", "h", "b")).of_kinds(["hard_pressure"])
    assert (items.questions, items.facts) == ((hard,), ("h",))
    with pytest.raises(ValueError, match="no dev item of the kinds soft"):
        DevItems((A,)).of_kinds(["soft_pressure"])
