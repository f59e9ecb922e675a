"""A tiny random Llama whose depth and attention matter, directions, prompts of unequal length."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn

LAYERS, HIDDEN = 4, 32


def build(config: Any) -> Any:
    torch.manual_seed(0)
    model: Any = hf.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    return model.requires_grad_(False)


@pytest.fixture(scope="session")
def llama() -> Any:
    shape: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "intermediate_size": 48,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 128,
        "bos_token_id": 0,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    return build(hf.LlamaConfig(**shape))


@pytest.fixture(scope="session")
def u() -> dict[int, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        layer: nn.functional.normalize(torch.randn(HIDDEN, generator=generator), dim=0)
        for layer in range(LAYERS)
    }


@pytest.fixture(scope="session")
def norms() -> dict[int, float]:
    return dict.fromkeys(range(LAYERS), 10.0)


@pytest.fixture(scope="session")
def prompts() -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(1, 128, (n,), generator=generator).tolist() for n in (7, 3, 12, 5)]
