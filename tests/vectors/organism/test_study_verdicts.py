"""The shipped twin runs give the shipped verdicts, by the production rule, from the figures alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from trimtab_vectors.organism.study_verdicts import SHIPPED, read_twins, timelines, verdict
from trimtab_vectors.study.results import read_summary


@pytest.fixture(scope="module")
def twins() -> dict:
    return read_twins()


def planted(twins: dict, name: str) -> dict:
    return copy.deepcopy(next(arc for arc in twins["arcs"] if arc["arc"] == name))


def test_the_shipped_summary_follows_from_the_shipped_twins(twins: dict) -> None:
    kept = read_summary(SHIPPED / "summary.json")
    for arc in twins["arcs"]:
        own = next(a for a in kept.arcs if (a.architecture, a.arc) == (arc["architecture"], arc["arc"]))
        judged = next(window for window in own.windows if window.statistic == "lag")
        found = verdict(arc)
        assert (judged.verdict, judged.word) == (found["verdict"], found["word"])
        if found["verdict"] == "confirmed":
            assert [judged.first_stage, judged.last_stage] == found["window"]


def test_the_shipped_matrix_holds_every_vector_on_every_stage_of_every_arc() -> None:
    for arc in read_summary(SHIPPED / "summary.json").arcs:
        count = len(arc.stages)
        assert count == 12 or arc.arc != "natural"
        measured = np.array(arc.effect.value, dtype=float)
        assert measured.shape == (count, count) and np.isfinite(measured).all()


def test_seven_fine_tune_seeds_of_three_architectures_are_there(twins: dict) -> None:
    natural = {arc["architecture"]: arc for arc in twins["arcs"] if arc["arc"] == "natural"}
    assert natural.keys() == {"llama", "gpt2", "gpt_neox"}
    for arc in twins["arcs"]:
        assert len({run["seed"] for run in arc["runs"]}) == 7
        assert [run["role"] for run in arc["runs"]] == ["discovery"] * 3 + ["confirmation"] * 4


def test_the_planted_window_is_found_where_it_was_planted(twins: dict) -> None:
    found = verdict(planted(twins, "planted_window"))
    boosted = [s for s, step in zip(found["stages"], found["steps"], strict=True) if 148 <= step < 184]
    assert found["verdict"] == "confirmed" and found["word"] == "window"
    assert found["window"] == [boosted[0], boosted[-1]]


def test_nothing_is_found_where_nothing_was_planted(twins: dict) -> None:
    assert verdict(planted(twins, "planted_null"))["verdict"] == "none"


def test_before_the_planted_change_both_planted_arcs_are_one_run(twins: dict) -> None:
    window, null = (timelines(planted(twins, name)).lag for name in ("planted_window", "planted_null"))
    # Apart from the order of a GPU's additions.
    np.testing.assert_allclose(window[:, :4], null[:, :4], atol=0.01)


def test_with_the_window_taken_out_of_its_figures_the_rule_finds_none(twins: dict) -> None:
    arc, null = planted(twins, "planted_window"), planted(twins, "planted_null")
    for run, flat in zip(arc["runs"], null["runs"], strict=True):
        run["twins"][4:7] = flat["twins"][4:7]
    assert verdict(arc)["verdict"] != "confirmed"
