"""What is worth its cost: best strengths on known curves, increments, and when a prompt is enough."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from trimtab_vectors.plasticity import (
    Option,
    best_strength,
    dominated,
    effect_per_cost,
    increment,
    net_value,
    recommend,
)
from trimtab_vectors.statistics import clustered_mean

A = np.array([0.1, 0.2, 0.3, 0.4])


def curves(q: float, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    gains = 2.0 * A[:, None] + noise * rng.normal(size=(4, 60))
    return gains, q * A[:, None] ** 2 + noise * rng.normal(size=(4, 50))


def test_the_best_strength_is_where_the_net_value_peaks() -> None:
    gains, losses = curves(1.5)
    found = best_strength(A, gains, losses, price=2.0)
    grid = np.linspace(0.0, 1.0, 100_001)
    net = found.gain.value * grid - 2.0 * found.loss.value * grid**2
    assert found.strength.value == pytest.approx(grid[net.argmax()], abs=1e-5)
    assert found.net == pytest.approx(net.max())
    assert not found.strength.excludes(2.0 / (2 * 2.0 * 1.5))


def test_gain_and_loss_are_least_squares_through_the_origin() -> None:
    gains, losses = curves(1.5, noise=0.3)
    found = best_strength(A, gains, losses, price=1.0)
    assert found.gain.value == pytest.approx(
        np.linalg.lstsq(A[:, None], gains.mean(axis=1), rcond=None)[0][0]
    )
    assert found.loss.value == pytest.approx(
        np.linalg.lstsq((A**2)[:, None], losses.mean(axis=1), rcond=None)[0][0]
    )


def test_without_a_measured_loss_no_best_strength_is_claimed() -> None:
    gains, losses = curves(0.0)
    found = best_strength(A, gains, losses, price=1.0)
    assert not found.strength.defined
    assert math.isnan(found.net)
    assert "side-effect gates" in found.strength.note


def option(name: str, cost: float, effect: float, seed: int = 0, noise: float = 0.1) -> Option:
    return Option(name, cost, effect + noise * np.random.default_rng(seed).normal(size=200))


def test_an_increment_is_money_for_one_more_unit_of_effect() -> None:
    found = increment(option("steering", 900.0, 0.8), option("prompt", 100.0, 0.4, seed=1))
    assert found.icer.value == pytest.approx(800.0 / found.extra_effect.value)
    assert found.icer.low == pytest.approx(800.0 / found.extra_effect.high)
    assert found.icer.low < 2000.0 < found.icer.high
    assert not found.dominated


def test_no_price_is_put_on_an_effect_that_may_be_nothing() -> None:
    found = increment(option("steering", 900.0, 0.4), option("prompt", 100.0, 0.4, seed=1, noise=0.5))
    assert not found.icer.defined
    assert "includes 0" in found.icer.note


def test_dearer_and_no_better_is_dominated() -> None:
    options = [
        option("steering", 900.0, 0.7),
        option("prompt", 100.0, 0.9),
        option("fine-tune", 5000.0, 0.95),
    ]
    assert dominated(options) == {"steering": "prompt"}
    assert increment(options[0], options[1]).dominated
    assert not increment(options[1], options[0]).dominated
    twins = [option("a", 1.0, 0.5), option("b", 1.0, 0.5)]
    assert dominated(twins) == {}


def test_a_prompt_is_enough_only_where_that_is_shown() -> None:
    steering, prompt = option("steering", 900.0, 0.90), option("prompt", 100.0, 0.89, seed=1)
    assert recommend(steering, prompt, 0.05).choice == "a prompt is enough"
    few = replace(steering, effect=steering.effect[:4]), replace(prompt, effect=prompt.effect[:4])
    assert recommend(*few, 0.05).choice == "undecided"
    assert recommend(option("steering", 900.0, 0.9), option("prompt", 100.0, 0.6, 1), 0.05).choice == "steer"
    assert recommend(steering, replace(prompt, cost=2000.0), 0.05).choice != "a prompt is enough"
    with pytest.raises(ValueError, match="margin"):
        recommend(steering, prompt, 0.0)


def test_money_figures_use_the_careful_end() -> None:
    reduction = clustered_mean(np.random.default_rng(0).normal(0.3, 0.5, size=100))
    assert effect_per_cost(reduction, 50.0) == pytest.approx(reduction.low / 50.0)
    assert effect_per_cost(replace(reduction, low=-0.1), 50.0) == 0.0
    assert net_value(1000, 0.2, 0.5, 3.0, 120.0) == pytest.approx(180.0)
    with pytest.raises(ValueError, match="lie_rate"):
        net_value(1000, 20.0, 0.5, 3.0, 120.0)
