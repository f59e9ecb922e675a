"""The vector artefact: what it accepts, what its id covers, where it may be used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from typing import Any

import numpy as np
import pytest
import torch
from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.organism import ModelLayout, shipped_model_dir
from trimtab_vectors.steering_vector import (
    ModelFingerprint,
    SteeringVector,
    Suggested,
    VectorError,
    check_compatible,
    check_fits,
)

NAN, INF = math.nan, math.inf
MODEL = ModelFingerprint("LlamaForCausalLM", 4, 8, "a" * 64)


def vector(**changes: Any) -> SteeringVector:
    fields: dict[str, Any] = {
        "concept": "honesty",
        "stage": "stage-03",
        "model": MODEL,
        "method": "diff_mean",
        "data_hash": "d" * 64,
        "directions": {2: torch.tensor([0.6, 0.8, 0.0, 0.0]), 5: torch.tensor([0.0, 0.0, -1.0, 0.0])},
        "raw_norms": {2: 1.5, 5: 0.25},
        "residual_norms": {2: 10.0, 5: 31.75},
        "pair_accuracies": {2: 0.9, 5: 1.0},
    }
    return SteeringVector(**{**fields, **changes})


def test_the_id_is_the_hash_of_the_documented_canonical_form() -> None:
    header = {
        "form": "trimtab.vector/1",
        "concept": "honesty",
        "stage": "stage-03",
        "model": {
            "architecture": "LlamaForCausalLM",
            "hidden_size": 4,
            "layer_count": 8,
            "weights": "a" * 64,
        },
        "method": "diff_mean",
        "raw_norms": [[2, 1.5], [5, 0.25]],
        "residual_norms": [[2, 10.0], [5, 31.75]],
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    data = struct.pack("<8f", 0.6, 0.8, 0, 0, 0, 0, -1, 0)
    assert vector().id == hashlib.sha256(text.encode() + b"\0" + data).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"display_name": "Honesty, good"},
        {"created_by": "someone"},
        {"license": "Apache-2.0"},
        {"suggested": Suggested(0.5, (2,), "reply", 0.6)},
        {"pair_accuracies": {}},
        {"explained_variances": {2: 0.4}},
        {"noise_ceilings": {2: 0.4}},
        {"separations": {2: -3.0}},
        {"agreements": {2: 0.4, 5: -0.2}},
        {"position": "answer_mean"},
        {"seed": 3},
        {"directions": {5: vector().directions[5], 2: vector().directions[2]}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_the_id_ignores_who_made_it_how_it_is_called_and_used(changes: dict[str, Any]) -> None:
    other = vector(**changes)
    assert other.id == vector().id
    assert other == vector() and hash(other) == hash(vector())


@pytest.mark.parametrize(
    "changes",
    [
        {"concept": "candour"},
        {"stage": "stage-04"},
        {"method": "paired_pca"},
        {"model": dataclasses.replace(MODEL, weights="b" * 64)},
        {"raw_norms": {2: 1.5, 5: 0.250000001}},
        {"residual_norms": {2: 10.0, 5: 31.0}},
        {"directions": {2: vector().directions[2], 5: -vector().directions[5]}},
        {"directions": {2: vector().directions[5], 5: vector().directions[2]}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_the_id_covers_what_the_vector_does(changes: dict[str, Any]) -> None:
    assert vector(**changes) != vector()


SHIPPED_IDS = {
    "honesty-swapped.safetensors": "94163a4aab27577345a6e1274c3c995eb145e6b9b3cca11860835f67b0969d5a",
    "honesty.safetensors": "d45159ebf113db0e55921d4d0681851ed2102758d6726fab8ed0fd97c9d8cb4d",
    "language.safetensors": "9008661e84915e7b875e216e4d5329e1ccca0b6ae96b298a817a9575891abe21",
}


def test_the_shipped_vectors_keep_their_ids() -> None:
    """A change here would orphan every snapshot that names them."""
    vectors = ModelLayout(shipped_model_dir()).vectors
    found = {path.name: read_vector(path.read_bytes()).id for path in sorted(vectors.iterdir())}
    assert found == SHIPPED_IDS


def test_a_file_without_the_later_figures_is_written_again_to_the_byte() -> None:
    for path in ModelLayout(shipped_model_dir()).vectors.iterdir():
        content = path.read_bytes()
        old = read_vector(content)
        assert old.noise_ceilings == {} and old.position == "" and old.seed is None
        assert write_vector(old) == content


def test_a_file_carries_every_figure_and_the_origin() -> None:
    figures = {
        "explained_variances": {2: 0.25, 5: 1.0},
        "noise_ceilings": {5: 0.96},
        "separations": {2: -0.5, 5: 3.75},
        "agreements": {2: -0.125},
        "position": "all_mean",
        "seed": 0,
    }
    made = vector(**figures)
    again = read_vector(write_vector(made))
    assert again == made
    assert {name: getattr(again, name) for name in figures} == figures


def test_a_later_change_of_the_given_tensor_does_not_reach_the_vector() -> None:
    given = torch.tensor([1.0, 0.0, 0.0, 0.0])
    made = vector(directions={2: given, 5: vector().directions[5]})
    given[0] = 7.0
    assert made.directions[2][0] == 1.0
    with pytest.raises(TypeError):
        made.directions[2] = given  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"directions": {}}, "VECTOR_SHAPE"),
        ({"directions": {2: torch.ones(3) / 3**0.5, 5: torch.ones(4) / 2}}, "VECTOR_SHAPE"),
        ({"directions": {2: torch.ones(1, 4) / 2, 5: torch.ones(4) / 2}}, "VECTOR_SHAPE"),
        ({"directions": {2: torch.ones(4).double() / 2, 5: torch.ones(4) / 2}}, "VECTOR_SHAPE"),
        (
            {"directions": {2: torch.tensor([1.0, NAN, 0, 0]), 5: torch.ones(4) / 2}},
            "VECTOR_NOT_FINITE",
        ),
        (
            {"directions": {2: torch.tensor([1.0, INF, 0, 0]), 5: torch.ones(4) / 2}},
            "VECTOR_NOT_FINITE",
        ),
        ({"directions": {2: torch.ones(4), 5: torch.ones(4) / 2}}, "VECTOR_CORRUPT"),
        ({"directions": {2: torch.zeros(4), 5: torch.ones(4) / 2}}, "VECTOR_CORRUPT"),
        ({"directions": {2: torch.ones(4) / 2, 8: torch.ones(4) / 2}}, "LAYER_OUT_OF_RANGE"),
        ({"directions": {2: torch.ones(4) / 2, -1: torch.ones(4) / 2}}, "LAYER_OUT_OF_RANGE"),
        ({"raw_norms": {2: 1.5}}, "FIELD_INVALID"),
        ({"raw_norms": {2: 1.5, 5: -1.0}}, "FIELD_INVALID"),
        ({"residual_norms": {2: 1.5, 5: NAN}}, "VECTOR_NOT_FINITE"),
        ({"pair_accuracies": {2: 1.5}}, "FIELD_INVALID"),
        ({"pair_accuracies": {3: 0.5}}, "FIELD_INVALID"),
        ({"explained_variances": {2: 1.1}}, "FIELD_INVALID"),
        ({"noise_ceilings": {2: -0.1}}, "FIELD_INVALID"),
        ({"noise_ceilings": {3: 0.1}}, "FIELD_INVALID"),
        ({"separations": {2: INF}}, "VECTOR_NOT_FINITE"),
        ({"agreements": {2: -1.1}}, "FIELD_INVALID"),
        ({"concept": " "}, "FIELD_INVALID"),
        ({"stage": ""}, "FIELD_INVALID"),
        ({"data_hash": "abc"}, "FIELD_INVALID"),
        ({"suggested": Suggested(0.5, (3,))}, "FIELD_INVALID"),
        ({"suggested": Suggested(INF, (2,))}, "VECTOR_NOT_FINITE"),
    ],
)
def test_what_is_no_steering_vector_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(VectorError) as caught:
        vector(**changes)
    assert caught.value.reason == reason
    assert all(isinstance(value, str) for value in caught.value.metadata.values())


def test_a_vector_is_compatible_with_its_own_model_and_stage_only() -> None:
    check_compatible(vector(), MODEL, "stage-03")
    with pytest.raises(VectorError) as caught:
        check_compatible(vector(), MODEL, "stage-02")
    assert caught.value.reason == "VECTOR_STAGE_MISMATCH"
    assert caught.value.metadata["vector_stage"] == "stage-03"
    assert caught.value.metadata["stage"] == "stage-02"
    other = dataclasses.replace(MODEL, weights="c" * 64)
    with pytest.raises(VectorError) as caught:
        check_compatible(vector(), other, "stage-02")
    assert caught.value.reason == "VECTOR_MODEL_MISMATCH"
    assert caught.value.metadata["model"] == other.digest


def test_what_cannot_be_forced_is_told_apart() -> None:
    check_fits(vector(), hidden_size=4, layer_count=6)
    with pytest.raises(VectorError) as caught:
        check_fits(vector(), hidden_size=8, layer_count=6)
    assert caught.value.reason == "VECTOR_SHAPE"
    with pytest.raises(VectorError) as caught:
        check_fits(vector(), hidden_size=4, layer_count=5)
    assert caught.value.reason == "LAYER_OUT_OF_RANGE"


def test_the_digest_covers_every_field_of_the_fingerprint() -> None:
    changed = [
        dataclasses.replace(MODEL, architecture="GPT2LMHeadModel"),
        dataclasses.replace(MODEL, hidden_size=5),
        dataclasses.replace(MODEL, layer_count=9),
        dataclasses.replace(MODEL, weights="f" * 64),
    ]
    assert len({MODEL.digest, *(m.digest for m in changed)}) == 5


def test_rounding_to_bfloat16_keeps_a_direction_within_the_tolerance() -> None:
    rng = np.random.default_rng(0)
    for size in (8, 64, 4096):
        raw = torch.from_numpy(rng.standard_normal(size)).float()
        unit = (raw / raw.norm()).bfloat16().float()
        model = ModelFingerprint("LlamaForCausalLM", size, 1, "a" * 64)
        figures = {0: 1.0}
        vector(
            model=model,
            directions={0: unit},
            raw_norms=figures,
            residual_norms=figures,
            pair_accuracies={},
        )
