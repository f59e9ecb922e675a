"""Plans that make no sense are refused, each with its key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rollout_facts import HONEST, PLAN, RATIO, REFUSALS, REPETITION, plan, with_guardrails
from trimtab_server.rollouts import Judge, PlanError, check_plan, default_plan
from trimtab_server.rollouts.plan import (
    Analysis,
    AnalysisPlan,
    CanaryPlan,
    Guardrail,
    HardLimit,
    Pause,
    SetWeight,
    Shadow,
)
from trimtab_server.rollouts.plan_rules import faults_of

KL = Guardrail(
    name="KL",
    signal="kl_to_unsteered",
    unit="canary",
    kind="neutral",
    test="mean_limit",
    direction="at_most",
    limit=0.3,
    cap=5.0,
    alpha_share=0.1,
)


def _steps(*steps: Any) -> AnalysisPlan:
    return plan(steps=steps)


def _honest(**changes: Any) -> AnalysisPlan:
    return with_guardrails(replace(HONEST, **changes), REPETITION, REFUSALS, RATIO)


@pytest.mark.parametrize(
    ("own", "key"),
    [
        (plan(name=" "), "name"),
        (plan(false_alarm=0.0), "false_alarm"),
        (plan(wrong_promotion=0.5), "wrong_promotion"),
        (plan(error_at=0), "error_at"),
        (_steps(), "steps"),
        (_steps(Shadow(0), *PLAN.steps[1:]), "steps[0]"),
        (_steps(*PLAN.steps, SetWeight(100)), "steps[4]"),
        (_steps(*PLAN.steps, Pause(5)), "steps[4]"),
        (_steps(Shadow(5), SetWeight(50), SetWeight(20), Analysis()), "steps[2].percent"),
        (_steps(Shadow(5), SetWeight(101), Analysis()), "steps[1].percent"),
        (_steps(Shadow(5), Pause(0), SetWeight(50), Analysis()), "steps[1].seconds"),
        (_steps(Shadow(5), Analysis(min_replies=4), SetWeight(50), Analysis()), "steps[1].min_replies"),
        (_steps(Shadow(5), SetWeight(50), Analysis(min_replies=4, max_replies=3)), "steps[2].max_replies"),
        (_steps(Shadow(5), SetWeight(50), Analysis(looks=0)), "steps[2]"),
        (plan(canary=CanaryPlan((), 10, 100)), "canary.kinds"),
        (plan(canary=CanaryPlan(("hard_pressure",), 10, 5)), "canary.draw"),
        (plan(canary=CanaryPlan(("hard_pressure",), 10, 50, every_seconds=0)), "canary.every_seconds"),
        (plan(canary=None), "guardrails[0].unit"),
        (with_guardrails(), "guardrails"),
        (with_guardrails(REPETITION, RATIO), "guardrails"),
        (_honest(alpha_share=0.5), "guardrails"),
        (_honest(name="ratio"), "guardrails"),
        (with_guardrails(HONEST, REPETITION), "guardrails"),
        (_honest(alpha_share=0.0), "guardrails[0].alpha_share"),
        (_honest(unit="traffic"), "guardrails[0].unit"),
        (_honest(kind="neutral"), "guardrails[0].kind"),
        (_honest(signal="repetition"), "guardrails[0].signal"),
        (_honest(limit=0.02), "guardrails[0].limit"),
        (_honest(limit=-0.2), "guardrails[0].margin"),
        (_honest(margin=1.5), "guardrails[0].margin"),
        (_honest(margin=-0.1), "guardrails[0].margin"),
        (_honest(batch=0), "guardrails[0]"),
        (_honest(fail_at=0), "guardrails[0]"),
        (_honest(max_replies=0), "guardrails[0].max_replies"),
        (
            replace(_honest(fail_at=2), canary=CanaryPlan(("hard_pressure",), 10, 100, mode="fixed")),
            "guardrails[0].fail_at",
        ),
        (with_guardrails(HONEST, REPETITION, replace(REFUSALS, limit=0.0), RATIO), "guardrails[2].limit"),
        (with_guardrails(HONEST, REPETITION, replace(REFUSALS, margin=0.1), RATIO), "guardrails[2].margin"),
        (with_guardrails(HONEST, REPETITION, replace(REFUSALS, batch=5), RATIO), "guardrails[2].batch"),
        (with_guardrails(HONEST, replace(REPETITION, kind="neutral"), RATIO), "guardrails[1].kind"),
        (
            with_guardrails(HONEST, replace(REPETITION, test="mean_limit", limit=0.3), RATIO),
            "guardrails[1].cap",
        ),
        (
            with_guardrails(HONEST, replace(REPETITION, test="drift", reference="r"), RATIO),
            "guardrails[1].reference",
        ),
        (plan(hard_limits=(HardLimit("x", float("inf")),)), "hard_limits[0].cap"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(own: AnalysisPlan, key: str) -> None:
    assert key in {fault.key for fault in faults_of(own)}
    with pytest.raises(PlanError, match="; "):
        Judge(own)


@pytest.mark.parametrize(
    "place",
    [
        {"unit": "traffic", "kind": None},
        {"unit": "shadow", "kind": None},
        {"unit": "canary", "kind": "hard_pressure"},
    ],
)
def test_kl_may_abort_on_neutral_canaries_only(place: dict[str, Any]) -> None:
    canary = CanaryPlan(("hard_pressure", "neutral"), 10, 100)
    assert not list(faults_of(with_guardrails(HONEST, RATIO, KL, canary=canary)))
    elsewhere = with_guardrails(HONEST, RATIO, replace(KL, **place), canary=canary)
    assert [fault.key for fault in faults_of(elsewhere)] == ["guardrails[2].signal"]
    # As a monitor it may be read anywhere.
    shown = with_guardrails(HONEST, RATIO, canary=canary, monitors=(replace(KL, **place),))
    assert not list(faults_of(shown))


@pytest.mark.parametrize(
    "own", [PLAN, default_plan("small"), default_plan("busy")], ids=["test", "small", "busy"]
)
def test_the_plans_we_ship_keep_the_rules_and_the_budget(own: AnalysisPlan) -> None:
    assert check_plan(own) is own
    assert sum(own.alpha(guardrail) for guardrail in own.guardrails) <= 0.035 + 1e-12
