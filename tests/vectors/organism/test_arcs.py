"""Fine-tune runs for a study: stages, twins that differ by the push alone, planted learning rates."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from trimtab_vectors.organism import TINY, ModelLayout, Recipe
from trimtab_vectors.organism.architectures import FAMILIES, Architecture, Family
from trimtab_vectors.organism.arcs import ARCS, Arc, ArcRun
from trimtab_vectors.organism.recipe import Schedule
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.organism.train import train_base
from trimtab_vectors.organism.world import WorldSpec

ARC = Arc("natural", steps=6, marks=(0, 2, 4), push_steps=1, lag=2, to_the_end=True)


def speck(family: Family) -> Recipe:
    return dataclasses.replace(
        TINY,
        world=WorldSpec(products=4, product_attributes=2, policies=False, capitals=False, unknown_names=40),
        vocabulary=400,
        architecture=Architecture(hidden=32, intermediate=64, layers=3, heads=2, context=256, family=family),
        base=Schedule(documents=4000, steps=6, rows=4, row=128, rate=3e-3, warmup=4, prompt_weight=0.3),
        tuning=Schedule(documents=4000, steps=6, rows=4, row=128, rate=3e-3, warmup=2, prompt_weight=0.0),
    )


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def base(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = ModelLayout(tmp_path_factory.mktemp("arcs") / family)
    train_base(speck(family), layout, torch.device("cpu"), None)
    return layout.base


def logits(model: torch.nn.Module) -> np.ndarray:
    with torch.no_grad():
        return model(input_ids=torch.arange(5, 25)[None]).logits[0, :, 7].double().numpy()


def made(arc: Arc, family: Family, base: Path, out: Path) -> list[dict]:
    ArcRun(speck(family), arc, base, 11, torch.device("cpu"), logits).run(out, base)
    return json.loads((out / "twins.json").read_text(encoding="utf-8"))


def test_every_mark_is_a_stage_that_loads_and_has_a_twin_run(
    family: Family, base: Path, tmp_path: Path
) -> None:
    twins = made(ARC, family, base, tmp_path / "run")
    stages = ModelLayout(tmp_path / "run").read_stages().stages
    assert [(s.name, s.kind, s.step) for s in stages] == [
        ("stage-00", "base", 0),
        ("stage-01", "adapter", 2),
        ("stage-02", "adapter", 4),
    ]
    assert [(t["stage"], t["step"]) for t in twins] == [(s.name, s.step) for s in stages]
    first, last = (logits(Organism.load(tmp_path / "run", s.name).model) for s in (stages[0], stages[-1]))
    assert not np.allclose(first, last)
    assert all(t["arm_lag"] != t["twin_lag"] and t["arm_end"] != t["twin_end"] for t in twins)


def test_without_a_push_the_arm_is_its_twin_to_the_last_bit(
    family: Family, base: Path, tmp_path: Path
) -> None:
    for twin in made(dataclasses.replace(ARC, push_steps=0), family, base, tmp_path / "run"):
        assert twin["arm_lag"] == twin["twin_lag"] and twin["arm_end"] == twin["twin_end"]


def test_the_planted_window_differs_from_the_planted_null_in_its_learning_rate_alone() -> None:
    null, window = ARCS["planted_null"], ARCS["planted_window"]
    assert dataclasses.replace(window, name=null.name, boost=None) == null
    rates = [[arc.learning_rate(step, 0.5, 1.0) for step in range(arc.steps)] for arc in (null, window)]
    assert rates[0][:100] == [0.5] * 100 and len(set(rates[0][100:])) == 1
    start, stop, factor = window.boost or (0, 0, 0.0)
    assert all(b == a * factor for a, b in zip(rates[0][start:stop], rates[1][start:stop], strict=True))
    inside = [mark for mark in window.marks if start <= mark < stop]
    assert len(inside) == 3 and all(mark + window.lag <= stop for mark in inside)
    assert window.marks.index(inside[0]) >= 2 and window.marks[-1] > inside[-1]


def test_marks_that_leave_no_room_for_the_lag_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 steps after it"):
        dataclasses.replace(ARC, marks=(0, 5))
