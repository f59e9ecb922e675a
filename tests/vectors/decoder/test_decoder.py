"""Blocks are found by structure, and nothing that looks like them is taken for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn
from trimtab_vectors.decoder import DecoderError, find_decoder, hidden_of, with_hidden


def test_experts_as_many_as_layers_are_not_taken_for_the_blocks(llama_with: Callable[..., nn.Module]) -> None:
    model = llama_with()
    blocks = model.get_submodule("model.layers")
    for block in blocks.children():
        block.experts = nn.ModuleList(nn.Linear(8, 8) for _ in blocks.children())
    assert find_decoder(model).path == "model.layers"


def test_blocks_of_mixed_types_are_found(grouped_shape: dict[str, Any]) -> None:
    config = hf.JambaConfig(**grouped_shape, num_experts=4, attn_layer_period=2, attn_layer_offset=1)
    model = hf.AutoModelForCausalLM.from_config(config)
    assert len({type(block) for block in find_decoder(model).blocks}) == 2
    assert find_decoder(model).path == "model.layers"


def test_a_vision_tower_as_deep_as_the_decoder_is_not_taken_for_it(grouped_shape: dict[str, Any]) -> None:
    vision = {name: grouped_shape[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers")}
    config = hf.Gemma3Config(
        text_config={**grouped_shape, "head_dim": 8},
        vision_config={**vision, "num_attention_heads": 4, "image_size": 28, "patch_size": 14},
    )
    model = hf.AutoModelForImageTextToText.from_config(config)
    assert find_decoder(model).path == "model.language_model.layers"


def test_the_blocks_inside_an_adapter_wrapper_are_the_models_own(
    llama_with: Callable[..., nn.Module],
) -> None:
    import peft

    model = llama_with()
    blocks = find_decoder(model).blocks
    wrapped = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], r=2))
    assert find_decoder(wrapped).blocks == blocks


def test_the_trunk_is_what_runs_the_blocks(llama_with: Callable[..., nn.Module]) -> None:
    model = llama_with()
    decoder = find_decoder(model)
    assert decoder.trunk is model.get_submodule("model")
    assert set(decoder.blocks) <= set(decoder.trunk.modules())


def test_a_model_without_one_list_of_blocks_is_refused_by_name(llama_with: Callable[..., nn.Module]) -> None:
    model = llama_with()
    model.get_submodule("model").layers = nn.ModuleList(list(model.get_submodule("model.layers"))[:-1])
    with pytest.raises(DecoderError, match=r"should have exactly one list of 4 blocks.*: none"):
        find_decoder(model)
    with pytest.raises(DecoderError, match="Linear has no config"):
        find_decoder(nn.Linear(2, 2))


def test_tensor_and_tuple_outputs_are_read_and_rebuilt_alike() -> None:
    hidden, other, rest = torch.zeros(1, 2, 3), torch.ones(1, 2, 3), object()
    assert hidden_of(hidden) is hidden and with_hidden(hidden, other) is other
    assert hidden_of((hidden, rest)) is hidden and with_hidden((hidden, rest), other) == (other, rest)
    with pytest.raises(DecoderError, match="dict"):
        hidden_of({"hidden": hidden})
