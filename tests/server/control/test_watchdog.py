"""A rollout that nobody judges is paused with the verdict error, somebody is told, and the judge is called back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from trimtab_server.control.watchdog import Watchdog
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Guardrail
from trimtab_server.store import audit
from trimtab_server.store.rollouts import PAUSED, RUNNING, RolloutRecord

PLAN = AnalysisPlan(
    "quick",
    (Analysis(),),
    (Guardrail("kl", "reply_tokens", "shadow", "paired_mean", "at_most", 0.5, margin=0.1),),
)


class Controller:
    """Lives until it is told to die, or to hang."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self.starts = 0
        self.deaths = 0
        self.hangs = False
        self.beat = time.monotonic()

    @property
    def record(self) -> RolloutRecord | None:
        current = self._desk.rollouts.current("default")
        return None if current is None else current.record

    async def run(self) -> None:
        self.starts += 1
        while True:
            await asyncio.sleep(0.02)
            if not self.hangs:
                self.beat = time.monotonic()
            if self.deaths:
                self.deaths -= 1
                raise ZeroDivisionError("a defect")


@asynccontextmanager
async def watched(desk: Any, controller: Controller) -> AsyncIterator[list[str | None]]:
    told: list[str | None] = []
    dog = Watchdog(
        {"default": controller},
        database=desk.database,
        hold=desk.changes.hold,
        tell=lambda record, why: told.append(why),
        now=time.time_ns,
        stuck_seconds=0.6,
    )
    task = asyncio.create_task(dog.run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


def started(desk: Any) -> RolloutRecord:
    record: RolloutRecord = desk.start(desk.steered("honesty.safetensors", 0.35, (1, 2)), PLAN)
    return record


async def _held(desk: Any, record: RolloutRecord) -> None:
    await until(lambda: desk.stored(record.id).state == PAUSED, "the rollout was never paused")


async def test_a_controller_that_died_leaves_its_rollout_paused_in_error_and_is_started_again(
    desk: Any,
) -> None:
    record = started(desk)
    controller = Controller(desk)
    async with watched(desk, controller) as told:
        controller.deaths = 1
        await _held(desk, record)
        held = desk.stored(record.id)
        assert held.verdict == "error" and "ZeroDivisionError: a defect" in held.reason
        await until(lambda: controller.record.state == PAUSED, "memory never heard of the pause")
        await until(lambda: None in told, "nobody was told that it is judged again")
        assert told == ["ZeroDivisionError: a defect", None]
        assert controller.starts == 2, "guardrails go on while it is paused"
    assert desk.stored(record.id).state == PAUSED, "what was paused is for a person to resume"
    with desk.database.read() as connection:
        pauses = [
            one for one in audit.records(connection, before=None, limit=9) if one.action == "rollout.pause"
        ]
        assert audit.verify(connection).ok
    [pause] = pauses
    assert pause.actor == "server" and json.loads(pause.details)["verdict"] == ["", "error"]


async def test_a_controller_that_hangs_leaves_its_rollout_paused_until_it_moves_again(desk: Any) -> None:
    record = started(desk)
    controller = Controller(desk)
    async with watched(desk, controller) as told:
        controller.hangs = True
        await _held(desk, record)
        assert "has not moved" in desk.stored(record.id).reason
        controller.hangs = False
        await until(lambda: None in told, "nobody was told that it moves again")
    assert controller.starts == 1 and len(told) == 2


async def test_a_controller_that_dies_again_and_again_is_not_started_for_ever(desk: Any) -> None:
    record = started(desk)
    controller = Controller(desk)
    async with watched(desk, controller) as told:
        controller.deaths = 100
        await _held(desk, record)
        await asyncio.sleep(3)
    assert controller.starts == 3
    assert told == ["ZeroDivisionError: a defect"], "one message, not one at each death"


async def test_a_healthy_controller_is_left_alone(desk: Any) -> None:
    record = started(desk)
    controller = Controller(desk)
    async with watched(desk, controller) as told:
        await asyncio.sleep(1.5)
    assert told == [] and desk.stored(record.id).state == RUNNING and controller.starts == 1
