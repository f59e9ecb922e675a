"""Contrast set files: read whole or refused at the line at fault."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import (
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    prompt_tokens,
    read_contrast_set,
    write_contrast_set,
)


def record(index: int = 1, **changes: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "正直に。"}, {"role": "user", "content": f"Q{index}?"}]
    return {
        "id": f"p{index}",
        "statement_id": f"s{index}",
        "split": "train",
        "positive": {"messages": messages, "reply_prefix": "It is "},
        "negative": {"text": f"raw {index}"},
        **changes,
    }


def lines(*records: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode()


def test_a_file_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(lines(record(1), record(2, split="dev")))
    contrast_set = read_contrast_set(path)
    assert contrast_set.pairs[0] == ContrastPair(
        "p1",
        "s1",
        "train",
        ContrastPrompt((Message("system", "正直に。"), Message("user", "Q1?")), "It is "),
        ContrastPrompt(text="raw 1"),
    )
    assert [p.id for p in contrast_set.train] == ["p1"] and [p.id for p in contrast_set.dev] == ["p2"]
    assert read_contrast_set(write_contrast_set(contrast_set.pairs)) == contrast_set


def test_the_data_hash_is_of_the_content_not_of_its_spelling() -> None:
    plain = read_contrast_set(lines(record(1), record(2)))
    escaped = json.dumps(dict(reversed(record(1).items()))).encode()
    dressed = b"\xef\xbb\xbf\r\n" + escaped + b"  \r\n\n" + lines(record(2))
    assert read_contrast_set(dressed).data_hash == plain.data_hash
    assert plain.data_hash == hashlib.sha256(write_contrast_set(plain.pairs)).hexdigest()
    assert read_contrast_set(lines(record(2), record(1))).data_hash != plain.data_hash
    assert read_contrast_set(lines(record(1), record(2, split="dev"))).data_hash != plain.data_hash


def test_swapping_twice_changes_nothing() -> None:
    contrast_set = read_contrast_set(lines(record(1), record(2)))
    assert contrast_set.swapped().pairs[0].positive == contrast_set.pairs[0].negative
    assert contrast_set.swapped().data_hash != contrast_set.data_hash
    assert contrast_set.swapped().swapped() == contrast_set


USER = [{"role": "user", "content": "Q?"}]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "the pair is missing or is no object"),
        (b'"\xff"', "not UTF-8"),
        (lines(record(1)), "id 'p1' is used twice"),
        (lines(record(2, statement_id="s1", split="dev")), "'s1' is both in train and in dev"),
        (lines(record(2, split="test")), "split is 'test'; use"),
        (lines(record(2, id="")), "id is empty"),
        (lines(record(2, id=7)), "id is missing or is no text"),
        (lines(record(2, statement_id=" ")), "statement_id is empty"),
        (lines(record(2, positive=None)), "positive is missing"),
        (lines(record(2, label=1)), r"unknown keys \['label'\]; known are id"),
        (lines(record(2, positive={})), "positive: a prompt needs either messages or a non-empty text"),
        (lines(record(2, negative={"messages": USER, "text": "x"})), "negative: a prompt needs either"),
        (lines(record(2, negative={"messages": "Q?"})), "negative.messages is no list"),
        (lines(record(2, negative={"text": "x", "reply_prefix": "y"})), "reply_prefix goes with messages"),
        (
            lines(record(2, negative={"messages": [{"role": "assistant", "content": "A"}]})),
            "negative: messages must end with a user message",
        ),
        (
            lines(record(2, negative={"messages": [{"role": "operator", "content": "A"}]})),
            r"negative.messages\[0\].role is 'operator'",
        ),
        (lines(record(2, negative={"messages": [{"role": "user"}]})), "content is missing"),
        (rb'{"id":"\ud800","statement_id":"s","split":"dev"}', "surrogate"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(second: bytes, message: str) -> None:
    with pytest.raises(ContrastSetError, match=message) as caught:
        read_contrast_set(lines(record(1)) + b"\n" + second + b"\n" + lines(record(9)))
    assert caught.value.line == 2 and "line 2" in str(caught.value)
    assert caught.value.reason == "FIELD_INVALID"
    assert caught.value.metadata == {"field": "contrast_set", "line": "2"}


@pytest.mark.parametrize("content", [b"", b"\n\n", lines(record(1, split="dev"))])
def test_a_set_without_training_pairs_is_refused(content: bytes) -> None:
    with pytest.raises(ContrastSetError, match='no pair with split "train"') as caught:
        read_contrast_set(content)
    assert caught.value.line is None


def test_pairs_made_in_code_are_checked_like_a_files() -> None:
    pair = read_contrast_set(lines(record(1))).pairs[0]
    with pytest.raises(ContrastSetError, match="used twice"):
        ContrastSet((pair, pair))


def test_messages_become_the_templates_text_and_the_beginning_of_the_reply(tokenizer: Any) -> None:
    prompt = read_contrast_set(lines(record(1))).pairs[0].positive
    text = "<s><|system|>正直に。<|user|>Q1?<|assistant|>It is "
    assert tokenizer.decode(prompt_tokens(tokenizer, prompt)) == text


def test_raw_text_begins_with_the_tokenizers_special_token_once(tokenizer: Any) -> None:
    assert tokenizer.decode(prompt_tokens(tokenizer, ContrastPrompt(text="raw 1"))) == "<s>raw 1"
