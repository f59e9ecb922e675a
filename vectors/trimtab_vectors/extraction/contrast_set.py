"""Contrast sets: pairs of prompts that differ in the concept alone, as JSON lines.

One pair a line:

    {"id": "p1", "statement_id": "s1", "split": "train",
     "positive": {"messages": [{"role": "user", "content": "..."}], "reply_prefix": "It is "},
     "negative": {"messages": [...], "reply_prefix": "It is "}}

`messages` end with the user's turn and are rendered with the model's chat template; `reply_prefix` is
where the reply has got to. The state is read at the last token of that text, so end it just before what
tells the two apart. A member may be {"text": "..."} instead: the text as it is, without a template.

Pairs of one statement (`statement_id`) belong to one split: "train" makes the direction, "dev" is held out
for its pair accuracy. A statement in both would make the accuracy a memory test and is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast

from trimtab_vectors.evaluation.honesty import ROLES, Message
from trimtab_vectors.steering_vector import VectorError

Split = Literal["train", "dev"]

_PAIR_KEYS: Final = ("id", "statement_id", "split", "positive", "negative")
_PROMPT_KEYS: Final = ("messages", "reply_prefix", "text")
_MESSAGE_KEYS: Final = ("role", "content")


class ContrastSetError(VectorError):
    """A contrast set is not usable. `line` is the 1-based line at fault, None for the set as a whole."""

    def __init__(self, message: str, line: int | None = None) -> None:
        place = "contrast set" if line is None else f"contrast set, line {line}"
        metadata = {} if line is None else {"line": line}
        super().__init__("FIELD_INVALID", f"{place}: {message}", field="contrast_set", **metadata)
        self.line = line


@dataclass(frozen=True)
class ContrastPrompt:
    """Either a conversation with the beginning of its reply, or raw text; never both."""

    messages: tuple[Message, ...] = ()
    reply_prefix: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if bool(self.text) == bool(self.messages):
            raise ContrastSetError("a prompt needs either messages or a non-empty text, and not both")
        if self.text and self.reply_prefix:
            raise ContrastSetError("reply_prefix goes with messages; put it at the end of text instead")
        if self.messages and self.messages[-1].role != "user":
            raise ContrastSetError(
                "messages must end with a user message; put the beginning of the reply into reply_prefix"
            )

    def as_dict(self) -> dict[str, Any]:
        if self.text:
            return {"text": self.text}
        messages = [{"role": m.role, "content": m.content} for m in self.messages]
        return {"messages": messages, "reply_prefix": self.reply_prefix}


@dataclass(frozen=True)
class ContrastPair:
    id: str
    statement_id: str
    split: Split
    positive: ContrastPrompt
    negative: ContrastPrompt

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "statement_id": self.statement_id,
            "split": self.split,
            "positive": self.positive.as_dict(),
            "negative": self.negative.as_dict(),
        }

    def swapped(self) -> ContrastPair:
        return ContrastPair(self.id, self.statement_id, self.split, self.negative, self.positive)


@dataclass(frozen=True)
class ContrastSet:
    """Pairs in the order of the file. Raises ContrastSetError if ids repeat, if a statement is in both splits
    or if there is no training pair."""

    pairs: tuple[ContrastPair, ...]

    def __post_init__(self) -> None:
        _check_pairs((None, pair) for pair in self.pairs)
        if not self.train:
            raise ContrastSetError('there is no pair with split "train"; at least one is needed')

    @cached_property
    def train(self) -> tuple[ContrastPair, ...]:
        return tuple(pair for pair in self.pairs if pair.split == "train")

    @cached_property
    def dev(self) -> tuple[ContrastPair, ...]:
        return tuple(pair for pair in self.pairs if pair.split == "dev")

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 hex over the pairs' canonical lines: spacing and the order of keys do not matter, the
        order of pairs does."""
        return hashlib.sha256(write_contrast_set(self.pairs)).hexdigest()

    def swapped(self) -> ContrastSet:
        """The label of each pair exchanged: the vector of the opposite sign."""
        return ContrastSet(tuple(pair.swapped() for pair in self.pairs))


def read_contrast_set(source: Path | str | bytes) -> ContrastSet:
    """Read JSON lines from a path, or from the file's bytes.

    Raises ContrastSetError with the line at fault; OSError if the path cannot be read.
    """
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContrastSetError("not UTF-8; save the file as UTF-8", line) from error
    numbered = [(n, _read_pair(line, n)) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    _check_pairs(numbered)
    return ContrastSet(tuple(pair for _, pair in numbered))


def write_contrast_set(pairs: Iterable[ContrastPair]) -> bytes:
    """The canonical JSON lines of `pairs`, the form that is hashed."""
    records = (pair.as_dict() for pair in pairs)
    lines = (json.dumps(r, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for r in records)
    return "".join(f"{line}\n" for line in lines).encode()


def _check_pairs(numbered: Iterable[tuple[int | None, ContrastPair]]) -> None:
    ids: set[str] = set()
    splits: dict[str, Split] = {}
    for line, pair in numbered:
        if pair.id in ids:
            raise ContrastSetError(f"id {pair.id!r} is used twice; each pair needs its own", line)
        ids.add(pair.id)
        if splits.setdefault(pair.statement_id, pair.split) != pair.split:
            raise ContrastSetError(
                f"statement {pair.statement_id!r} is both in train and in dev; a held-out pair must be about "
                "a statement the direction was not made from",
                line,
            )


def _read_pair(text: str, line: int) -> ContrastPair:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContrastSetError(f"not JSON: {error}", line) from error
    pair = _object(record, "the pair", _PAIR_KEYS, line)
    split = _text(pair, "split", line)
    if split not in ("train", "dev"):
        raise ContrastSetError(f'split is {split!r}; use "train" or "dev"', line)
    return ContrastPair(
        id=_filled(pair, "id", line),
        statement_id=_filled(pair, "statement_id", line),
        split=cast(Split, split),
        positive=_read_prompt(pair.get("positive"), "positive", line),
        negative=_read_prompt(pair.get("negative"), "negative", line),
    )


def _read_prompt(value: Any, name: str, line: int) -> ContrastPrompt:
    prompt = _object(value, name, _PROMPT_KEYS, line)
    messages = prompt.get("messages", [])
    if not isinstance(messages, list):
        raise ContrastSetError(f"{name}.messages is no list", line)
    read = tuple(_read_message(m, f"{name}.messages[{i}]", line) for i, m in enumerate(messages))
    reply_prefix = _text(prompt, "reply_prefix", line) if "reply_prefix" in prompt else ""
    text = _text(prompt, "text", line) if "text" in prompt else ""
    try:
        return ContrastPrompt(read, reply_prefix, text)
    except ContrastSetError as error:
        raise ContrastSetError(f"{name}: {str(error).partition(': ')[2]}", line) from None


def _read_message(value: Any, name: str, line: int) -> Message:
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
