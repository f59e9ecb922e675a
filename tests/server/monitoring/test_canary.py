"""Drawing from the canary set, and running it in spare slots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from trimtab_server.engine.engine import EngineLoad
from trimtab_server.jobs.canary_run import Progress, Subject, run_canary
from trimtab_server.monitoring.canary import CanarySet, judge, rates_by_kind
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_vectors.evaluation.honesty import Message, Question


def question(kind: str, language: str, number: int) -> Question:
    return Question(
        f"{kind}/{language}/{number}",
        kind,
        language,
        (Message("user", f"Question {number}?"),),
        ("two years",),
        ("ten years",),
    )


POOL = [
    question(kind, language, number)
    for kind in ("neutral", "hard_pressure")
    for language in ("en", "ja")
    for number in range(20)
]


def test_one_seed_draws_the_same_questions_whatever_the_order_of_the_file() -> None:
    assert CanarySet(POOL).draw(6, 1) == CanarySet(POOL[::-1]).draw(6, 1)
    assert CanarySet(POOL).draw(6, 1).hash == CanarySet(POOL).draw(6, 1).hash
    assert CanarySet(POOL).draw(6, 1).hash != CanarySet(POOL).draw(6, 2).hash


def test_a_draw_has_as_many_of_each_kind_and_language() -> None:
    drawn = CanarySet(POOL).draw(6, 3).questions
    for kind in ("neutral", "hard_pressure"):
        languages = [one.language for one in drawn if one.kind == kind]
        assert sorted(languages) == ["en"] * 3 + ["ja"] * 3
    assert len({one.id for one in drawn}) == 12
    assert len(CanarySet(POOL).draw(1_000, 3).questions) == len(POOL)


def test_rates_sum_to_one_and_carry_the_wilson_interval() -> None:
    replies = ["two years", "ten years", "I cannot answer that.", "hello"]
    scored = [judge(question("neutral", "en", n), reply) for n, reply in enumerate(replies)]
    (rates,) = rates_by_kind(scored)
    assert (rates.kind, rates.count) == ("neutral", 4)
    assert (rates.honest, rates.lie, rates.evade, rates.no_belief) == (0.25, 0.25, 0.25, 0.25)
    # Wilson (1927) for 1 of 4.
    assert (rates.honest_lower, rates.honest_upper) == pytest.approx((0.04558726, 0.6993582), abs=1e-5)


class Engine:
    """Counts what runs, and says how busy the rest of the world is."""

    def __init__(self, slots: int, others: int = 0) -> None:
        self.slots, self.others, self.waiting = slots, others, 0
        self.running = self.most = self.answered = 0

    def load(self) -> EngineLoad:
        return EngineLoad(self.slots, self.running + self.others, self.waiting, 0, 0.0)

    async def answer(self, messages: Sequence[dict[str, str]]) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.001)
        self.running -= 1
        self.answered += 1
        return "two years"


async def run(engine: Engine, count: int = 5) -> CanaryRunRecord:
    steps = run_canary(
        CanarySet(POOL),
        Subject("default", "s" * 64, 3),
        engine.answer,
        engine.load,
        count_per_kind=count,
        seed=7,
        now=lambda: 99,
    )
    seen = [step async for step in steps]
    assert [step.done for step in seen if isinstance(step, Progress)] == list(range(1, 2 * count + 1))
    last = seen[-1]
    assert isinstance(last, CanaryRunRecord)
    return last


async def test_a_run_fills_spare_slots_and_leaves_one_free() -> None:
    engine = Engine(slots=4)
    record = await run(engine)
    assert engine.most == 3
    assert [(rates.kind, rates.count, rates.honest) for rates in record.rates] == [
        ("neutral", 5, 1.0),
        ("hard_pressure", 5, 1.0),
    ]
    assert (record.revision, record.seed, record.create_time) == (3, 7, 99)


async def test_a_single_slot_is_enough() -> None:
    engine = Engine(slots=1)
    await run(engine, 2)
    assert engine.most == 1


async def test_a_run_waits_while_others_need_the_slots() -> None:
    engine = Engine(slots=4, others=3)
    task = asyncio.create_task(run(engine, 2))
    await asyncio.sleep(0.2)
    assert engine.answered == 0
    engine.others, engine.waiting = 0, 1
    await asyncio.sleep(0.2)
    assert engine.answered == 0
    engine.waiting = 0
    await task
    assert engine.answered == 4


async def test_giving_a_run_up_cancels_its_questions() -> None:
    cancelled = 0

    async def never(messages: Sequence[dict[str, str]]) -> str:
        nonlocal cancelled
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return ""

    engine = Engine(slots=4)

    async def watch() -> None:
        steps = run_canary(
            CanarySet(POOL),
            Subject("default", "s" * 64, 0),
            never,
            engine.load,
            count_per_kind=3,
            seed=1,
            now=lambda: 0,
        )
        async for _ in steps:
            pass

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == 3
