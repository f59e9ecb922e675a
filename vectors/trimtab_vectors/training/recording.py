"""A stretch of training as it was: each pass's inputs and random numbers, so that it can be trained again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.hooks import RemovableHandle

from trimtab_vectors.training.state import RandomState, TrainingState, unwrapped


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass with gradients: what the model was called with, and the generators before it."""

    arguments: tuple[Any, ...]
    inputs: dict[str, Any]
    random: RandomState


@dataclass
class Recording:
    """Optimiser steps, each a list of passes (several with gradient accumulation)."""

    model: nn.Module
    steps: list[list[Pass]] = field(default_factory=list)
    _open: list[Pass] = field(default_factory=list)
    _handle: RemovableHandle | None = None

    def start(self) -> None:
        self._handle = self.model.register_forward_pre_hook(self._hear, with_kwargs=True)

    def close_step(self) -> None:
        self.steps.append(self._open)
        self._open = []

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def _hear(self, model: nn.Module, arguments: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        if torch.is_grad_enabled() and model.training:
            self._open.append(Pass(_kept(arguments), _kept(inputs), RandomState.take()))


@dataclass
class Replay:
    """Trains recorded steps again, as the Trainer does: the model's own loss, clipped gradients, optimiser,
    schedule. A `twins.Branch`."""

    model: nn.Module
    optimizer: Any
    scheduler: Any
    state: TrainingState
    steps: list[list[Pass]]
    max_grad_norm: float

    def begin(self) -> None:
        self.state.restore(self.model, self.optimizer, self.scheduler)
        self._done = 0

    def advance(self, steps: int) -> None:
        self.model.train()
        for step in self.steps[self._done : self._done + steps]:
            self._step(step)
        self._done += steps

    def _step(self, passes: list[Pass]) -> None:
        inner = unwrapped(self.optimizer)
        for one in passes:
            one.random.restore()
            loss = self.model(*one.arguments, **one.inputs).loss
            # A model that was told how many items the whole step has gives its part of the mean.
            whole = loss if one.inputs.get("num_items_in_batch") is not None else loss / len(passes)
            whole.backward()
        if self.max_grad_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
        inner.step()
        # One that follows a metric steps after evaluations, not after steps.
        if self.scheduler is not None and not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        self.model.zero_grad()


def replayable(steps: list[list[Pass]]) -> str | None:
    """Why the recorded steps cannot be trained again, or None."""
    if not all(steps):
        return "some steps made no pass through the model itself (is it wrapped for several GPUs?)"
    if any("labels" not in one.inputs for step in steps for one in step):
        return "the model was not given labels, so its loss was computed elsewhere (label smoothing?)"
    return None


def _kept(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _kept(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_kept(v) for v in value)
    return value
