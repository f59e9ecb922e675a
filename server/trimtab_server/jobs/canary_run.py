"""Runs the canary set through one snapshot, in slots that nobody else wants."""

from __future__ import annotations

import asyncio
import contextlib
import time as clock
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from trimtab_server.engine.engine import EngineLoad
from trimtab_server.engine.errors import QueueFull
from trimtab_server.monitoring.canary import CanarySet, Draw, ScoredReply, judge, rates_by_kind
from trimtab_server.store.canary_runs import CanaryRunRecord

#: How long to wait before looking again for a spare slot.
_LOOK_AGAIN: Final = 0.05


class Answerer(Protocol):
    """Answers one question greedily under the run's snapshot."""

    async def __call__(self, messages: Sequence[dict[str, str]]) -> str: ...


@dataclass(frozen=True)
class Progress:
    """Questions answered so far, and what the newest one brought."""

    done: int
    total: int
    reply: ScoredReply


@dataclass(frozen=True)
class Subject:
    """What a run is about. `revision` is 0 unless the snapshot was active when the run began; `stage_digest` is
    that of its stage's weights."""

    deployment: str
    snapshot: str
    revision: int
    stage_digest: str = ""


async def run_canary(
    canary_set: CanarySet,
    subject: Subject,
    answer: Answerer,
    load: Callable[[], EngineLoad],
    *,
    count_per_kind: int,
    seed: int,
    now: Callable[[], int],
) -> AsyncGenerator[Progress | CanaryRunRecord, None]:
    """Yields progress as replies come in, then the finished run.

    Real traffic goes first: a question is submitted only while a slot is free and nobody waits, and one slot
    is always left free. Replies are ordered by question, so that the rates do not depend on who was quicker.
    """
    draw = canary_set.draw(count_per_kind, seed)
    begin = clock.monotonic()
    replies: list[ScoredReply | None] = [None] * len(draw.questions)
    done = 0
    async with contextlib.aclosing(_answers(draw, answer, load)) as answers:
        async for place, reply in answers:
            replies[place] = reply
            done += 1
            yield Progress(done, len(replies), reply)
    yield CanaryRunRecord(
        id=uuid.uuid4().hex,
        deployment=subject.deployment,
        snapshot=subject.snapshot,
        revision=subject.revision,
        seed=seed,
        rates=rates_by_kind([reply for reply in replies if reply is not None]),
        seconds=clock.monotonic() - begin,
        draw_hash=draw.hash,
        create_time=now(),
        stage_digest=subject.stage_digest,
    )


async def _answers(
    draw: Draw, answer: Answerer, load: Callable[[], EngineLoad]
) -> AsyncGenerator[tuple[int, ScoredReply], None]:
    waiting = list(enumerate(draw.questions))[::-1]
    running: set[asyncio.Task[tuple[int, ScoredReply]]] = set()

    async def ask(place: int) -> tuple[int, ScoredReply]:
        question = draw.questions[place]
        messages = [{"role": message.role, "content": message.content} for message in question.messages]
        while True:
            try:
                return place, judge(question, await answer(messages))
            except QueueFull as refusal:
                await asyncio.sleep(refusal.retry_after_seconds)

    try:
        while waiting or running:
            spare = _spare(load(), len(running))
            while waiting and spare > 0:
                running.add(asyncio.create_task(ask(waiting.pop()[0])))
                spare -= 1
            if not running:
                await asyncio.sleep(_LOOK_AGAIN)
                continue
            # With slots to fill, look again soon; else only an answer changes anything.
            finished, running = await asyncio.wait(
                running, timeout=_LOOK_AGAIN if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in finished:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _spare(load: EngineLoad, own: int) -> int:
    """Slots that may be taken now. With a single slot there is nothing to leave free."""
    if load.queued_requests > 0:
        return 0
    # Own questions that were submitted a moment ago may not show in the load yet.
    taken = max(load.slots_in_use, own)
    return max(0, load.slots - taken - (1 if load.slots > 1 else 0))
