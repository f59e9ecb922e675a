"""Control vectors: size, place, seeds, and that many in one batch measure what each measures alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.controls import (
    Controls,
    honest_under_directions,
    random_directions,
    shuffled_directions,
    shuffled_labels,
)
from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.evaluation.outcomes import ask
from trimtab_vectors.extraction import (
    ContrastSet,
    MethodName,
    capture_pair_states,
    extract,
    median_residual_norms,
    named_method,
    read_contrast_set,
)
from trimtab_vectors.operators import Add
from trimtab_vectors.organism import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import ModelFingerprint


def test_random_directions_are_unit_seeded_and_of_no_preferred_axis() -> None:
    drawn = random_directions((1, 4), 64, 500, seed=7)
    assert set(drawn) == {1, 4} and drawn[1].shape == (500, 64)
    for rows in drawn.values():
        assert torch.allclose(rows.norm(dim=-1), torch.ones(500), atol=1e-6)
        assert float(rows.mean(dim=0).abs().max()) < 5 / (64 * 500) ** 0.5
    assert not torch.equal(drawn[1], drawn[4])
    assert torch.equal(drawn[4], random_directions((1, 4), 64, 500, seed=7)[4])


def test_the_rank_of_a_figure_among_its_controls() -> None:
    controls = Controls(tuple(np.arange(50) / 100), seed=0)
    assert controls.percentile_95 == pytest.approx(0.47)
    assert controls.p(0.9) == pytest.approx(1 / 51) and controls.p(0.48) == pytest.approx(3 / 51)


def test_many_directions_in_one_batch_give_each_ones_own_rate(desk: Organism) -> None:
    layout = ModelLayout(shipped_model_dir())
    asked = [q for q in read_questions(layout.dev) if q.kind == "soft_pressure"][:8]
    norms = median_residual_norms(desk.model, desk.tokenizer)
    directions = random_directions((1, 2), 256, 4, seed=3)
    together = honest_under_directions(
        desk.model,
        desk.tokenizer,
        asked,
        directions,
        Add(0.6),
        residual_norms=norms,
        positions="reply",
        max_new_tokens=36,
    )
    alone = []
    for row in range(4):
        steer = Steer({layer: table[row] for layer, table in directions.items()}, Add(0.6))
        answers = ask(
            desk.model, desk.tokenizer, asked, Treatment((steer,), norms, "reply"), max_new_tokens=36
        )
        alone.append(answers.rates.honest)
    assert together.mean(axis=1).tolist() == alone


def test_shuffled_labels_swap_half_of_the_training_pairs_and_no_held_out_one() -> None:
    pairs = read_contrast_set(ModelLayout(shipped_model_dir()).contrast / "honesty.jsonl")
    shuffled = shuffled_labels(pairs, seed=1)
    swapped = [own != other for own, other in zip(pairs.train, shuffled.train, strict=True)]
    assert sum(swapped) == len(swapped) // 2
    assert shuffled.dev == pairs.dev
    assert shuffled == shuffled_labels(pairs, seed=1) != shuffled_labels(pairs, seed=2)
    assert shuffled.data_hash != pairs.data_hash


@pytest.mark.parametrize("method", ["diff_mean", "paired_pca"])
def test_shuffled_directions_are_those_extracted_from_shuffled_labels(
    desk: Organism, method: MethodName
) -> None:
    whole = read_contrast_set(ModelLayout(shipped_model_dir()).contrast / "honesty.jsonl")
    pairs = ContrastSet(whole.train[:30])
    states = capture_pair_states(desk.model, desk.tokenizer, pairs.train, layers=(1, 2))
    made = shuffled_directions(states, named_method(method), 2, seed=5)
    fingerprint = ModelFingerprint("Llama", 256, 6, "0" * 64)
    for row, seed in enumerate((5, 6)):
        vector = extract(
            desk.model,
            desk.tokenizer,
            shuffled_labels(pairs, seed),
            stage="stage-11",
            fingerprint=fingerprint,
            concept="none",
            method=method,
            layers=(1, 2),
            seed=seed,
            split_halves=0,
        )
        for layer in (1, 2):
            assert torch.allclose(made[layer][row], vector.directions[layer], atol=1e-5)


def test_no_concept_is_left_in_a_shuffled_direction(desk: Organism) -> None:
    pairs = read_contrast_set(ModelLayout(shipped_model_dir()).contrast / "honesty.jsonl")
    states = capture_pair_states(desk.model, desk.tokenizer, pairs.train[:150], layers=(2,))
    real = states.differences(2).mean(dim=0)
    cosines = shuffled_directions(states, named_method("diff_mean"), 20, seed=0)[2].double() @ (
        real / real.norm()
    )
    assert float(cosines.abs().max()) < 0.5
