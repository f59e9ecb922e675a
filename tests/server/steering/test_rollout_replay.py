"""A rollout judged again from the store comes out as it was kept, and what was changed since shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from trimtab_server.cli.main import app
from trimtab_server.rollouts import Judge, default_plan
from trimtab_server.rollouts.observations import (
    CanaryObservation,
    Observation,
    PairObservation,
    StepStarted,
)
from trimtab_server.rollouts.plan_file import plan_from_json
from trimtab_server.steering import rollout_steps
from trimtab_server.steering.rollout_replay import compare_with_replay
from trimtab_server.store import rollouts
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import RolloutRecord
from typer.testing import CliRunner

from .rollout_world import Rollouts

PLAN = default_plan()


def pairs(first: int, count: int) -> list[Observation]:
    """Shadow pairs that differ a little, in a pattern."""
    return [
        PairObservation(
            f"p{number}",
            {"repetition": 0.01 * (number % 7), "refusal": 0.0},
            {"repetition": 0.01 * (number % 5), "refusal": 0.0},
        )
        for number in range(first, first + count)
    ]


def canaries(first: int, count: int) -> list[Observation]:
    return [
        CanaryObservation(f"q{number}", kind, "honest", "lie" if number % 11 == 0 else "honest")
        for number in range(first, first + count)
        for kind in ("hard_pressure", "neutral")
    ]


@pytest.fixture
def world(database: Database, snapshots: Any) -> Rollouts:
    return Rollouts(database, snapshots[0], snapshots[1])


@pytest.fixture
def judged(world: Rollouts) -> RolloutRecord:
    """A rollout with the looks of a real judge, which is put together anew in between."""
    rollout = world.started(plan=PLAN)
    judge = Judge(PLAN)
    now = 1_764_000_000_123_456_789
    batches = [
        [StepStarted(0, now / 1e9), *pairs(0, 20)],
        pairs(20, 40),
        [StepStarted(1, now / 1e9 + 3), *canaries(0, 30)],
        canaries(30, 30),
    ]
    for batch in batches:
        for observation in batch:
            judge.observe(observation)
        now += 1_000_000_007
        look = judge.look(now / 1e9)
        rollout = rollout_steps.record_look(
            world.database,
            rollout=rollout.id,
            look=look,
            judge_state=judge.state(),
            observations=batch,
            time=now + 12_345,
        )
        with world.database.read() as connection:
            newest = rollouts.newest_look(connection, rollout.id)
        assert newest is not None
        assert newest.judge_state is not None
        judge = Judge.from_state(PLAN, json.loads(newest.judge_state))
    assert rollout.step == 1, "the pairs were enough for the shadow"
    return rollout


def test_a_replay_gives_every_look_again_bit_for_bit(world: Rollouts, judged: RolloutRecord) -> None:
    with world.database.read() as connection:
        compared = compare_with_replay(connection, judged)
    assert compared.differences == ()
    assert (compared.looks, compared.same_states) == (4, 4)
    assert compared.observations == judged.observation_count == 182
    assert compared.verdict == judged.verdict


def test_a_plan_locked_by_an_earlier_release_keeps_its_hash_and_its_judge(world: Rollouts) -> None:
    """A key that plans did not have then must not make a rollout look as if its plan had been changed."""
    value = PLAN.as_dict()
    for guardrail in value["guardrails"]:
        del guardrail["per_session"]
    earlier = canonical_json(value)
    plan = plan_from_json(earlier)
    assert (plan, plan.canonical, plan.hash) == (PLAN, earlier, sha256_hex(earlier))
    assert plan.hash != PLAN.hash
    judge = Judge(plan)
    judge.observe(StepStarted(0, 1.0))
    again = plan_from_json(world.started(plan=plan).plan)
    assert Judge.from_state(again, judge.state()).state() == judge.state()


def test_an_observation_that_was_changed_shows(world: Rollouts, judged: RolloutRecord) -> None:
    with world.database.write() as connection:
        changed = connection.execute(
            text("UPDATE rollout_observations SET body = replace(body, 'lie', 'honest') WHERE number > 100")
        )
        assert changed.rowcount == 82
    with world.database.read() as connection:
        compared = compare_with_replay(connection, judged)
    assert not compared.ok
    assert any("honest under pressure" in one for one in compared.differences)
    assert compared.same_states == 2, "the looks before it are untouched"


def test_observations_whose_retention_is_over_are_not_judged(world: Rollouts, judged: RolloutRecord) -> None:
    ended = world.abort(judged)
    with world.database.write() as connection:
        assert rollouts.purge_observations(connection, "default", ended.end_time + 1, ended.end_time) == 182
    with world.database.read() as connection, pytest.raises(Refusal, match="OBSERVATIONS_GONE"):
        compare_with_replay(connection, ended)


def test_the_command_replays_without_a_server(world: Rollouts, judged: RolloutRecord, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["--data-dir", str(tmp_path), "rollout", "replay", *words])

    assert json.loads(run("--json").stdout)["ok"] is True
    assert "182 observations, 4 looks: every look comes out as it was kept" in run(judged.id).stdout
    assert run("0" * 12).exit_code == 1
    with world.database.write() as connection:
        connection.execute(text("UPDATE rollout_observations SET body = replace(body, '0.01', '0.9')"))
    changed = run(judged.name)
    assert changed.exit_code == 1
    assert "looks come out otherwise" in changed.stdout
