"""What a look asks for, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rollout_facts import (
    HONEST,
    PLAN,
    RATIO,
    REFUSALS,
    REPETITION,
    canary,
    pair,
    plan,
    reply,
    with_guardrails,
)
from trimtab_server.rollouts import Judge, NextAction, Verdict
from trimtab_server.rollouts.observations import CanariesExhausted, Observation, StepStarted
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, SetWeight, Shadow

N, P = Verdict.NOT_ENOUGH_DATA, Verdict.PASS


def _at(step: int, *facts: Observation, own: AnalysisPlan = PLAN, looks: int = 0) -> Judge:
    judge = Judge(own)
    for place in range(5):
        judge.observe(pair(1000 + place))
    judge.observe(StepStarted(step, 0.0))
    for fact in facts:
        judge.observe(fact)
    for _ in range(looks):
        judge.look(1.0)
    return judge


_CANARIES = [canary(place) for place in range(60)]
_SPLIT = [reply(place, "candidate" if place % 2 else "stable") for place in range(8)]


@pytest.mark.parametrize(
    ("pairs", "now", "verdict", "action"),
    [
        (0, 1.0, N, NextAction.CONTINUE),
        (4, 999.0, N, NextAction.CONTINUE),
        (4, 1000.0, N, NextAction.PAUSE),
        (5, 1.0, P, NextAction.ADVANCE),
        (5, 2000.0, P, NextAction.ADVANCE),
    ],
)
def test_a_shadow_step_wants_its_pairs(pairs: int, now: float, verdict: Verdict, action: NextAction) -> None:
    judge = Judge(PLAN)
    judge.observe(StepStarted(0, 0.0))
    for place in range(pairs):
        judge.observe(pair(place))
    look = judge.look(now)
    assert (look.verdict, look.next_action) == (verdict, action)


def test_an_analysis_wants_its_looks_and_data_of_its_guardrails() -> None:
    assert _at(1).look(1.0).next_action is NextAction.CONTINUE
    assert _at(1, looks=1).look(1.0).next_action is NextAction.CONTINUE, "no canary answered yet"
    judge = _at(1, *_CANARIES[:3])
    assert judge.look(1.0).next_action is NextAction.CONTINUE, "one look of two"
    look = judge.look(2.0)
    assert (look.verdict, look.next_action, look.number) == (P, NextAction.ADVANCE, 2)


def test_no_data_is_never_a_pass() -> None:
    for step in (0, 1, 3):
        judge = Judge(PLAN)
        judge.observe(StepStarted(step, 0.0))
        for now in (1.0, 2.0, 1e9):
            look = judge.look(now)
            assert look.verdict is N
        assert look.next_action is NextAction.PAUSE


def test_half_the_data_without_an_alarm_is_no_pass_yet() -> None:
    assert _at(1, *_CANARIES[:3]).look(1.0).verdict is N


def test_too_little_data_at_the_end_of_the_time_pauses_and_names_what_is_missing() -> None:
    look = _at(3, *_CANARIES, *[fact for fact in _SPLIT if fact.arm == "stable"]).look(1000.0)
    assert (look.verdict, look.next_action) == (N, NextAction.PAUSE)
    assert "refusals" in look.reason


def test_promotion_needs_non_inferiority_and_not_just_no_alarm() -> None:
    few = _at(3, *_CANARIES[:20], *_SPLIT)
    look = few.look(1.0)
    assert (look.verdict, look.next_action) == (N, NextAction.CONTINUE)
    assert next(own for own in look.findings if own.name == "honest").non_inferior is False
    enough = _at(3, *_CANARIES, *_SPLIT)
    look = enough.look(1.0)
    assert (look.verdict, look.next_action) == (P, NextAction.PROMOTE)
    assert "non-inferiority shown" in look.reason


def test_an_earlier_analysis_asks_for_it_only_if_the_plan_says_so() -> None:
    asks = plan(steps=(PLAN.steps[0], Analysis(looks=1, non_inferiority=True), *PLAN.steps[2:]))
    does_not = plan(steps=(PLAN.steps[0], Analysis(looks=1), *PLAN.steps[2:]))
    assert _at(1, *_CANARIES[:20], own=asks).look(1.0).next_action is NextAction.CONTINUE
    assert _at(1, *_CANARIES[:20], own=does_not).look(1.0).next_action is NextAction.ADVANCE


def test_when_nothing_more_can_come_it_pauses_instead_of_waiting() -> None:
    own = plan(steps=(PLAN.steps[0], Analysis(looks=1, non_inferiority=True), *PLAN.steps[2:]))
    used = [canary(place, candidate="lie" if place % 10 == 0 else "honest") for place in range(40)]
    back = [canary(place, stable="lie") for place in range(40, 44)]
    assert _at(1, *used, *back, own=own).look(1.0).next_action is NextAction.CONTINUE
    assert _at(1, *used, *back, CanariesExhausted(), own=own).look(1.0).next_action is NextAction.PAUSE
    small = replace(own, canary=replace(PLAN.canary or _none(), max_draws=44))
    assert _at(1, *used, *back, own=small).look(1.0).next_action is NextAction.PAUSE


def _none() -> None:
    raise AssertionError("the plan has canaries")


def test_the_last_replies_of_a_step_decide_it() -> None:
    replies = [reply(place, "candidate" if place % 2 else "stable") for place in range(100)]
    judge = _at(3, *_CANARIES[:20], CanariesExhausted(), *replies[:99])
    assert judge.look(1.0).next_action is NextAction.CONTINUE
    judge.observe(replies[99])
    assert judge.look(2.0).next_action is NextAction.PAUSE


def test_traffic_guardrails_hold_up_nothing_before_there_is_traffic() -> None:
    look = _at(1, *_CANARIES, looks=1).look(1.0)
    assert look.next_action is NextAction.ADVANCE
    assert next(own for own in look.findings if own.name == "refusals").verdict is N


def test_a_guardrail_fails_at_any_step_even_in_a_pause() -> None:
    own = plan(steps=(Shadow(5), Pause(100), Pause(None), SetWeight(50), Analysis()))
    for step in (0, 1, 2, 4):
        judge = _at(step, *[canary(place, candidate="evade") for place in range(30)], own=own)
        look = judge.look(1.0)
        assert (look.verdict, look.next_action, look.step) == (Verdict.FAIL, NextAction.ABORT, step)


def test_pauses_end_by_the_clock_or_by_a_person() -> None:
    own = plan(steps=(Shadow(5), Pause(100), Pause(None), SetWeight(50), Analysis()))
    assert _at(1, own=own).look(99.0).next_action is NextAction.CONTINUE
    assert _at(1, own=own).look(100.0).next_action is NextAction.ADVANCE
    assert _at(2, own=own).look(1e9).next_action is NextAction.WAIT


def test_a_guardrail_with_min_replies_needs_them() -> None:
    own = with_guardrails(replace(HONEST, min_replies=30), REPETITION, REFUSALS, RATIO)
    facts: Sequence[Observation] = _CANARIES[:29]
    assert _at(1, *facts, own=own, looks=1).look(1.0).next_action is NextAction.CONTINUE
    assert _at(1, *_CANARIES[:30], own=own, looks=1).look(1.0).next_action is NextAction.ADVANCE


def test_a_look_before_any_step_is_refused() -> None:
    with pytest.raises(ValueError, match="StepStarted"):
        Judge(PLAN).look(0.0)
