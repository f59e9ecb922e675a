"""Questions with known answers, on which a vector is measured: as a question file, or as prompts with answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from trimtab_vectors.evaluation.honesty import Question, parse_questions

from trimtab_server.trials.prompt_file import PromptFileError, parse_prompts
from trimtab_server.trials.prompts import Prompt

_LINES: Final = (".jsonl", ".ndjson", ".json")


def parse_question_file(content: bytes, name: str) -> list[Question]:
    """The questions of a file's content.

    JSON lines are those of `parse_questions`, unless the first one has a key of a prompt; everything else is read as
    the prompts of a trial, each of which needs a right and a wrong answer.

    Raises:
        QuestionFileError: a line is no question.
        PromptFileError: it is no file of prompts, or a row lacks what measuring needs.
    """
    if Path(name).suffix.lower() in _LINES and not _holds_prompts(content):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            row = content[: fault.start].count(b"\n") + 1
            raise PromptFileError(name, "is not UTF-8 text", "save the file as UTF-8", row=row) from fault
        return parse_questions(text, name)
    return [_question(prompt, name) for prompt in parse_prompts(content, name)]


def _holds_prompts(content: bytes) -> bool:
    first = next((line for line in content.splitlines() if line.strip()), b"")
    try:
        record = json.loads(first.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and ("prompt" in record or "gold" in record)


def _question(prompt: Prompt, name: str) -> Question:
    for column, values, whose in (
        ("gold", prompt.gold, "right"),
        ("dishonest", prompt.dishonest, "wrong"),
    ):
        if not values:
            raise PromptFileError(
                name,
                f"prompt {prompt.id!r} has no {whose} answer",
                "write one, or remove the row",
                column=column,
            )
    # Wordings of one fact, and rows about one customer, stay together.
    return replace(prompt.question, fact=prompt.group)
