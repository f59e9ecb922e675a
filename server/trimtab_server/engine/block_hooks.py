"""One hook per block in use: let conditions read its output, steer it, then read the steered state. Blocks not
in use have none."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle
from trimtab_vectors.decoder import hidden_of, with_hidden

from trimtab_server.engine.steering_table import PromptPart, SteeringTable


@dataclass
class BlockPass:
    """What the hooks of one forward pass need and leave behind.

    slots: the R slots, as a slice where they are neighbours. in_reply: `[R, T]` bool or None (all).
    last: [R] index of each row's last real token. states: layer -> `[R, H]` residual stream there, after
    steering, at the layers watched. steered: layers at which the table was applied. parts: of a prefill, what
    each row holds, for conditions to read.
    """

    slots: torch.Tensor | slice
    in_reply: torch.Tensor | None
    last: torch.Tensor | None
    parts: tuple[PromptPart, ...] = ()
    states: dict[int, torch.Tensor] = field(default_factory=dict)
    steered: set[int] = field(default_factory=set)


class _Current(threading.local):
    value: BlockPass | None = None


class BlockHooks:
    """Keeps hooks on exactly the blocks whose output is steered or read.

    `current` belongs to the thread that set it: another thread's forward pass through the same module (an
    extraction, say) is neither steered nor read.
    """

    def __init__(self, blocks: Sequence[nn.Module], table: SteeringTable | None) -> None:
        self._blocks = blocks
        self._table = table
        self._handles: dict[int, RemovableHandle] = {}
        self._watched: frozenset[int] = frozenset()
        self._current = _Current()

    def cover(self, watched: frozenset[int]) -> None:
        """Match the hooks to the layers that the table may need and to those whose state is wanted."""
        self._watched = watched
        wanted = watched if self._table is None else watched | self._table.hooked_layers
        for layer in self._handles.keys() - wanted:
            self._handles.pop(layer).remove()
        for layer in wanted - self._handles.keys():
            self._handles[layer] = self._blocks[layer].register_forward_hook(self._hook(layer))

    @property
    def current(self) -> BlockPass | None:
        return self._current.value

    @current.setter
    def current(self, value: BlockPass | None) -> None:
        self._current.value = value

    def remove(self) -> None:
        for handle in self._handles.values():
            handle.remove()
        self._handles.clear()

    def _hook(self, layer: int) -> Any:
        def on_output(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            current = self._current.value
            if current is None:
                return None
            hidden = hidden_of(output)
            if self._table is not None and current.parts and layer in self._table.read_layers:
                self._table.read(layer, hidden, current.parts)
            if self._table is not None and layer in self._table.layers_in_use:
                hidden = self._table.steer(layer, hidden, current.slots, current.in_reply)
                current.steered.add(layer)
            if layer in self._watched:
                current.states[layer] = _last_state(hidden, current.last)
            return with_hidden(output, hidden)

        return on_output


def _last_state(hidden: torch.Tensor, last: torch.Tensor | None) -> torch.Tensor:
    if last is None:
        return hidden[:, -1]
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), last]
