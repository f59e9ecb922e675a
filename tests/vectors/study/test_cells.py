"""A cell is there whole or not at all, under a name that everything which decides it is part of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from trimtab_vectors.study import Study, open_study
from trimtab_vectors.study.cells import CellError, CellKey, CellStore, rounded
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.keys import StudyKeys

KEY = CellKey.of("effect", {"stage": "a"})
DOSE = ReferenceDose((0,), 0.2, {"en": 0, "ja": 0}, {"en": 0, "ja": 0})


def test_a_write_that_is_cut_short_leaves_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CellStore(tmp_path)

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write(KEY, {"seconds": 1.0})
    monkeypatch.undo()
    assert not store.has(KEY) and not list(store.finished())
    store.write(KEY, {"seconds": 1.0})
    assert store.read(KEY) == {"seconds": 1.0}


def test_missing_damaged_and_infinite_are_errors_and_not_figures(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    with pytest.raises(CellError, match="run the study to its end"):
        store.read(KEY)
    store.write(KEY, {"seconds": 1.0})
    store.path(KEY).write_text('{"seconds": 1')
    with pytest.raises(CellError, match="damaged"):
        store.read(KEY)
    with pytest.raises(ValueError, match="not finite"):
        rounded(torch.tensor([1.0, float("nan")]))
    assert rounded(torch.tensor([[1 / 3], [2.0]])) == [[0.333333], [2.0]]


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return open_study(folder / "study.toml", folder / "out")


def _keys(study: Study, **changes: Any) -> StudyKeys:
    record = study.plan.model_dump(mode="json")
    for path, value in changes.items():
        part, _, name = path.partition("__")
        record[part] = {**record[part], name: value} if name else value
    return StudyKeys(type(study.plan).model_validate(record), study.material)


def test_a_cell_depends_on_what_decides_it_and_on_nothing_else(study: Study) -> None:
    run = study.runs[0]
    first, last = run.stages[0], run.last
    keys = study.keys
    effect = keys.effect(first, last, DOSE)
    assert effect != keys.effect(last, first, DOSE)
    assert effect != keys.effect(first, last, replace(DOSE, strength=0.3))
    assert effect != keys.effect(first, last, replace(DOSE, layers=(1,)))
    assert effect != _keys(study, dishonest="first").effect(first, last, DOSE)
    assert effect != _keys(study, vectors__positions="all").effect(first, last, DOSE)
    assert effect != _keys(study, seed=4).effect(first, last, DOSE), "the seed decides the shuffled vectors"
    fewer = replace(study.material, held_out=study.material.held_out[1:])
    assert effect != StudyKeys(study.plan, fewer).effect(first, last, DOSE)
    assert effect == _keys(study, resamples=500).effect(first, last, DOSE)
    assert effect == _keys(study, gates__kl=0.1).effect(first, last, DOSE)
    assert effect == _keys(study, controls__random_vectors=60).effect(first, last, DOSE)
    assert keys.random(last, DOSE) != _keys(study, controls__random_vectors=60).random(last, DOSE)


def test_runs_of_one_base_share_the_cells_of_its_first_stage(study: Study) -> None:
    one, two = study.runs
    assert study.keys.vector(one.stages[0]) == study.keys.vector(two.stages[0])
    assert study.keys.vector(one.stages[1]) != study.keys.vector(two.stages[1])
    # 2 runs of 5 stages: 25 + 25 cells with the pair of first stages shared, and so on.
    assert study.expected == {"vector": 9, "dose": 1, "baseline": 9, "random": 9, "side": 17, "effect": 49}


def test_a_stage_is_known_by_its_weights_and_its_tokenizer(folder: Path, tmp_path: Path) -> None:
    from trimtab_vectors.study.runs import find_runs

    study = open_study(folder / "study.toml", tmp_path)
    before = study.runs[0].stages
    weights = folder / "run-1" / "stages" / "stage-02" / "model.safetensors"
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-4] + b"\0\0\0\1")
        after = find_runs(study.plan, folder)[0].stages
    finally:
        weights.write_bytes(content)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True, True]
