"""Blocks are found by structure in every architecture, and are the ones that carry the residual stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn
from trimtab_vectors.decoder import DecoderError, find_decoder, hidden_of, with_hidden

LAYERS, HIDDEN = 4, 32
SHAPE: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "vocab_size": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
GROUPED: dict[str, Any] = {**SHAPE, "num_key_value_heads": 2}
NARROW: dict[str, Any] = {k: v for k, v in SHAPE.items() if k != "intermediate_size"}
GPT: dict[str, Any] = {
    "n_embd": HIDDEN,
    "n_layer": LAYERS,
    "n_head": 4,
    "vocab_size": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

# Path of the blocks and name of the final norm, as each architecture's source has them.
ARCHITECTURES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "llama": (lambda: hf.LlamaConfig(**GROUPED), "model.layers", "model.norm"),
    "mistral": (lambda: hf.MistralConfig(**GROUPED), "model.layers", "model.norm"),
    "mixtral": (lambda: hf.MixtralConfig(**GROUPED, num_local_experts=4), "model.layers", "model.norm"),
    "qwen2": (lambda: hf.Qwen2Config(**GROUPED), "model.layers", "model.norm"),
    "qwen3": (lambda: hf.Qwen3Config(**GROUPED, head_dim=8), "model.layers", "model.norm"),
    "gemma": (lambda: hf.GemmaConfig(**GROUPED, head_dim=8), "model.layers", "model.norm"),
    "gemma2": (lambda: hf.Gemma2Config(**GROUPED, head_dim=8), "model.layers", "model.norm"),
    "gemma3": (lambda: hf.Gemma3TextConfig(**GROUPED, head_dim=8), "model.layers", "model.norm"),
    "phi": (lambda: hf.PhiConfig(**SHAPE), "model.layers", "model.final_layernorm"),
    "phi3": (lambda: hf.Phi3Config(**SHAPE), "model.layers", "model.norm"),
    "olmo": (lambda: hf.OlmoConfig(**SHAPE), "model.layers", "model.norm"),
    "olmo2": (lambda: hf.Olmo2Config(**SHAPE), "model.layers", "model.norm"),
    "stablelm": (lambda: hf.StableLmConfig(**GROUPED), "model.layers", "model.norm"),
    "cohere": (lambda: hf.CohereConfig(**SHAPE), "model.layers", "model.norm"),
    "gpt2": (lambda: hf.GPT2Config(**GPT), "transformer.h", "transformer.ln_f"),
    "gptj": (lambda: hf.GPTJConfig(**GPT, rotary_dim=4), "transformer.h", "transformer.ln_f"),
    "gpt_neo": (
        lambda: hf.GPTNeoConfig(
            hidden_size=HIDDEN,
            num_layers=LAYERS,
            num_heads=4,
            vocab_size=64,
            attention_types=[[["global", "local"], 2]],
        ),
        "transformer.h",
        "transformer.ln_f",
    ),
    "gpt_neox": (lambda: hf.GPTNeoXConfig(**SHAPE), "gpt_neox.layers", "gpt_neox.final_layer_norm"),
    "falcon": (lambda: hf.FalconConfig(**NARROW), "transformer.h", "transformer.ln_f"),
    "bloom": (lambda: hf.BloomConfig(**NARROW), "transformer.h", "transformer.ln_f"),
    "opt": (
        lambda: hf.OPTConfig(**NARROW, ffn_dim=64, word_embed_proj_dim=HIDDEN),
        "model.decoder.layers",
        "model.decoder.final_layer_norm",
    ),
    "mpt": (
        lambda: hf.MptConfig(d_model=HIDDEN, n_layers=LAYERS, n_heads=4, vocab_size=64),
        "transformer.blocks",
        "transformer.norm_f",
    ),
}


def made(config: Any) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = hf.AutoModelForCausalLM.from_config(config).eval()
    return model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_block_outputs_are_the_residual_stream_up_to_the_final_norm(name: str) -> None:
    config, path, norm = ARCHITECTURES[name]
    model = made(config())
    decoder = find_decoder(model)
    assert decoder.path == path
    assert decoder.blocks == tuple(model.get_submodule(path).children())
    assert decoder.final_norm is model.get_submodule(norm)
    assert decoder.hidden_size == HIDDEN

    outputs: list[torch.Tensor] = []
    for block in decoder.blocks:
        block.register_forward_hook(lambda _m, _i, output: outputs.append(hidden_of(output)))
    with torch.no_grad():
        states = model(input_ids=torch.tensor([[5, 9, 3, 7]]), output_hidden_states=True).hidden_states
        normed = decoder.final_norm(outputs[-1])
    assert len(outputs) == LAYERS
    for layer in range(LAYERS - 1):
        torch.testing.assert_close(outputs[layer], states[layer + 1])
    torch.testing.assert_close(normed, states[-1])
    assert not torch.allclose(outputs[-1], states[-1]), "the last block's output is before the final norm"


def test_experts_as_many_as_layers_are_not_taken_for_the_blocks() -> None:
    model = made(hf.LlamaConfig(**GROUPED))
    for block in model.get_submodule("model.layers").children():
        block.experts = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(LAYERS))
    assert find_decoder(model).path == "model.layers"


def test_blocks_of_mixed_types_are_found() -> None:
    config = hf.JambaConfig(**GROUPED, num_experts=4, attn_layer_period=2, attn_layer_offset=1)
    model = made(config)
    assert len({type(block) for block in find_decoder(model).blocks}) == 2
    assert find_decoder(model).path == "model.layers"


def test_a_vision_tower_as_deep_as_the_decoder_is_not_taken_for_it() -> None:
    config = hf.Gemma3Config(
        text_config={**GROUPED, "head_dim": 8},
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 64,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "image_size": 28,
            "patch_size": 14,
        },
    )
    model = hf.AutoModelForImageTextToText.from_config(config)
    assert find_decoder(model).path == "model.language_model.layers"


def test_the_blocks_inside_an_adapter_wrapper_are_the_models_own() -> None:
    peft = pytest.importorskip("peft")
    model = made(hf.LlamaConfig(**GROUPED))
    blocks = find_decoder(model).blocks
    wrapped = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], r=2))
    assert find_decoder(wrapped).blocks == blocks


def test_a_model_without_one_list_of_blocks_is_refused_by_name() -> None:
    model = made(hf.LlamaConfig(**GROUPED))
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
