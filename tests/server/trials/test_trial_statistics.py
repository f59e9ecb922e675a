"""Paired changes against independent computations."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from trimtab_server.trials.statistics import PairedChange, share_estimate

#: Rows and figures of statsmodels; the file says which.
FIGURES = json.loads((Path(__file__).parent / "statsmodels_figures.json").read_text(encoding="utf-8"))


def alone(n: int) -> tuple[str, ...]:
    return tuple(f"g{i}" for i in range(n))


def test_clustered_means_are_those_of_statsmodels() -> None:
    own = FIGURES["clustered"]
    change = PairedChange(np.array(own["differences"]), tuple(own["groups"]), bounded=False)
    estimate = change.estimate(0.05)
    assert estimate.value == pytest.approx(own["mean"], rel=1e-12)
    assert estimate.standard_error == pytest.approx(own["standard_error"], rel=1e-10)
    assert (estimate.low, estimate.high) == pytest.approx((own["low_90"], own["high_90"]), rel=1e-10)
    assert estimate.p == pytest.approx(own["p"], rel=1e-9)


def test_changes_of_yes_no_answers_have_the_p_of_statsmodels() -> None:
    own = FIGURES["paired"]
    before, after = np.array(own["before"]), np.array(own["after"])
    change = PairedChange((after - before).astype(float), alone(len(after)))
    assert change.mcnemar_p == pytest.approx(own["mcnemar_p"], rel=1e-10)
    share = share_estimate(after.astype(float), alone(len(after)), 0.025)
    assert (share.low, share.high) == pytest.approx(tuple(own["wilson_95_after"]), rel=1e-6)


def test_bounds_of_yes_no_answers_invert_the_score_test() -> None:
    """At each bound the score, with the likeliest chance of a loss found by a search, is the quantile of t."""
    own = FIGURES["paired"]
    d = np.array(own["after"]) - np.array(own["before"])
    n, gained, lost = len(d), int((d > 0).sum()), int((d < 0).sum())
    estimate = PairedChange(d.astype(float), alone(n)).estimate(0.025)

    def score(null: float) -> float:
        def cost(q: float) -> float:
            chances = np.clip([q + null, q, 1 - 2 * q - null], 1e-300, None)
            return -float(np.dot([gained, lost, n - gained - lost], np.log(chances)))

        bounds = (max(0.0, -null) + 1e-12, (1 - null) / 2 - 1e-12)
        q = optimize.minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        return float((gained - lost - n * null) / math.sqrt(n * (2 * q + null - null**2)))

    quantile = float(stats.t.ppf(0.975, n - 1))
    assert score(estimate.low) == pytest.approx(quantile, abs=1e-4)
    assert score(estimate.high) == pytest.approx(-quantile, abs=1e-4)
    assert estimate.value == pytest.approx((gained - lost) / n)
    assert estimate.p == pytest.approx(2 * stats.norm.sf((gained - lost) / math.sqrt(gained + lost)))


def test_copies_of_a_prompt_in_its_group_are_worth_nothing() -> None:
    rng = np.random.default_rng(3)
    single = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.5, 0.4], size=60)
    one = PairedChange(single, alone(60)).estimate(0.05)
    copied = PairedChange(np.repeat(single, 3), tuple(g for g in alone(60) for _ in range(3))).estimate(0.05)
    assert copied.value == pytest.approx(one.value)
    # The correction for few groups is the only difference.
    assert copied.high - copied.low == pytest.approx(one.high - one.low, rel=0.02)


def test_nothing_changed_is_no_proof_of_nothing() -> None:
    estimate = PairedChange(np.zeros(40), alone(40)).estimate(0.05)
    assert estimate.value == 0.0 and estimate.low < -0.03 and estimate.high > 0.03
    grouped = PairedChange(np.zeros(40), tuple(f"g{i // 4}" for i in range(40))).estimate(0.05)
    assert grouped.high > estimate.high


@pytest.mark.parametrize(("base", "steered"), [(0.4, 0.9), (0.85, 0.95), (0.9, 0.9)])
@pytest.mark.parametrize(
    ("repeats", "per_group", "most"), [(1, 1, 0.065), (3, 1, 0.065), (1, 4, 0.065), (3, 4, 0.08)]
)
def test_bounds_keep_their_level(
    base: float, steered: float, repeats: int, per_group: int, most: float
) -> None:
    """How often each one-sided bound at .05 is wrong in 2,000 simulated trials (noise: .0049). The last is the worst:
    the three repeats of the four prompts of a group nearly agree, and only groups vary."""
    rng = np.random.default_rng(11 + repeats + per_group)
    groups = 40
    labels = tuple(f"g{i // per_group}" for i in range(groups * per_group))
    low_wrong = high_wrong = 0
    # Chances of honest replies are shared by a group: the true change is the difference of their means.
    for _ in range(2000):
        first = _chances(rng, base, groups, per_group)
        second = _chances(rng, steered, groups, per_group)
        d = rng.binomial(repeats, second) / repeats - rng.binomial(repeats, first) / repeats
        estimate = PairedChange(d, labels).estimate(0.05)
        low_wrong += estimate.low > steered - base
        high_wrong += estimate.high < steered - base
    assert low_wrong / 2000 <= most and high_wrong / 2000 <= most


def _chances(rng: np.random.Generator, mean: float, groups: int, per_group: int) -> NDArray[np.float64]:
    return np.repeat(rng.beta(4 * mean, 4 * (1 - mean), size=groups), per_group)


def test_the_bootstrap_agrees_where_there_are_many_groups() -> None:
    rng = np.random.default_rng(5)
    labels = tuple(f"g{i // 2}" for i in range(400))
    d = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.5, 0.4], size=400)
    change = PairedChange(d, labels)
    ours, drawn = change.estimate(0.025), change.bootstrap(0.025)
    assert (drawn.low, drawn.high) == pytest.approx((ours.low, ours.high), abs=0.012)


@pytest.mark.parametrize(
    ("threshold", "side", "gained", "lost"), [(0.1, "above", 0.3, 0.1), (0.1, "below", 0.12, 0.08)]
)
def test_the_prompts_said_to_be_needed_are_enough(
    threshold: float, side: str, gained: float, lost: float
) -> None:
    """With so many more, 80% of simulated trials (noise: .02) show it; with a third of them, far fewer."""
    n = 100
    d = np.concatenate([np.ones(round(gained * n)), -np.ones(round(lost * n))])
    change = PairedChange(np.pad(d, (0, n - len(d))), alone(n))
    more = change.prompts_needed(threshold, side, 0.05, 0.8)  # type: ignore[arg-type]
    assert more is not None and more > 0

    def shown(total: int) -> float:
        rng = np.random.default_rng(total)
        hits = 0
        for up, down, _ in rng.multinomial(total, [gained, lost, 1 - gained - lost], size=400):
            values = np.pad(np.concatenate([np.ones(up), -np.ones(down)]), (0, total - up - down))
            estimate = PairedChange(values, alone(total)).estimate(0.05)
            hits += estimate.low > threshold if side == "above" else estimate.high < threshold
        return hits / 400

    assert shown(n + more) >= 0.74
    assert shown((n + more) // 3) < 0.6


def test_the_prompts_needed_for_means_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(2)
    d = rng.normal(0.5, 2.0, size=80)
    more = PairedChange(d, alone(80), bounded=False).prompts_needed(0.2, "above", 0.05, 0.8)
    reach = stats.norm.isf(0.05) + stats.norm.ppf(0.8)
    assert more == math.ceil(reach**2 * d.var() / (d.mean() - 0.2) ** 2) - 80


def test_a_change_on_the_wrong_side_needs_no_number_of_prompts() -> None:
    d = np.array([0.0] * 95 + [1.0] * 5)
    change = PairedChange(d, alone(100))
    assert change.prompts_needed(0.1, "above", 0.05, 0.8) is None
    assert change.prompts_needed(0.0501, "below", 0.05, 0.8) is None


@pytest.mark.parametrize("repeats", [1, 5])
def test_wilson_intervals_keep_their_level_with_groups_and_repeats(repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    labels = tuple(f"g{i // 2}" for i in range(60))
    wrong = 0
    for _ in range(2000):
        shares = rng.binomial(repeats, _chances(rng, 0.8, 30, 2)) / repeats
        own = share_estimate(shares, labels, 0.025)
        wrong += not own.low <= 0.8 <= own.high
    assert wrong / 2000 <= 0.07
