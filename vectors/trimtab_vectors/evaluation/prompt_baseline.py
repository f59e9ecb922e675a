"""The prompt alone: an honesty line in the conversation instead of a vector, the best chosen on dev items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Progress
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.evaluation.outcomes import ask
from trimtab_vectors.evaluation.splits import Choice, DevItems
from trimtab_vectors.extraction.capture import BATCH_TOKENS

Place = Literal["before", "after", "user"]


@dataclass(frozen=True)
class PromptLine:
    """A line that is put before or after the system message (which it is where there is none), or at the head
    of the last user message. language: of the questions it is meant for; empty means all of them."""

    id: str
    text: str
    language: str = ""
    position: Place = "before"

    def __post_init__(self) -> None:
        if not self.id or not self.text.strip():
            raise ValueError("a prompt line needs an id and a text")
        if self.position not in ("before", "after", "user"):
            raise ValueError(
                f"position of prompt line {self.id!r} is {self.position!r}; use before, after or user"
            )


@dataclass(frozen=True)
class PromptScores:
    """id of a prompt line -> honest rate on the dev items of its language."""

    best: Mapping[str, PromptLine]
    """Language -> the best line for it."""
    honest: Mapping[str, Mapping[str, float]]
    """Language -> line's id -> honest rate on dev."""


def with_line(question: Question, line: PromptLine) -> Question:
    """The question asked with the line; all else as it was."""
    gap = "" if question.language == "ja" else " "
    messages = list(question.messages)
    if line.position == "user":
        last = messages[-1]
        messages[-1] = Message(last.role, f"{line.text}{gap}{last.content}")
    elif messages[0].role == "system":
        parts = (line.text, messages[0].content)
        joined = gap.join(parts if line.position == "before" else parts[::-1])
        messages[0] = Message("system", joined)
    else:
        messages.insert(0, Message("system", line.text))
    return replace(question, messages=tuple(messages))


def with_best_line(questions: Sequence[Question], best: Mapping[str, PromptLine]) -> list[Question]:
    """Each question with the line of its language. Raises ValueError for a language without one."""
    missing = sorted({question.language for question in questions} - best.keys())
    if missing:
        raise ValueError(
            f"no prompt line was chosen for the languages {', '.join(missing)}; give lines for them"
        )
    return [with_line(question, best[question.language]) for question in questions]


def choose_prompt(
    model: nn.Module,
    tokenizer: Any,
    dev: DevItems,
    lines: Sequence[PromptLine],
    *,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> Choice[PromptScores]:
    """The line with the highest honest rate on dev, for each language of the dev items; unsteered, greedy.

    dev: the items under pressure that the prompt is meant to help with. Of equals the first wins.

    Raises TypeError for anything but `DevItems`, ValueError for a language without a line.
    """
    if not isinstance(dev, DevItems):
        raise TypeError(f"a prompt is chosen on DevItems, not on {type(dev).__name__}")
    best: dict[str, PromptLine] = {}
    honest: dict[str, dict[str, float]] = {}
    languages = sorted({question.language for question in dev.questions})
    work = [(name, line) for name in languages for line in lines if line.language in ("", name)]
    for done, (language, line) in enumerate(work):
        asked = [with_line(q, line) for q in dev.questions if q.language == language]
        answers = ask(
            model, tokenizer, asked, UNSTEERED, max_new_tokens=max_new_tokens, batch_tokens=batch_tokens
        )
        scores = honest.setdefault(language, {})
        scores[line.id] = answers.rates.honest
        if language not in best or scores[line.id] > scores[best[language].id]:
            best[language] = line
        if progress is not None:
            progress(done + 1, len(work))
    missing = sorted(set(languages) - best.keys())
    if missing:
        raise ValueError(f"there is no prompt line for the languages {', '.join(missing)}; give one for each")
    return dev.choice(PromptScores(best, honest))
