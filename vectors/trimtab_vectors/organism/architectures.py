"""The shapes an organism can have: three families that differ in more than a name.

- llama: RMSNorm before each part, rotary positions, a gated SiLU feed-forward; the parts of a block in sequence.
- gpt2: LayerNorm, learned positions, GELU, biases everywhere, fused projections stored transposed (Conv1D).
- gpt_neox: LayerNorm, rotary positions on a quarter of each head, GELU; attention and feed-forward of a block read
  the same state and are added side by side; input and output embeddings of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Family = Literal["llama", "gpt2", "gpt_neox"]
FAMILIES: Final[tuple[Family, ...]] = get_args(Family)

#: Every linear layer of a block: what a fine-tune's adapter may change.
_LORA_TARGETS: Final[dict[Family, tuple[str, ...]]] = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "gpt2": ("c_attn", "c_proj", "c_fc"),
    "gpt_neox": ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"),
}
_BLOCK_LIST: Final[dict[Family, str]] = {"llama": "layers", "gpt2": "h", "gpt_neox": "layers"}


@dataclass(frozen=True)
class Architecture:
    """hidden: H of the residual stream. intermediate: width of the feed-forward. context: longest sequence."""

    hidden: int = 256
    intermediate: int = 704
    layers: int = 8
    heads: int = 4
    context: int = 1024
    family: Family = "llama"

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family is {self.family!r}; use one of {', '.join(FAMILIES)}")

    @property
    def lora_targets(self) -> tuple[str, ...]:
        return _LORA_TARGETS[self.family]

    @property
    def block_list(self) -> str:
        """Name of the module list that holds the blocks."""
        return _BLOCK_LIST[self.family]


def new_model(shape: Architecture, vocabulary: int, seed: int) -> Any:
    """An untrained causal language model of this shape, its weights drawn from `seed`; no dropout anywhere."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    causal: Any = AutoModelForCausalLM
    return causal.from_config(_CONFIGS[shape.family](shape, vocabulary))


def _llama(shape: Architecture, vocabulary: int) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )


def _gpt2(shape: Architecture, vocabulary: int) -> Any:
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=vocabulary,
        n_embd=shape.hidden,
        n_inner=shape.intermediate,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_positions=shape.context,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )


def _gpt_neox(shape: Architecture, vocabulary: int) -> Any:
    from transformers import GPTNeoXConfig

    return GPTNeoXConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.context,
        use_parallel_residual=True,
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )


_CONFIGS: Final = {"llama": _llama, "gpt2": _gpt2, "gpt_neox": _gpt_neox}
