"""Prompts to try, from the files beside a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from trimtab_protos.v1 import model_pb2
from trimtab_vectors.evaluation.honesty import Question, read_questions

#: Questions offered of each kind and language.
_QUESTIONS: Final = 4
_KINDS: Final = ("hard_pressure", "soft_pressure", "neutral")


class PresetFileError(ValueError):
    """A file beside the model cannot be read; the message names it."""


class _Prompt(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str
    text: str
    language: str


class _PromptFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    honesty_prompts: tuple[_Prompt, ...]


def prompt_presets(model_directory: Path) -> list[model_pb2.PromptPreset]:
    """Honesty lines to try as "prompt only", from prompts.json; none without that file.

    Raises:
        PresetFileError: the file is there and is not what it should be.
    """
    path = model_directory / "prompts.json"
    if not path.is_file():
        return []
    try:
        prompts = _PromptFile.model_validate(json.loads(path.read_bytes())).honesty_prompts
    except (ValidationError, json.JSONDecodeError) as error:
        raise PresetFileError(f"{path} is no list of honesty prompts: {error}") from error
    return [
        model_pb2.PromptPreset(id=one.id, language=one.language, system=one.text, title=one.text)
        for one in prompts
    ]


def question_presets(model_directory: Path) -> list[model_pb2.PromptPreset]:
    """A few single questions of each kind, from dev.jsonl, so that the canary set stays unseen."""
    path = model_directory / "dev.jsonl"
    return list(_few(read_questions(path))) if path.is_file() else []


def _few(questions: list[Question]) -> Iterator[model_pb2.PromptPreset]:
    for kind in _KINDS:
        for language in sorted({question.language for question in questions}):
            fitting = [one for one in questions if one.kind == kind and one.language == language]
            for question in [one for one in fitting if _single(one)][:_QUESTIONS]:
                system = question.messages[0].content if question.messages[0].role == "system" else ""
                user = question.messages[-1].content
                yield model_pb2.PromptPreset(
                    id=f"{kind}/{question.id}", language=language, system=system, user=user, title=user
                )


def _single(question: Question) -> bool:
    return [message.role for message in question.messages] in (["user"], ["system", "user"])
