"""Faults of contrast sets: everything the server says of one is said in the operator's language."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator

import pytest
from trimtab_gui.i18n import Languages
from trimtab_gui.models.contrast_faults import fault_text
from trimtab_vectors.extraction import (
    ContrastSetError,
    contrast_csv,
    contrast_files,
    contrast_set,
    positions,
    prompt_tokens,
    read_contrast_set,
)

JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
MESSAGE = {"messages": [{"role": "user", "content": "Q?"}], "reply_prefix": "It"}


def pair(**changes: object) -> str:
    own = {"id": "a", "statement_id": "s", "split": "train", "positive": MESSAGE, "negative": MESSAGE}
    return json.dumps({**own, **changes})


FILES = {
    "columns": "statement_id,positive,negative,colour\na,x,y,z\n",
    "semicolons": "statement_id;positive;negative\na;x;y\n",
    "twice": "statement_id,positive,positive\na,x,y\n",
    "statement": "positive,negative\nx,y\n",
    "ways": "statement_id,answer\na,x\n",
    "cells": "statement_id,positive,negative\na,x\n",
    "empty": "statement_id,positive,negative\na,,y\n",
    "json": "{nothing}",
    "keys": pair(colour="red"),
    "text": pair(id=3),
    "blank": pair(id=" "),
    "split": pair(split="test"),
    "list": pair(positive={"messages": 3}),
    "role": pair(positive={"messages": [{"role": "judge", "content": "x"}]}),
    "neither": pair(positive={}),
    "prefix": pair(positive={"text": "x", "reply_prefix": "y"}),
    "last": pair(positive={"messages": [{"role": "assistant", "content": "x"}]}),
    "id": pair() + "\n" + pair(),
    "train": pair(split="dev"),
    "both": pair() + "\n" + pair(id="b", split="dev"),
}


@pytest.fixture
def japanese(qapp: object) -> Iterator[Languages]:
    languages = Languages("ja")
    yield languages
    languages.choose("en")


def sentences() -> Iterator[str]:
    """Every sentence that the readers of contrast sets can say, with "x" for what it names."""
    for module in (contrast_csv, contrast_files, contrast_set, positions, prompt_tokens):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if not named or node.func.id != "ContrastSetError":
                continue
            match node.args[0]:
                case ast.Constant(value=str(text)):
                    yield text
                case ast.JoinedStr(values=parts):
                    yield "".join(p.value if isinstance(p, ast.Constant) else "x" for p in parts)


@pytest.mark.parametrize("kind", FILES)
def test_a_fault_of_a_file_is_said_in_japanese(japanese: Languages, kind: str) -> None:
    with pytest.raises(ContrastSetError) as caught:
        read_contrast_set(FILES[kind].encode())
    said = fault_text(caught.value.fault)
    assert JAPANESE.search(said), caught.value.fault
    assert not re.search(r"[a-z]+ (is|has|and|the|one) [a-z]+", said), said
    japanese.choose("en")
    assert not JAPANESE.search(fault_text(caught.value.fault))


def test_no_sentence_of_the_readers_is_left_out(japanese: Languages) -> None:
    found = [text for text in sentences() if text not in ("x: x", "the x side is empty")]
    assert len(found) > 20
    assert [text for text in found if not JAPANESE.search(fault_text(text))] == []


def test_a_fault_with_its_pair_is_said_as_one(japanese: Languages) -> None:
    told = "pair 'en/1', positive side: the prompt has no token"
    assert fault_text(told) == "対 'en/1' の positive 側：プロンプトにトークンがありません"
    assert fault_text("something new") == "something new"
