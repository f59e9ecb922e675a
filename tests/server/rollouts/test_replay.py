"""Stored observations give the same verdicts, bit for bit."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from rollout_facts import PLAN, canary, pair, plan, reply
from simulated import material
from trimtab_server.rollouts import Judge, default_plan
from trimtab_server.rollouts.observations import (
    CanariesExhausted,
    HardFault,
    MeasurementError,
    Observation,
    StepStarted,
    from_dict,
    to_dict,
)
from trimtab_server.rollouts.replay import Entry, LookAt, entry_from_dict, replay
from trimtab_server.rollouts.simulation import SimulatedRollout


def _entries(seed: int, honest: float) -> list[Entry]:
    rollout = SimulatedRollout(default_plan("small"), material(seed, candidate_honest=honest), seed)
    rollout.run()
    return rollout.entries


def _stored(entries: list[Entry]) -> list[Entry]:
    lines = [
        json.dumps({"look": own.time} if isinstance(own, LookAt) else to_dict(own), allow_nan=False)
        for own in entries
    ]
    return [entry_from_dict(json.loads(line)) for line in lines]


@pytest.mark.parametrize("honest", [0.93, 0.6])
def test_stored_observations_give_the_same_looks_and_state_bit_for_bit(honest: float) -> None:
    own = default_plan("small")
    entries = _entries(3, honest)
    first, again = replay(own, entries), replay(own, _stored(entries))
    assert len(first.looks) >= 2
    assert _text([look.as_dict() for look in again.looks]) == _text([look.as_dict() for look in first.looks])
    assert _text(again.judge.state()) == _text(first.judge.state())


@pytest.mark.parametrize("every", [1, 37])
def test_a_judge_taken_apart_and_put_together_at_any_place_goes_on_the_same(every: int) -> None:
    own = default_plan("small")
    entries = _entries(4, 0.85)[: 400 if every == 1 else None]
    whole = replay(own, entries)
    judge, looks = Judge(own), []
    for place, entry in enumerate(entries):
        if place % every == 0:
            judge = Judge.from_state(own, json.loads(json.dumps(judge.state(), allow_nan=False)))
        if isinstance(entry, LookAt):
            looks.append(judge.look(entry.time))
        else:
            judge.observe(entry)
    assert tuple(looks) == whole.looks
    assert _text(judge.state()) == _text(whole.judge.state())


def test_another_order_or_another_plan_may_judge_otherwise() -> None:
    entries: list[Entry] = [StepStarted(1, 0.0), *[canary(place, candidate="lie") for place in range(30)]]
    assert replay(PLAN, [*entries, LookAt(1.0)]).looks[0].verdict.value == "fail"
    assert replay(plan(false_alarm=1e-9), [*entries, LookAt(1.0)]).looks[0].verdict.value != "fail"


@pytest.mark.parametrize(
    "own",
    [
        StepStarted(1, 2.5),
        reply(1),
        pair(1),
        canary(1, seed=3),
        CanariesExhausted(),
        HardFault("repetition_loop", "r"),
        MeasurementError("x"),
    ],
    ids=lambda own: type(own).__name__,
)
def test_every_observation_goes_through_json(own: Observation) -> None:
    assert from_dict(json.loads(json.dumps(to_dict(own), allow_nan=False))) == own


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_stored_as_they_were(value: float) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(pair(1, candidate=value)), allow_nan=False)))
    kept: Any = again
    assert repr(kept.candidate["repetition"]) == repr(value)


@pytest.mark.parametrize("value", [{"observation": "dream"}, {}, {"observation": "reply", "arm": "stable"}])
def test_what_is_no_observation_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is expected|does not fit"):
        from_dict(value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)
