"""Preventative steering: hooks that push training passes, and only those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import Add


class Prevention:
    """Adds `strength * r * u` after each of some blocks while it is on and the model is being trained.

    A pass without gradients, or with the model in its evaluation mode, is left alone.
    """

    def __init__(
        self, model: nn.Module, directions: Mapping[int, Tensor], norms: Mapping[int, float], strength: float
    ) -> None:
        self.model, self.directions, self.norms = model, directions, norms
        self.operator = Add(strength)
        self._handles: list[RemovableHandle] = []

    @property
    def on(self) -> bool:
        return bool(self._handles)

    def start(self) -> None:
        if not self.on:
            blocks = find_decoder(self.model).blocks
            self._handles = [blocks[n].register_forward_hook(self._hook(n)) for n in self.directions]

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _hook(self, layer: int) -> Any:
        def push(block: nn.Module, _inputs: Any, output: Any) -> Any:
            if not (torch.is_grad_enabled() and block.training):
                return output
            hidden = hidden_of(output)
            delta = self.operator.delta(hidden, self.directions[layer], self.norms[layer])
            return with_hidden(output, hidden + delta)

        return push
