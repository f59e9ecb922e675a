"""A training model's weights on disk: as a base, as a full checkpoint, as a PEFT adapter; and back in place."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

_ADAPTER: Final = "adapter_model.safetensors"
#: Of a base directory: what loading it takes. Never pickled weights.
_BASE_FILES: Final = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.py")


class WeightsError(ValueError):
    """Weights cannot be saved or do not fit; the message says which and why."""


def save_adapter(model: Any, directory: Path) -> None:
    """The active adapter in its own dtype, naming no place on this machine."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    name = _active(model)
    # Left to itself, peft asks a hub whether the embeddings changed.
    state = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
    save_file(tensors, directory / _ADAPTER, metadata={"format": "pt"})
    config = copy.deepcopy(model.peft_config[name])
    config.base_model_name_or_path, config.inference_mode = "base", True
    config.save_pretrained(str(directory))


def base_state(model: Any) -> dict[str, Tensor]:
    """Weights of the model inside an adapter wrapper, under the names they had without it."""
    base = model.get_base_model()
    prefix = getattr(model.base_model, "prefix", "")
    state: dict[str, Tensor] = {}
    for name, tensor in base.state_dict().items():
        if (prefix and prefix in name) or ".modules_to_save." in name:
            continue
        state[name.replace(".base_layer.", ".").replace(".original_module.", ".")] = tensor
    return state


def save_base(directory: Path, model: Any, tokenizer: Any, base_dir: Path | None) -> None:
    """A Hugging Face directory: the files of `base_dir`, or without one what the model holds now."""
    if base_dir is not None:
        files = sorted({file for pattern in _BASE_FILES for file in base_dir.glob(pattern)})
        if not any(file.suffix == ".safetensors" for file in files):
            raise WeightsError(f"{base_dir} holds no safetensors weights; give the directory of a base")
        for file in files:
            shutil.copyfile(file, directory / file.name)
        return
    if hasattr(model, "peft_config"):
        model.get_base_model().save_pretrained(directory, state_dict=base_state(model))
    else:
        model.save_pretrained(directory)
    if tokenizer is not None:
        tokenizer.save_pretrained(directory)


def save_full(model: Any, directory: Path) -> None:
    """All weights in their own dtype, with the config."""
    model.save_pretrained(directory)


def load_adapter(model: Any, directory: Path) -> None:
    """Put a saved adapter into the active one. Raises WeightsError if they do not fit."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    result = set_peft_model_state_dict(model, load_file(directory / _ADAPTER), adapter_name=_active(model))
    unexpected = list(getattr(result, "unexpected_keys", []))
    if unexpected:
        raise WeightsError(
            f"{directory} holds {unexpected[0]!r}, which the adapter in training does not have"
        )


def load_full(model: nn.Module, directory: Path) -> None:
    """Put saved weights into the model's own tensors. Raises WeightsError if they do not fit."""
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    for file in sorted(directory.glob("*.safetensors")):
        state |= load_file(file)
    tied = set(model.state_dict()) - state.keys()
    own = dict(model.state_dict(keep_vars=True))
    shared = {tensor.data_ptr() for name, tensor in own.items() if name in state}
    lost = [name for name in tied if own[name].data_ptr() not in shared]
    if lost or set(state) - own.keys():
        name = next(iter([*lost, *(set(state) - own.keys())]))
        raise WeightsError(f"{directory} and the model in training differ in {name!r}; is it the same model?")
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)


def _active(model: Any) -> str:
    active = model.active_adapter
    return str(active if isinstance(active, str) else active[0])


def does_nothing(model: nn.Module) -> bool:
    """Whether a LoRA adds zero: each of its B matrices is zero. Of other adapters it is not assumed."""
    ours = [p for name, p in model.named_parameters() if "lora_B" in name or "lora_embedding_B" in name]
    others = [n for n, p in model.named_parameters() if p.requires_grad and "lora_" not in n]
    return bool(ours) and not others and not any(bool(p.any()) for p in ours)
