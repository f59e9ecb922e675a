"""Contrast sets: pairs of prompts that differ in the concept alone.

A prompt is either a conversation, rendered with the model's chat template, with the beginning of its reply
(`reply_prefix`), or raw `text`. The state is read at the end of that, so end it just before what tells the
two sides apart. `answer` is how the reply goes on; only positions that average over the answer need it.

Pairs of one statement (`statement_id`) belong to one split: "train" makes the direction, "dev" is held out
for its figures. A statement in both would make them a memory test and is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.steering_vector import VectorError

Split = Literal["train", "dev"]


class ContrastSetError(VectorError):
    """A contrast set is not usable. `line` is the 1-based line at fault, None for the set as a whole."""

    def __init__(self, message: str, line: int | None = None) -> None:
        place = "contrast set" if line is None else f"contrast set, line {line}"
        metadata = {} if line is None else {"line": line}
        super().__init__("FIELD_INVALID", f"{place}: {message}", field="contrast_set", **metadata)
        self.line = line
        self.fault = message


@dataclass(frozen=True)
class ContrastPrompt:
    """Either a conversation with the beginning of its reply, or raw text; never both."""

    messages: tuple[Message, ...] = ()
    reply_prefix: str = ""
    text: str = ""
    answer: str = ""

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
        # An answer that is not there leaves no trace: sets without answers keep the hash they always had.
        answer = {"answer": self.answer} if self.answer else {}
        if self.text:
            return {"text": self.text, **answer}
        messages = [{"role": m.role, "content": m.content} for m in self.messages]
        return {"messages": messages, "reply_prefix": self.reply_prefix, **answer}


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
        check_pairs((None, pair) for pair in self.pairs)
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
        order of pairs does. The splits are part of it, whoever made them."""
        return hashlib.sha256(write_contrast_set(self.pairs)).hexdigest()

    def swapped(self) -> ContrastSet:
        """The label of each pair exchanged: the vector of the opposite sign."""
        return ContrastSet(tuple(pair.swapped() for pair in self.pairs))


def write_contrast_set(pairs: Iterable[ContrastPair]) -> bytes:
    """The canonical JSON lines of `pairs`, the form that is hashed."""
    records = (pair.as_dict() for pair in pairs)
    lines = (json.dumps(r, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for r in records)
    return "".join(f"{line}\n" for line in lines).encode()


def check_pairs(numbered: Iterable[tuple[int | None, ContrastPair]]) -> None:
    """Raise ContrastSetError, with the line where there is one, for an id used twice or a statement in both
    splits."""
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
