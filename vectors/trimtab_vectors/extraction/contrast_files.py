"""Contrast set files: JSON lines, or a CSV table (`contrast_csv`).

One pair a line:

    {"id": "p1", "statement_id": "s1", "split": "train",
     "positive": {"messages": [{"role": "user", "content": "..."}], "reply_prefix": "It is ", "answer": "8 km"},
     "negative": {"messages": [...], "reply_prefix": "It is "}}

A side may be {"text": "..."} instead. `answer` may be left out, and so may `split`, in the whole file or
nowhere: the statements are then split by `splits_by_statement`, and the data hash covers what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from trimtab_vectors.evaluation.honesty import ROLES, Message
from trimtab_vectors.extraction.contrast_csv import read_rows
from trimtab_vectors.extraction.contrast_set import (
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    Split,
    check_pairs,
)
from trimtab_vectors.extraction.splits import SPLIT_SEED, splits_by_statement

_PAIR_KEYS: Final = ("id", "statement_id", "split", "positive", "negative")
_PROMPT_KEYS: Final = ("messages", "reply_prefix", "text", "answer")
_MESSAGE_KEYS: Final = ("role", "content")
_SPLITS: Final = ("train", "dev")


def read_contrast_set(source: Path | str | bytes, *, split_seed: int = SPLIT_SEED) -> ContrastSet:
    """Read a contrast set from a path, or from the file's bytes; a file whose first line begins with `{` is
    JSON lines, any other a CSV table. UTF-8, with or without a byte order mark.

    split_seed: of the split by statement, for a file that names no split.

    Raises ContrastSetError with the line at fault; OSError if the path cannot be read.
    """
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContrastSetError("not UTF-8; save the file as UTF-8", line) from error
    numbered = _json_lines(text) if _is_json(text) else read_rows(text)
    pairs = _split([(line, *_pair(record, line)) for line, record in numbered], split_seed)
    check_pairs(pairs)
    return ContrastSet(tuple(pair for _, pair in pairs))


def _is_json(text: str) -> bool:
    start = text.lstrip()[:1]
    return start in ("", "{", "[")


def _json_lines(text: str) -> list[tuple[int, Any]]:
    numbered = []
    for line, content in enumerate(text.split("\n"), 1):
        if content.strip():
            try:
                numbered.append((line, json.loads(content)))
            except (ValueError, RecursionError) as error:
                raise ContrastSetError(f"not JSON: {error}", line) from error
    return numbered


def _split(
    pairs: Sequence[tuple[int, ContrastPair, bool]], seed: int
) -> list[tuple[int | None, ContrastPair]]:
    """Splits made here, if the file names none."""
    named = [line for line, _, names_split in pairs if names_split]
    if named:
        for line, _, names_split in pairs:
            if not names_split:
                raise ContrastSetError(
                    f"split is missing, and line {named[0]} has one; give it in every line or in none", line
                )
        return [(line, pair) for line, pair, _ in pairs]
    splits = splits_by_statement((pair.statement_id for _, pair, _ in pairs), seed=seed)
    return [(line, replace(pair, split=splits[pair.statement_id])) for line, pair, _ in pairs]


def _pair(record: Any, line: int) -> tuple[ContrastPair, bool]:
    """The pair, and whether its record names a split ("train" stands in until one is made)."""
    pair = _object(record, "the pair", _PAIR_KEYS, line)
    split = _text(pair, "split", line) if "split" in pair else "train"
    if split not in _SPLITS:
        raise ContrastSetError(f'split is {split!r}; use "train" or "dev"', line)
    made = ContrastPair(
        id=_filled(pair, "id", line),
        statement_id=_filled(pair, "statement_id", line),
        split=cast(Split, split),
        positive=_prompt(pair.get("positive"), "positive", line),
        negative=_prompt(pair.get("negative"), "negative", line),
    )
    return made, "split" in pair


def _prompt(value: Any, name: str, line: int) -> ContrastPrompt:
    prompt = _object(value, name, _PROMPT_KEYS, line)
    messages = prompt.get("messages", [])
    if not isinstance(messages, list):
        raise ContrastSetError(f"{name}.messages is no list", line)
    read = tuple(_message(m, f"{name}.messages[{i}]", line) for i, m in enumerate(messages))
    texts = {
        key: _text(prompt, key, line) if key in prompt else "" for key in ("reply_prefix", "text", "answer")
    }
    try:
        return ContrastPrompt(read, **texts)
    except ContrastSetError as error:
        raise ContrastSetError(f"{name}: {error.fault}", line) from None


def _message(value: Any, name: str, line: int) -> Message:
    message = _object(value, name, _MESSAGE_KEYS, line)
    role = _text(message, "role", line)
    if role not in ROLES:
        raise ContrastSetError(f"{name}.role is {role!r}; use one of {', '.join(ROLES)}", line)
    return Message(role=role, content=_text(message, "content", line))


def _object(value: Any, name: str, keys: tuple[str, ...], line: int) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ContrastSetError(f"{name} is missing or is no object; it holds {', '.join(keys)}", line)
    unknown = sorted(value.keys() - set(keys))
    if unknown:
        raise ContrastSetError(f"{name} has unknown keys {unknown}; known are {', '.join(keys)}", line)
    return value


def _text(record: Mapping[str, Any], key: str, line: int) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise ContrastSetError(f"{key} is missing or is no text", line)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ContrastSetError(f"{key} holds half of a surrogate pair, which is no character", line)
    return value


def _filled(record: Mapping[str, Any], key: str, line: int) -> str:
    value = _text(record, key, line)
    if not value.strip():
        raise ContrastSetError(f"{key} is empty", line)
    return value
