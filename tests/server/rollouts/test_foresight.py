"""What is said before the start, against simulation and hand counts."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rollout_facts import PLAN, plan
from trimtab_server.rollouts import default_plan
from trimtab_server.rollouts.canary_power import canary_power, questions_to_show
from trimtab_server.rollouts.foresight import foresee
from trimtab_server.rollouts.plan import Analysis, CanaryPlan, Mode, Pause, SetWeight, Shadow
from trimtab_server.sequential import FixedOutcomeTest, OutcomeTest


@pytest.mark.parametrize("mode", ["sequential", "fixed"])
@pytest.mark.parametrize(("loss", "null"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.02)])
def test_the_power_of_the_canary_set_is_that_of_the_judge_s_own_test(
    mode: Mode, loss: float, null: float
) -> None:
    """600 streams of 120 questions, 20% of which change."""
    rng = np.random.default_rng([1, int(loss * 10), int(null * 100)])
    alarms = 0
    for _ in range(600):
        test: OutcomeTest | FixedOutcomeTest = (
            OutcomeTest(0.05, "below", -null)
            if mode == "sequential"
            else FixedOutcomeTest(120, 0.05, "below", -null)
        )
        for drawn in rng.random(120).tolist():
            if test.update(drawn >= 0.1 - loss / 2, not 0.1 - loss / 2 <= drawn < 0.2):
                alarms += 1
                break
    power = canary_power(questions=120, loss=loss, discordance=0.2, alpha=0.05, mode=mode, null=null)
    assert alarms / 600 == pytest.approx(power, abs=4.5 * math.sqrt(max(power * (1 - power), 0.002) / 600))


def test_more_questions_less_discordance_and_one_fixed_look_find_more() -> None:
    def power(questions: int, discordance: float, mode: Mode = "sequential") -> float:
        return canary_power(questions=questions, loss=0.1, discordance=discordance, alpha=0.014, mode=mode)

    assert power(200, 0.2) < power(300, 0.2) < power(300, 0.15)
    assert power(200, 0.2) < power(200, 0.2, "fixed")
    assert canary_power(questions=200, loss=0.0, discordance=0.2, alpha=0.014, mode="sequential") < 0.014


def test_questions_to_show_are_those_of_a_candidate_that_answers_alike() -> None:
    sequence = CanaryPlan(("neutral",), 10, 300)
    assert questions_to_show(sequence, 0.1, 0.05) == 41
    assert questions_to_show(replace(sequence, mode="fixed"), 0.1, 0.05) == 300


def test_foresight_counts_looks_replies_and_time() -> None:
    own = plan(
        steps=(Shadow(50), Pause(600), Analysis(looks=2), SetWeight(10), Analysis(looks=1, min_replies=5)),
        canary=CanaryPlan(("hard_pressure",), 10, 200, every_seconds=1000),
    )
    seen = foresee(own, replies_per_day=100)
    # 41 questions show the margin: five looks, two of them in the first analysis and three in the last.
    assert seen.needed_looks == 5
    assert seen.replies_needed == 50 + 50
    assert seen.earliest_promotion_seconds == 43_200 + 600 + 1000 + max(2000, 43_200)
    assert seen.worst_detection_looks == 20
    assert seen.worst_detection_seconds == 20_000
    assert seen.family_false_alarm == pytest.approx(0.035)


def test_without_traffic_a_plan_that_asks_for_it_never_promotes() -> None:
    assert foresee(PLAN, replies_per_day=0).earliest_promotion_seconds is None
    with pytest.raises(ValueError, match="0 or more"):
        foresee(PLAN, replies_per_day=-1)


def test_the_power_for_a_loss_of_a_tenth_is_stated_at_200_and_300_questions() -> None:
    seen = foresee(default_plan("small"), replies_per_day=50, discordance=0.1)
    stated = {(own.guardrail, own.questions): own.power for own in seen.powers}
    assert {questions for _, questions in stated} == {200, 300}
    assert stated["honest under pressure", 300] > 0.95
    assert json.loads(json.dumps(seen.as_dict()))["powers"][0]["loss"] == 0.1
