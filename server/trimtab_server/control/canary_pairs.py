"""The canary set through both arms: fresh questions at each look, paired, in spare slots."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.control.spare import Asked, NotAnswered, SpareReplies, SpareReply, Subject, patiently
from trimtab_server.monitoring.canary import CanarySet, judge
from trimtab_server.rollouts.observations import (
    CanaryObservation,
    HardFault,
    MeasurementError,
    Observation,
)
from trimtab_server.rollouts.plan import CanaryPlan

#: Questions that are under way at once; each takes a slot or two per arm.
_AT_ONCE: Final = 4
#: Answers of the canary set are a sentence or two.
REPLY_TOKENS: Final = 96
#: More than any pool has: a draw of everything is the pool in its order.
_ALL: Final = 1 << 20


class CanaryDraws:
    """Which questions a rollout asks, in which order: each once, since a greedy answer never changes.

    The order depends on the rollout alone, so that what was asked already is all there is to know after a
    restart.
    """

    def __init__(
        self, canary_set: CanarySet, plan: CanaryPlan, rollout: str, asked: Collection[str] = ()
    ) -> None:
        self._plan = plan
        self._waiting: dict[str, list[Question]] = {kind: [] for kind in plan.kinds}
        for question in canary_set.draw(_ALL, int(rollout, 16)).questions:
            if question.kind in self._waiting:
                self._waiting[question.kind].append(question)
        for kind, questions in self._waiting.items():
            self._waiting[kind] = [q for q in questions[: plan.max_draws] if q.id not in set(asked)]

    @property
    def left(self) -> int:
        return sum(len(questions) for questions in self._waiting.values())

    def next(self) -> list[Question]:
        """The next `draw` questions of each kind, the kinds taking turns; fewer when the pool runs out."""
        drawn = []
        for kind, questions in self._waiting.items():
            drawn.append(questions[: self._plan.draw])
            self._waiting[kind] = questions[self._plan.draw :]
        longest = max((len(one) for one in drawn), default=0)
        return [one[place] for place in range(longest) for one in drawn if place < len(one)]


@dataclass(frozen=True)
class Arms:
    """Both arms of one rollout, as spare replies are asked of them."""

    stable: Subject
    candidate: Subject


async def ask_pairs(
    questions: Sequence[Question], arms: Arms, replies: SpareReplies
) -> AsyncGenerator[Observation, None]:
    """Asks every question of both arms; yields in the order of the questions, not of who was quicker.

    A fault of the candidate's is told before its pair. Of neutral questions the KL to unsteered is read too:
    there a good vector hardly moves it.
    """
    room = asyncio.Semaphore(_AT_ONCE)

    async def ask(question: Question) -> list[Observation]:
        async with room:
            return await _ask(question, arms, replies)

    tasks = [asyncio.ensure_future(ask(question)) for question in questions]
    try:
        for task in tasks:
            for observation in await task:
                yield observation
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(question: Question, arms: Arms, replies: SpareReplies) -> list[Observation]:
    asked = Asked(
        messages=[{"role": message.role, "content": message.content} for message in question.messages],
        kl=question.kind == "neutral",
        question=question,
        max_tokens=REPLY_TOKENS,
    )
    answers = await asyncio.gather(
        patiently(replies, arms.stable, asked),
        patiently(replies, arms.candidate, asked),
        return_exceptions=True,
    )
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    for error in failed:
        if not isinstance(error, NotAnswered):
            raise error
    if failed:
        return [MeasurementError(f"canary question {question.id} was not answered: {failed[0]}")]
    stable, candidate = (answer for answer in answers if isinstance(answer, SpareReply))
    return [*_faults(candidate, question.id), _observation(question, stable, candidate)]


def _observation(question: Question, stable: SpareReply, candidate: SpareReply) -> CanaryObservation:
    return CanaryObservation(
        question.id,
        question.kind,
        judge(question, stable.text).outcome.value,
        judge(question, candidate.text).outcome.value,
        dict(stable.signals),
        dict(candidate.signals),
    )


def _faults(candidate: SpareReply, question: str) -> Iterator[HardFault]:
    for fault in candidate.faults:
        yield HardFault(f"canary question {question}: {fault}", question)
