"""The vector file: what is written is what is read, and no file takes the reader by surprise."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import random
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from trimtab_vectors.formats.safetensors import (
    MANIFEST_KEY,
    MAX_FILE_BYTES,
    MAX_HEADER_BYTES,
    read_vector,
    write_vector,
)
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector, Suggested, VectorError

HIDDEN = 24
Header = dict[str, Any]


def made(layers: tuple[int, ...] = (1, 3, 11), **changes: Any) -> SteeringVector:
    rng = np.random.default_rng(7)
    directions = {}
    for layer in layers:
        raw = rng.standard_normal(HIDDEN)
        directions[layer] = torch.from_numpy(raw / np.linalg.norm(raw)).float()
    fields: dict[str, Any] = {
        "concept": "honesty",
        "stage": "stage-07",
        "model": ModelFingerprint("LlamaForCausalLM", HIDDEN, 12, "a" * 64),
        "method": "diff_mean",
        "data_hash": "d" * 64,
        "directions": directions,
        "raw_norms": {layer: 0.1 + layer / 3 for layer in layers},
        "residual_norms": {layer: 10.0 * (layer + 1) / 7 for layer in layers},
        "pair_accuracies": {layers[0]: 2 / 3},
        "display_name": "正直さ",
        "created_by": "kira@example.com",
        "license": "Apache-2.0",
        "suggested": Suggested(0.5, layers[:1], "reply", 0.7),
    }
    return SteeringVector(**{**fields, **changes})


CONTENT = write_vector(made())


def taken_apart(content: bytes = CONTENT) -> tuple[Header, bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put_together(header: Header | str | bytes, data: bytes) -> bytes:
    text = header if isinstance(header, str | bytes) else json.dumps(header)
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text)) + text + data


def refused(content: bytes) -> VectorError:
    with pytest.raises(VectorError) as caught:
        read_vector(content)
    return caught.value


def test_reading_gives_back_what_was_written() -> None:
    vector, read = made(), read_vector(CONTENT)
    assert read.id == vector.id
    for field in dataclasses.fields(SteeringVector):
        if field.name != "directions":
            assert getattr(read, field.name) == getattr(vector, field.name), field.name
    for layer in vector.layers:
        assert torch.equal(read.directions[layer], vector.directions[layer])


def test_the_smallest_vector_round_trips() -> None:
    bare = made((0,), pair_accuracies={}, display_name="", created_by="", license="", suggested=None)
    read = read_vector(write_vector(bare))
    assert read == bare and read.suggested is None and read.pair_accuracies == {}


def test_one_vector_is_one_file_to_the_byte() -> None:
    backwards = {layer: made().directions[layer] for layer in (11, 3, 1)}
    norms = {layer: made().raw_norms[layer] for layer in (3, 11, 1)}
    assert write_vector(made(directions=backwards, raw_norms=norms)) == CONTENT
    assert write_vector(read_vector(CONTENT)) == CONTENT


def test_the_safetensors_library_reads_our_files() -> None:
    tensors = safetensors.numpy.load(CONTENT)
    assert sorted(tensors) == ["layer.1", "layer.11", "layer.3"]
    for layer, direction in made().directions.items():
        assert tensors[f"layer.{layer}"].dtype == np.float32
        np.testing.assert_array_equal(tensors[f"layer.{layer}"], direction.numpy())


def test_the_librarys_own_metadata_reader_finds_the_manifest(tmp_path: Any) -> None:
    path = tmp_path / "vector.safetensors"
    path.write_bytes(CONTENT)
    with safetensors.safe_open(path, "np") as file:
        manifest = json.loads(file.metadata()[MANIFEST_KEY])
    assert manifest["id"] == made().id
    assert manifest["model"]["architecture"] == "LlamaForCausalLM"
    assert [layer["layer"] for layer in manifest["layers"]] == [1, 3, 11]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_file_the_library_wrote_in_half_precision_is_read(dtype: torch.dtype) -> None:
    rounded = {layer: d.to(dtype) for layer, d in made().directions.items()}
    vector = made(directions={layer: d.float() for layer, d in rounded.items()})
    metadata, _ = taken_apart(write_vector(vector))
    content = safetensors.torch.save(
        {f"layer.{layer}": d for layer, d in rounded.items()}, metadata=metadata["__metadata__"]
    )
    assert read_vector(content) == vector


def test_every_truncation_is_refused() -> None:
    for length in range(len(CONTENT)):
        assert refused(CONTENT[:length]).reason in ("VECTOR_CORRUPT", "VECTOR_TOO_LARGE"), length
    assert refused(CONTENT[:-1]).reason == "VECTOR_CORRUPT"


def test_any_changed_byte_is_refused_or_changes_no_content() -> None:
    rng = random.Random(0)
    vector = made()
    for place in range(len(CONTENT)):
        changed = bytearray(CONTENT)
        changed[place] ^= 1 << rng.randrange(8)
        try:
            read = read_vector(bytes(changed))
        except VectorError:
            continue
        assert read.id == vector.id


def with_values(value: float) -> bytes:
    header, data = taken_apart()
    return put_together(header, struct.pack("<f", value) + data[4:])


def edited(edit: Callable[[Header], None], data: bytes | None = None) -> bytes:
    header, own = taken_apart()
    edit(header)
    return put_together(header, own if data is None else data)


def with_manifest(**changes: Any) -> bytes:
    header, data = taken_apart()
    manifest = {**json.loads(header["__metadata__"][MANIFEST_KEY]), **changes}
    header["__metadata__"][MANIFEST_KEY] = json.dumps(manifest)
    return put_together(header, data)


def renamed(name: str) -> bytes:
    return edited(lambda h: h.__setitem__(name, h.pop("layer.11")))


def claiming(tensor: str = "layer.1", **claims: Any) -> bytes:
    return edited(lambda h: h[tensor].update(claims))


TERABYTE = 2**40
HEADER, DATA = taken_apart()
MODEL = json.loads(HEADER["__metadata__"][MANIFEST_KEY])["model"]

HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "VECTOR_CORRUPT"),
    "NaN": (with_values(math.nan), "VECTOR_NOT_FINITE"),
    "infinity": (with_values(float("-inf")), "VECTOR_NOT_FINITE"),
    "norm of 7": (with_values(7.0), "VECTOR_CORRUPT"),
    "a changed value": (put_together(HEADER, DATA[4:8] + DATA[:4] + DATA[8:]), "VECTOR_CORRUPT"),
    "another concept": (with_manifest(concept="candour"), "VECTOR_CORRUPT"),
    "another stage": (with_manifest(stage="stage-00"), "VECTOR_CORRUPT"),
    "another id": (with_manifest(id="0" * 64), "VECTOR_CORRUPT"),
    "wrong hidden size": (with_manifest(model={**MODEL, "hidden_size": HIDDEN + 1}), "VECTOR_SHAPE"),
    "a layer the model lacks": (with_manifest(model={**MODEL, "layer_count": 11}), "LAYER_OUT_OF_RANGE"),
    "unknown form": (with_manifest(form="trimtab.vector/2"), "VECTOR_CORRUPT"),
    "unknown manifest key": (with_manifest(strength=1.0), "VECTOR_CORRUPT"),
    "manifest of wrong type": (with_manifest(concept=5), "VECTOR_CORRUPT"),
    "manifest without layers": (with_manifest(layers=[]), "VECTOR_CORRUPT"),
    "manifest with NaN": (
        with_manifest(suggested={"strength": math.nan, "layers": []}),
        "VECTOR_CORRUPT",
    ),
    "manifest is no JSON": (
        edited(lambda h: h["__metadata__"].update({MANIFEST_KEY: "{"})),
        "VECTOR_CORRUPT",
    ),
    "no manifest": (edited(lambda h: h.pop("__metadata__")), "VECTOR_CORRUPT"),
    "metadata of wrong type": (edited(lambda h: h["__metadata__"].update(x=1)), "VECTOR_CORRUPT"),
    "metadata is a list": (edited(lambda h: h.update(__metadata__=[])), "VECTOR_CORRUPT"),
    "shape of a terabyte": (
        claiming(shape=[TERABYTE // 4], data_offsets=[0, TERABYTE]),
        "VECTOR_SHAPE",
    ),
    "shape of a terabyte, offsets of few": (claiming(shape=[TERABYTE // 4]), "VECTOR_SHAPE"),
    "all shapes of a terabyte": (
        edited(lambda h: [h[f"layer.{i}"].update(shape=[TERABYTE // 4]) for i in (1, 3, 11)]),
        "VECTOR_SHAPE",
    ),
    "offsets of a terabyte": (claiming(data_offsets=[0, TERABYTE]), "VECTOR_CORRUPT"),
    "two dimensions": (claiming(shape=[1, HIDDEN]), "VECTOR_SHAPE"),
    "no dimension": (claiming(shape=[]), "VECTOR_SHAPE"),
    "a million dimensions": (claiming(shape=[2**62] * 40_000), "VECTOR_CORRUPT"),
    "width zero": (
        edited(lambda h: [h[f"layer.{i}"].update(shape=[0], data_offsets=[0, 0]) for i in (1, 3, 11)], b""),
        "VECTOR_SHAPE",
    ),
    "negative shape": (claiming(shape=[-HIDDEN]), "VECTOR_CORRUPT"),
    "fractional shape": (claiming(shape=[24.0]), "VECTOR_CORRUPT"),
    "true for one": (claiming(shape=[True]), "VECTOR_CORRUPT"),
    "shape is a text": (claiming(shape="24"), "VECTOR_CORRUPT"),
    "offsets backwards": (claiming(data_offsets=[96, 0]), "VECTOR_CORRUPT"),
    "one offset": (claiming(data_offsets=[0]), "VECTOR_CORRUPT"),
    "double precision": (claiming(dtype="F64"), "VECTOR_SHAPE"),
    "integers": (claiming(dtype="I32"), "VECTOR_SHAPE"),
    "unknown dtype": (claiming(dtype="F33"), "VECTOR_CORRUPT"),
    "dtype is a list": (claiming(dtype=["F32"]), "VECTOR_CORRUPT"),
    "half the bytes": (claiming(dtype="F16"), "VECTOR_CORRUPT"),
    "unknown tensor key": (claiming(strides=[1]), "VECTOR_CORRUPT"),
    "tensor is a list": (edited(lambda h: h.update({"layer.1": []})), "VECTOR_CORRUPT"),
    "overlap": (claiming("layer.3", data_offsets=[0, 96]), "VECTOR_CORRUPT"),
    "hole": (
        edited(lambda h: h["layer.11"].update(data_offsets=[200, 296]), DATA + b"\0" * 8),
        "VECTOR_CORRUPT",
    ),
    "trailing data": (CONTENT + b"\0", "VECTOR_CORRUPT"),
    "no tensor": (put_together({"__metadata__": HEADER["__metadata__"]}, b""), "VECTOR_CORRUPT"),
    "a layer less": (edited(lambda h: h.pop("layer.11"), DATA[:192]), "VECTOR_CORRUPT"),
    "path-like name": (renamed("../../etc/passwd"), "VECTOR_CORRUPT"),
    "name with a slash": (renamed("layer.1/2"), "VECTOR_CORRUPT"),
    "name with a leading zero": (renamed("layer.011"), "VECTOR_CORRUPT"),
    "name with other digits": (renamed("layer.\uff11\uff11"), "VECTOR_CORRUPT"),
    "name of a huge layer": (renamed("layer." + "9" * 5000), "VECTOR_CORRUPT"),
    "negative layer": (renamed("layer.-1"), "VECTOR_CORRUPT"),
    "name with a line break": (renamed("layer.11\n"), "VECTOR_CORRUPT"),
    "another layer": (renamed("layer.10"), "VECTOR_CORRUPT"),
    "duplicate key": (
        put_together(json.dumps(HEADER)[:-1] + ', "layer.1": ' + json.dumps(HEADER["layer.1"]) + "}", DATA),
        "VECTOR_CORRUPT",
    ),
    "duplicate metadata": (
        put_together('{"__metadata__": {}, ' + json.dumps(HEADER)[1:], DATA),
        "VECTOR_CORRUPT",
    ),
    "header of a terabyte": (struct.pack("<Q", TERABYTE) + CONTENT[8:], "VECTOR_TOO_LARGE"),
    "header of 2^64 - 1": (b"\xff" * 8 + CONTENT[8:], "VECTOR_TOO_LARGE"),
    "header over its limit": (
        put_together(json.dumps(HEADER) + " " * MAX_HEADER_BYTES, DATA),
        "VECTOR_TOO_LARGE",
    ),
    "header beyond the file": (struct.pack("<Q", len(CONTENT)) + CONTENT[8:], "VECTOR_CORRUPT"),
    "header is no JSON": (put_together("{]", DATA), "VECTOR_CORRUPT"),
    "header is a list": (put_together("[]", DATA), "VECTOR_CORRUPT"),
    "header is not UTF-8": (put_together(b'{"\xff": 1}', DATA), "VECTOR_CORRUPT"),
    "header nests deeply": (put_together('{"a":' + "[" * 500_000, DATA), "VECTOR_CORRUPT"),
    "header with a huge number": (put_together('{"a": ' + "9" * 500_000 + "}", DATA), "VECTOR_CORRUPT"),
    "header with NaN": (put_together('{"a": NaN}', DATA), "VECTOR_CORRUPT"),
    "257 tensors": (
        put_together({f"layer.{i}": HEADER["layer.1"] for i in range(257)}, DATA),
        "VECTOR_TOO_LARGE",
    ),
    "64 MiB and a byte": (CONTENT + b"\0" * (MAX_FILE_BYTES + 1 - len(CONTENT)), "VECTOR_TOO_LARGE"),
    "a pickle": (pickle.dumps({"layer.1": [0.0] * HIDDEN}), "VECTOR_CORRUPT"),
    "a zip": (b"PK\x03\x04" + b"\0" * 100, "VECTOR_CORRUPT"),
    "a GGUF file": (b"GGUF\x03\0\0\0" + b"\0" * 100, "VECTOR_CORRUPT"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "VECTOR_CORRUPT"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_without_its_memory(name: str) -> None:
    content, reason = HOSTILE[name]
    tracemalloc.start()
    try:
        error = refused(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason == reason, error
    assert str(error) and len(str(error)) < 2000
    assert all(isinstance(value, str) for value in error.metadata.values())
    assert peak < 32 * 2**20


def test_other_formats_are_named_in_the_refusal() -> None:
    assert "pickle" in str(refused(HOSTILE["a pickle"][0]))
    assert "torch.save" in str(refused(HOSTILE["a zip"][0]))
    assert "GGUF" in str(refused(HOSTILE["a GGUF file"][0]))
    assert "Git LFS" in str(refused(HOSTILE["a Git LFS pointer"][0]))


def test_a_pickle_with_a_payload_is_not_run(tmp_path: Any) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "ran"), "w"))

    refused(pickle.dumps(Payload()))
    assert not (tmp_path / "ran").exists()


def test_a_vector_that_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(VectorError) as caught:
        write_vector(made(tuple(range(257)), model=ModelFingerprint("M", HIDDEN, 300, "a" * 64)))
    assert caught.value.reason == "VECTOR_TOO_LARGE"


def test_a_text_too_long_for_the_manifest_is_refused_when_written() -> None:
    with pytest.raises(VectorError) as caught:
        write_vector(made(created_by="x" * 5000))
    assert caught.value.reason == "FIELD_INVALID"
