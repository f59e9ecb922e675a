"""`.svec` of both libraries: what each reads of ours, what we read of theirs, and hostile files."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from trimtab_vectors.formats.foreign import adopt
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.formats.svec import MAX_FILE_BYTES, read_svec, write_svec
from trimtab_vectors.steering_vector import VectorError

from .samples import LAYERS, adoption, raw_rows, sample

ROWS = [row.tolist() for row in raw_rows()]
IBM: dict[str, Any] = {
    "model_type": "llama",
    "directions": {str(layer): row for layer, row in zip(LAYERS, ROWS, strict=True)},
    "explained_variances": {str(layer): 0.5 for layer in LAYERS},
}
AIS: dict[str, Any] = {
    "model_type": "llama",
    "directions": {layer: [row] for layer, row in IBM["directions"].items()},
}


def encoded(record: Any) -> bytes:
    return json.dumps(record).encode()


def changed(record: dict[str, Any], **changes: Any) -> bytes:
    return encoded({**record, **changes})


@pytest.mark.parametrize(("record", "origin"), [(IBM, "svec:ibm"), (AIS, "svec:aisteer360")])
def test_both_kinds_are_read_exactly_and_told_apart(record: dict[str, Any], origin: str) -> None:
    found = read_svec(encoded(record))
    assert (found.origin, found.convention) == (origin, "block_output")
    assert found.notes == {"model_type": "llama"}
    for layer, row in zip(LAYERS, ROWS, strict=True):
        np.testing.assert_array_equal(found.directions[layer].numpy(), np.float32(row))
    assert adopt(found, adoption()).method == origin


def test_what_is_written_for_ibm_is_what_its_loader_takes() -> None:
    explained = {1: 0.25, 11: 0.5}
    content = write_svec(
        sample(explained_variances=explained), kind="ibm", scale=Scale.raw_norm(), model_type="llama"
    )
    data = json.loads(content)
    # The loader's own steps: every direction an array, explained variances required.
    directions = {int(layer): np.array(row) for layer, row in data["directions"].items()}
    assert {int(layer): value for layer, value in data["explained_variances"].items()} == explained
    for layer, direction in Scale.raw_norm().apply(sample()).items():
        assert directions[layer].ndim == 1
        np.testing.assert_array_equal(directions[layer].astype(np.float32), direction.numpy())


def test_what_is_written_for_aisteer360_has_one_row_a_layer() -> None:
    content = write_svec(sample(), kind="aisteer360", scale=Scale.unit(), model_type="llama")
    data = json.loads(content)
    assert data.keys() == {"model_type", "directions"}
    for layer, direction in sample().directions.items():
        rows = np.array(data["directions"][str(layer)])
        assert rows.shape == (1, 10)
        np.testing.assert_array_equal(rows[0].astype(np.float32), direction.numpy())


@pytest.mark.parametrize("kind", ["ibm", "aisteer360"])
def test_a_vector_comes_back_from_its_own_file(kind: Any) -> None:
    vector = sample()
    content = write_svec(vector, kind=kind, scale=Scale.raw_norm(), model_type="llama")
    found = read_svec(content)
    written = Scale.raw_norm().apply(vector)
    assert all(found.directions[layer].equal(written[layer]) for layer in LAYERS)


def test_an_unknown_kind_or_an_empty_model_type_is_not_written() -> None:
    with pytest.raises(VectorError, match="kind"):
        write_svec(sample(), kind="other", scale=Scale.unit(), model_type="llama")  # type: ignore[arg-type]
    with pytest.raises(VectorError, match="model_type"):
        write_svec(sample(), kind="ibm", scale=Scale.unit(), model_type="")


ONE_ROW = ROWS[0]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "VECTOR_CORRUPT"),
    "a list": (b"[]", "VECTOR_CORRUPT"),
    "no JSON": (b"{]", "VECTOR_CORRUPT"),
    "not UTF-8": (b'{"model_type": "\xff"}', "VECTOR_CORRUPT"),
    "nested deeply": (b'{"directions": ' + b"[" * 200_000, "VECTOR_CORRUPT"),
    "an endless number": (b'{"directions": {"1": [' + b"9" * 100_000 + b"]}}", "VECTOR_CORRUPT"),
    "no directions": (encoded({"model_type": "llama"}), "VECTOR_CORRUPT"),
    "directions are a list": (changed(IBM, directions=[ONE_ROW]), "VECTOR_CORRUPT"),
    "no layer": (changed(IBM, directions={}), "VECTOR_CORRUPT"),
    "257 layers": (changed(IBM, directions={str(i): [1.0] for i in range(257)}), "VECTOR_TOO_LARGE"),
    "two directions a layer": (changed(AIS, directions={"1": [ONE_ROW, ONE_ROW]}), "VECTOR_SHAPE"),
    "directions per head": (changed(AIS, num_heads=2, head_dim=5), "VECTOR_SHAPE"),
    "three deep": (changed(AIS, directions={"1": [[ONE_ROW]]}), "VECTOR_CORRUPT"),
    "of both kinds": (changed(AIS, directions={"1": [ONE_ROW], "2": ONE_ROW}), "VECTOR_SHAPE"),
    "ragged": (changed(IBM, directions={"1": ONE_ROW, "2": ONE_ROW[:-1]}), "VECTOR_SHAPE"),
    "no number": (changed(IBM, directions={"1": []}), "VECTOR_CORRUPT"),
    "an empty row": (changed(AIS, directions={"1": [[]]}), "VECTOR_SHAPE"),
    "a number": (changed(IBM, directions={"1": 5}), "VECTOR_CORRUPT"),
    "a text among numbers": (changed(IBM, directions={"1": [1.0, "2"]}), "VECTOR_CORRUPT"),
    "true among numbers": (changed(IBM, directions={"1": [1.0, True]}), "VECTOR_CORRUPT"),
    "null": (changed(IBM, directions={"1": [None]}), "VECTOR_CORRUPT"),
    "NaN": (changed(IBM, directions={"1": [float("nan")]}), "VECTOR_NOT_FINITE"),
    "infinity": (changed(IBM, directions={"1": [float("inf")]}), "VECTOR_NOT_FINITE"),
    "1e999": (b'{"directions": {"1": [1e999]}}', "VECTOR_NOT_FINITE"),
    "beyond float32": (b'{"directions": {"1": [1e200]}}', "VECTOR_NOT_FINITE"),
    "an integer beyond float64": (b'{"directions": {"1": [1' + b"0" * 400 + b"]}}", "VECTOR_NOT_FINITE"),
    "all zeros": (changed(IBM, directions={"1": [0.0, 0.0]}), "VECTOR_CORRUPT"),
    "a negative layer": (changed(IBM, directions={"-1": ONE_ROW}), "VECTOR_CORRUPT"),
    "a layer that is a word": (changed(IBM, directions={"last": ONE_ROW}), "VECTOR_CORRUPT"),
    "a layer with a leading zero": (changed(IBM, directions={"01": ONE_ROW}), "VECTOR_CORRUPT"),
    "a layer twice": (b'{"directions": {"1": [1.0], "1": [2.0]}}', "VECTOR_CORRUPT"),
    "an unknown key": (changed(IBM, operator="multiply"), "VECTOR_CORRUPT"),
    "above the limit": (encoded(IBM) + b" " * MAX_FILE_BYTES, "VECTOR_TOO_LARGE"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(name: str) -> None:
    content, reason = HOSTILE[name]
    with pytest.raises(VectorError) as caught:
        read_svec(content)
    assert caught.value.reason == reason, caught.value
    assert 0 < len(str(caught.value)) < 1000


def test_several_directions_a_layer_are_refused_with_the_reason_why() -> None:
    with pytest.raises(VectorError, match=r"holds 2 directions.*rotation"):
        read_svec(HOSTILE["two directions a layer"][0])


def test_a_numbering_of_another_format_is_refused() -> None:
    with pytest.raises(VectorError, match="GGUF"):
        read_svec(encoded(IBM), "cvector_generator")


def test_mutated_files_raise_nothing_but_vector_errors() -> None:
    rng = random.Random(5)
    sources = [encoded(IBM), encoded(AIS)]
    alphabet = b'{}[]":,0123456789.eE-+ truefalsn\\u\xff\x00'
    outcomes = {True: 0, False: 0}
    for _ in range(3000):
        content = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(content))
            if rng.random() < 0.7:
                content[place] = rng.choice(alphabet)
            else:
                del content[place : place + rng.randint(1, 5)]
        try:
            read_svec(bytes(content))
            outcomes[True] += 1
        except VectorError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 100, outcomes
