"""A read-out's file: what is written is read, and nothing else is."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.readouts.probe import Probe, ProbeError
from trimtab_vectors.readouts.probe_file import MANIFEST_KEY, read_probe, write_probe
from trimtab_vectors.steering_vector import ModelFingerprint, VectorError

H = 8


@pytest.fixture
def probe() -> Probe:
    removed = torch.eye(H)[:2].contiguous()
    direction = torch.zeros(H)
    direction[3], direction[5] = 0.6, -0.8
    return Probe(
        concept="正直",
        stage="stage-11",
        model=ModelFingerprint("LlamaForCausalLM", H, 6, "a" * 64),
        vector="b" * 64,
        layer=4,
        place="reply_mean",
        method="logistic",
        direction=direction,
        offset=0.25,
        scale=1.75,
        removed=removed,
        data_hash="c" * 64,
        guardrail=True,
        figures={"held_out": {"pooled": {"value": 0.93, "low": 0.91}}},
    )


def test_a_file_is_read_back_and_written_again_to_the_byte(probe: Probe) -> None:
    content = write_probe(probe)
    read = read_probe(content)
    assert read.id == probe.id and read.guardrail and read.figures == probe.figures
    assert torch.equal(read.direction, probe.direction) and torch.equal(read.removed, probe.removed)
    assert write_probe(read) == content
    states = torch.randn(3, 5, H, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read.read(states), probe.read(states))


def test_the_id_is_of_what_is_read_and_not_of_its_figures(probe: Probe) -> None:
    assert replace(probe, guardrail=False, figures={}).id == probe.id
    assert replace(probe, offset=0.26).id != probe.id
    assert replace(probe, vector="d" * 64).id != probe.id


def test_a_readout_that_the_vector_moves_is_none(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="cosine"):
        replace(
            probe, direction=torch.nn.functional.normalize(probe.direction + 0.01 * torch.eye(H)[0], dim=0)
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"place": "answer"}, "no guardrail"),
        ({"place": "somewhere"}, "use one of"),
        ({"layer": 6}, "layer 6 does not exist"),
        ({"scale": 0.0}, "scale"),
        ({"offset": float("nan")}, "NaN"),
        ({"direction": torch.ones(H)}, "norm"),
        ({"direction": torch.eye(H + 1)[3]}, "shapes"),
        ({"removed": torch.eye(H)[0]}, "shapes"),
    ],
)
def test_an_impossible_readout_is_refused(probe: Probe, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeError, match=said):
        replace(probe, **changes)


def rewritten(content: bytes, change: Any) -> bytes:
    """The same file with its manifest changed."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    manifest = json.loads(header["__metadata__"][MANIFEST_KEY])
    change(manifest)
    header["__metadata__"][MANIFEST_KEY] = json.dumps(manifest)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("offset", 0.5, "changed after"),
        ("guardrail", "yes", "not valid at guardrail"),
        ("layer", -1, "not valid at layer"),
        ("extra", 1, "not valid at extra"),
        ("form", "trimtab.vector/1", "not valid at form"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(probe: Probe, key: str, value: object, said: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest[key] = value

    with pytest.raises(ProbeError, match=said):
        read_probe(rewritten(write_probe(probe), change))


def test_a_direction_made_dependent_in_the_file_is_noticed(probe: Probe) -> None:
    content = bytearray(write_probe(probe))
    begin = 8 + int.from_bytes(content[:8], "little")
    content[begin : begin + 4 * H] = torch.eye(H)[0].numpy().tobytes()
    with pytest.raises(ProbeError, match="cosine"):
        read_probe(bytes(content))


def test_hostile_bytes_give_one_kind_of_error(probe: Probe) -> None:
    content = write_probe(probe)
    for cut in range(0, len(content) - 1, 7):
        with pytest.raises(ProbeError):
            read_probe(content[:cut])
    rng = random.Random(0)
    for _ in range(600):
        mutated = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        try:
            read = read_probe(bytes(mutated))
        except ProbeError:
            continue
        assert read.id == probe.id or bytes(mutated) == content


@pytest.mark.parametrize("length", [0x0580, 0x10280, 0x10480])
def test_a_header_as_long_as_a_pickle_begins_is_still_a_header(probe: Probe, length: int) -> None:
    def header_length(note: int) -> int:
        content = write_probe(replace(probe, figures={"note": "x" * note}))
        return int.from_bytes(content[:8], "little")

    note = length - header_length(0)
    assert note >= 0 and header_length(note) == length
    assert read_probe(write_probe(replace(probe, figures={"note": "x" * note}))).id == probe.id


def test_a_vector_is_no_readout_and_a_readout_no_vector(probe: Probe) -> None:
    from trimtab_vectors.organism import shipped_model_dir

    with pytest.raises(ProbeError):
        read_probe((shipped_model_dir() / "vectors" / "honesty.safetensors").read_bytes())
    with pytest.raises(VectorError):
        read_vector(write_probe(probe))
