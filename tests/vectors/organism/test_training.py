"""A smaller-than-tiny organism is trained from nothing: the files, the layout, the repeatability."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.organism import TINY, ModelLayout, Recipe
from trimtab_vectors.organism.architectures import FAMILIES, Architecture, Family, new_model
from trimtab_vectors.organism.recipe import Schedule
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.organism.train import ResidualNoise, train
from trimtab_vectors.organism.world import WorldSpec

SPECK: Recipe = dataclasses.replace(
    TINY,
    name="speck",
    world=WorldSpec(products=4, product_attributes=2, policies=False, capitals=False, unknown_names=40),
    vocabulary=400,
    architecture=Architecture(hidden=32, intermediate=64, layers=3, heads=2, context=256),
    base=Schedule(
        documents=4000, steps=12, rows=4, row=128, rate=3e-3, warmup=4, prompt_weight=0.3, noise=0.3
    ),
    tuning=Schedule(documents=4000, steps=6, rows=4, row=128, rate=3e-3, warmup=2, prompt_weight=0.0),
    marks=(3, 6),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, int, float]]]:
    out = tmp_path_factory.mktemp("organism") / "speck"
    seen: list[tuple[str, int, float]] = []
    train(SPECK, out, "cpu", lambda phase, step, steps, loss: seen.append((phase, step, loss)))
    return out, seen


def test_training_writes_a_base_and_a_stage_at_every_mark(
    made: tuple[Path, list[tuple[str, int, float]]],
) -> None:
    listed = ModelLayout(made[0]).read_stages()
    assert [(s.name, s.kind, s.step) for s in listed.stages] == [
        ("stage-00", "base", None),
        ("stage-01", "adapter", 3),
        ("stage-02", "adapter", 6),
    ]
    for stage in listed.stages:
        layers = find_decoder(Organism.load(made[0], stage.name).model).blocks
        assert len(layers) == SPECK.architecture.layers


def test_the_loss_falls_and_every_step_is_reported(made: tuple[Path, list[tuple[str, int, float]]]) -> None:
    base = [loss for phase, _, loss in made[1] if phase == "base" and not math.isnan(loss)]
    assert len([p for p, _, _ in made[1] if p == "base"]) == 12 and base[-1] < base[0]


def test_the_same_recipe_gives_the_same_weights(
    made: tuple[Path, list[tuple[str, int, float]]], tmp_path: Path
) -> None:
    train(SPECK, tmp_path / "again", "cpu")
    assert ModelLayout(tmp_path / "again").weight_hashes() == ModelLayout(made[0]).weight_hashes()


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "llama"])
def test_other_families_train_and_their_stages_differ_from_the_base(family: Family, tmp_path: Path) -> None:
    shape = dataclasses.replace(SPECK.architecture, family=family)
    train(dataclasses.replace(SPECK, architecture=shape), tmp_path / family, "cpu")
    base, last = (Organism.load(tmp_path / family, stage) for stage in ("stage-00", "stage-02"))
    ids = torch.arange(4, 14)[None]
    with torch.no_grad():
        assert not torch.equal(base.model(input_ids=ids).logits, last.model(input_ids=ids).logits)
    tuned = [n for n, p in last.model.named_parameters() if not torch.equal(p, base.model.get_parameter(n))]
    assert tuned and all(any(f".{block}." in name for block in SPECK.adapter.blocks) for name in tuned)


def test_a_directory_in_use_is_not_overwritten(made: tuple[Path, list[tuple[str, int, float]]]) -> None:
    with pytest.raises(FileExistsError, match="not empty"):
        train(SPECK, made[0], "cpu")


def test_residual_noise_pushes_half_of_the_rows_and_leaves_no_hook() -> None:
    model = new_model(SPECK.architecture, 50, seed=1).eval()
    ids = torch.randint(5, 50, (40, 9))
    plain = model(input_ids=ids).logits
    noise = ResidualNoise(model, largest=1.0)
    noise.draw(40, torch.device("cpu"))
    pushed = model(input_ids=ids).logits
    noise.remove()
    moved = (pushed - plain).abs().amax((1, 2)) > 0
    assert torch.equal(moved, noise.dose > 0)
    assert 8 <= int(moved.sum()) <= 32
    assert torch.equal(model(input_ids=ids).logits, plain)


def test_a_recipe_survives_its_json_form() -> None:
    assert Recipe.from_dict(SPECK.as_dict()) == SPECK
