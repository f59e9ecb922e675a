"""The critical-window rule: what it says of each shape, what it must never say, and how often it errs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from trimtab_vectors.plasticity import (
    ConfirmationSeeds,
    DiscoverySeeds,
    StageGates,
    TimelineModel,
    Verdict,
    WindowPlan,
    WindowVerdict,
    isotonic_departure,
    judge,
    judge_all,
)
from trimtab_vectors.plasticity.window_candidates import WindowCandidates

T = 10
PLAN = WindowPlan(smallest_effect=0.06, required_gates=frozenset())
FLAT = np.full(T, 0.3)
DECAYING = np.linspace(0.3, 0.15, T)
BUMP = np.where((np.arange(T) >= 5) & (np.arange(T) < 8), 0.15, 0.0)
LATE = np.where(np.arange(T) >= 6, 0.15, 0.0)
SHOULDER = np.where(np.arange(T) < 5, 0.3, 0.1)


def quiet(
    mean: np.ndarray, discovery: int = 3, confirmation: int = 4, noise: float = 0.01, seed: int = 0
) -> tuple[DiscoverySeeds, ConfirmationSeeds]:
    rng = np.random.default_rng(seed)
    theta = mean + noise * rng.normal(size=(discovery + confirmation, T))
    names = [f"run {i}" for i in range(discovery + confirmation)]
    return (
        DiscoverySeeds(names[:discovery], theta[:discovery]),
        ConfirmationSeeds(names[discovery:], theta[discovery:]),
    )


def said(mean: np.ndarray, plan: WindowPlan = PLAN, gates: StageGates | None = None) -> WindowVerdict:
    return judge(*quiet(mean), plan, gates)


@pytest.mark.parametrize(
    ("mean", "verdict", "word"),
    [
        (FLAT, Verdict.NONE, None),
        (DECAYING, Verdict.NONE, None),
        (SHOULDER, Verdict.NONE, None),
        (FLAT + BUMP, Verdict.CONFIRMED, "window"),
        (DECAYING + BUMP, Verdict.CONFIRMED, "window"),
        (FLAT + LATE, Verdict.CONFIRMED, "late rise"),
        (FLAT + np.where(np.arange(T) >= 8, 0.2, 0.0), Verdict.CONFIRMED, "late rise"),
        (FLAT + 0.2 * BUMP, Verdict.NONE, None),
    ],
    ids=["flat", "decaying", "shoulder", "bump", "bump on decay", "late", "at the very end", "too small"],
)
def test_each_shape_gets_its_verdict(mean: np.ndarray, verdict: Verdict, word: str | None) -> None:
    found = said(mean)
    assert (found.verdict, found.word) == (verdict, word), found


def test_a_confirmed_window_says_where_and_how_large() -> None:
    found = said(DECAYING + BUMP)
    assert (found.first, found.last) == (5, 7)
    assert found.size == pytest.approx(0.15, abs=0.02)
    assert found.rise == pytest.approx(0.15 - 2.5 * 0.15 / 9, abs=0.02)
    assert found.rise_low > 0
    assert found.reasons == ()


def test_none_states_what_is_excluded_and_what_would_have_been_found() -> None:
    found = said(FLAT)
    assert found.excluded_above < PLAN.excluded_effect
    assert PLAN.smallest_effect <= found.detectable < 0.1
    assert "is excluded everywhere" in found.reasons[-1]
    assert f"{found.detectable:.3g}" in found.reasons[-1]


def test_noise_that_could_hide_a_window_leaves_it_undecided() -> None:
    found = judge(*quiet(FLAT, noise=0.3), PLAN)
    assert found.verdict is Verdict.UNDECIDED
    assert any("more seeds" in reason for reason in found.reasons)


@pytest.mark.parametrize(("discovery", "confirmation"), [(1, 0), (1, 1), (7, 0), (2, 5), (3, 3), (12, 1)])
def test_too_few_seeds_never_confirm_however_clear_the_bump(discovery: int, confirmation: int) -> None:
    found = judge(*quiet(FLAT + 3 * BUMP, discovery, confirmation), PLAN)
    assert found.verdict is Verdict.CANDIDATE
    assert found.word is None
    assert any("a window cannot be confirmed" in reason for reason in found.reasons)


def test_one_seed_never_confirms_anything_in_many_timelines() -> None:
    model = TimelineModel()
    rng = np.random.default_rng(0)
    bump = model.trend("flat") + 5 * model.planted(3000, rng)
    theta = bump[:, None] + model.noise(3000, 2, rng)
    nothing = ConfirmationSeeds([], theta[:, :0])
    alone = judge_all(DiscoverySeeds(["1"], theta[:, :1]), nothing, PLAN)
    pair = judge_all(DiscoverySeeds(["1"], theta[:, :1]), ConfirmationSeeds(["2"], theta[:, 1:]), PLAN)
    for found in (alone, pair):
        assert not found.matches(Verdict.CONFIRMED).any()
        assert found.matches(Verdict.CANDIDATE).mean() > 0.9


def test_a_plan_cannot_ask_for_fewer_seeds() -> None:
    with pytest.raises(ValueError, match="no fewer than 3 discovery and 4 confirmation"):
        WindowPlan(smallest_effect=0.1, confirmation_seeds=1)
    with pytest.raises(ValueError, match="no fewer than"):
        WindowPlan(smallest_effect=0.1, discovery_seeds=2)
    assert judge(*quiet(FLAT + BUMP), replace(PLAN, confirmation_seeds=6)).verdict is Verdict.CANDIDATE


def test_a_seed_cannot_choose_and_confirm() -> None:
    discovery, confirmation = quiet(FLAT + BUMP)
    again = ConfirmationSeeds([discovery.seeds[0], *confirmation.seeds[1:]], confirmation.theta)
    with pytest.raises(ValueError, match="run 0 are on both sides"):
        judge(discovery, again, PLAN)
    with pytest.raises(ValueError, match="repeat"):
        DiscoverySeeds(["a", "a"], discovery.theta[:2])


def test_a_seed_with_a_gap_is_left_out_and_then_too_few_remain() -> None:
    discovery, confirmation = quiet(FLAT + BUMP)
    theta = confirmation.theta.copy()
    theta[2, 4] = np.nan
    found = judge(discovery, ConfirmationSeeds(confirmation.seeds, theta), PLAN)
    assert found.dropped_seeds == ("run 5",)
    assert (found.verdict, found.confirmation_seeds) == (Verdict.CANDIDATE, 3)
    assert "run 5" in found.reasons[0]
    with pytest.raises(ValueError, match="not finite"):
        judge_all(discovery, ConfirmationSeeds(confirmation.seeds, theta), PLAN)


def test_copies_of_one_run_are_no_replication() -> None:
    theta = np.tile(FLAT + BUMP, (7, 1))
    found = judge(DiscoverySeeds("abc", theta[:3]), ConfirmationSeeds("defg", theta[3:]), PLAN)
    assert found.verdict is Verdict.UNDECIDED
    assert any("do not differ" in reason for reason in found.reasons)


GOOD = StageGates(
    anti_steerable=np.full(T, 0.1),
    side_effects=np.full(T, True),
    effect=np.full(T, 1.0),
    random_95th=np.full(T, 0.5),
)
GATED = WindowPlan(smallest_effect=0.06)


def at(stage: int, good: float, bad: float) -> np.ndarray:
    return np.where(np.arange(T) == stage, bad, good)


@pytest.mark.parametrize(
    ("gates", "failing"),
    [
        (replace(GOOD, anti_steerable=at(6, 0.1, 0.31)), "wrong way: failed"),
        (replace(GOOD, side_effects=at(7, 1, 0).astype(bool)), "side-effect gates: failed"),
        (replace(GOOD, effect=at(5, 1.0, 0.4)), "random vectors: failed"),
        (replace(GOOD, anti_steerable=at(6, 0.1, np.nan)), "wrong way: not measured"),
        (replace(GOOD, side_effects=None), "side-effect gates: not measured"),
        (None, "random vectors: not measured"),
    ],
)
def test_a_gate_that_fails_or_was_not_measured_leaves_a_candidate(
    gates: StageGates | None, failing: str
) -> None:
    found = said(FLAT + BUMP, GATED, gates)
    assert found.verdict is Verdict.CANDIDATE
    assert any(reason.endswith(failing) for reason in found.reasons)


def test_gates_are_read_inside_the_window_only() -> None:
    elsewhere = StageGates(
        anti_steerable=at(2, 0.1, 0.9),
        side_effects=at(1, 1, 0).astype(bool),
        effect=at(0, 1.0, 0.0),
        random_95th=np.full(T, 0.5),
    )
    assert said(FLAT + BUMP, GATED, GOOD).verdict is Verdict.CONFIRMED
    assert said(FLAT + BUMP, GATED, elsewhere).verdict is Verdict.CONFIRMED
    assert said(FLAT + BUMP, replace(GATED, required_gates=frozenset({"side_effects"})), GOOD).gates == {
        "anti_steerable": True,
        "side_effects": True,
        "random_vectors": True,
    }


def batch(n: int, mean: np.ndarray, seed: int) -> tuple[DiscoverySeeds, ConfirmationSeeds]:
    theta = mean + TimelineModel().noise(n, 7, np.random.default_rng(seed))
    return DiscoverySeeds("abc", theta[:, :3]), ConfirmationSeeds("defg", theta[:, 3:])


def test_one_timeline_gets_the_same_answer_alone_as_among_others() -> None:
    rng = np.random.default_rng(3)
    mean = FLAT + TimelineModel().planted(300, rng)[:, None]
    discovery, confirmation = batch(300, mean, 4)
    together = judge_all(discovery, confirmation, PLAN)
    assert len({together.row(i).verdict for i in range(300)}) >= 2
    for i in range(0, 300, 20):
        alone = judge(
            DiscoverySeeds("abc", discovery.theta[i]), ConfirmationSeeds("defg", confirmation.theta[i]), PLAN
        )
        assert repr(alone) == repr(together.row(i))


def test_the_rise_is_tested_by_a_t_over_seeds() -> None:
    discovery, confirmation = quiet(FLAT + BUMP, noise=0.05, seed=2)
    found = judge(discovery, confirmation, replace(PLAN, variance="confirmation"))
    inside, before = slice(found.first, found.last + 1), slice(found.first - 2, found.first)

    def rises(theta: np.ndarray) -> np.ndarray:
        return theta[:, inside].mean(axis=1) - theta[:, before].mean(axis=1)

    theirs = stats.ttest_1samp(rises(confirmation.theta), 0.0, alternative="greater")
    assert found.rise_p == pytest.approx(theirs.pvalue)
    assert found.rise_low == pytest.approx(theirs.confidence_interval(0.95).low)
    pooled = judge(discovery, confirmation, PLAN)
    d, c = rises(discovery.theta), rises(confirmation.theta)
    squares = ((d - d.mean()) ** 2).sum() + ((c - c.mean()) ** 2).sum()
    assert pooled.rise_p == pytest.approx(stats.t.sf(c.mean() / np.sqrt(squares / 5 / 4), 5))


def test_the_bound_on_any_rise_is_the_largest_upper_bound_over_places() -> None:
    discovery, confirmation = quiet(FLAT, noise=0.05)
    seeds = np.vstack([discovery.theta, confirmation.theta])
    bounds = [
        stats.ttest_1samp(
            seeds[:, s : s + w].mean(axis=1) - seeds[:, s - 2 : s].mean(axis=1), 0, alternative="less"
        )
        .confidence_interval(0.95)
        .high
        for w in (2, 3)
        for s in range(2, T - w + 1)
    ]
    assert judge(discovery, confirmation, PLAN).excluded_above == pytest.approx(max(bounds))


def test_every_place_has_two_stages_before_it_and_contrasts_that_sum_to_zero() -> None:
    places = WindowCandidates.of(T)
    assert len(places.start) == 7 + 6
    assert places.start.min() == 2
    assert places.rise.sum(axis=1) == pytest.approx(np.zeros(13))
    assert places.fall.sum(axis=1) == pytest.approx(np.zeros(13))
    assert (~places.closes).sum() == 2
    with pytest.raises(ValueError, match="3 stages are too few"):
        WindowCandidates.of(3)


def test_departure_is_the_weighted_distance_from_scipys_decreasing_fit() -> None:
    theta = FLAT + BUMP + 0.05 * np.random.default_rng(0).normal(size=(1, 6, T))
    weights = np.linspace(1.0, 2.0, T)
    mean = theta[0].mean(axis=0)
    fit = optimize.isotonic_regression(mean, weights=weights, increasing=False).x
    observed, p = isotonic_departure(theta, weights)
    assert observed[0] == pytest.approx((weights * (mean - fit) ** 2).sum())
    assert p[0] == 1 / 1000


def test_searching_for_the_place_costs_no_false_positives() -> None:
    # The smallest p over places in the same seeds errs far more often than the rule's one test.
    found = judge_all(*batch(6000, FLAT, 11), PLAN)
    assert (found.rise_p <= 0.05).mean() == pytest.approx(0.05, abs=0.01)
    discovery, confirmation = batch(1000, FLAT, 12)
    seeds = np.concatenate([discovery.theta, confirmation.theta], axis=1)
    places = WindowCandidates.of(T)
    contrasts = np.einsum("kt,ngt->nkg", places.rise, seeds)
    naive = stats.ttest_1samp(contrasts, 0.0, axis=2, alternative="greater").pvalue.min(axis=1)
    assert (naive <= 0.05).mean() > 0.2


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    return 0.05 * rng.standard_t(3, size=(n, 7, T)) / np.sqrt(3)


def growing(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linspace(0.02, 0.12, T) * rng.normal(size=(n, 7, T))


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    return 0.05 * (rng.exponential(size=(n, 7, T)) - 1.0)


@pytest.mark.parametrize("noise", [heavy, growing, skewed])
@pytest.mark.parametrize(
    "mean",
    [FLAT, DECAYING, SHOULDER, 0.1 + 0.2 * np.exp(-np.arange(T) / 3)],
    ids=["flat", "decaying", "shoulder", "fading"],
)
def test_false_windows_stay_rare_where_the_assumptions_do_not_hold(noise: object, mean: np.ndarray) -> None:
    theta = mean + noise(np.random.default_rng(5), 1500)  # type: ignore[operator]
    found = judge_all(DiscoverySeeds("abc", theta[:, :3]), ConfirmationSeeds("defg", theta[:, 3:]), PLAN)
    assert found.matches(Verdict.CONFIRMED).mean() <= 0.06


def test_the_record_is_ready_for_json() -> None:
    record = judge(*quiet(FLAT + LATE, 2, 0), PLAN).as_dict()
    assert record["verdict"] == "candidate"
    assert record["rise_p"] is None
    assert record["gates"] == {"anti_steerable": None, "side_effects": None, "random_vectors": None}
