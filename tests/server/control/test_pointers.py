"""The rollout in force, in memory: an end is final, and old news changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trimtab_server.control.pointers import InForce, RolloutPointers
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.store.database import Database
from trimtab_server.store.rollouts import ABORTED, PAUSED, PROMOTED, RolloutRecord

Make = Callable[..., RolloutRecord]

CONFIGURATION = Configuration(Steering("model", "base"))


def pointers() -> RolloutPointers:
    return RolloutPointers(Database("sqlite://"))


def test_a_later_step_replaces_an_earlier_one_and_never_the_other_way_round(record: Make) -> None:
    held = pointers()
    assert held.take(InForce(record(step=1, step_time=5, weight=10), CONFIGURATION, CONFIGURATION))
    assert held.follow(record(step=2, step_time=6, weight=50))
    assert not held.take(InForce(record(step=1, step_time=5, weight=10), CONFIGURATION, CONFIGURATION))
    current = held.current("default")
    assert current is not None and current.record.weight == 50


def test_a_pause_is_taken_though_no_step_changed(record: Make) -> None:
    held = pointers()
    held.take(InForce(record(), CONFIGURATION, CONFIGURATION))
    assert held.follow(record(state=PAUSED))
    current = held.current("default")
    assert current is not None and current.record.state == PAUSED


def test_a_withdrawn_candidate_never_comes_back_whatever_news_of_it_arrives_later(record: Make) -> None:
    held = pointers()
    held.take(InForce(record(step=1), CONFIGURATION, CONFIGURATION))
    assert held.withdraw("default")
    assert held.current("default") is None
    assert not held.take(InForce(record(step=2), CONFIGURATION, CONFIGURATION))
    assert not held.follow(record(step=3))
    assert held.current("default") is None
    assert held.take(InForce(record(id="another"), CONFIGURATION, CONFIGURATION)), (
        "the next rollout is not held up by the last one's end"
    )


def test_an_end_is_final_before_its_beginning_was_heard_of(record: Make) -> None:
    for state in (ABORTED, PROMOTED):
        held = pointers()
        held.follow(record(state=state))
        assert not held.take(InForce(record(), CONFIGURATION, CONFIGURATION))
        assert held.current("default") is None


def test_the_end_of_an_earlier_rollout_leaves_the_one_in_force_alone(record: Make) -> None:
    held = pointers()
    held.take(InForce(record(id="new"), CONFIGURATION, CONFIGURATION))
    assert not held.withdraw("default", "old")
    assert not held.follow(record(id="old", state=ABORTED))
    current = held.current("default")
    assert current is not None and current.record.id == "new"


def test_deployments_do_not_touch_each_other(record: Make) -> None:
    held = pointers()
    held.take(InForce(record(), CONFIGURATION, CONFIGURATION))
    held.take(
        replace(
            InForce(record(), CONFIGURATION, CONFIGURATION), record=record(deployment="other", id="other")
        )
    )
    held.withdraw("other")
    assert held.current("default") is not None and held.current("other") is None
