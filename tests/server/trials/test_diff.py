"""Word by word: two replies beside each other."""

from __future__ import annotations

import random

import pytest
from trimtab_server.trials.diff import MOST_WORDS, word_diff, words

ALPHABET = [
    "warranty",
    "two",
    " ",
    " ",
    ",",
    "二年",
    "保証",
    "は",
    "です",
    "。",
    "\n",
    "ケーブル",
    "1,200",
    "don't",
]
ALPHABET += ["x", "🙂", "\r\n"]


def test_english_changes_by_words() -> None:
    own = word_diff("The warranty is two years.", "The warranty is ten years!")
    assert [(s.change, s.left, s.right) for s in own] == [
        ("same", "The warranty is ", "The warranty is "),
        ("changed", "two", "ten"),
        ("same", " years", " years"),
        ("changed", ".", "!"),
    ]


def test_japanese_changes_where_the_script_does() -> None:
    own = word_diff("保証期間は二年です。", "保証期間は十年です。")
    assert [(s.change, s.left, s.right) for s in own] == [
        ("same", "保証期間は", "保証期間は"),
        ("changed", "二年", "十年"),
        ("same", "です。", "です。"),
    ]
    assert words("ケーブルを1,200円で。") == ["ケーブル", "を", "1,200", "円", "で", "。"]


def test_added_and_removed_words_stand_alone() -> None:
    own = word_diff("It is good.", "It is very good.")
    assert [s.change for s in own] == ["same", "added", "same"]
    assert own[1].left == "" and own[1].right.strip() == "very"
    assert [s.change for s in word_diff("abc", "")] == ["removed"]
    assert word_diff("", "") == ()


@pytest.mark.parametrize("seed", range(20))
def test_the_sides_joined_are_the_replies(seed: int) -> None:
    rng = random.Random(seed)
    left, right = ("".join(rng.choices(ALPHABET, k=rng.randint(0, 40))) for _ in range(2))
    own = word_diff(left, right)
    assert "".join(s.left for s in own) == left and "".join(s.right for s in own) == right
    assert all((s.change == "same") == (s.left == s.right) for s in own)
    assert "".join(words(left)) == left


def test_very_long_replies_are_compared_by_lines() -> None:
    left = "".join(f"word{i}\n" for i in range(MOST_WORDS))
    own = word_diff(left, left + "more")
    assert [s.change for s in own] == ["same", "added"]
