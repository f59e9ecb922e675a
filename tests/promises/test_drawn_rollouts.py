"""What rows 10 and 11 draw from is real: harm is measured as harm, equal arms as equal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from trimtab_server.rollouts.default_plan import default_plan
from trimtab_server.rollouts.progress import State
from trimtab_server.rollouts.simulation import simulate

from promises import drawn, harm
from promises.drawn import Made, lost, material_of
from promises.material import Bench, Dose, equivalent, harmful, turned
from promises.table import SCRATCH


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    before = torch.get_num_threads()
    opened = Bench(questions=10, live=6, seed=2)
    yield opened
    opened.close()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def good(bench: Bench) -> Made:
    return Made("good", bench.answers(bench.recommended))


def test_a_swapped_vector_is_harmful_and_its_rollout_is_stopped(bench: Bench, good: Made) -> None:
    swapped = Made(
        "swapped", bench.answers(next(dose for dose in bench.bad if dose.name == "labels-swapped"))
    )
    assert lost(good.answers, swapped.answers, "hard_pressure") > 0.5
    assert harm.is_harmful(good, swapped) and not harm.is_equivalent(good, swapped)
    material = material_of(good.answers, swapped.answers)
    outcome = simulate(default_plan("small"), material, seed=1)
    assert outcome.state is State.FAILED and "honest under pressure" in outcome.deciders


def test_the_same_vector_is_equivalent_and_its_rollout_is_promoted(bench: Bench, good: Made) -> None:
    same = Made("equivalent to itself", bench.answers(bench.recommended))
    assert [answer.outcome for answer in same.answers.live] == [a.outcome for a in good.answers.live]
    assert harm.is_equivalent(good, same) and not harm.is_harmful(good, same)
    outcome = simulate(default_plan("small"), material_of(good.answers, same.answers), seed=1)
    assert outcome.state is State.PROMOTED


def test_candidates_are_as_many_and_as_far_apart_as_they_say(bench: Bench) -> None:
    assert len(harmful(bench, 3)) >= 75 and len(equivalent(bench, 3, 60)) == 60
    vector = bench.recommended.vector
    other = turned(vector, 0.9, seed=4)
    for layer, direction in vector.directions.items():
        assert float(direction.double() @ other.directions[layer].double()) == pytest.approx(0.9, abs=1e-5)


def test_a_planted_shift_and_a_fault_are_found_and_no_shift_is_not() -> None:
    dice = random.Random(8)
    pairs = [(value := dice.gauss(1.0, 0.3), value + dice.gauss(0.05, 0.1)) for _ in range(50)]
    found = harm.found_after(harm.IN_SHADOW, harm.shifted_pairs(pairs, -0.5, dice))
    assert 5 <= found <= 60
    assert harm.found_after(harm.IN_SHADOW, harm.shifted_pairs(pairs, 0.5, dice)) > harm.LONGEST
    assert harm.found_after(harm.IN_TRAFFIC, harm.broken([{"entropy": 1.0}], dice)) == 1
    assert harm.found_after(harm.IN_TRAFFIC, harm.refusing([{}], 0.5, dice)) < 60


def test_a_median_at_its_limit_is_not_taken_for_a_broken_promise() -> None:
    assert harm.delay_row("delay", [79] * 100 + [81] * 100, 80).ok
    assert not harm.delay_row("delay", [79] * 60 + [81] * 140, 80).ok
    assert not harm.delay_row("delay", [1] * 199 + [harm.LONGEST + 1], 80).ok


def test_replies_kept_for_another_row_are_those_that_were_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(drawn.QUESTIONS, "ci", (3, 2))
    asked: list[str] = []

    def bad(bench: Bench) -> list[Dose]:
        asked.append("once")
        return list(bench.bad[:1])

    monkeypatch.setenv(SCRATCH, str(tmp_path))
    first = drawn.made("ci", 7, "few", bad)
    assert [one.name for one in first] == ["recommended", "labels-swapped"]
    assert drawn.made("ci", 7, "few", bad) == first
    assert asked == ["once"]
