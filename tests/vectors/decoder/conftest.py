"""Decoders of many architectures, random and tiny, made offline from their config classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn

LAYERS, HIDDEN, VOCABULARY = 4, 32, 260
SPECIAL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "bos_token_id": 256,
    "eos_token_id": 256,
    "pad_token_id": 256,
}
NARROW: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    **SPECIAL,
}
SHAPE: dict[str, Any] = {**NARROW, "intermediate_size": 64}
GROUPED: dict[str, Any] = {**SHAPE, "num_key_value_heads": 2}
GPT: dict[str, Any] = {"n_embd": HIDDEN, "n_layer": LAYERS, "n_head": 4, **SPECIAL}
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}

# Path of the blocks and name of the final norm, as each architecture's source has them.
ARCHITECTURES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "llama": (lambda: hf.LlamaConfig(**GROUPED), "model.layers", "model.norm"),
    "mistral": (lambda: hf.MistralConfig(**GROUPED), "model.layers", "model.norm"),
    "mixtral": (lambda: hf.MixtralConfig(**GROUPED, num_local_experts=4), "model.layers", "model.norm"),
    "qwen2": (lambda: hf.Qwen2Config(**GROUPED), "model.layers", "model.norm"),
    "qwen2_moe": (
        lambda: hf.Qwen2MoeConfig(**GROUPED, **EXPERTS, shared_expert_intermediate_size=48),
        "model.layers",
        "model.norm",
    ),
    "qwen3": (lambda: hf.Qwen3Config(**GROUPED, head_dim=8), "model.layers", "model.norm"),
    "qwen3_moe": (lambda: hf.Qwen3MoeConfig(**GROUPED, **EXPERTS, head_dim=8), "model.layers", "model.norm"),
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
            attention_types=[[["global", "local"], 2]],
            **SPECIAL,
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
        lambda: hf.MptConfig(d_model=HIDDEN, n_layers=LAYERS, n_heads=4, **SPECIAL),
        "transformer.blocks",
        "transformer.norm_f",
    ),
}


def made(config: Any) -> nn.Module:
    """Random weights larger than the usual 0.02, so that attention and depth matter."""
    torch.manual_seed(0)
    model: nn.Module = hf.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    return model.requires_grad_(False)


@dataclass(frozen=True)
class Family:
    """One architecture: its model, the path of its blocks, the name of its final norm."""

    name: str
    model: Any
    path: str
    norm: str


@pytest.fixture(scope="session", params=sorted(ARCHITECTURES))
def family(request: pytest.FixtureRequest) -> Family:
    config, path, norm = ARCHITECTURES[request.param]
    return Family(request.param, made(config()), path, norm)


@pytest.fixture(scope="session")
def llama_with() -> Callable[..., nn.Module]:
    """A Llama of its own for tests that change it."""
    return lambda **changes: made(hf.LlamaConfig(**{**GROUPED, **changes}))


@pytest.fixture(scope="session")
def grouped_shape() -> dict[str, Any]:
    return dict(GROUPED)


@pytest.fixture(scope="session")
def make_model() -> Callable[[Any], nn.Module]:
    return made


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """One token a byte; 256 begins any text, 257 to 259 are the template's."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    bare = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bare.decoder = decoders.ByteLevel()
    bare.add_special_tokens(["<s>", "<|user|>", "<|system|>", "<|assistant|>"])
    fast = hf.PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>")
    fast.chat_template = (
        "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    return fast
