"""Merging plain LoRA adapters into base weights straight from PEFT's files.

Importing peft takes seconds and a server start should not; a plain adapter is two matrices per weight:
W + (alpha / r) B A (Hu et al. 2021, "LoRA", §4.1). Anything but a plain adapter goes through peft itself.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from trimtab_server.engine.errors import ModelNotLoadable

_WEIGHTS = "adapter_model.safetensors"
_KEY = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight$")

#: Entries that describe an adapter without changing what it computes.
_DESCRIPTIVE = frozenset(
    [
        *["peft_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision", "task_type"],
        *["inference_mode", "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules"],
        *["layers_to_transform", "layers_pattern", "fan_in_fan_out", "megatron_core"],
        *["ensure_weight_tying", "qalora_group_size"],
    ]
)

#: Entries of a plain adapter that hold something; every other entry must be empty.
_PLAIN_VALUES: Mapping[str, tuple[Any, ...]] = {
    "bias": ("none",),
    "init_lora_weights": (True, False, "gaussian"),
}


@dataclass(frozen=True)
class PlainLora:
    """scaling: alpha / r. pairs: module name -> (A [r, in], B [out, r])."""

    scaling: float
    pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]]


def read_plain_lora(directory: Path) -> PlainLora | None:
    """The adapter, or None if it is more than plain LoRA. Raises ModelNotLoadable if it is no adapter."""
    file = directory / "adapter_config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelNotLoadable(
            f"{directory} holds no readable PEFT adapter: {error}", directory=directory
        ) from error
    weights = directory / _WEIGHTS
    if not weights.is_file():
        raise ModelNotLoadable(
            f"{directory} has no {_WEIGHTS}: pickled adapter weights are not opened, use safetensors",
            directory=directory,
        )
    if not _is_plain(config):
        return None
    parts: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for key, tensor in load_file(weights).items():
        match = _KEY.match(key)
        if match is None:
            return None
        parts[match["module"]][match["part"]] = tensor
    if any(len(pair) != 2 for pair in parts.values()):
        raise ModelNotLoadable(f"{weights} has a LoRA matrix without its partner", file=weights)
    pairs = {module: (pair["A"], pair["B"]) for module, pair in parts.items()}
    return PlainLora(config["lora_alpha"] / config["r"], pairs)


def merge_plain_lora(model: nn.Module, adapter: PlainLora) -> None:
    """Add the adapter to the model's float32 weights in place: the arithmetic of peft's own merge.

    Raises ModelNotLoadable where the adapter names modules or shapes that the model does not have.
    """
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, (a, b) in adapter.pairs.items():
            module = modules.get(name)
            weight = getattr(module, "weight", None)
            if not isinstance(weight, torch.Tensor):
                raise ModelNotLoadable(
                    f"the adapter changes {name}, which the base model does not have: it belongs to another "
                    "base",
                    module=name,
                )
            delta = b.float() @ a.float()
            delta = (delta.T if isinstance(module, Conv1D) else delta) * adapter.scaling
            if delta.shape != weight.shape:
                raise ModelNotLoadable(
                    f"the adapter's change of {name} is {tuple(delta.shape)}, the weight is "
                    f"{tuple(weight.shape)}: it belongs to another base",
                    module=name,
                )
            weight += delta


def merge_with_peft(model: nn.Module, directory: Path) -> nn.Module:
    """Let peft load and merge whatever adapter this is."""
    from peft import PeftModel  # seconds to import, so only where needed

    wrapped: Any = PeftModel.from_pretrained(model, str(directory), is_trainable=False)
    merged = wrapped.merge_and_unload()
    if not isinstance(merged, nn.Module):
        raise ModelNotLoadable(f"peft could not merge the adapter in {directory}", directory=directory)
    return merged


def _is_plain(config: Mapping[str, Any]) -> bool:
    if config.get("peft_type") != "LORA":
        return False
    for key, value in config.items():
        if key in _DESCRIPTIVE:
            continue
        if key in _PLAIN_VALUES:
            if value not in _PLAIN_VALUES[key]:
                return False
        elif value not in (None, False, "", 0) and value != {} and value != []:
            return False
    return True
