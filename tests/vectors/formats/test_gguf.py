"""GGUF control vectors against the gguf package, repeng and hostile files."""

from __future__ import annotations

import json
import math
import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from trimtab_vectors.formats.foreign import adopt
from trimtab_vectors.formats.gguf import read_gguf, write_gguf
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.steering_vector import VectorError

from .samples import HIDDEN, LAYERS, adoption, raw_rows, sample

DATA = Path(__file__).parent / "data"
ROWS = raw_rows()

Number = np.ndarray[Any, Any]


def by_the_package(
    path: Path,
    tensors: dict[str, Number],
    arch: str = "controlvector",
    more: Callable[[gguf.GGUFWriter], None] = lambda writer: None,
    count: Callable[[gguf.GGUFWriter, str, int], None] = gguf.GGUFWriter.add_uint32,
) -> bytes:
    """A file that the gguf package writes, with the keys that every tool writes."""
    writer = gguf.GGUFWriter(path, arch)
    writer.add_string(f"{arch}.model_hint", "llama")
    count(writer, f"{arch}.layer_count", len(tensors))
    more(writer)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def named(*layers: int) -> dict[str, Number]:
    return {f"direction.{layer}": row for layer, row in zip(layers, ROWS, strict=True)}


def easysteer_keys(writer: gguf.GGUFWriter) -> None:
    writer.add_string("controlvector.method", "diffmean")
    writer.add_float32("controlvector.metadata.normalized", 1.0)
    writer.add_string("controlvector.metadata.token", "last")


def assert_raw(content: bytes, layers: tuple[int, ...], origin: str, **reading: Any) -> None:
    found = read_gguf(content, **reading)
    assert (found.origin, tuple(found.directions)) == (origin, layers)
    for layer, row in zip(layers, ROWS, strict=True):
        np.testing.assert_array_equal(found.directions[layer].numpy(), row)


# Written by us ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [Scale.unit(), Scale.raw_norm(), Scale.dose(0.35), Scale.dose(-2.0)])
def test_the_gguf_package_reads_exactly_what_we_write(tmp_path: Path, scale: Scale) -> None:
    vector = sample()
    path = tmp_path / "v.gguf"
    path.write_bytes(write_gguf(vector, scale=scale, model_hint="llama"))
    reader = gguf.GGUFReader(path)
    assert reader.fields["general.architecture"].contents() == "controlvector"
    assert reader.fields["controlvector.model_hint"].contents() == "llama"
    assert reader.fields["controlvector.layer_count"].contents() == len(LAYERS)
    assert reader.fields["controlvector.layer_count"].types == [gguf.GGUFValueType.UINT32]
    assert reader.fields["trimtab.vector"].contents() == vector.id
    assert reader.fields["trimtab.stage"].contents() == "stage-07"
    assert [tensor.name for tensor in reader.tensors] == [f"direction.{layer}" for layer in LAYERS]
    lengths = {
        "unit": lambda layer: 1.0,
        "raw_norm": lambda layer: 0.5 + layer / 4,
        "dose": lambda layer: scale.strength * 10.0 * (layer + 1),
    }[scale.kind]
    for tensor, layer in zip(reader.tensors, LAYERS, strict=True):
        assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
        assert list(tensor.shape) == [HIDDEN]
        expected = (vector.directions[layer].numpy().astype(np.float64) * lengths(layer)).astype(np.float32)
        np.testing.assert_array_equal(tensor.data, expected)


def test_repeng_reads_exactly_what_we_write() -> None:
    content = write_gguf(sample(), scale=Scale.dose(0.35), model_hint="llama")
    assert content == (DATA / "trimtab.gguf").read_bytes(), "run data/repeng_files.py on the new file"
    read = json.loads((DATA / "repeng-read.json").read_text())
    assert read["versions"]["repeng"] == "0.4.0"
    assert (read["model_type"], read["dtypes"]) == ("llama", ["float32"])
    expected = Scale.dose(0.35).apply(sample())
    assert {int(layer): row for layer, row in read["directions"].items()} == {
        layer: direction.tolist() for layer, direction in expected.items()
    }


def test_a_vector_comes_back_from_its_own_file() -> None:
    vector = sample()
    found = read_gguf(write_gguf(vector, scale=Scale.raw_norm(), model_hint="llama"))
    assert found.origin == "gguf:trimtab"
    assert found.notes["trimtab.license"] == "Apache-2.0"
    back = adopt(found, adoption())
    for layer in LAYERS:
        assert back.raw_norms[layer] == pytest.approx(vector.raw_norms[layer], rel=1e-6)
        torch.testing.assert_close(back.directions[layer], vector.directions[layer], rtol=0, atol=1e-7)


def test_layer_zero_is_left_out_only_when_told_to() -> None:
    vector = sample((0, 2))
    with pytest.raises(VectorError, match="drop_layer_zero") as caught:
        write_gguf(vector, scale=Scale.unit(), model_hint="llama")
    assert caught.value.metadata["field"] == "drop_layer_zero"
    content = write_gguf(vector, scale=Scale.unit(), model_hint="llama", drop_layer_zero=True)
    assert tuple(read_gguf(content).directions) == (2,)
    with pytest.raises(VectorError, match="layer 0 alone"):
        write_gguf(sample((0,)), scale=Scale.unit(), model_hint="llama", drop_layer_zero=True)


def test_a_file_without_a_model_hint_is_not_written() -> None:
    with pytest.raises(VectorError, match="model_hint"):
        write_gguf(sample(), scale=Scale.unit(), model_hint=" ")


# Written by others -----------------------------------------------------------------------------------------


def test_repengs_own_export_is_read_exactly() -> None:
    found = read_gguf((DATA / "repeng-export.gguf").read_bytes())
    assert (found.origin, found.convention) == ("gguf:repeng", "block_output")
    assert found.notes["controlvector.model_hint"] == "llama"
    rng = np.random.default_rng(2026)
    expected = {layer: rng.standard_normal(10).astype(np.float32) for layer in range(11, 0, -1)}
    assert tuple(found.directions) == tuple(range(1, 12))
    for layer, row in expected.items():
        np.testing.assert_array_equal(found.directions[layer].numpy(), row)


def test_easysteers_layout_is_read_with_its_layer_zero_and_its_metadata(tmp_path: Path) -> None:
    content = by_the_package(tmp_path / "v.gguf", named(0, 1, 2), more=easysteer_keys)
    assert_raw(content, (0, 1, 2), "gguf:easysteer")
    notes = read_gguf(content).notes
    assert notes["controlvector.method"] == "diffmean"
    assert notes["controlvector.metadata.normalized"] == "1.0"
    assert notes["controlvector.metadata.token"] == "last"


def test_dialzs_layout_is_read_under_its_own_architecture(tmp_path: Path) -> None:
    content = by_the_package(tmp_path / "v.gguf", named(9, 4, 2), arch="steeringvector")
    assert_raw(
        by_the_package(tmp_path / "w.gguf", named(2, 4, 9), arch="steeringvector"), (2, 4, 9), "gguf:dialz"
    )
    assert tuple(read_gguf(content).directions) == (2, 4, 9)


def test_the_generators_numbering_is_never_guessed(tmp_path: Path) -> None:
    content = by_the_package(tmp_path / "v.gguf", named(1, 2, 3), count=gguf.GGUFWriter.add_int32)
    with pytest.raises(VectorError) as caught:
        read_gguf(content)
    assert (caught.value.reason, caught.value.metadata["field"]) == ("FIELD_INVALID", "layer_convention")
    origin = "gguf:cvector-generator"
    assert_raw(content, (0, 1, 2), origin, layer_convention="cvector_generator")
    assert_raw(content, (1, 2, 3), origin, layer_convention="block_output")


def test_a_convention_that_puts_a_layer_before_the_first_block_is_refused(tmp_path: Path) -> None:
    content = by_the_package(tmp_path / "v.gguf", named(0, 1, 2))
    with pytest.raises(VectorError) as caught:
        read_gguf(content, "cvector_generator")
    assert caught.value.reason == "LAYER_OUT_OF_RANGE"
    with pytest.raises(VectorError, match="layer_convention"):
        read_gguf(content, "from_one")  # type: ignore[arg-type]


def test_another_alignment_is_honoured(tmp_path: Path) -> None:
    path = tmp_path / "v.gguf"
    content = by_the_package(path, named(1, 2, 3), more=lambda writer: writer.add_custom_alignment(128))
    assert_raw(content, (1, 2, 3), "gguf:repeng")


def test_arrays_among_the_keys_are_passed_over(tmp_path: Path) -> None:
    def more(writer: gguf.GGUFWriter) -> None:
        writer.add_array("general.tags", ["a", "b"])
        writer.add_array("general.numbers", [1, 2, 3])

    content = by_the_package(tmp_path / "v.gguf", named(1, 2, 3), more=more)
    assert_raw(content, (1, 2, 3), "gguf:repeng")
    assert read_gguf(content).notes["general.tags"] == "2"


def test_a_file_without_the_last_tensors_padding_is_read() -> None:
    content = write_gguf(sample(), scale=Scale.unit(), model_hint="llama")
    padding = -4 * HIDDEN % 32
    assert read_gguf(content[:-padding]).directions.keys() == set(LAYERS)
    with pytest.raises(VectorError, match="cut off"):
        read_gguf(content[: -padding - 1])


# Hostile ---------------------------------------------------------------------------------------------------


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


ARCH = key("general.architecture", 8, text("controlvector"))


def info(
    name: str = "direction.1", shape: tuple[int, ...] = (HIDDEN,), kind: int = 0, offset: int = 0
) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, offset)


def file(
    *infos: bytes,
    keys: tuple[bytes, ...] = (ARCH,),
    data: bytes | None = None,
    magic: bytes = b"GGUF",
    version: bytes = struct.pack("<I", 3),
    counts: tuple[int | None, int | None] = (None, None),
) -> bytes:
    tensors, pairs = counts
    head = magic + version
    head += struct.pack(
        "<QQ", len(infos) if tensors is None else tensors, len(keys) if pairs is None else pairs
    )
    head += b"".join(keys) + b"".join(infos)
    head += bytes(-len(head) % 32)
    return head + (struct.pack("<f", 1.0) * 16 * len(infos) if data is None else data)


ONE = struct.pack("<f", 1.0)
TERABYTE = 2**40
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "VECTOR_CORRUPT"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "VECTOR_CORRUPT"),
    "another magic": (file(info(), magic=b"GGML"), "VECTOR_CORRUPT"),
    "version 1": (file(info(), version=struct.pack("<I", 1)), "VECTOR_CORRUPT"),
    "version 2": (file(info(), version=struct.pack("<I", 2)), "VECTOR_CORRUPT"),
    "version 4": (file(info(), version=struct.pack("<I", 4)), "VECTOR_CORRUPT"),
    "big-endian": (file(info(), version=struct.pack(">I", 3)), "VECTOR_CORRUPT"),
    "half precision": (file(info(kind=1)), "VECTOR_SHAPE"),
    "double precision": (file(info(kind=28)), "VECTOR_SHAPE"),
    "bfloat16": (file(info(kind=30)), "VECTOR_SHAPE"),
    "quantised": (file(info(kind=2)), "VECTOR_SHAPE"),
    "a type that does not exist": (file(info(kind=2**32 - 1)), "VECTOR_SHAPE"),
    "two dimensions": (file(info(shape=(HIDDEN, 1))), "VECTOR_SHAPE"),
    "no dimension": (file(info(shape=())), "VECTOR_SHAPE"),
    "five dimensions": (file(info(shape=(1,) * 5)), "VECTOR_CORRUPT"),
    "2^32 - 1 dimensions": (
        file(text("direction.1") + struct.pack("<I", 2**32 - 1), counts=(1, None)),
        "VECTOR_CORRUPT",
    ),
    "width zero": (file(info(shape=(0,))), "VECTOR_SHAPE"),
    "a shape of a terabyte": (file(info(shape=(TERABYTE // 4,))), "VECTOR_SHAPE"),
    "a shape beyond 64 bits": (file(info(shape=(2**63, 2**63))), "VECTOR_SHAPE"),
    "two widths": (file(info(), info("direction.2", (8,), offset=64)), "VECTOR_SHAPE"),
    "an offset of a terabyte": (file(info(offset=TERABYTE)), "VECTOR_CORRUPT"),
    "an offset off the alignment": (file(info(offset=4)), "VECTOR_CORRUPT"),
    "a hole": (file(info(), info("direction.2", offset=128), data=ONE * 64), "VECTOR_CORRUPT"),
    "an overlap": (file(info(), info("direction.2", offset=32)), "VECTOR_CORRUPT"),
    "the same bytes twice": (file(info(), info("direction.2")), "VECTOR_CORRUPT"),
    "data behind": (file(info(), data=ONE * 17), "VECTOR_CORRUPT"),
    "data missing": (file(info(), data=ONE * 9), "VECTOR_CORRUPT"),
    "no data": (file(info(), data=b""), "VECTOR_CORRUPT"),
    "no tensor": (file(), "VECTOR_CORRUPT"),
    "257 tensors": (
        file(*(info(f"direction.{i}", offset=64 * i) for i in range(257))),
        "VECTOR_TOO_LARGE",
    ),
    "2^64 - 1 tensors": (file(info(), counts=(2**64 - 1, None)), "VECTOR_TOO_LARGE"),
    "more tensors than there are": (file(info(), counts=(4000, None)), "VECTOR_CORRUPT"),
    "2^64 - 1 keys": (file(info(), counts=(None, 2**64 - 1)), "VECTOR_TOO_LARGE"),
    "more keys than there are": (file(info(), counts=(None, 1000)), "VECTOR_CORRUPT"),
    "a tensor twice": (file(info(), info(offset=64)), "VECTOR_CORRUPT"),
    "a key twice": (file(info(), keys=(ARCH, ARCH)), "VECTOR_CORRUPT"),
    "a name of a terabyte": (file(struct.pack("<Q", TERABYTE), counts=(1, None)), "VECTOR_TOO_LARGE"),
    "a key of a terabyte": (file(info(), keys=(struct.pack("<Q", TERABYTE),)), "VECTOR_TOO_LARGE"),
    "a text of a terabyte": (
        file(info(), keys=(ARCH, key("a", 8, struct.pack("<Q", TERABYTE)))),
        "VECTOR_TOO_LARGE",
    ),
    "an array of a terabyte": (
        file(info(), keys=(ARCH, key("a", 9, struct.pack("<IQ", 0, TERABYTE)))),
        "VECTOR_CORRUPT",
    ),
    "an array of 2^64 - 1 doubles": (
        file(info(), keys=(ARCH, key("a", 9, struct.pack("<IQ", 12, 2**64 - 1)))),
        "VECTOR_CORRUPT",
    ),
    "an array of 2^64 - 1 texts": (
        file(info(), keys=(ARCH, key("a", 9, struct.pack("<IQ", 8, 2**64 - 1)))),
        "VECTOR_CORRUPT",
    ),
    "an array of arrays": (
        file(info(), keys=(ARCH, key("a", 9, struct.pack("<IQ", 9, 1)))),
        "VECTOR_CORRUPT",
    ),
    "a value of unknown type": (file(info(), keys=(ARCH, key("a", 13, bytes(8)))), "VECTOR_CORRUPT"),
    "a key that is not UTF-8": (
        file(info(), keys=(ARCH, text(b"\xff") + struct.pack("<II", 4, 0))),
        "VECTOR_CORRUPT",
    ),
    "a name that is not UTF-8": (
        file(text(b"\xff") + struct.pack("<IQIQ", 1, HIDDEN, 0, 0)),
        "VECTOR_CORRUPT",
    ),
    "an alignment of zero": (
        file(info(), keys=(ARCH, key("general.alignment", 4, struct.pack("<I", 0)))),
        "VECTOR_CORRUPT",
    ),
    "an alignment of 24": (
        file(info(), keys=(ARCH, key("general.alignment", 4, struct.pack("<I", 24)))),
        "VECTOR_CORRUPT",
    ),
    "an alignment of 2^31": (
        file(info(), keys=(ARCH, key("general.alignment", 4, struct.pack("<I", 2**31)))),
        "VECTOR_CORRUPT",
    ),
    "an alignment that is a text": (
        file(info(), keys=(ARCH, key("general.alignment", 8, text("32")))),
        "VECTOR_CORRUPT",
    ),
    "no architecture": (file(info(), keys=()), "VECTOR_CORRUPT"),
    "a whole model": (
        file(info("token_embd.weight"), keys=(key("general.architecture", 8, text("llama")),)),
        "VECTOR_CORRUPT",
    ),
    "an architecture that is a number": (
        file(info(), keys=(key("general.architecture", 4, bytes(4)),)),
        "VECTOR_CORRUPT",
    ),
    "another tensor": (file(info(), info("output.weight", offset=64)), "VECTOR_CORRUPT"),
    "what llama.cpp takes for layer 5": (file(info("direction.5.foo")), "VECTOR_CORRUPT"),
    "a negative layer": (file(info("direction.-1")), "VECTOR_CORRUPT"),
    "a leading zero": (file(info("direction.01")), "VECTOR_CORRUPT"),
    "digits of another script": (file(info("direction.１")), "VECTOR_CORRUPT"),
    "a huge layer": (file(info("direction." + "9" * 50)), "VECTOR_CORRUPT"),
    "a line break in a name": (file(info("direction.1\n")), "VECTOR_CORRUPT"),
    "NaN": (file(info(), data=struct.pack("<f", math.nan) + ONE * 15), "VECTOR_NOT_FINITE"),
    "infinity": (file(info(), data=struct.pack("<f", -math.inf) + ONE * 15), "VECTOR_NOT_FINITE"),
    "all zeros": (file(info(), data=bytes(64)), "VECTOR_CORRUPT"),
}


def test_the_hostile_files_are_hostile_by_their_one_fault() -> None:
    assert tuple(read_gguf(file(info(), info("direction.2", offset=64))).directions) == (1, 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_without_its_memory(name: str) -> None:
    content, reason = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(VectorError) as caught:
            read_gguf(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason == reason, caught.value
    assert 0 < len(str(caught.value)) < 1000
    assert peak < 4 * 2**20


def test_a_model_of_this_width_is_needed_to_adopt_a_file() -> None:
    with pytest.raises(VectorError) as caught:
        adopt(read_gguf(file(info(shape=(8,)), data=ONE * 8)), adoption())
    assert caught.value.reason == "VECTOR_SHAPE"
    with pytest.raises(VectorError) as caught:
        adopt(read_gguf(file(info("direction.12"))), adoption())
    assert caught.value.reason == "LAYER_OUT_OF_RANGE"


@pytest.mark.parametrize("source", ["trimtab.gguf", "repeng-export.gguf"])
def test_every_truncation_is_refused(source: str) -> None:
    content = (DATA / source).read_bytes()
    # The last tensor's padding may be missing, nothing else.
    for length in range(len(content) - (-4 * HIDDEN % 32)):
        with pytest.raises(VectorError):
            read_gguf(content[:length])


def test_mutated_files_raise_nothing_but_vector_errors() -> None:
    rng = random.Random(11)
    sources = [(DATA / name).read_bytes() for name in ("trimtab.gguf", "repeng-export.gguf")]
    sources.append(file(info(), keys=(ARCH, key("a", 9, struct.pack("<IQ", 8, 2) + text("x") + text("y")))))
    read = refused = 0
    for _ in range(4000):
        content = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(content))
            kind = rng.random()
            if kind < 0.6:
                content[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            elif kind < 0.8:
                del content[place : place + rng.randint(1, 9)]
            else:
                content[place:place] = rng.randbytes(rng.randint(1, 9))
            if not content:
                break
        try:
            found = read_gguf(bytes(content))
        except VectorError:
            refused += 1
        else:
            read += 1
            assert all(bool(torch.isfinite(direction).all()) for direction in found.directions.values())
    assert read > 100 and refused > 1000, "the mutations reach only one side"
