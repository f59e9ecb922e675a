"""VectorService with other tools' files: what must be stated, what is refused, what is handed out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from trimtab_protos.v1 import audit_pb2, vector_pb2
from trimtab_vectors.formats.exchange import WrittenFormat, export_vector
from trimtab_vectors.formats.foreign import ForeignDirections
from trimtab_vectors.formats.gguf import read_gguf
from trimtab_vectors.formats.layer_pt import read_layer_pt
from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.formats.svec import read_svec
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector

from .conftest import Stubs, make_vector, refused

STATED = {"concept": "honesty", "stage": "models/trimtab-organism/stages/stage-11", "license": "MIT"}
READERS = {"gguf": read_gguf, "svec": read_svec, "svec_ibm": read_svec, "layer_pt": read_layer_pt}
FOREIGN: tuple[WrittenFormat, ...] = ("gguf", "svec", "svec_ibm", "layer_pt")


@pytest.fixture(scope="module")
def original(fingerprint: ModelFingerprint) -> SteeringVector:
    return make_vector(fingerprint, seed=77)


@pytest.fixture(scope="module")
def gguf_file(original: SteeringVector) -> bytes:
    return foreign_file(original, "gguf")


def foreign_file(vector: SteeringVector, file_format: WrittenFormat, strength: float = 3.0) -> bytes:
    return export_vector(vector, file_format, scale=Scale.dose(strength), model_type="llama").content


def bring_in(client: Stubs, content: bytes, **fields: Any) -> vector_pb2.Vector:
    return client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content, **fields))


def hand_out(client: Stubs, name: str, **fields: Any) -> vector_pb2.ExportVectorResponse:
    return client.vector.ExportVector(vector_pb2.ExportVectorRequest(name=name, **fields))


@pytest.mark.parametrize("file_format", FOREIGN)
def test_another_tools_file_becomes_a_vector_of_the_stated_stage(
    client: Stubs, original: SteeringVector, file_format: WrittenFormat
) -> None:
    content = foreign_file(original, file_format, strength=2.0)
    vector = bring_in(client, content, display_name=f"foreign {file_format}", **STATED)
    assert vector.compatible
    assert (vector.concept, vector.stage, vector.license) == ("honesty", "stage-11", "MIT")
    assert vector.method.partition(":")[0] == file_format.removesuffix("_ibm")
    assert list(vector.raw_norms) == pytest.approx([2.0, 2.0], rel=1e-6)
    assert min(vector.residual_norms) > 0.5, "the stage's own norms, as the organism's blocks have them"
    assert vector.suggested_strength == pytest.approx(2.0 / vector.residual_norms[1], rel=1e-6)
    assert list(vector.suggested_layers) == [2, 3]
    stored = read_vector(hand_out(client, vector.name).content)
    for layer, direction in original.directions.items():
        torch.testing.assert_close(stored.directions[layer], direction, rtol=0, atol=1e-7)


def test_the_audit_says_what_the_file_was(client: Stubs, original: SteeringVector) -> None:
    vector = bring_in(client, foreign_file(original, "gguf", 5.0), layer_convention="block_output", **STATED)
    records = client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(action="vector.import"))
    details = next(json.loads(r.details) for r in records.audit_records if r.subject == vector.name)
    assert details["format"] == "gguf"
    assert details["origin"] == "gguf:trimtab"
    assert details["layer_convention"] == "block_output"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"concept": ""}, "FIELD_INVALID", "concept"),
        ({"concept": "  "}, "FIELD_INVALID", "concept"),
        ({"stage": ""}, "FIELD_INVALID", "stage"),
        ({"stage": "models/trimtab-organism/stages/stage-99"}, "STAGE_NOT_FOUND", None),
        ({"format": "onnx"}, "FIELD_INVALID", "format"),
        ({"format": "svec"}, "FIELD_INVALID", "format"),
        ({"layer_convention": "from_one"}, "FIELD_INVALID", "layer_convention"),
        ({"concept": "x" * 5000}, "FIELD_INVALID", "concept"),
    ],
)
def test_an_import_that_says_too_little_or_too_much_is_refused(
    client: Stubs, gguf_file: bytes, fields: dict[str, str], reason: str, field: str | None
) -> None:
    failure = refused(lambda: bring_in(client, gguf_file, **STATED | fields))
    assert failure.reason == reason
    assert failure.fields == ((field,) if field else ())


@pytest.mark.parametrize("field", ["concept", "stage", "license", "layer_convention"])
def test_a_manifest_is_not_contradicted(client: Stubs, original: SteeringVector, field: str) -> None:
    value = {**STATED, "layer_convention": "block_output"}[field]
    failure = refused(lambda: bring_in(client, write_vector(original), **{field: value}))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", (field,))


def test_hostile_files_of_other_tools_name_the_content(
    client: Stubs, fingerprint: ModelFingerprint, gguf_file: bytes
) -> None:
    narrow = ModelFingerprint("LlamaForCausalLM", 16, fingerprint.layer_count, "b" * 64)
    deep = ModelFingerprint("LlamaForCausalLM", fingerprint.hidden_size, 99, "b" * 64)
    late = make_vector(deep)
    late = SteeringVector("honesty", "s", deep, "m", "e" * 64, {90: late.directions[2]}, {90: 1.0}, {90: 1.0})
    cases = {
        "cut off": (gguf_file[:-64], "VECTOR_CORRUPT"),
        "Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "VECTOR_CORRUPT"),
        "another width": (foreign_file(make_vector(narrow), "gguf"), "VECTOR_SHAPE"),
        "a layer the model lacks": (foreign_file(late, "svec"), "LAYER_OUT_OF_RANGE"),
        "NaN": (b'{"model_type": "x", "directions": {"1": [NaN]}}', "VECTOR_NOT_FINITE"),
        "a claim of 2^64 tensors": (gguf_file[:8] + b"\xff" * 8 + gguf_file[16:], "VECTOR_TOO_LARGE"),
        "two directions a layer": (b'{"directions": {"1": [[1.0], [2.0]]}}', "VECTOR_SHAPE"),
    }
    found = {name: refused(lambda c=c: bring_in(client, c, **STATED)) for name, (c, _) in cases.items()}
    assert {name: failure.reason for name, failure in found.items()} == {n: r for n, (_, r) in cases.items()}
    assert {failure.fields for failure in found.values()} == {("content",)}


@pytest.mark.parametrize("file_format", FOREIGN)
def test_a_vector_is_handed_out_in_the_units_asked_for(
    client: Stubs, vector: vector_pb2.Vector, file_format: str
) -> None:
    own = read_vector(hand_out(client, vector.name).content)
    answer = hand_out(client, vector.name, format=file_format, scale="dose", strength=0.35)
    found: ForeignDirections = READERS[file_format](answer.content)
    for layer in own.layers:
        expected = (own.directions[layer].double() * (0.35 * own.residual_norms[layer])).float()
        assert torch.equal(found.directions[layer], expected)
    suffix = {"gguf": ".gguf", "layer_pt": ".zip"}.get(file_format, ".svec")
    assert answer.file_name.endswith(f"{vector.name[8:20]}{suffix}")
    assert not answer.dropped_layers


def test_the_hosted_models_own_type_is_named(client: Stubs, vector: vector_pb2.Vector) -> None:
    answer = hand_out(client, vector.name, format="gguf", scale="unit")
    assert read_gguf(answer.content).notes["controlvector.model_hint"] == "llama"
    answer = hand_out(client, vector.name, format="gguf", scale="unit", model_type="mistral")
    assert read_gguf(answer.content).notes["controlvector.model_hint"] == "mistral"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"format": "onnx"}, "format"),
        ({"format": "gguf"}, "scale"),
        ({"format": "gguf", "scale": "half"}, "scale"),
        ({"format": "gguf", "scale": "dose"}, "strength"),
        ({"format": "gguf", "scale": "dose", "strength": float("nan")}, "strength"),
        ({"format": "gguf", "scale": "unit", "strength": 0.5}, "strength"),
        ({"format": "gguf", "strength": 0.5}, "strength"),
        ({"format": "svec", "scale": "unit", "drop_layer_zero": True}, "drop_layer_zero"),
        ({"scale": "unit"}, "scale"),
        ({"format": "safetensors", "scale": "raw_norm"}, "scale"),
        ({"drop_layer_zero": True}, "drop_layer_zero"),
    ],
)
def test_an_export_that_makes_no_sense_is_refused(
    client: Stubs, vector: vector_pb2.Vector, fields: dict[str, Any], field: str
) -> None:
    failure = refused(lambda: hand_out(client, vector.name, **fields))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", (field,))


def test_layer_zero_is_left_out_of_a_gguf_file_only_when_told_to(
    client: Stubs, fingerprint: ModelFingerprint
) -> None:
    some = make_vector(fingerprint, seed=78)
    directions = {0: some.directions[2], 4: some.directions[3]}
    ones = dict.fromkeys(directions, 1.0)
    made = SteeringVector("honesty", "stage-11", fingerprint, "diff_mean", "e" * 64, directions, ones, ones)
    name = bring_in(client, write_vector(made)).name
    failure = refused(lambda: hand_out(client, name, format="gguf", scale="unit"))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("drop_layer_zero",))
    answer = hand_out(client, name, format="gguf", scale="unit", drop_layer_zero=True)
    assert list(answer.dropped_layers) == [0]
    assert tuple(read_gguf(answer.content).directions) == (4,)


def test_a_vector_of_a_model_unknown_to_transformers_needs_its_type(
    client: Stubs, fingerprint: ModelFingerprint
) -> None:
    other = ModelFingerprint("MyOwnForCausalLM", fingerprint.hidden_size, 6, "c" * 64)
    name = bring_in(client, write_vector(make_vector(other, seed=79))).name
    failure = refused(lambda: hand_out(client, name, format="gguf", scale="unit"))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("model_type",))
    assert hand_out(client, name, format="gguf", scale="unit", model_type="mine").content
