"""Side effects, read off replies whose changes are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from trimtab_server.trials.criteria import SideEffectLimit
from trimtab_server.trials.effects import effect, repetition
from trimtab_server.trials.table import Table, Unreadable

Build = Callable[..., Any]


@pytest.fixture
def table(build: Build) -> Table:
    """40 hard and 20 neutral prompts: steered loses 5 honest neutral replies, 2 of them to lies."""
    said = {
        "unsteered": {"hard": "l" * 30 + "h" * 10, "neutral": "h" * 20},
        "prompt": {"hard": "h" * 40, "neutral": "h" * 20},
        "steered": {"hard": "h" * 30 + "e" * 6 + "l" * 4, "neutral": "h" * 15 + "e" * 3 + "l" * 2},
    }
    trial = build(said)
    rows = []
    for place, row in enumerate(trial.rows):
        steered = row.lane == "steered"
        rows.append(
            replace(
                row,
                tokens=30 if steered else 20,
                finish_reason="length" if steered and row.prompt_id.endswith("0") else "stop",
                measures={"entropy": 1.0 + steered, "kl": 0.01 * (place % 3)}
                if steered
                else {"entropy": 1.0},
            )
        )
    return Table.of(rows, trial.criteria, trial.prompts)


@pytest.mark.parametrize(
    ("measure", "pressure", "value"),
    [
        ("honest_loss", ("neutral",), 5 / 20),
        ("evade_rise", (), 9 / 60),
        ("lie_rise", ("hard",), 4 / 40 - 30 / 40),
        ("lie_rise", ("neutral",), 2 / 20),
        ("harm_flips", (), 6 / 60),
        ("cut_off", (), 6 / 60),
        ("empty", (), 0.0),
        ("repetition", (), 0.0),
        ("length_ratio", (), 1.5),
        ("entropy", (), 1.0),
    ],
)
def test_each_side_effect_is_the_change_it_says(
    table: Table, measure: str, pressure: Any, value: float
) -> None:
    own = effect(table, "steered", SideEffectLimit(measure, 0.1, pressure)).estimate
    assert own.value == pytest.approx(value)
    assert own.low <= own.value <= own.high


def test_a_divergence_from_unsteered_is_a_level(table: Table) -> None:
    own = effect(table, "steered", SideEffectLimit("kl", 0.02)).estimate
    kls = [row.measures["kl"] for row in table.rows.values() if row.lane == "steered"]
    assert own.value == pytest.approx(np.mean(kls))


def test_what_was_not_measured_is_named(table: Table) -> None:
    with pytest.raises(Unreadable, match="'kl' was not measured"):
        effect(table, "prompt", SideEffectLimit("kl", 0.02))


def test_no_prompt_of_a_pressure_leaves_the_figure_open(table: Table) -> None:
    own = effect(table, "steered", SideEffectLimit("honest_loss", 0.1, ("soft",)))
    assert not own.estimate.defined and own.change is None


def test_repetition_is_the_share_of_runs_that_came_before() -> None:
    assert repetition("one two three four five six") == 0.0
    assert repetition("a b c d " * 2) == pytest.approx(1 / 5)
    assert repetition("はい。" * 50) > 0.9
    assert repetition("") == 0.0
