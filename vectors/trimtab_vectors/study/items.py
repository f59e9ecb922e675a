"""What a study asks: questions about facts, the beginning of each reply, neutral texts, lines put into prompts.

An item file is a question file (`evaluation.honesty`) whose lines may have two keys more:

    fact          the fact the question is about; items of one fact are one cluster, and no fact may be both
                  in the dev and in the held-out file. Left out, the question's id is its fact.
    reply_prefix  how the reply begins, up to the value: "The warranty of the Bugamo timer is".

A text file has one JSON object a line: {"text": "..."}, or {"messages": [...]} that ends with a reply; of a
conversation only that reply is steered and measured.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from trimtab_vectors.evaluation.honesty import Message, Question, question_from_dict
from trimtab_vectors.extraction.contrast_set import ContrastPrompt, ContrastSet
from trimtab_vectors.study.plan import Line, PlanError

_T = TypeVar("_T")


@dataclass(frozen=True)
class StudyItem:
    """A question, its fact and the beginning of its reply."""

    question: Question
    fact: str
    reply_prefix: str = ""

    def reply(self, value: str) -> str:
        """The reply up to and with a value, spaced as its script is."""
        return self.reply_prefix + _joint(self.reply_prefix, value) + value

    def with_line(self, line: Line) -> StudyItem:
        """The same question with a line put into its conversation."""
        messages = with_line(self.question.messages, line)
        return replace(self, question=replace(self.question, messages=messages))


@dataclass(frozen=True)
class NeutralText:
    """A text, or a conversation with the reply that is measured."""

    prompt: ContrastPrompt | None
    text: str


def read_items(path: Path) -> list[StudyItem]:
    """Raises FileNotFoundError, or PlanError for a line that is no item; the message names file and line."""
    items = _read_lines(path, _item)
    ids: set[str] = set()
    for item in items:
        if item.question.id in ids:
            raise PlanError(f"{path}: id {item.question.id!r} is used twice; give each item an id of its own")
        ids.add(item.question.id)
    return items


def read_texts(path: Path) -> list[NeutralText]:
    """Raises FileNotFoundError, or PlanError for a line that is no text; the message names file and line."""
    return _read_lines(path, _text)


def limited(items: Sequence[StudyItem], limit: int | None, seed: int) -> list[StudyItem]:
    """At most `limit` items: facts in an order drawn with the seed, each with all of its items, until the next
    would be too many. The file's order is kept."""
    if limit is None or len(items) <= limit:
        return list(items)
    clusters: dict[str, list[StudyItem]] = {}
    for item in items:
        clusters.setdefault(item.fact, []).append(item)
    facts = sorted(clusters)
    random.Random(f"items/{seed}").shuffle(facts)
    kept: set[str] = set()
    count = 0
    for fact in facts:
        if count + len(clusters[fact]) <= limit:
            kept.add(fact)
            count += len(clusters[fact])
    return [item for item in items if item.fact in kept]


def limited_texts(texts: Sequence[NeutralText], limit: int | None, seed: int) -> list[NeutralText]:
    """At most `limit` texts, drawn with the seed, in the file's order."""
    if limit is None or len(texts) <= limit:
        return list(texts)
    chosen = sorted(random.Random(f"texts/{seed}").sample(range(len(texts)), limit))
    return [texts[index] for index in chosen]


def check_disjoint(
    dev: Sequence[StudyItem], held_out: Sequence[StudyItem], contrast: ContrastSet | None = None
) -> None:
    """Raises PlanError for a fact or a question that is in both files, or for a held-out fact in the contrast set
    (whose statement ids may begin with a language)."""
    both = {item.fact for item in dev} & {item.fact for item in held_out}
    if both:
        raise PlanError(
            f"items: {_some(both)} are in the dev file and in the held-out file; what the dose is chosen on cannot "
            "be what it is reported on"
        )
    asked = {item.question.messages for item in dev} & {item.question.messages for item in held_out}
    if asked:
        raise PlanError(f"items: {len(asked)} conversations are in the dev file and in the held-out file")
    if contrast is not None:
        stated = {pair.statement_id for pair in contrast.pairs}
        stated |= {statement.partition("/")[2] for statement in stated}
        seen = stated & {item.fact for item in held_out}
        if seen:
            raise PlanError(
                f"items.held_out: {_some(seen)} are statements of the contrast set; report on facts the vectors "
                "were not extracted from"
            )


def with_line(messages: Sequence[Message], line: Line) -> tuple[Message, ...]:
    """A conversation with a line put into it where the line says."""
    system = next((m for m in messages if m.role == "system"), None)
    rest = tuple(m for m in messages if m is not system)
    if line.position == "user":
        first = next(i for i, m in enumerate(rest) if m.role == "user")
        joined = Message("user", line.text + _joint(line.text, rest[first].content) + rest[first].content)
        changed = (*rest[:first], joined, *rest[first + 1 :])
        return changed if system is None else (system, *changed)
    if system is None or line.position == "alone":
        return (Message("system", line.text), *rest)
    parts = (line.text, system.content) if line.position == "before" else (system.content, line.text)
    return (Message("system", parts[0] + _joint(*parts) + parts[1]), *rest)


def lines_for(items: Sequence[StudyItem], lines: Sequence[Line], key: str) -> dict[str, list[Line]]:
    """Language -> its lines. Raises PlanError for a language of the items that has none."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.language, []).append(line)
    missing = {item.question.language for item in items} - found.keys()
    if missing:
        raise PlanError(f"{key}: no line for {', '.join(sorted(missing))}; every language asked in needs one")
    return found


def _joint(before: str, after: str) -> str:
    """A space, unless there is one, or one side is of a script that writes none."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    wide = any(unicodedata.east_asian_width(c) in ("W", "F") for c in (before[-1], after[0]))
    return "" if wide else " "


def _read_lines(path: Path, parse: Callable[[dict[str, Any]], _T]) -> list[_T]:
    found: list[_T] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("a JSON object is expected")
            found.append(parse(record))
        except ValueError as error:
            raise PlanError(f"{path}:{number}: {error}") from error
    if not found:
        raise PlanError(f"{path}: holds nothing; write one JSON object per line")
    return found


def _item(record: dict[str, Any]) -> StudyItem:
    own = {key: _str(record, key) for key in ("fact", "reply_prefix") if key in record}
    question = question_from_dict({k: v for k, v in record.items() if k not in own})
    if not question.dishonest:
        raise ValueError("dishonest is empty; a margin needs a value to compare the honest one with")
    return StudyItem(question, own.get("fact") or question.id, own.get("reply_prefix", ""))


def _text(record: dict[str, Any]) -> NeutralText:
    if set(record) == {"text"}:
        return NeutralText(None, _str(record, "text"))
    if set(record) != {"messages"} or not isinstance(record["messages"], list):
        raise ValueError("either 'text' or 'messages' is expected, and nothing else")
    messages = [_message(m) for m in record["messages"]]
    if len(messages) < 2 or messages[-1].role != "assistant" or messages[-2].role != "user":
        raise ValueError("'messages' must end with a user message and its reply")
    return NeutralText(ContrastPrompt(messages=tuple(messages[:-1])), messages[-1].content)


def _message(record: object) -> Message:
    if not isinstance(record, Mapping) or set(record) != {"role", "content"}:
        raise ValueError("each of 'messages' must be an object with exactly 'role' and 'content'")
    return Message(_str(record, "role"), _str(record, "content"))


def _str(record: Mapping[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key!r} must be a text that is not empty")
    return value


def _some(names: set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")
