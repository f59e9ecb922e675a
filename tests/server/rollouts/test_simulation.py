"""Whole rollouts through the production Judge: false alarms, harm, and what is decided with what."""

from __future__ import annotations

from simulated import material
from trimtab_server.rollouts import Verdict, default_plan
from trimtab_server.rollouts.progress import State
from trimtab_server.rollouts.simulation import Material, Traffic, simulate, simulate_many
from trimtab_server.sequential.binomial_limits import tolerated


def test_equal_arms_are_stopped_no_more_often_than_planned() -> None:
    tally = simulate_many(default_plan("small"), [material(1)], runs=40, seed=1, equal_arms=True)
    assert tally.count(State.FAILED) <= tolerated(40, 0.035)
    assert tally.count(State.PROMOTED) > 25
    assert set(tally.as_dict()) == {"runs", "promoted", "failed", "paused"}


def test_harm_is_stopped_and_never_promoted() -> None:
    harmful = [material(seed, candidate_honest=0.68) for seed in range(10)]
    tally = simulate_many(default_plan("small"), harmful, runs=20, seed=2)
    assert tally.count(State.FAILED) >= 19
    assert tally.count(State.PROMOTED) == 0


def test_each_kind_of_harm_is_stopped_by_the_guardrail_that_watches_it() -> None:
    own = default_plan("small")
    lies = simulate(own, material(1, candidate_honest=0.5), seed=1)
    assert lies.deciders == ("honest under pressure",)
    divergent = simulate(own, material(1, neutral_kl=1.0), seed=1)
    assert divergent.deciders == ("KL on neutral questions",)
    repeating = simulate(own, material(1, repetition=0.2), seed=1)
    assert repeating.deciders == ("repetition in shadow",)
    # Before any user saw the candidate.
    assert [own.candidate_replies for own in (lies, divergent, repeating)] == [0, 0, 0]
    assert repeating.questions == 0


def test_a_small_company_decides_by_canaries_and_shadow_pairs() -> None:
    outcome = simulate(default_plan("small"), material(1), seed=3, traffic=Traffic(replies_per_day=50))
    assert (outcome.state, outcome.verdict) == (State.PROMOTED, Verdict.PASS)
    assert outcome.pairs == 60
    assert outcome.candidate_replies < 60
    assert outcome.seconds < 7 * 86_400


def test_without_live_replies_a_rollout_pauses_for_lack_of_data() -> None:
    whole = material(1)
    outcome = simulate(default_plan("small"), Material(whole.canaries, whole.pairs), seed=4)
    assert (outcome.state, outcome.verdict) == (State.PAUSED, Verdict.NOT_ENOUGH_DATA)


def test_equal_seeds_give_equal_rollouts() -> None:
    own = default_plan("small")
    assert simulate(own, material(1), seed=5) == simulate(own, material(1), seed=5)
    assert simulate(own, material(1), seed=5) != simulate(own, material(1), seed=6)
