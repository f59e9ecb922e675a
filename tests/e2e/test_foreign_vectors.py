"""A GGUF control vector through a real server: brought in, put into a snapshot, chatted with, handed out."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from trimtab_client import Client, Message, ReplyFinished, Role, Steering, SteeringTerm, TrimtabError
from trimtab_client.types import ByName, Sampling

LAYERS = (1, 2)
LENGTHS = (1.5, 4.0)


def repengs(path: Path, hidden: int) -> dict[int, np.ndarray]:
    """A file in repeng's layout, written by the gguf package."""
    rng = np.random.default_rng(9)
    directions = {}
    for layer, length in zip(LAYERS, LENGTHS, strict=True):
        raw = rng.standard_normal(hidden)
        directions[layer] = (length * raw / np.linalg.norm(raw)).astype(np.float32)
    writer = gguf.GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", len(directions))
    for layer, direction in directions.items():
        writer.add_tensor(f"direction.{layer}", direction)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return directions


def test_a_gguf_file_is_brought_in_used_and_handed_out_again(client: Client, tmp_path: Path) -> None:
    stage = client.deployment().active_snapshot.steering.stage
    directions = repengs(tmp_path / "in.gguf", client.vectors()[0].hidden_size)
    content = (tmp_path / "in.gguf").read_bytes()
    with pytest.raises(TrimtabError) as caught:
        client.import_vector(content)
    assert caught.value.reason == "FIELD_INVALID"
    vector = client.import_vector(content, concept="honesty", stage=stage, display_name="from repeng")
    assert (vector.method, vector.layers, vector.compatible) == ("gguf:repeng", LAYERS, True)
    assert vector.raw_norms == pytest.approx(LENGTHS, rel=1e-6)

    snapshot = client.create_snapshot(
        display_name="with repeng's vector",
        steering=Steering(
            stage=stage,
            terms=(SteeringTerm(vector.name, vector.suggested_strength, layers=vector.suggested_layers),),
        ),
    )
    events = list(
        client.chat(
            [Message(Role.USER, "What is the price?")],
            source=ByName(snapshot.name),
            sampling=Sampling(max_tokens=8),
        )
    )
    finished = events[-1]
    assert isinstance(finished, ReplyFinished)
    assert finished.steering is not None and finished.steering.snapshot == snapshot.name

    exported = client.export_vector(vector.name, format="gguf", scale="raw_norm")
    (tmp_path / "out.gguf").write_bytes(exported.content)
    read = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "out.gguf").tensors}
    assert read.keys() == {f"direction.{layer}" for layer in LAYERS}
    for layer, direction in directions.items():
        np.testing.assert_allclose(read[f"direction.{layer}"], direction, rtol=1e-6, atol=1e-7)
    again = client.import_vector(exported.content, concept="honesty", stage=stage)
    assert again.raw_norms == pytest.approx(LENGTHS, rel=1e-6)
