"""Captured states on disk: a capture that was interrupted, even killed, goes on where it was.

One safetensors file a batch, named by the SHA-256 of what its states depend on: the base's fingerprint, the
stage, a sample of the weights as loaded, the kind of device, the layers, the tokens, the padding and the
tokens that are read. A file appears whole or not at all. Nothing in the cache is ever out of date, so it may
be deleted at any time, and be shared by any number of processes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from torch import nn

from trimtab_vectors.extraction.capture import TokenBatch
from trimtab_vectors.steering_vector import ModelFingerprint

_FORM: Final = "trimtab.states/1"
_SAMPLES: Final = 64


class StateCacheError(ValueError):
    """A file of the cache is not what was written there. The message names it."""


@dataclass(frozen=True)
class StateCache:
    """The states of one loaded stage, in files under `directory`; a `StateStore`. Make one with `of`."""

    directory: Path
    scope: str
    """SHA-256 hex of everything that is the same for all batches."""

    @classmethod
    def of(
        cls, directory: Path | str, model: nn.Module, fingerprint: ModelFingerprint, stage: str
    ) -> StateCache:
        """The cache of `model` at `stage`; makes the directory.

        A sample of the loaded weights is part of the scope: a stage trained again under its old name, or
        loaded in another dtype, does not meet the old states.
        """
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        scope = [
            _FORM,
            fingerprint.digest,
            stage,
            _weight_sample(model),
            next(model.parameters()).device.type,
        ]
        return cls(path, hashlib.sha256(json.dumps(scope).encode()).hexdigest())

    def states(
        self,
        batch: TokenBatch,
        read: torch.Tensor,
        layers: tuple[int, ...],
        compute: Callable[[], dict[int, torch.Tensor]],
    ) -> dict[int, torch.Tensor]:
        """Layer -> float32 `[B, H]`: from the batch's file, or computed and written there.

        Raises StateCacheError for a damaged file.
        """
        path = self.directory / f"{self._key(batch, read, layers)}.safetensors"
        if path.exists():
            return _read(path, layers, len(batch.indices))
        found = compute()
        _write(path, found)
        return found

    def _key(self, batch: TokenBatch, read: torch.Tensor, layers: tuple[int, ...]) -> str:
        header = [self.scope, list(layers), list(batch.input_ids.shape)]
        digest = hashlib.sha256(json.dumps(header).encode() + b"\0")
        for part in (batch.input_ids, batch.attention_mask, read):
            digest.update(part.to(torch.int64).contiguous().numpy().astype("<i8").tobytes())
        return digest.hexdigest()


def _weight_sample(model: nn.Module) -> str:
    """SHA-256 hex over some elements of every parameter and buffer, evenly spaced, with name, dtype and shape."""
    digest = hashlib.sha256()
    for name, tensor in sorted((*model.named_parameters(), *model.named_buffers())):
        header: list[Any] = [name, str(tensor.dtype), list(tensor.shape)]
        digest.update(json.dumps(header).encode() + b"\0")
        flat = tensor.detach().reshape(-1)
        places = torch.linspace(0, max(len(flat) - 1, 0), min(_SAMPLES, len(flat)), dtype=torch.float64)
        sample = flat[places.long().to(flat.device)].cpu().contiguous()
        digest.update(sample.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _write(path: Path, states: dict[int, torch.Tensor]) -> None:
    content = safetensors.torch.save(
        {f"layer.{layer}": state.contiguous() for layer, state in states.items()}, {"form": _FORM}
    )
    # Named by the process: two that compute the same batch write two files, and either may win.
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _read(path: Path, layers: tuple[int, ...], rows: int) -> dict[int, torch.Tensor]:
    try:
        tensors = safetensors.torch.load(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise StateCacheError(f"{path} is damaged ({error}); delete it, it will be computed again") from error
    states = {layer: tensors.get(f"layer.{layer}") for layer in layers}
    found = {layer: state for layer, state in states.items() if state is not None}
    if len(found) != len(layers) or any(s.dtype != torch.float32 or len(s) != rows for s in found.values()):
        raise StateCacheError(f"{path} holds other states than its name says; delete it")
    return found
