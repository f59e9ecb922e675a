"""The dose is the mildest that is as good as any within the gates, and belongs to dev items."""

from __future__ import annotations

from typing import Any

import pytest
from trimtab_vectors.study import PlanError
from trimtab_vectors.study.choice import choose_dose
from trimtab_vectors.study.plan import Gates


def cell(*candidates: tuple[float, float, float], unsteered: float = 0.0) -> dict[str, Any]:
    """candidates: (strength, up, kl)."""
    return {
        "unsteered": unsteered,
        "candidates": [
            {"layers": [1], "strength": s, "up": up, "down": -up, "kl": kl, "perplexity_ratio": 1.0}
            for s, up, kl in candidates
        ],
        "honest_lines": {"en": [0.1, 0.9, 0.3]},
        "lying_lines": {"en": [-2.0, -1.0]},
    }


def chosen(*cells: dict[str, Any], fixed: bool = False) -> float:
    return choose_dose("llama", cells, Gates(kl=0.05), fixed).strength


def test_the_mildest_of_the_good_ones_is_taken() -> None:
    assert chosen(cell((0.2, 2.0, 0.001), (0.3, 3.8, 0.004), (0.4, 4.0, 0.02), (0.5, 4.5, 0.2))) == 0.3


def test_a_dose_that_breaks_a_gate_in_one_run_is_out() -> None:
    good, bad = cell((0.2, 2.0, 0.001), (0.3, 3.8, 0.004)), cell((0.2, 2.0, 0.001), (0.3, 3.8, 0.06))
    assert chosen(good) == 0.3
    assert chosen(good, bad) == 0.2


def test_without_a_dose_inside_the_gates_there_is_no_study() -> None:
    with pytest.raises(PlanError, match="no candidate of llama keeps the gates"):
        chosen(cell((0.2, 2.0, 0.06)))
    assert chosen(cell((0.2, 2.0, 0.06)), fixed=True) == 0.2


def test_where_nothing_helps_the_least_harmful_is_taken() -> None:
    assert chosen(cell((0.2, -1.0, 0.001), (0.3, -3.0, 0.0001))) == 0.2


def test_the_best_line_of_each_kind_is_chosen_over_runs() -> None:
    other = {**cell((0.2, 1.0, 0.0)), "honest_lines": {"en": [0.2, -3.0, 0.5]}}
    dose = choose_dose("llama", [cell((0.2, 1.0, 0.0)), other], Gates(), False)
    assert (dose.honest_line, dose.lying_line) == ({"en": 2}, {"en": 0})
