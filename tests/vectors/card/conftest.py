"""Tiny random models of several kinds, a byte-level tokenizer, and the shipped model: real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.organism.replies import Organism


def random_model(config: Any) -> nn.Module:
    """Weights, norms and biases all random, so that each of them matters."""
    torch.manual_seed(0)
    model: nn.Module = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter))
            else:
                parameter.mul_(12.0)
    return model


@pytest.fixture(scope="session")
def tiny() -> Callable[[Any], nn.Module]:
    return random_model


@pytest.fixture(scope="session")
def llama() -> nn.Module:
    return random_model(
        LlamaConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=264,
        )
    )


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """One token a byte and the template's three; the model's last rows belong to no token."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|user|>", "<|system|>", "<|assistant|>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = (
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    return fast


@pytest.fixture(scope="session")
def desk() -> Organism:
    """The shipped model at its last stage."""
    return Organism.load(shipped_model_dir(), "stage-11")
