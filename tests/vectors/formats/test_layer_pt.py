"""`layer_N.pt`: torch files read without running anything in them."""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from trimtab_vectors.formats.foreign import adopt
from trimtab_vectors.formats.layer_pt import pack_layer_files, read_layer_pt, write_layer_pt
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.formats.zip_members import read_members, write_members
from trimtab_vectors.steering_vector import VectorError

from .samples import HIDDEN, LAYERS, adoption, raw_rows, sample

ROWS = {layer: torch.from_numpy(row) for layer, row in zip(LAYERS, raw_rows(), strict=True)}


def saved(value: Any, **options: Any) -> bytes:
    target = io.BytesIO()
    torch.save(value, target, **options)
    return target.getvalue()


def archive(**files: bytes) -> bytes:
    return write_members({f"{name}.pt": content for name, content in files.items()})


def members(content: bytes) -> dict[str, bytes]:
    return read_members(content, 100, 2**20)


def edited(content: bytes, edit: Callable[[dict[str, bytes]], Any]) -> bytes:
    parts = members(content)
    edit(parts)
    return write_members(parts)


def with_pickle(content: bytes, old: bytes, new: bytes) -> bytes:
    def edit(parts: dict[str, bytes]) -> None:
        assert old in parts["archive/data.pkl"]
        parts["archive/data.pkl"] = parts["archive/data.pkl"].replace(old, new)

    return edited(content, edit)


def assert_rows(content: bytes) -> None:
    found = read_layer_pt(content)
    assert (found.origin, tuple(found.directions)) == ("layer_pt", LAYERS)
    for layer, row in ROWS.items():
        assert torch.equal(found.directions[layer], row)


def test_an_archive_of_files_a_map_and_a_folder_read_the_same(tmp_path: Path) -> None:
    assert_rows(archive(**{f"layer_{layer}": saved(row) for layer, row in ROWS.items()}))
    assert_rows(write_members({f"caa/layer_{layer}.pt": saved(row) for layer, row in ROWS.items()}))
    assert_rows(saved(ROWS))
    assert_rows(saved(OrderedDict(ROWS)))
    for layer, row in ROWS.items():
        torch.save(row, tmp_path / f"layer_{layer}.pt")
    (tmp_path / "README.md").write_text("not a layer")
    assert_rows(pack_layer_files(tmp_path))
    assert pack_layer_files(tmp_path) == pack_layer_files(tmp_path)
    assert tuple(read_layer_pt(pack_layer_files(tmp_path / "layer_3.pt")).directions) == (3,)


def test_rows_of_one_stacked_tensor_are_read() -> None:
    stacked = torch.stack(list(ROWS.values()))
    assert_rows(saved(dict(zip(LAYERS, stacked, strict=True))))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_widened_or_rounded_to_float32(dtype: torch.dtype) -> None:
    content = saved({layer: (row / row.norm()).to(dtype) for layer, row in ROWS.items()})
    for layer, row in ROWS.items():
        assert torch.equal(read_layer_pt(content).directions[layer], (row / row.norm()).to(dtype).float())


def test_a_vector_comes_back_from_its_own_file_and_torch_reads_each() -> None:
    content = write_layer_pt(sample(), scale=Scale.raw_norm())
    written = Scale.raw_norm().apply(sample())
    found = read_layer_pt(content)
    for layer in LAYERS:
        assert torch.equal(found.directions[layer], written[layer])
        one = torch.load(io.BytesIO(members(content)[f"layer_{layer}.pt"]), weights_only=True)
        assert one.dtype == torch.float32 and one.shape == (HIDDEN,)
        np.testing.assert_array_equal(one.numpy(), written[layer].numpy())
    assert adopt(found, adoption()).method == "layer_pt"


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_code_in_a_file_is_named_and_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    bad = Payload(ran)
    for content in (
        saved({1: bad}),
        archive(layer_1=saved(bad)),
        saved(bad, _use_new_zipfile_serialization=False),
        pickle.dumps(bad),
    ):
        with pytest.raises(VectorError):
            read_layer_pt(content)
    with pytest.raises(VectorError, match=r"names '(io|_io|builtins) open'"):
        read_layer_pt(saved({1: bad}))
    assert not ran.exists()


ONE = saved(ROWS[1])
MAP = saved(ROWS)


def a_bomb() -> bytes:
    """Some kilobytes that unpack to a gigabyte."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file, file.open("layer_1.pt", "w") as member:
        for _ in range(256):
            member.write(bytes(4 * 2**20))
    return target.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "VECTOR_CORRUPT"),
    "a pickle": (lambda: pickle.dumps({1: [0.0] * HIDDEN}), "VECTOR_CORRUPT"),
    "a file of an old torch": (lambda: saved(ROWS, _use_new_zipfile_serialization=False), "VECTOR_CORRUPT"),
    "an empty archive": (lambda: b"PK\x05\x06" + bytes(18), "VECTOR_CORRUPT"),
    "an archive cut off": (lambda: MAP[:-30], "VECTOR_CORRUPT"),
    "a bare tensor that does not say its layer": (lambda: ONE, "VECTOR_CORRUPT"),
    "an empty map": (lambda: saved({}), "VECTOR_CORRUPT"),
    "a list": (lambda: saved([ROWS[1]]), "VECTOR_CORRUPT"),
    "keys that are words": (lambda: saved({"layer_1": ROWS[1]}), "VECTOR_CORRUPT"),
    "keys that are truths": (lambda: saved({True: ROWS[1]}), "VECTOR_CORRUPT"),
    "a negative layer": (lambda: saved({-1: ROWS[1]}), "VECTOR_CORRUPT"),
    "a huge layer": (lambda: saved({10**9: ROWS[1]}), "VECTOR_CORRUPT"),
    "numbers for tensors": (lambda: saved({1: 5.0}), "VECTOR_CORRUPT"),
    "a map in a layer's file": (lambda: archive(layer_1=MAP), "VECTOR_CORRUPT"),
    "another file beside": (lambda: archive(layer_1=ONE, optimizer=ONE), "VECTOR_CORRUPT"),
    "a layer twice": (
        lambda: write_members({"layer_1.pt": ONE, "a/layer_1.pt": ONE}),
        "VECTOR_CORRUPT",
    ),
    "a path upwards": (lambda: write_members({"../../layer_1.pt": ONE}), "VECTOR_CORRUPT"),
    "no torch file inside": (lambda: archive(layer_1=b"PK\x03\x04 nonsense"), "VECTOR_CORRUPT"),
    "257 layers": (
        lambda: archive(**{f"layer_{i}": saved(torch.ones(2)) for i in range(257)}),
        "VECTOR_TOO_LARGE",
    ),
    "300 files": (lambda: archive(**{f"layer_{i}": b"" for i in range(300)}), "VECTOR_TOO_LARGE"),
    "a bomb": (a_bomb, "VECTOR_TOO_LARGE"),
    "two dimensions": (lambda: saved({1: torch.ones(2, 3)}), "VECTOR_SHAPE"),
    "no dimension": (lambda: saved({1: torch.tensor(1.0)}), "VECTOR_SHAPE"),
    "no number": (lambda: saved({1: torch.ones(0)}), "VECTOR_SHAPE"),
    "two widths": (lambda: archive(layer_1=ONE, layer_2=saved(torch.ones(3))), "VECTOR_SHAPE"),
    "integers": (lambda: saved({1: torch.ones(3, dtype=torch.int64)}), "VECTOR_CORRUPT"),
    "complex numbers": (lambda: saved({1: torch.ones(3, dtype=torch.complex64)}), "VECTOR_CORRUPT"),
    "sparse": (lambda: saved({1: torch.ones(3).to_sparse()}), "VECTOR_CORRUPT"),
    "a parameter": (lambda: saved({1: torch.nn.Parameter(torch.ones(3))}), "VECTOR_CORRUPT"),
    "NaN": (lambda: saved({1: torch.tensor([1.0, float("nan")])}), "VECTOR_NOT_FINITE"),
    "infinity": (lambda: saved({1: torch.tensor([1.0, float("inf")])}), "VECTOR_NOT_FINITE"),
    "beyond float32": (
        lambda: saved({1: torch.tensor([1.0, 1e200], dtype=torch.float64)}),
        "VECTOR_NOT_FINITE",
    ),
    "all zeros": (lambda: saved({1: torch.zeros(3)}), "VECTOR_CORRUPT"),
    # One number seen 2^40 times: a view that would take terabytes once it is copied.
    "a shape of terabytes without strides": (
        lambda: saved({1: torch.ones(1).expand(2**40)}),
        "VECTOR_SHAPE",
    ),
    "a storage larger than its record": (
        lambda: with_pickle(saved({1: torch.ones(4)}), b"K\x04tq", b"M\x00\x10tq"),
        "VECTOR_CORRUPT",
    ),
    "a shape larger than its storage": (
        lambda: with_pickle(saved({1: torch.ones(4)}), b"K\x00K\x04\x85", b"K\x00K\x7f\x85"),
        "VECTOR_CORRUPT",
    ),
    "a bytearray of a terabyte": (
        lambda: with_pickle(
            saved({1: torch.ones(4)}),
            b"ccollections\nOrderedDict\n",
            b"cbuiltins\nbytearray\n",
        ),
        "VECTOR_CORRUPT",
    ),
    "big-endian": (
        lambda: edited(MAP, lambda parts: parts.update({"archive/byteorder": b"big"})),
        "VECTOR_CORRUPT",
    ),
    "code of TorchScript": (
        lambda: edited(MAP, lambda parts: parts.update({"archive/constants.pkl": b""})),
        "VECTOR_CORRUPT",
    ),
    "two pickles": (
        lambda: edited(MAP, lambda parts: parts.update({"other/data.pkl": b"."})),
        "VECTOR_CORRUPT",
    ),
    "a record missing": (lambda: edited(MAP, lambda parts: parts.pop("archive/data/0")), "VECTOR_CORRUPT"),
    "a pickle cut off": (
        lambda: edited(MAP, lambda parts: parts.update({"archive/data.pkl": parts["archive/data.pkl"][:50]})),
        "VECTOR_CORRUPT",
    ),
    "a pickle of another protocol": (lambda: saved(ROWS, pickle_protocol=4), "VECTOR_CORRUPT"),
    "a pickle of two megabytes": (
        lambda: edited(MAP, lambda parts: parts.update({"archive/data.pkl": b"N" * 2**21})),
        "VECTOR_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(name: str) -> None:
    make, reason = HOSTILE[name]
    content = make()
    with pytest.raises(VectorError) as caught:
        read_layer_pt(content)
    assert caught.value.reason == reason, caught.value
    assert 0 < len(str(caught.value)) < 1000


def test_a_bare_tensor_is_told_how_to_say_its_layer() -> None:
    with pytest.raises(VectorError, match=r"layer_N\.pt"):
        read_layer_pt(ONE)


def test_a_folder_without_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VectorError, match=r"layer_15\.pt"):
        pack_layer_files(tmp_path)


def test_every_truncation_is_refused() -> None:
    small = saved({1: torch.ones(2)})
    for length in range(len(small)):
        with pytest.raises(VectorError):
            read_layer_pt(small[:length])


def test_mutated_files_raise_nothing_but_vector_errors() -> None:
    rng = random.Random(23)
    sources = [MAP, archive(**{f"layer_{layer}": saved(row) for layer, row in ROWS.items()})]
    outcomes = {True: 0, False: 0}
    for count in range(2000):
        if count % 2:
            content = bytearray(rng.choice(sources))
            for _ in range(rng.randint(1, 4)):
                content[rng.randrange(len(content))] = rng.randrange(256)
            hostile = bytes(content)
        else:
            # Beyond the archive's checksums: the pickle itself is changed and packed again.
            parts = members(MAP)
            inner = bytearray(parts["archive/data.pkl"])
            for _ in range(rng.randint(1, 3)):
                inner[rng.randrange(len(inner))] = rng.randrange(256)
            hostile = write_members({**parts, "archive/data.pkl": bytes(inner)})
        try:
            read_layer_pt(hostile)
            outcomes[True] += 1
        except VectorError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 50, outcomes
