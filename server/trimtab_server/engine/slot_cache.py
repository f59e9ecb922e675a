"""The key-value cache: one region per slot, a write position per token, no tensor ever reallocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, CacheLayerMixin


@dataclass(frozen=True)
class CachePlan:
    """Where one forward pass of R rows x T tokens writes, and what it reads.

    write: [R * T] flat cache positions, row-major; tokens that must leave no trace go to the bin.
    rows: R. first: the rows are the slots `first .. first + R`, read without a copy; None:
    slots: [R] the slots, gathered.
    length: how many positions of each slot are read.
    """

    write: torch.Tensor
    rows: int
    first: int | None
    slots: torch.Tensor
    length: int


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer of `SlotCache`. Keys and values lie as `[slots * context + 1, heads, head_dim]`.

    Position-major storage makes a write one row copy and a read a strided view; the last flat position is
    the bin.
    """

    is_compileable = False
    is_sliding = False

    def __init__(self, cache: SlotCache) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cache = cache
        self._view_shape = (0, 0, 0)
        self._views = (torch.empty(0), torch.empty(0))

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        slots, context = self._cache.slots, self._cache.context
        self._keys = _zeros((slots * context + 1, key_states.shape[1], key_states.shape[3]), key_states)
        self._values = _zeros(
            (slots * context + 1, value_states.shape[1], value_states.shape[3]), value_states
        )
        self.keys, self.values = self._keys, self._values
        self._key_rows = self._keys[:-1].view(slots, context, *self._keys.shape[1:])
        self._value_rows = self._values[:-1].view(slots, context, *self._values.shape[1:])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store `[R, heads, T, head_dim]`; return `[R, heads, length, head_dim]` of the same rows."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        plan = self._cache.plan
        self._keys.index_copy_(0, plan.write, _by_token(key_states))
        self._values.index_copy_(0, plan.write, _by_token(value_states))
        if plan.first is None:
            return (
                self._key_rows[:, : plan.length].index_select(0, plan.slots).transpose(1, 2),
                self._value_rows[:, : plan.length].index_select(0, plan.slots).transpose(1, 2),
            )
        # The views change only with the batch's shape: making them anew every step costs as much as a write.
        shape = (plan.first, plan.rows, plan.length)
        if shape != self._view_shape:
            rows = slice(plan.first, plan.first + plan.rows)
            self._view_shape = shape
            self._views = (
                self._key_rows[rows, : plan.length].transpose(1, 2),
                self._value_rows[rows, : plan.length].transpose(1, 2),
            )
        return self._views

    def clear(self, slot: int, length: int) -> None:
        if self.is_initialized:
            self._key_rows[slot, :length].zero_()
            self._value_rows[slot, :length].zero_()

    def copy(self, source: int, target: int, length: int) -> None:
        self._key_rows[target, :length] = self._key_rows[source, :length]
        self._value_rows[target, :length] = self._value_rows[source, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._cache.plan.length, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return self._cache.context


class SlotCache(Cache):
    """`slots` independent sequences of up to `context` tokens each.

    The plan of a forward pass is set before it.
    """

    def __init__(self, layers: int, slots: int, context: int) -> None:
        self.slots = slots
        self.context = context
        nothing = torch.empty(0, dtype=torch.long)
        self.plan = CachePlan(nothing, 0, 0, nothing, 0)
        self._slot_layers = [SlotLayer(self) for _ in range(layers)]
        super().__init__(layers=list(self._slot_layers))

    @property
    def bin(self) -> int:
        """The flat position whose content is never read."""
        return self.slots * self.context

    def clear(self, slot: int, length: int) -> None:
        """Zero a slot, so that what overflowed in one reply (0 x Inf is NaN) cannot reach the next."""
        for layer in self._slot_layers:
            layer.clear(slot, length)

    def copy(self, source: int, target: int, length: int) -> None:
        """Give `target` the first `length` positions of `source`, bit for bit."""
        for layer in self._slot_layers:
            layer.copy(source, target, length)


def _by_token(states: torch.Tensor) -> torch.Tensor:
    """[R, heads, T, head_dim] as [R * T, heads, head_dim]."""
    return states.squeeze(2) if states.shape[2] == 1 else states.transpose(1, 2).flatten(0, 1)


def _zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Zeros; on the CPU from zero pages, so that memory is taken only for what is used."""
    if like.device.type != "cpu":
        return torch.zeros(shape, dtype=like.dtype, device=like.device)
    size = int(np.prod(shape)) * like.element_size()
    return torch.from_numpy(np.zeros(size, dtype=np.uint8)).view(like.dtype).view(shape)
