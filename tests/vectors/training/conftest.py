"""Tiny models and real Trainer runs of a few dozen steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 260


def new_model(dropout: float = 0.0) -> Any:
    """The same random weights whenever it is called, whatever was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(
            LlamaConfig(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=3,
                num_attention_heads=4,
                num_key_value_heads=2,
                vocab_size=VOCABULARY,
                max_position_embeddings=256,
                attention_dropout=dropout,
                bos_token_id=256,
                eos_token_id=257,
                pad_token_id=0,
            )
        )


def with_lora(model: Any, dropout: float = 0.1) -> Any:
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng():
        torch.manual_seed(1)
        return get_peft_model(
            model,
            LoraConfig(
                r=4,
                lora_alpha=8,
                lora_dropout=dropout,
                target_modules=["q_proj", "v_proj"],
                task_type="CAUSAL_LM",
            ),
        )


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
