"""The bridge between the engines and the loop: bounded, coalescing, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from trimtab_server.api.generation import Generator, Mailbox, Staged
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Event, Finished, FinishReason, GenerationRequest, Token
from trimtab_server.store.refusal import Refusal

END = Finished(FinishReason.STOP, 1, 2, 0.0, 0.0, 0.0, 0, 0)


def tokens(*indices: int) -> tuple[Token, ...]:
    return tuple(Token(index, str(index), index, 0.0) for index in indices)


class RecordingEngine:
    """Hands out tickets and remembers what was cancelled."""

    def __init__(self) -> None:
        self.tickets = iter(range(1, 100))
        self.cancelled: list[int] = []

    def submit_group(self, requests: Sequence[GenerationRequest]) -> list[int]:
        return [next(self.tickets) for _ in requests]

    def cancel(self, ticket: int) -> None:
        self.cancelled.append(ticket)

    def engine(self, stage: str) -> RecordingEngine:
        if stage == "missing":
            raise KeyError(stage)
        return self


def generator() -> tuple[Generator, RecordingEngine]:
    made, engine = Generator(asyncio.get_running_loop()), RecordingEngine()
    made.pool = cast(EnginePool, engine)
    return made, engine


def staged(*stages: str) -> list[Staged]:
    return [Staged(stage, GenerationRequest((1,))) for stage in stages]


async def test_whatever_is_ready_comes_in_one_part_a_lane() -> None:
    mailbox = Mailbox(2)
    mailbox.deliver(0, Event(1, tokens(0)))
    mailbox.deliver(1, Event(2, tokens(0), END))
    mailbox.deliver(0, Event(1, tokens(1), END))
    batches = [batch async for batch in mailbox.parts()]
    assert [[(part.lane, len(part.tokens)) for part in batch] for batch in batches] == [[(0, 2), (1, 1)]]


async def test_a_backlog_nobody_reads_is_refused_instead_of_growing() -> None:
    mailbox = Mailbox(1)
    for _ in range(200):
        mailbox.deliver(0, Event(1, tokens(*range(100))))
    with pytest.raises(Refusal, match="CONSUMER_STALLED"):
        await anext(mailbox.parts())


async def test_leaving_early_cancels_what_still_runs_and_nothing_else() -> None:
    made, engine = generator()
    with made.start(staged("a", "b", "a")) as mailbox:
        made.listen((Event(1, tokens(0), END), Event(2, tokens(0))))
        await asyncio.sleep(0)
        parts = await anext(mailbox.parts())
        assert [part.lane for part in parts] == [0, 2]
    assert sorted(engine.cancelled) == [2, 3]


async def test_if_one_stage_refuses_the_lanes_of_the_others_are_cancelled() -> None:
    made, engine = generator()
    with pytest.raises(KeyError), made.start(staged("a", "missing")):
        raise AssertionError("must not start")
    assert engine.cancelled == [1]


async def test_events_from_the_engines_thread_reach_the_loop() -> None:
    made, _ = generator()
    with made.start(staged("a")) as mailbox:
        await asyncio.to_thread(made.listen, (Event(1, tokens(0, 1), END),))
        batches: list[Any] = [batch async for batch in mailbox.parts()]
    assert len(batches) == 1
