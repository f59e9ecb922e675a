"""`trimtab vectors import` and `export` with other tools' files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.vector_files import format_of, read_vector_file
from trimtab_vectors.formats.detection import detect_format
from trimtab_vectors.formats.gguf import read_gguf
from trimtab_vectors.formats.layer_pt import read_layer_pt
from trimtab_vectors.formats.svec import read_svec

from .conftest import CommandLine


@pytest.fixture(scope="module")
def shipped(trimtab: CommandLine) -> str:
    """The name of a vector that comes with the model."""
    vectors = trimtab.json("vectors", "list")["vectors"]
    return str(next(v["name"] for v in vectors if v["suggested_strength"]))


def test_the_suffix_chooses_the_format_and_the_scale_is_said(
    trimtab: CommandLine, shipped: str, tmp_path: Path
) -> None:
    layers = tuple(trimtab.json("vectors", "show", shipped)["vector"]["layers"])
    readers = {"v.svec": read_svec, "v.zip": read_layer_pt}
    for file, reader in readers.items():
        answer = trimtab.json("vectors", "export", shipped, tmp_path / file)
        assert (answer["scale"], answer["dropped_layers"]) == ("raw_norm", [])
        assert tuple(reader((tmp_path / file).read_bytes()).directions) == layers
    ran = trimtab("vectors", "export", shipped, tmp_path / "v.gguf", "--strength", 0.35, "--drop-layer-zero")
    assert ran.exit_code == 0, ran.err
    assert "gguf, scale dose" in ran.out
    assert ("layer 0" in ran.out) == (0 in layers)
    found = read_gguf((tmp_path / "v.gguf").read_bytes())
    assert tuple(found.directions) == tuple(layer for layer in layers if layer)
    assert found.notes["trimtab.scale"] == "dose 0.35"


def test_a_gguf_file_is_brought_in_with_its_concept_and_stage(
    trimtab: CommandLine, shipped: str, tmp_path: Path
) -> None:
    file = tmp_path / "v.gguf"
    trimtab.json("vectors", "export", shipped, file, "--scale", "unit", "--drop-layer-zero")
    missing = trimtab("vectors", "import", file)
    assert missing.exit_code != 0 and "concept is empty" in missing.err
    said = ("--concept", "honesty", "--stage", "stage-11", "--name", "from gguf", "--license", "MIT")
    vector = trimtab.json("vectors", "import", file, *said)["vector"]
    assert (vector["method"], vector["stage"], vector["license"]) == ("gguf:trimtab", "stage-11", "MIT")
    assert trimtab("vectors", "import", file, *said, "--format", "svec").exit_code != 0


def test_a_folder_of_layer_files_is_brought_in(trimtab: CommandLine, shipped: str, tmp_path: Path) -> None:
    hidden = trimtab.json("vectors", "show", shipped)["vector"]["hidden_size"]
    for layer in (2, 4):
        torch.save(torch.full((hidden,), float(layer)), tmp_path / f"layer_{layer}.pt")
    said = ("--concept", "honesty", "--stage", "stage-11")
    vector = trimtab.json("vectors", "import", tmp_path, *said)["vector"]
    assert (vector["method"], vector["layers"]) == ("layer_pt", [2, 4])
    assert trimtab.json("vectors", "import", tmp_path / "layer_4.pt", *said)["vector"]["layers"] == [4]


def test_a_suffix_that_stands_for_nothing_is_refused() -> None:
    assert format_of(None) == format_of(Path("plain")) == "safetensors"
    assert format_of(Path("V.GGUF")) == "gguf"
    with pytest.raises(CommandFailed, match="--format"):
        format_of(Path("v.onnx"))


def test_a_folder_without_layer_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"layer_15\.pt"):
        read_vector_file(tmp_path)


def test_a_torch_file_of_all_layers_is_sent_as_it_is(tmp_path: Path) -> None:
    torch.save({1: torch.ones(3)}, tmp_path / "all.pt")
    content = read_vector_file(tmp_path / "all.pt")
    assert content == (tmp_path / "all.pt").read_bytes()
    assert detect_format(content) == "layer_pt"
