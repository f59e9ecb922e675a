"""The state of a training run, taken and put back bit for bit: weights, optimiser, schedule, random numbers."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class RandomState:
    """Every global generator that training draws from: Python's, numpy's, torch's on the CPU and on each GPU."""

    python: Any
    numpy: Any
    cpu: Tensor
    cuda: tuple[Tensor, ...]

    @classmethod
    def take(cls) -> RandomState:
        # Asking for the state of a GPU that was never used would start it.
        cuda = tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def restore(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(list(self.cuda))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Whatever is measured inside leaves no trace: each module's own mode, gradients and random numbers are as
    before, also after an error. Weights are the caller's: nothing here keeps them."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    generators = RandomState.take()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, gradient in gradients:
            parameter.grad = gradient
        generators.restore()


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A copy of all that training changes.

    weights: trainable parameters and all buffers, by name; frozen parameters do not change and are not kept.
    optimizer: per parameter its moments, and the options of each group. The tensors stay on their device
    unless `take` is told otherwise.
    """

    weights: dict[str, Tensor]
    optimizer: tuple[dict[nn.Parameter, dict[str, Any]], list[dict[str, Any]]] | None
    scheduler: dict[str, Any] | None
    random: RandomState

    @classmethod
    def take(
        cls,
        model: nn.Module,
        optimizer: Any = None,
        scheduler: Any = None,
        *,
        device: str | torch.device | None = None,
    ) -> TrainingState:
        """device: where copies are kept, such as "cpu" for a model that fills its GPU; None is beside the
        originals."""

        def kept(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return copy.deepcopy(value)
            return value.detach().to(device or value.device, copy=True)

        states = None
        if optimizer is not None:
            inner = unwrapped(optimizer)
            moments = {p: {k: kept(v) for k, v in state.items()} for p, state in inner.state.items()}
            groups = [{k: kept(v) for k, v in g.items() if k != "params"} for g in inner.param_groups]
            states = (moments, groups)
        return cls(
            weights={name: kept(tensor) for name, tensor in changing(model)},
            optimizer=states,
            scheduler=None if scheduler is None else copy.deepcopy(scheduler.state_dict()),
            random=RandomState.take(),
        )

    def restore(self, model: nn.Module, optimizer: Any = None, scheduler: Any = None) -> None:
        """Put everything back into the same objects. Gradients are dropped: they belong to other weights."""
        with torch.no_grad():
            for name, tensor in changing(model):
                tensor.copy_(self.weights[name])
        for parameter in model.parameters():
            parameter.grad = None
        if optimizer is not None and self.optimizer is not None:
            self._restore_optimizer(unwrapped(optimizer), *self.optimizer)
        if scheduler is not None and self.scheduler is not None:
            scheduler.load_state_dict(copy.deepcopy(self.scheduler))
        self.random.restore()

    def same_weights(self, model: nn.Module) -> bool:
        """Whether the model's weights are these, bit for bit."""
        return all(torch.equal(tensor, self.weights[n].to(tensor.device)) for n, tensor in changing(model))

    @staticmethod
    def _restore_optimizer(
        inner: Any, moments: dict[nn.Parameter, dict[str, Any]], groups: list[dict[str, Any]]
    ) -> None:
        # Not by load_state_dict: it casts moments to the parameter's dtype and makes new tensors.
        for parameter in [p for p in inner.state if p not in moments]:
            del inner.state[parameter]
        with torch.no_grad():
            for parameter, saved in moments.items():
                own = inner.state[parameter]
                for key in [k for k in own if k not in saved]:
                    del own[key]
                for key, value in saved.items():
                    own[key] = _put(value, own.get(key), parameter)
            for group, options in zip(inner.param_groups, groups, strict=True):
                for key, value in options.items():
                    group[key] = _put(value, group.get(key), None)


def changing(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Trainable parameters and buffers by name, tied ones once."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield name, parameter
    yield from model.named_buffers()


def unwrapped(optimizer: Any) -> Any:
    """torch's own optimiser inside accelerate's wrapper."""
    inner = getattr(optimizer, "optimizer", None)
    return inner if isinstance(inner, torch.optim.Optimizer) else optimizer


def _put(saved: Any, current: Any, beside: Tensor | None) -> Any:
    """The saved value in the current tensor's place where there is one, so that who holds it sees it."""
    if not isinstance(saved, Tensor):
        return copy.deepcopy(saved)
    if isinstance(current, Tensor) and current.shape == saved.shape and current.dtype == saved.dtype:
        return current.copy_(saved)
    # Counters of steps live on the CPU, moments beside their parameter.
    where = beside.device if beside is not None and saved.dim() else saved.device
    return saved.to(where, copy=True)
