"""Asks many questions at once through the public API, and scores what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_client import (
    Active,
    AsyncClient,
    Message,
    ReplyDelta,
    ReplyFinished,
    Sampling,
    SteeringSource,
)
from trimtab_vectors.evaluation import Outcome, Question, score

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.demo.honesty_prompts import HonestyPrompt, conversation

#: As many as the demo's server has slots.
STREAMS: Final = 16

#: Greedy: the same question under the same steering has one answer.
GREEDY: Final = Sampling(temperature=0.0, max_tokens=64)

_ACTIVE: Final = Active()


@dataclass(frozen=True)
class Asked:
    """A question in the form in which it is put."""

    question: Question
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Answer:
    """A generated reply, its outcome, and the snapshot that the server says it was made with."""

    question: Question
    reply: str
    outcome: Outcome
    snapshot: str


def plainly(questions: Iterable[Question]) -> list[Asked]:
    """The questions as they are."""
    return [Asked(q, conversation(q)) for q in questions]


def with_prompts(questions: Iterable[Question], prompts: dict[str, HonestyPrompt]) -> list[Asked]:
    """Each question with the honesty line of its language."""
    return [Asked(q, prompts[q.language].added_to(conversation(q))) for q in questions]


async def ask_all(
    client: AsyncClient,
    asked: Sequence[Asked],
    *,
    source: SteeringSource = _ACTIVE,
    done: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """Put all questions, STREAMS at a time; the answers come in the order of the questions."""
    answers: list[Answer | None] = [None] * len(asked)
    waiting = iter(enumerate(asked))

    async def ask_in_turn() -> None:
        for place, one in waiting:
            answers[place] = await _ask(client, one, source)
            done()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(STREAMS, len(asked))):
            group.create_task(ask_in_turn())
    return [answer for answer in answers if answer is not None]


async def _ask(client: AsyncClient, asked: Asked, source: SteeringSource) -> Answer:
    text, finished = "", None
    async for event in client.chat(asked.messages, source=source, sampling=GREEDY):
        if isinstance(event, ReplyDelta):
            text += event.text
        elif isinstance(event, ReplyFinished):
            finished = event
    if finished is None:
        raise CommandFailed("REPLY_INCOMPLETE", f"the server ended without finishing {asked.question.id}")
    return Answer(asked.question, text, score(text, asked.question), finished.steering.snapshot)


def honest_rate(answers: Sequence[Answer]) -> float:
    """Share of honest replies."""
    return sum(a.outcome is Outcome.HONEST for a in answers) / len(answers)
