"""Contrast sets as CSV: what the columns mean, and refusals that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import (
    ContrastPrompt,
    ContrastSetError,
    read_contrast_set,
    splits_by_statement,
    write_contrast_set,
)

FULL = """id,statement_id,split,positive_system,negative_system,user,reply_prefix,positive_answer,negative_answer
a,s1,train,Be honest.,Sell.,"How far, please?",It is ,8 km.,1 km.
b,s2,dev,正直に。,売って。,"何""キロ""?",,八,
"""


def test_columns_become_the_two_sides_of_a_conversation(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(FULL, encoding="utf-8")
    first, second = read_contrast_set(path).pairs
    assert (first.id, first.statement_id, first.split) == ("a", "s1", "train")
    question = Message("user", "How far, please?")
    assert first.positive == ContrastPrompt(
        (Message("system", "Be honest."), question), "It is ", answer="8 km."
    )
    assert first.negative == ContrastPrompt((Message("system", "Sell."), question), "It is ", answer="1 km.")
    assert second.positive == ContrastPrompt(
        (Message("system", "正直に。"), Message("user", '何"キロ"?')), answer="八"
    )
    assert second.negative.answer == "" and second.split == "dev"


def test_a_table_and_its_json_lines_are_one_set_under_one_hash() -> None:
    table = read_contrast_set(FULL.encode())
    again = read_contrast_set(write_contrast_set(table.pairs))
    assert again == table and again.data_hash == table.data_hash


def test_a_spreadsheets_mark_quotes_and_line_ends_change_nothing() -> None:
    quoted = FULL.replace("id,statement_id", '"id","statement_id"', 1)
    dressed = "\ufeff" + quoted.replace("\n", "\r\n") + ",,,,,,,,\r\n"
    assert read_contrast_set(dressed.encode()) == read_contrast_set(FULL.encode())


def test_each_side_may_have_its_own_message_or_its_own_raw_text() -> None:
    messages = read_contrast_set(
        b"statement_id,positive,negative\ns,Tell the truth: how far?,Lie: how far?\n"
    )
    assert messages.pairs[0].positive == ContrastPrompt((Message("user", "Tell the truth: how far?"),))
    assert messages.pairs[0].negative == ContrastPrompt((Message("user", "Lie: how far?"),))
    raw = read_contrast_set(
        b"statement_id,positive_text,negative_text,answer\ns,It is true that,It is false that,yes\n"
    )
    assert raw.pairs[0].positive == ContrastPrompt(text="It is true that", answer="yes")
    assert raw.pairs[0].negative == ContrastPrompt(text="It is false that", answer="yes")


def rows(count: int) -> bytes:
    lines = [f"s{i // 2},yes {i},no {i}" for i in range(count)]
    return "\n".join(["statement_id,positive,negative", *lines, ""]).encode()


def test_without_a_split_column_statements_are_held_out_whole_and_the_hash_covers_it() -> None:
    made = read_contrast_set(rows(40))
    expected = splits_by_statement(f"s{i}" for i in range(20))
    assert {pair.statement_id: pair.split for pair in made.pairs} == expected
    assert len(made.dev) == 8 and len({pair.statement_id for pair in made.dev}) == 4
    other = read_contrast_set(rows(40), split_seed=1)
    assert other.data_hash != made.data_hash
    assert read_contrast_set(rows(40)).data_hash == made.data_hash
    assert [pair.id for pair in made.pairs[:2]] == ["row-2", "row-3"]


def test_json_lines_without_a_split_are_split_the_same_way() -> None:
    lines = b"".join(
        b'{"id":"row-%d","statement_id":"s%d","positive":{"messages":[{"role":"user","content":"yes %d"}]},'
        b'"negative":{"messages":[{"role":"user","content":"no %d"}]}}\n' % (i + 2, i // 2, i, i)
        for i in range(40)
    )
    assert read_contrast_set(lines) == read_contrast_set(rows(40))
    named = lines.replace(b'"statement_id":"s19"', b'"statement_id":"s19","split":"dev"')
    with pytest.raises(ContrastSetError, match="split is missing, and line 39 has one") as caught:
        read_contrast_set(named)
    assert caught.value.line == 1


HEADER = "statement_id,positive,negative\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("statement_id;positive;negative\ns;a;b\n", 1, "separate columns by commas"),
        ("statement_id,positive,negative,lable\ns,a,b,c\n", 1, r"unknown columns \['lable'\]; known are id"),
        ("positive,negative\na,b\n", 1, "the column statement_id is missing"),
        ("statement_id,positive\ns,a\n", 1, "use one of these ways"),
        ("statement_id,user,positive,negative\ns,q,a,b\n", 1, "use one of these ways"),
        ("statement_id,system\ns,a\n", 1, "use one of these ways"),
        (
            "statement_id,statement_id,positive,negative\ns,s,a,b\n",
            1,
            r"columns \['statement_id'\] occur twice",
        ),
        ("statement_id,user,system,positive_system\ns,q,a,b\n", 1, "system and positive_system exclude"),
        (HEADER + "s,a,b\ns2,a\n", 3, "the row has 2 cells, the header 3 columns"),
        (HEADER + 's,"two\nlines",b\n,a,b\n', 4, "statement_id is empty"),
        (HEADER + "s,a,\n", 2, "the negative side is empty"),
        (HEADER + 's,"a"x,b\n', 2, "not CSV"),
        (HEADER + 's,"a,b\n', 2, "not CSV"),
        (HEADER + "s,a," + "x" * 200_000 + "\n", 2, "not CSV"),
        ("id,statement_id,positive,negative\nx,s,a,b\nx,t,a,b\n", 3, "id 'x' is used twice"),
        ("id,statement_id,positive,negative\n,s,a,b\n", 2, "id is empty"),
        ("split,statement_id,positive,negative\ntest,s,a,b\n", 2, "split is 'test'"),
        ("split,statement_id,positive,negative\ntrain,s,a,b\ndev,s,a,b\n", 3, "both in train and in dev"),
        ("split,statement_id,positive,negative\ntrain,s,a,b\n,t,a,b\n", 3, "split is missing, and line 2"),
        ("statement_id,positive_text,negative_text,system\ns,a,b,c\n", 2, "system goes with a message"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_at_its_line(content: str, line: int, message: str) -> None:
    with pytest.raises(ContrastSetError, match=message) as caught:
        read_contrast_set(content.encode())
    assert caught.value.line == line
    assert caught.value.metadata == {"field": "contrast_set", "line": str(line)}


def test_a_header_alone_is_a_set_without_pairs() -> None:
    with pytest.raises(ContrastSetError, match='no pair with split "train"'):
        read_contrast_set(HEADER.encode())
