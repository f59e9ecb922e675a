"""Records how replies look while they are good: the values of their signals, from live replies or from canaries."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.monitoring.drift_watch import WHOLE
from trimtab_server.store.references import FEWEST_REPLIES
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.replies import ReplyRecord

#: Questions under way at once.
_AT_ONCE: Final = 4
#: A draw of so many of each kind is the whole pool.
_ALL: Final = 1 << 20

#: Answers one question in a spare slot; its signals.
Ask = Callable[[Question], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True)
class Recorded:
    """Signal -> values in the order of the replies; a signal that some replies lack has fewer."""

    values: Mapping[str, tuple[float, ...]]
    reply_count: int


@dataclass(frozen=True)
class Answered:
    done: int
    total: int


def from_live(newest: Sequence[ReplyRecord], count: int) -> Recorded:
    """The newest `count` replies that ended by themselves or at their limit, the candidate's of a rollout left out.

    Raises:
        Refusal: REFERENCE_TOO_SHORT, REFERENCE_NOT_FINITE.
    """
    own = [reply for reply in newest if reply.arm != "candidate" and reply.stop_reason in WHOLE]
    return _recorded([reply.signals for reply in own[-count:]], "replies of the active revision")


async def from_canaries(
    canary_set: CanarySet, count: int, seed: int, ask: Ask
) -> AsyncGenerator[Answered | Recorded, None]:
    """Asks up to `count` different questions, the kinds in equal shares; the values come last.

    Raises:
        Refusal: REFERENCE_TOO_SHORT, REFERENCE_NOT_FINITE; and what `ask` raises.
    """
    questions = _in_turns(canary_set, seed)[:count]
    if len(questions) < FEWEST_REPLIES:
        raise _too_short(len(questions), "questions in the canary set")
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(question: Question) -> Mapping[str, float]:
        async with room:
            return await ask(question)

    tasks = [asyncio.ensure_future(one(question)) for question in questions]
    try:
        for done, task in enumerate(tasks, 1):
            await task
            yield Answered(done, len(tasks))
        yield _recorded([task.result() for task in tasks], "answers to canary questions")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _recorded(replies: Iterable[Mapping[str, float]], what: str) -> Recorded:
    values: dict[str, list[float]] = defaultdict(list)
    count = 0
    for signals in replies:
        count += 1
        for name, value in signals.items():
            if not math.isfinite(value):
                raise Refusal("REFERENCE_NOT_FINITE", signal=name)
            values[name].append(value)
    if count < FEWEST_REPLIES:
        raise _too_short(count, what)
    return Recorded({name: tuple(values[name]) for name in sorted(values)}, count)


def _in_turns(canary_set: CanarySet, seed: int) -> list[Question]:
    by_kind: dict[str, list[Question]] = defaultdict(list)
    for question in canary_set.draw(_ALL, seed).questions:
        by_kind[question.kind].append(question)
    longest = max(map(len, by_kind.values()), default=0)
    return [own[place] for place in range(longest) for own in by_kind.values() if place < len(own)]


def _too_short(found: int, what: str) -> Refusal:
    return Refusal("REFERENCE_TOO_SHORT", found=str(found), what=what, needed=str(FEWEST_REPLIES))
