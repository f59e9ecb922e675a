"""A model directory or hub id, opened safely: tokenizer, chat template, and its stages' weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.steering_vector import ModelFingerprint

from trimtab_server.engine.errors import (
    ChatTemplateMissing,
    InvalidRequest,
    ModelNotLoadable,
    StageNotFound,
)
from trimtab_server.engine.lora import merge_plain_lora, merge_with_peft, read_plain_lora
from trimtab_server.engine.stages import StageInfo, StageList, read_stages

#: What is fetched of a hub repository: never pickled weights.
_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]


@dataclass(frozen=True)
class HostedModel:
    """A model with its stages. No stage's weights are in memory until `load_stage`.

    device and dtype are those of loaded stages: float32 on the CPU and bfloat16 on CUDA unless given.
    """

    name: str
    directory: Path
    device: torch.device
    dtype: torch.dtype
    tokenizer: Any
    config: Any
    stage_list: StageList
    trust_remote_code: bool

    @classmethod
    def open(
        cls,
        model: str | Path,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        trust_remote_code: bool = False,
    ) -> HostedModel:
        """Open a local directory, or fetch a hub id. Raises ModelNotLoadable."""
        directory = _locate(str(model), trust_remote_code)
        stages = read_stages(directory, name=directory.resolve().name if Path(model).is_dir() else str(model))
        where = _device(device)
        try:
            config = AutoConfig.from_pretrained(stages.base, trust_remote_code=trust_remote_code)
            tokenizer = AutoTokenizer.from_pretrained(stages.base, trust_remote_code=trust_remote_code)
        except (OSError, ValueError) as error:
            raise ModelNotLoadable(f"{stages.base} cannot be opened: {error}", base=stages.base) from error
        return cls(
            name=stages.model,
            directory=directory,
            device=where,
            dtype=_dtype(dtype, where),
            tokenizer=tokenizer,
            config=config,
            stage_list=stages,
            trust_remote_code=trust_remote_code,
        )

    @property
    def stages(self) -> tuple[StageInfo, ...]:
        return self.stage_list.stages

    @property
    def default_stage(self) -> str:
        return self.stage_list.default_stage

    @property
    def architecture(self) -> str:
        names = self.config.architectures or [type(self.config).__name__]
        return str(names[0])

    @property
    def layer_count(self) -> int:
        return int(self.config.get_text_config().num_hidden_layers)

    @property
    def hidden_size(self) -> int:
        return int(self.config.get_text_config().hidden_size)

    @property
    def context_length(self) -> int:
        """Positions the model was built for; a very large number where it does not say."""
        return int(getattr(self.config.get_text_config(), "max_position_embeddings", None) or 1 << 20)

    @property
    def has_chat_template(self) -> bool:
        return getattr(self.tokenizer, "chat_template", None) is not None

    @cached_property
    def fingerprint(self) -> ModelFingerprint:
        """Of the base weights: the same for every stage."""
        return fingerprint_model(self.stage_list.base)

    def stage(self, name: str) -> StageInfo:
        for stage in self.stages:
            if stage.name == name:
                return stage
        known = ", ".join(stage.name for stage in self.stages)
        raise StageNotFound(
            f"{self.name} has no stage {name!r}; it has {known}", stage=name, model=self.name, stages=known
        )

    def stage_digest(self, name: str) -> str:
        """sha256 over the fingerprint and the stage's own files; keys what was measured on the stage."""
        stage = self.stage(name)
        digest = hashlib.sha256(self.fingerprint.digest.encode())
        if stage.kind != "base":
            for file in sorted([*stage.path.glob("*.safetensors"), *stage.path.glob("*.json")]):
                digest.update(f"{file.name}\n".encode())
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "sha256").digest())
        return digest.hexdigest()

    def load_stage(self, name: str) -> nn.Module:
        """The stage's weights, merged if it is an adapter, on the device, ready for inference.

        An adapter is merged in float32 whatever the final dtype is. Raises StageNotFound, ModelNotLoadable.
        """
        stage = self.stage(name)
        if stage.kind != "adapter":
            model = self._load(stage.path, self.dtype)
        else:
            model = self._load(self.stage_list.base, torch.float32)
            plain = read_plain_lora(stage.path)
            if plain is None:
                model = merge_with_peft(model, stage.path)
            else:
                merge_plain_lora(model, plain)
            _cast(model, self.dtype)
        return model.requires_grad_(False).to(self.device).eval()

    def render(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Prompt ids of a conversation (`role`, `content` each), the reply's opening included.

        Raises ChatTemplateMissing, InvalidRequest (the template refuses these messages).
        """
        if not self.has_chat_template:
            raise ChatTemplateMissing(
                f"the tokenizer of {self.name} has no chat template, so messages cannot become a prompt: add "
                "chat_template.jinja to its directory",
                model=self.name,
            )
        if not messages:
            raise InvalidRequest(
                "there are no messages: send at least one", reason="PROMPT_EMPTY", field="messages"
            )
        try:
            text = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages], add_generation_prompt=True, tokenize=False
            )
        except TemplateError as error:
            raise InvalidRequest(
                f"the model's chat template refuses these messages: {error}",
                reason="FIELD_INVALID",
                field="messages",
            ) from error
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return tuple(int(one) for one in ids)

    def _load(self, path: Path, dtype: torch.dtype) -> nn.Module:
        try:
            model = AutoModelForCausalLM.from_pretrained(
                path,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=self.trust_remote_code,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelNotLoadable(f"the weights in {path} cannot be loaded: {error}", path=path) from error
        if not isinstance(model, nn.Module):
            raise ModelNotLoadable(f"{path} is no causal language model", path=path)
        return model


def _locate(model: str, trust_remote_code: bool) -> Path:
    if Path(model).is_dir():
        return Path(model)
    if model.count("/") > 1 or model.startswith((".", "/", "~")):
        raise ModelNotLoadable(f"there is no directory {model}", model=model)
    from huggingface_hub import snapshot_download

    files = [*_HUB_FILES, "*.py"] if trust_remote_code else _HUB_FILES
    try:
        return Path(snapshot_download(model, allow_patterns=files))
    except Exception as error:  # many kinds: no such repository, no network, gated
        raise ModelNotLoadable(
            f"{model} is neither a local directory nor a hub id that can be fetched: {error}", model=model
        ) from error


def _device(device: str | torch.device) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def _dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    if dtype is None or dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ModelNotLoadable(f"{dtype} is no dtype to run a model in; use float32 or bfloat16", dtype=dtype)
    return found


def _cast(model: nn.Module, dtype: torch.dtype) -> None:
    """Change the parameters only: rotary frequencies and other buffers keep the precision they need."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    config: Any = model.config
    config.dtype = dtype
