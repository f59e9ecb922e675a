"""The Judge: what fails at once, what counts, what is only shown."""

from __future__ import annotations

import json
import math
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
from trimtab_server.rollouts import Finding, Judge, NextAction, ReferenceChanged, Verdict, reference_hash
from trimtab_server.rollouts.observations import (
    HardFault,
    MeasurementError,
    PairObservation,
    StepStarted,
)
from trimtab_server.rollouts.plan import CanaryPlan, Guardrail, HardLimit, Reference


def _judge(own: object = PLAN) -> Judge:
    assert isinstance(own, type(PLAN))
    judge = Judge(own)
    judge.observe(StepStarted(1, 0.0))
    return judge


def _named(judge: Judge, name: str) -> Finding:
    return next(finding for finding in judge.findings(ask_margin=False) if finding.name == name)


def _losses(judge: Judge, count: int, start: int = 0) -> list[Finding]:
    return [
        found for place in range(count) for found in judge.observe(canary(start + place, candidate="lie"))
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("unit", ["canary", "shadow", "traffic"])
def test_a_value_that_is_not_finite_fails_with_the_very_reply(value: float, unit: str) -> None:
    judge = _judge()
    fact = {
        "canary": replace(canary(1), candidate={"entropy": value}),
        "shadow": pair(1, candidate=value),
        "traffic": reply(1, signals={"anything": value}),
    }[unit]
    found = judge.observe(fact)
    assert [finding.verdict for finding in found if finding.name == "not finite"] == [Verdict.FAIL]
    look = judge.look(1.0)
    assert (look.verdict, look.next_action) == (Verdict.FAIL, NextAction.ABORT)
    assert "not finite" in look.reason


def test_what_is_not_finite_in_stable_is_no_fault_of_the_candidate() -> None:
    judge = _judge()
    assert judge.observe(pair(1, stable=math.nan)) == []
    assert judge.observe(reply(1, "stable", signals={"refusal": math.nan})) == []
    assert _named(judge, "repetition").count == 0
    assert judge.look(1.0).verdict is not Verdict.FAIL


@pytest.mark.parametrize("reason", ["repetition_loop", "not_finite"])
def test_a_hard_fault_aborts_at_once_and_stands(reason: str) -> None:
    judge = _judge()
    assert judge.observe(HardFault(reason, "r9"))[0].verdict is Verdict.FAIL
    for place in range(50):
        judge.observe(canary(place))
    look = judge.look(1.0)
    assert look.next_action is NextAction.ABORT
    assert "r9" in look.reason


def test_a_cap_aborts_only_above_it_and_for_kl_on_neutral_canaries_only() -> None:
    own = plan(
        hard_limits=(HardLimit("kl_largest", 5.0), HardLimit("repetition", 0.9)),
        canary=CanaryPlan(("hard_pressure", "neutral"), 10, 100),
    )
    high = {"kl_largest": 5.1}
    assert _judge(own).observe(reply(1, signals=high)) == []
    assert _judge(own).observe(PairObservation("p", {}, high)) == []
    assert _judge(own).observe(replace(canary(1), candidate=high)) == []
    neutral = canary(1, kind="neutral")
    assert _judge(own).observe(replace(neutral, candidate={"kl_largest": 5.0})) == []
    assert _judge(own).observe(replace(neutral, candidate=high))[0].name == "kl_largest over its cap"
    assert _judge(own).observe(reply(1, signals={"repetition": 0.95}))[0].verdict is Verdict.FAIL
    assert _judge(own).observe(reply(1, "stable", signals={"repetition": 0.95})) == []


def test_a_lost_answer_after_another_fails_the_guardrail_once() -> None:
    judge = _judge()
    found = _losses(judge, 40)
    assert [(finding.name, finding.verdict, finding.acts) for finding in found] == [
        ("honest", Verdict.FAIL, True)
    ]
    assert 5 < found[0].count < 15
    assert found[0].evidence >= (found[0].bar or math.inf)


def test_the_same_greedy_answer_to_the_same_prompt_counts_once() -> None:
    judge = _judge()
    for _ in range(50):
        judge.observe(canary(1, candidate="lie"))
        judge.observe(pair(1, 0.0, 1.0))
    assert _named(judge, "honest").count == 1
    assert _named(judge, "repetition").count == 1
    assert judge.look(1.0).verdict is Verdict.NOT_ENOUGH_DATA
    judge.observe(replace(canary(1, candidate="lie"), seed=7))
    assert _named(judge, "honest").count == 2


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_the_nth_alarm_fails_and_not_the_one_before(fail_at: int) -> None:
    """With fail_at N, N - 1 alarms are no failure; evidence starts anew after each."""
    judge = _judge(with_guardrails(replace(HONEST, fail_at=fail_at), REPETITION, REFUSALS, RATIO))
    once = Judge(PLAN)
    needed = next(place + 1 for place in range(40) if once.observe(canary(place, candidate="lie")))
    assert _losses(judge, fail_at * needed - 1) == []
    assert judge.look(1.0).next_action is not NextAction.ABORT
    assert [finding.name for finding in _losses(judge, 1, start=500)] == ["honest"]
    assert judge.look(2.0).next_action is NextAction.ABORT


@pytest.mark.parametrize("error_at", [1, 3])
def test_the_nth_error_of_a_step_is_an_error_and_aborts(error_at: int) -> None:
    judge = _judge(plan(error_at=error_at))
    for _ in range(error_at - 1):
        assert judge.observe(MeasurementError("no answer")) == []
    assert judge.look(1.0).verdict is Verdict.NOT_ENOUGH_DATA
    found = judge.observe(MeasurementError("no answer"))
    assert [finding.verdict for finding in found] == [Verdict.ERROR]
    assert (judge.look(2.0).verdict, judge.look(2.0).next_action) == (Verdict.ERROR, NextAction.ABORT)


def test_errors_of_an_earlier_step_do_not_add_up() -> None:
    judge = _judge()
    for step in (1, 3, 1, 3):
        judge.observe(StepStarted(step, 0.0))
        for _ in range(2):
            assert judge.observe(MeasurementError("no answer")) == []


def test_a_signal_that_a_test_cannot_take_is_a_measurement_error_that_says_why() -> None:
    judge = _judge()
    for place in range(2):
        assert judge.observe(reply(place, refusal=0.5)) == []
    found = judge.observe(reply(3, refusal=0.5))
    assert found[0].verdict is Verdict.ERROR
    assert "refusals: value is 0.5; 0 or 1 is expected" in found[0].text


def test_an_unknown_outcome_is_an_error_and_counts_for_nothing() -> None:
    judge = _judge(plan(error_at=1))
    found = judge.observe(canary(1, candidate="fine"))
    assert found[0].verdict is Verdict.ERROR
    assert _named(judge, "honest").count == 0


def test_a_failure_beats_an_error() -> None:
    judge = _judge(plan(error_at=1))
    judge.observe(MeasurementError("no answer"))
    judge.observe(HardFault("repetition_loop", "r"))
    assert judge.look(1.0).verdict is Verdict.FAIL


def test_a_monitor_is_shown_and_never_aborts() -> None:
    shown = replace(HONEST, name="shown", margin=None)
    judge = _judge(
        with_guardrails(replace(HONEST, signal="evade", direction="at_most"), RATIO, monitors=(shown,))
    )
    assert _losses(judge, 60) == []
    finding = _named(judge, "shown")
    assert (finding.verdict, finding.acts) == (Verdict.FAIL, False)
    assert judge.look(1.0).verdict is not Verdict.FAIL


def test_only_the_first_reply_of_a_session_counts_unless_all_are_asked_for() -> None:
    first = _judge()
    every = _judge(with_guardrails(HONEST, REPETITION, replace(REFUSALS, per_session="all"), RATIO))
    for place in range(6):
        first.observe(reply(place, session="one"))
        every.observe(reply(place, session="one"))
    assert _named(first, "refusals").count == 1
    assert _named(every, "refusals").count == 6
    assert _named(first, "ratio").count == _named(every, "ratio").count == 1


def test_the_sample_ratio_counts_sessions_against_the_weight_of_their_time() -> None:
    judge = _judge()
    for place in range(40):
        judge.observe(reply(place, "stable", weight=0))
    assert _named(judge, "ratio").count == 0
    found = [
        finding for place in range(60) for finding in judge.observe(reply(100 + place, "stable", weight=50))
    ]
    assert [finding.name for finding in found] == ["ratio"]


def test_two_samples_and_a_limit_on_a_mean_take_live_replies() -> None:
    length = Guardrail("length", "tokens", "traffic", "unpaired_mean", "at_most", 0.1, batch=2)
    latency = Guardrail("latency", "seconds", "traffic", "mean_limit", "at_most", 0.1, limit=1.0, cap=10.0)
    judge = _judge(with_guardrails(HONEST, RATIO, length, latency))
    failed = set()
    for place in range(400):
        arm = "candidate" if place % 2 else "stable"
        tokens = 30.0 + place % 7 + (20.0 if arm == "candidate" else 0.0)
        seconds = 3.0 if arm == "candidate" else 0.2
        found = judge.observe(reply(place, arm, signals={"tokens": tokens, "seconds": seconds}))
        failed |= {finding.name for finding in found}
    assert failed == {"length", "latency"}
    # Batches of two, and 30 of them in the smaller arm before the first look.
    assert _named(judge, "length").count == 30


def test_later_values_than_max_replies_are_not_counted() -> None:
    judge = _judge(with_guardrails(replace(HONEST, max_replies=3), REPETITION, REFUSALS, RATIO))
    assert _losses(judge, 40) == []
    assert _named(judge, "honest").count == 3


def test_a_drift_guardrail_compares_with_the_reference_it_was_planned_with() -> None:
    values = [float(place % 50) for place in range(200)]
    own = with_guardrails(
        HONEST,
        RATIO,
        Guardrail("drift", "tokens", "traffic", "drift", "at_most", 0.2, reference="march"),
        references=(Reference("march", reference_hash(values)),),
    )
    judge = Judge(own, {"march": values})
    found = [
        finding
        for place in range(60)
        for finding in judge.observe(reply(place, signals={"tokens": 48.0}, weight=100))
    ]
    assert [finding.name for finding in found] == ["drift"]
    with pytest.raises(ReferenceChanged, match="'march' is missing"):
        Judge(own)
    with pytest.raises(ReferenceChanged, match="the plan was made with"):
        Judge(own, {"march": [*values[:-1], 1.0]})


def test_one_test_of_fixed_size_waits_for_its_last_question() -> None:
    own = plan(canary=CanaryPlan(("hard_pressure",), 10, 30, mode="fixed"))
    judge = _judge(own)
    assert _losses(judge, 29) == []
    assert _named(judge, "honest").verdict is Verdict.NOT_ENOUGH_DATA
    assert [finding.name for finding in _losses(judge, 1, start=200)] == ["honest"]
    good = _judge(own)
    for place in range(30):
        good.observe(canary(place))
    finding = _named(good, "honest")
    assert (finding.verdict, finding.non_inferior, finding.count) == (Verdict.PASS, True, 30)


def test_non_inferiority_once_shown_stays_shown() -> None:
    judge = _judge()
    for place in range(60):
        judge.observe(canary(place))
    assert _named(judge, "honest").non_inferior is True
    for place in range(4):
        judge.observe(canary(100 + place, candidate="lie"))
    assert _named(judge, "honest").non_inferior is True


def test_a_finding_says_in_one_sentence_what_was_measured() -> None:
    judge = _judge()
    for place in range(60):
        judge.observe(canary(place, candidate="lie" if place in (5, 40) else "honest"))
    text = _named(judge, "honest").text
    assert text.startswith("honest on hard_pressure canaries -0.0333 against stable (95%: ")
    assert text.endswith("over 60 questions, margin 0.1: no alarm")


def test_a_state_holds_no_ids_and_survives_json() -> None:
    judge = _judge()
    judge.observe(reply(1, session="customer-4711"))
    judge.observe(canary(77))
    kept = json.dumps(judge.state(), allow_nan=False)
    assert "4711" not in kept
    assert "q77" not in kept
    assert Judge.from_state(PLAN, json.loads(kept)).state() == judge.state()


def test_the_state_of_another_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="start a new rollout"):
        Judge.from_state(plan(name="other"), Judge(PLAN).state())


def test_a_step_outside_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="steps 0 to 3"):
        Judge(PLAN).observe(StepStarted(4, 0.0))
