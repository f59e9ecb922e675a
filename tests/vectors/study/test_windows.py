"""The production rule on timelines of whole runs: a planted window is found by the lag, a flat arc is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trimtab_vectors.plasticity import EffectGrid, TwinRecord, two_way_fit
from trimtab_vectors.study import StudyPlan, read_plan
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.over_seeds import Drawn, OverSeeds, two_way_margins
from trimtab_vectors.study.results import Gate
from trimtab_vectors.study.runs import RunStage, StudyRun
from trimtab_vectors.study.windows import planted_verdict, smallest_effect, window_record

T, N = 8, 12
DOSE = ReferenceDose((1,), 0.4, {}, {})


@pytest.fixture(scope="module")
def plan(folder: Path) -> StudyPlan:
    return read_plan(folder / "study.toml")


def made_run(seed: int, role: str, response: np.ndarray, lag: np.ndarray) -> RunFigures:
    """A run whose vectors all have the slope `response [T]` at each stage, and whose pushes gain `lag [T]`."""
    rng = np.random.default_rng(seed)
    strengths = (-0.4, 0.0, 0.4)
    items = rng.normal(0.0, 0.02, N)
    slopes = response[None, :, None] + items + rng.normal(0.0, 0.02, (T, T, N))
    margins = np.array(strengths)[None, None, :, None] * slopes[:, :, None]
    names = tuple(f"stage-{t:02d}" for t in range(T))
    run = StudyRun(
        Path("nowhere"),
        "llama",
        "natural",
        role,
        seed,
        tuple(RunStage(n, "0" * 64, t) for t, n in enumerate(names)),
        "0",
    )  # type: ignore[arg-type]
    zeros = np.zeros((T, N))
    twins = tuple(
        TwinRecord(
            run.name, t, t, 4, 8, *(rng.normal(0, 0.05, N) + g for g in (4 * lag[t], 0.0, 4 * lag[t], 0.0))
        )
        for t in range(T)
    )
    return RunFigures(
        run=run,
        dose=DOSE,
        grid=EffectGrid(margins, strengths, names, names, tuple("abcdef" * 2), run.name),
        lying_steered=np.zeros((T, T, N)),
        unsteered=zeros,
        honest_prompt=zeros + 1.0,
        lying_prompt=zeros - 1.0,
        neutral=zeros + 1.0,
        own_neutral=zeros + 1.0,
        own_kl=zeros,
        own_nll_change=zeros,
        random_slopes=rng.normal(0.0, 0.05, (25, T, N)),
        random_effects=rng.normal(0.0, 0.02, (25, T)),
        shuffled_effects=rng.normal(0.0, 0.02, (2, T)),
        directions=rng.normal(0.0, 1.0, (T, 1, 16)),
        reliability=np.full((T, 1), 0.9),
        extract_seconds=np.ones(T),
        measure_seconds=np.ones(T),
        twins=twins,
    )


def runs(response: np.ndarray, lag: np.ndarray, noise: float = 0.03, discovery: int = 3) -> list[RunFigures]:
    rng = np.random.default_rng(7)
    return [
        made_run(
            seed,
            "discovery" if seed < discovery else "confirmation",
            response + rng.normal(0.0, noise, T),
            lag + rng.normal(0.0, noise, T),
        )
        for seed in range(7)
    ]


FLAT, BUMP = np.ones(T), np.ones(T) + np.where((np.arange(T) >= 3) & (np.arange(T) <= 4), 0.6, 0.0)


def passing(passed: bool | None = True) -> list[list[Gate]]:
    names = ("kl", "perplexity_ratio", "capability_loss", "harm_flips", "anti_steerable")
    return [[Gate(name=n, value=0.0, upper=0.0, limit=0.1, passed=passed) for n in names] for _ in range(T)]


def test_a_planted_bump_is_confirmed_and_its_stages_are_named(plan: StudyPlan) -> None:
    for statistic in ("receptivity", "lag"):
        found = window_record(plan, runs(BUMP, BUMP), statistic, passing())
        assert (found.verdict, found.word) == ("confirmed", "window")
        assert (found.first_stage, found.last_stage) == ("stage-03", "stage-04")
        assert len(found.theta) == 7


def test_a_flat_timeline_gives_none(plan: StudyPlan) -> None:
    for statistic in ("receptivity", "lag"):
        assert window_record(plan, runs(FLAT, FLAT), statistic, passing()).verdict == "none"


def test_the_lag_does_not_depend_on_the_vectors_nor_on_their_gates(plan: StudyPlan) -> None:
    figures = runs(FLAT, BUMP)
    assert window_record(plan, figures, "lag", passing(False)).verdict == "confirmed"
    assert window_record(plan, figures, "receptivity", passing()).verdict == "none"


@pytest.mark.parametrize("passed", [False, None])
def test_a_gate_that_fails_or_cannot_be_told_leaves_a_candidate(plan: StudyPlan, passed: bool | None) -> None:
    found = window_record(plan, runs(BUMP, FLAT), "receptivity", passing(passed))
    assert found.verdict == "candidate" and any("side-effect" in reason for reason in found.reasons)


def test_a_vector_no_better_than_random_ones_leaves_a_candidate(plan: StudyPlan) -> None:
    figures = [replace(f, random_effects=np.full((25, T), 5.0)) for f in runs(BUMP, FLAT)]
    found = window_record(plan, figures, "receptivity", passing())
    assert found.verdict == "candidate" and any("random vectors" in reason for reason in found.reasons)


def test_one_seed_never_confirms(plan: StudyPlan) -> None:
    assert window_record(plan, runs(BUMP, BUMP)[:1], "lag", passing()).verdict != "confirmed"


def test_where_the_rule_cannot_be_asked_it_says_why(plan: StudyPlan) -> None:
    figures = runs(BUMP, BUMP)
    for changed, told in (
        ([replace(f, twins=()) for f in figures], "no twin runs"),
        (runs(BUMP, -BUMP), "give window.delta"),
        ([f for f in figures if f.run.role == "confirmation"], "no discovery run"),
    ):
        found = window_record(plan, changed, "lag", passing())
        assert found.verdict == "undecided" and told in found.reasons[0]


def test_the_smallest_effect_is_fixed_by_discovery_runs_alone(plan: StudyPlan) -> None:
    assert smallest_effect(plan, [np.array([1.0, 9.0]), np.array([3.0, 9.0])]) == pytest.approx(0.4)
    fixed = plan.model_copy(update={"window": plan.window.model_copy(update={"delta": 0.7})})
    assert smallest_effect(fixed, [np.array([1.0, 9.0])]) == 0.7


def test_margins_of_draws_are_those_of_the_least_squares_fit() -> None:
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(5, T, T))
    receptivity, exportability = two_way_margins(Drawn(draws[0], draws))
    for b in range(5):
        fit = two_way_fit(draws[b])
        assert receptivity.draws[b] == pytest.approx(fit.receptivity_level)
        assert exportability.draws[b] == pytest.approx(fit.exportability)


def test_a_ratio_to_what_may_be_zero_is_not_determined() -> None:
    over = OverSeeds(runs(FLAT, FLAT), 500, 0)
    rng = np.random.default_rng(1)
    one = over.drawn([np.ones((2, N)) * 3 + rng.normal(0, 0.01, (2, N)) for _ in range(7)])
    other = over.drawn([np.stack([np.full(N, 2.0), rng.normal(0, 1, N)]) for _ in range(7)])
    ratio = (one / other).series()
    assert ratio.value[0] == pytest.approx(1.5, abs=0.01) and ratio.value[1] is None
    assert ratio.low[0] is not None and ratio.low[1] is None


def test_intervals_over_seeds_grow_with_the_differences_between_seeds() -> None:
    same, apart = runs(FLAT, FLAT, noise=0.0), runs(FLAT, FLAT, noise=0.5)
    widths = []
    for figures in (same, apart):
        found = OverSeeds(figures, 500, 0).drawn([f.specific.slope.items for f in figures]).matrix()
        widths.append(np.mean(np.array(found.high) - np.array(found.low)))
    assert widths[1] > 5 * widths[0]


def test_planted_arcs_are_judged_over_all_architectures() -> None:
    from types import SimpleNamespace

    def arc(name: str, verdict: str) -> SimpleNamespace:
        return SimpleNamespace(arc=name, windows=[SimpleNamespace(statistic="lag", verdict=verdict)])

    both = [
        arc("planted_window", "confirmed"),
        arc("planted_window", "confirmed"),
        arc("planted_null", "none"),
    ]
    assert planted_verdict(both, "planted_window", "lag") == "confirmed"  # type: ignore[arg-type]
    assert planted_verdict(both, "planted_null", "lag") == "none"  # type: ignore[arg-type]
    one = [*both, arc("planted_window", "candidate")]
    assert planted_verdict(one, "planted_window", "lag") == "candidate"  # type: ignore[arg-type]
    assert planted_verdict(both[:1], "planted_null", "lag") is None  # type: ignore[arg-type]
