"""Changes of rollouts on their way into memory, on a real store that is slow, locked or full."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.rollout_changes import RolloutChanges
from trimtab_server.api.workers import Workers
from trimtab_server.control.pointers import RolloutPointers
from trimtab_server.rollouts import default_plan
from trimtab_server.rollouts.findings import Look, NextAction
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering import activation, rollout_steps
from trimtab_server.steering.creation import create_deployment, create_snapshot
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store import rollouts, schema
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.rollouts import RolloutRecord

OPERATOR = Origin("tokens/a", "operator", "RolloutService/Any")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
    create_deployment(database, name="default", model="desk", unsteered=unsteered, watched_vector="", time=1)
    yield database
    database.close()


@pytest.fixture
def candidate(database: Database) -> str:
    prompted = Checked(Configuration(Steering("desk", "stage-01", system_prompt="Be honest.")), {})
    return create_snapshot(database, prompted, "prompted", "", SERVER, 2).id


class World:
    """The parts as the server has them, without an engine."""

    def __init__(self, database: Database, candidate: str) -> None:
        self.database = database
        self.workers = Workers()
        self.active = ActivePointers(database)
        self.active.replace(self.active.read("default"))
        self.pointers = RolloutPointers(database)
        self.activated: list[Active] = []
        self.changes = RolloutChanges(
            workers=self.workers,
            active=self.active,
            pointers=self.pointers,
            activated=self.activated.append,
        )
        created = rollout_steps.create_rollout(
            database,
            deployment="default",
            candidate=candidate,
            plan=default_plan(),
            origin=OPERATOR,
            time=10,
        )
        self.rollout = rollout_steps.start_rollout(database, rollout=created.id, origin=OPERATOR, time=11)

    def abort(self) -> functools.partial[RolloutRecord]:
        return functools.partial(
            rollout_steps.abort,
            self.database,
            rollout=self.rollout.id,
            reason="worse",
            origin=OPERATOR,
            time=20,
        )

    def look(self, step: int, action: NextAction) -> functools.partial[RolloutRecord]:
        look = Look(Verdict.PASS, (), action, step, 1, 1.0, "shown to be no worse")
        return functools.partial(
            rollout_steps.record_look,
            self.database,
            rollout=self.rollout.id,
            look=look,
            judge_state={},
            time=30,
        )

    def stored(self) -> RolloutRecord:
        with self.database.read() as connection:
            found = rollouts.find(connection, self.rollout.id)
        assert found is not None
        return found

    @property
    def candidate_is_served(self) -> bool:
        return self.pointers.current("default") is not None


@pytest.fixture
async def world(database: Database, candidate: str) -> AsyncIterator[World]:
    world = World(database, candidate)
    await world.changes.refresh("default")
    assert world.candidate_is_served
    yield world
    world.workers.close()


async def test_an_abort_takes_effect_in_memory_while_the_store_is_locked(
    world: World, tmp_path: Path
) -> None:
    """The promise is to the users; the record of it may come a moment later."""
    other = sqlite3.connect(tmp_path / "trimtab.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    withdrawn = world.pointers.news
    aborting = asyncio.ensure_future(world.changes.stop("default", world.rollout.id, world.abort()))
    # Long before the store gives up waiting for the lock.
    async with asyncio.timeout(5):
        await withdrawn.wait()
    assert not world.candidate_is_served
    assert not aborting.done()
    other.execute("ROLLBACK")
    other.close()
    assert (await aborting).state == "aborted"
    assert world.stored().state == "aborted"


async def test_an_abort_that_the_store_cannot_keep_is_an_error_and_still_takes_effect(world: World) -> None:
    def fail() -> RolloutRecord:
        raise StorageFailure("STORE_IO_FAILED", "the disk is gone")

    with pytest.raises(StorageFailure):
        await world.changes.stop("default", world.rollout.id, fail)
    assert not world.candidate_is_served
    assert world.stored().in_force, "and it has to be repeated to last"
    await world.changes.refresh("default")
    assert not world.candidate_is_served, "what ended here does not come back by itself"


async def test_a_promotion_moves_the_pointer_and_ends_the_share_in_one_step(world: World) -> None:
    seen: list[tuple[int, bool]] = []

    async def look_on() -> None:
        while True:
            await asyncio.sleep(0)
            state = (world.active.current("default").revision.number, world.candidate_is_served)
            if not seen or seen[-1] != state:
                seen.append(state)

    watching = asyncio.ensure_future(look_on())
    step = 0
    while world.stored().in_force:
        last = step == len(default_plan().steps) - 1
        action = NextAction.PROMOTE if last else NextAction.ADVANCE
        step = (await world.changes.make(world.look(step, action))).step
    await asyncio.sleep(0.01)
    watching.cancel()
    assert seen == [(1, True), (2, False)]
    assert [active.revision.number for active in world.activated] == [2]
    assert world.stored().promoted_revision == 2


async def test_a_change_of_weight_is_in_memory_when_the_call_returns(world: World) -> None:
    weights = []
    for _ in range(3):
        record = world.stored()
        await world.changes.make(world.look(record.step, NextAction.ADVANCE))
        current = world.pointers.current("default")
        assert current is not None
        assert current.record == world.stored()
        weights.append(current.record.weight)
    assert weights == [0, 10, 50]


async def test_a_rollback_made_elsewhere_is_taken_over(world: World) -> None:
    held = world.pointers.current("default")
    activation.roll_back(world.database, deployment="default", reason="bad", origin=OPERATOR, time=40)
    world.changes.take_over("default", held, world.pointers.read("default"))
    assert not world.candidate_is_served
    assert world.stored().state == "aborted"


async def test_old_news_never_end_a_newer_rollout(world: World, candidate: str) -> None:
    held = world.pointers.current("default")
    world.abort()()
    newer = rollout_steps.create_rollout(
        world.database,
        deployment="default",
        candidate=candidate,
        plan=default_plan(),
        origin=OPERATOR,
        time=50,
    )
    start = functools.partial(
        rollout_steps.start_rollout, world.database, rollout=newer.id, origin=OPERATOR, time=51
    )
    await world.changes.make(start)
    # What the store said between the abort and the start arrives only now.
    world.changes.take_over("default", held, None)
    current = world.pointers.current("default")
    assert current is not None
    assert current.record.id == newer.id


async def test_watchers_are_woken_by_each_change_and_miss_none(world: World) -> None:
    woken = 0

    async def watch() -> None:
        nonlocal woken
        async for _ in world.changes.watch(world.rollout.id):
            woken += 1

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0.01)
    assert woken == 1, "at once"
    await world.changes.make(world.look(0, NextAction.CONTINUE))
    await asyncio.sleep(0.01)
    assert woken == 2
    await world.changes.stop("default", world.rollout.id, world.abort())
    await asyncio.sleep(0.01)
    watching.cancel()
    assert woken == 3
