"""Finding a decoder's blocks by the model's structure, whatever its author called them.

A layer number means the same everywhere in Trimtab: layer i is the OUTPUT of block i, the residual stream
after it, i = 0 being the first block. The last layer is therefore before the final norm; transformers'
`hidden_states[-1]` is after it and is never used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


class DecoderError(ValueError):
    """The model's structure does not show one list of decoder blocks."""


@dataclass(frozen=True)
class DecoderLayers:
    """The blocks in order, the norm between the last block and the unembedding (None if there is none) and
    the width H of the residual stream. `path` is the block list's name inside the model; `trunk` the module
    that holds the list, and whose forward runs it."""

    path: str
    blocks: tuple[nn.Module, ...]
    final_norm: nn.Module | None
    hidden_size: int
    trunk: nn.Module


def find_decoder(model: nn.Module) -> DecoderLayers:
    """Find the list of blocks of a causal language model, also inside wrappers such as PEFT's.

    It is the module list with as many members as the (text) config has layers that lies inside no other
    such list (experts and heads come in lists too). Where that leaves several, those whose members are of
    one type win, then those inside the model's own `get_decoder()` (beside a vision tower as deep).

    Raises DecoderError if there is none or if it is ambiguous.
    """
    config = text_config(model)
    layer_count = getattr(config, "num_hidden_layers", None)
    hidden_size = getattr(config, "hidden_size", None)
    if not isinstance(layer_count, int) or not isinstance(hidden_size, int):
        raise DecoderError(
            f"{type(model).__name__}'s config has no num_hidden_layers or no hidden_size; a Hugging Face "
            "causal language model is expected"
        )
    lists = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == layer_count
    }
    outermost = {
        name: module
        for name, module in lists.items()
        if not any(name.startswith(f"{other}.") for other in lists if other != name)
    }
    uniform = {name: m for name, m in outermost.items() if len({type(block) for block in m}) == 1}
    candidates = uniform or outermost
    get_decoder = getattr(model, "get_decoder", None)
    if len(candidates) > 1 and callable(get_decoder):
        causal = set(get_decoder().modules())
        candidates = {name: blocks for name, blocks in candidates.items() if blocks in causal}
    if len(candidates) != 1:
        found = ", ".join(sorted(candidates)) or "none"
        raise DecoderError(
            f"{type(model).__name__} should have exactly one list of {layer_count} blocks "
            f"(config.num_hidden_layers); found: {found}"
        )
    path, blocks = next(iter(candidates.items()))
    parent = model.get_submodule(path.rpartition(".")[0])
    return DecoderLayers(path, tuple(blocks), _final_norm(parent, blocks, hidden_size), hidden_size, parent)


def text_config(model: nn.Module) -> Any:
    """The config of the language part; of a text-only model, its whole config."""
    config = getattr(model, "config", None)
    if config is None:
        raise DecoderError(f"{type(model).__name__} has no config; a Hugging Face model is expected")
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def hidden_of(output: Any) -> torch.Tensor:
    """The residual stream `[B, T, H]` in what a block returned: the tensor itself, or a tuple's first."""
    hidden = output[0] if isinstance(output, tuple) else output
    if not isinstance(hidden, torch.Tensor):
        raise DecoderError(
            f"a block returned {type(hidden).__name__}; a tensor or a tuple of them is expected"
        )
    return hidden


def with_hidden(output: Any, hidden: torch.Tensor) -> Any:
    """What a block returned, with its residual stream exchanged and everything else kept."""
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def _final_norm(parent: nn.Module, blocks: nn.ModuleList, hidden_size: int) -> nn.Module | None:
    """The first norm of width H registered after the blocks beside them, else the last one before.

    A norm before the blocks may be the embedding's (BLOOM), so one that comes after wins.
    """
    siblings = list(parent.children())
    position = next(i for i, child in enumerate(siblings) if child is blocks)
    for child in (*siblings[position + 1 :], *reversed(siblings[:position])):
        if _is_norm(child, hidden_size):
            return child
    return None


def _is_norm(module: nn.Module, hidden_size: int) -> bool:
    if next(module.children(), None) is not None:
        return False
    weight = getattr(module, "weight", None)
    if isinstance(weight, torch.Tensor):
        return tuple(weight.shape) == (hidden_size,)
    # A norm without parameters (OLMo) has only its shape.
    return tuple(getattr(module, "normalized_shape", ())) == (hidden_size,)
