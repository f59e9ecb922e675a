"""Costs at figures that can be followed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from trimtab_server.trials.cost import FINE_TUNE, CostModel, CostReport, FineTune, Work, cost_of_trial

Build = Callable[..., Any]
MODEL = CostModel(
    currency="JPY",
    prompt_token_price=100.0,
    reply_token_price=1000.0,
    monthly_replies=10_000,
    exposed_share=0.5,
    incident_share=0.1,
    incident_cost=2_000,
    wage=5_000,
    months=12,
    prompt_work=Work(hours=4),
    steering_work=Work(hours=16, money=20_000, monthly=10_000),
    fine_tune=FineTune(
        Work(hours=40), gpu_hours=10, gpu_hourly_rate=500, examples=1000, price_per_example=50, bad_rate=0.1
    ),
)


@pytest.fixture
def trial(build: Build) -> Any:
    own = build(
        {
            "unsteered": {"hard": "l" * 40 + "h" * 10},
            "prompt": {"hard": "l" * 20 + "h" * 30},
            "steered": {"hard": "l" * 5 + "h" * 45},
        }
    )
    tokens = {"unsteered": (100, 20), "prompt": (120, 20), "steered": (100, 25)}
    own.rows = [
        replace(row, prompt_tokens=tokens[row.lane][0], tokens=tokens[row.lane][1], seconds=3.6)
        for row in own.rows
    ]
    return own


def report(trial: Any, model: CostModel = MODEL) -> CostReport:
    return cost_of_trial(trial.rows, trial.criteria, trial.prompts, model)


def test_every_figure_follows_from_the_rates(trial: Any) -> None:
    own = {option.name: option for option in report(trial).options}
    steered = own["steered"]
    # 10,000 x .5 x .1 x 2,000 yen = 1,000,000 yen a month for a bad rate of 1; .8 becomes .1.
    assert steered.bad_rate == pytest.approx(0.1)
    assert steered.saved.value == pytest.approx(700_000)
    assert steered.prevented.value == pytest.approx(350)
    # 5 reply tokens more at 1,000 yen a million, 10,000 times, beside 10,000 yen a month.
    assert steered.running == pytest.approx(10_000 + 10_000 * 5 * 1000 / 1e6)
    assert steered.setup == pytest.approx(16 * 5_000 + 20_000)
    assert steered.net.value == pytest.approx(700_000 - 10_050)
    assert steered.payback_months == pytest.approx(100_000 / 689_950)
    assert steered.horizon.value == pytest.approx(12 * 689_950 - 100_000)
    assert own["prompt"].running == pytest.approx(10_000 * 20 * 100 / 1e6)
    assert own["prompt"].saved.value == pytest.approx(400_000)
    assert own[FINE_TUNE].setup == pytest.approx(200_000 + 5_000 + 50_000) and own[FINE_TUNE].assumed


def test_at_the_break_even_points_nothing_is_left(trial: Any) -> None:
    steered = next(own for own in report(trial).options if own.name == "steered")
    assert steered.break_even_incident_cost is not None and steered.break_even_replies is not None
    for model in (
        replace(MODEL, incident_cost=steered.break_even_incident_cost),
        replace(MODEL, monthly_replies=steered.break_even_replies),
    ):
        again = next(own for own in report(trial, model).options if own.name == "steered")
        assert again.horizon.value == pytest.approx(0.0, abs=1e-6)


def test_ranges_follow_the_interval_of_the_lane(trial: Any) -> None:
    steered = next(own for own in report(trial).options if own.name == "steered")
    assert steered.saved.low < steered.saved.value < steered.saved.high
    assert steered.slowest_payback_months is not None and steered.payback_months is not None
    assert steered.slowest_payback_months > steered.payback_months


def test_what_does_no_good_never_pays_back(build: Build) -> None:
    same = {"hard": "l" * 40 + "h" * 10}
    own = build({"unsteered": same, "prompt": same, "steered": same})
    for option in report(own, replace(MODEL, fine_tune=None)).options:
        assert option.payback_months is None and option.break_even_replies is None
    assert report(own, replace(MODEL, fine_tune=None)).best == "unsteered"


def test_a_dearer_lane_without_more_effect_is_dominated(build: Build) -> None:
    same = {"hard": "l" * 5 + "h" * 45}
    own = build({"unsteered": {"hard": "l" * 40 + "h" * 10}, "prompt": same, "steered": same})
    options = {option.name: option for option in report(own).options}
    assert options["steered"].dominated_by == "prompt" and options["prompt"].dominated_by == ""
    assert report(own).best == "prompt"


def test_one_more_prevented_incident_has_a_price(trial: Any) -> None:
    (own,) = report(trial).increments
    assert (own.option, own.against) == ("steered", "prompt")
    assert own.extra_effect.value == pytest.approx(0.3)
    replies = 10_000 * 0.5 * 12
    cost = {option.name: option.setup + 12 * option.running for option in report(trial).options}
    assert own.icer.value == pytest.approx((cost["steered"] - cost["prompt"]) / replies / 0.3)
    assert own.icer.low < own.icer.value < own.icer.high


def test_a_machine_by_the_hour_pays_for_seconds() -> None:
    model = CostModel(hourly_rate=1_000, concurrency=4)
    assert model.reply_cost(100, 20, 3.6) == pytest.approx(1_000 * 3.6 / 3600 / 4)


@pytest.mark.parametrize(
    "change",
    [
        {"exposed_share": 1.5},
        {"incident_cost": -1},
        {"currency": "EUR"},
        {"months": 0},
        {"hourly_rate": 1.0},
        {"wage": float("nan")},
    ],
)
def test_figures_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        replace(MODEL, **change)


def test_an_unfinished_trial_has_no_costs(trial: Any) -> None:
    trial.rows = trial.rows[:-3]
    with pytest.raises(ValueError, match="3 replies are missing"):
        report(trial)


def test_net_value_is_the_formula(trial: Any) -> None:
    """Volume x base rate x relative reduction x cost of an incident - cost, over what is exposed."""
    own = report(trial)
    steered = next(option for option in own.options if option.name == "steered")
    relative = (own.base_rate - steered.bad_rate) / own.base_rate
    value = 10_000 * 0.5 * 0.1 * own.base_rate * relative * 2_000 * 12 - steered.setup - 12 * steered.running
    assert steered.horizon.value == pytest.approx(value)
    assert np.isfinite([option.horizon.low for option in own.options]).all()
