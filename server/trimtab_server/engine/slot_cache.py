"""The key-value cache: one region per slot, a write position per token, no tensor ever reallocated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, CacheLayerMixin


@dataclass
class CachePlan:
    """Where one forward pass of R rows x T tokens writes, and what it reads.

    write: [R, T] positions `slot * context + position`; tokens that must leave no trace go to the bin.
    rows: R. first: the rows are the slots `first .. first + R`, read without a copy; None:
    slots: [R] the slots, gathered.
    length: how many positions of each slot are read.
    at: the position written, where the pass is one token of the slot `first`: a plain store instead of an
    indexed one, which at this size is felt. None otherwise.
    """

    write: torch.Tensor
    rows: int
    first: int | None
    slots: torch.Tensor
    length: int
    at: int | None = None
    _by_heads: dict[int, torch.Tensor] = field(default_factory=dict)

    def flat(self, heads: int, slots: int, context: int) -> torch.Tensor:
        """[R * heads * T] rows of a layer's flat storage; worked out once for all layers of as many heads."""
        known = self._by_heads.get(heads)
        if known is None:
            start = self.write + (self.write // context) * ((heads - 1) * context)
            head = torch.arange(0, heads * context, context, device=start.device)
            known = (start[:, None, :] + head[:, None]).clamp_(max=slots * heads * context).flatten()
            self._by_heads[heads] = known
        return known


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer of `SlotCache`. Keys and values lie as `[slots * heads * context + 1, head_dim]`.

    Attention goes through one head of one sequence at a time, so that is what lies together; a read is a
    view. The last flat row is the bin.
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
        slots, context, heads = self._cache.slots, self._cache.context, key_states.shape[1]
        rows = slots * heads * context
        self._keys = _zeros((rows + 1, key_states.shape[3]), key_states)
        self._values = _zeros((rows + 1, value_states.shape[3]), value_states)
        self.keys, self.values = self._keys, self._values
        self._key_rows = self._keys[:-1].view(slots, heads, context, -1)
        self._value_rows = self._values[:-1].view(slots, heads, context, -1)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store `[R, heads, T, head_dim]`; return `[R, heads, length, head_dim]` of the same rows."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        plan = self._cache.plan
        if plan.at is not None and plan.first is not None:
            keys, values = self._key_rows[plan.first], self._value_rows[plan.first]
            keys[:, plan.at], values[:, plan.at] = key_states[0, :, 0], value_states[0, :, 0]
            return keys[None, :, : plan.length], values[None, :, : plan.length]
        write = plan.flat(key_states.shape[1], self._cache.slots, self._cache.context)
        self._keys.index_copy_(0, write, key_states.reshape(-1, key_states.shape[3]))
        self._values.index_copy_(0, write, value_states.reshape(-1, value_states.shape[3]))
        if plan.first is None:
            return (
                self._key_rows[:, :, : plan.length].index_select(0, plan.slots),
                self._value_rows[:, :, : plan.length].index_select(0, plan.slots),
            )
        # The views change only with the batch's shape: making them anew every step costs as much as a write.
        shape = (plan.first, plan.rows, plan.length)
        if shape != self._view_shape:
            rows = slice(plan.first, plan.first + plan.rows)
            self._view_shape = shape
            self._views = (
                self._key_rows[rows, :, : plan.length],
                self._value_rows[rows, :, : plan.length],
            )
        if self.device.type == "cpu":
            # Attention reads what it is given several times: a copy just made is in the processor's cache.
            return self._views[0].contiguous(), self._views[1].contiguous()
        return self._views

    def clear(self, slot: int, length: int) -> None:
        if self.is_initialized:
            self._key_rows[slot, :, :length].zero_()
            self._value_rows[slot, :, :length].zero_()

    def copy(self, source: int, target: int, length: int) -> None:
        self._key_rows[target, :, :length] = self._key_rows[source, :, :length]
        self._value_rows[target, :, :length] = self._value_rows[source, :, :length]

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
        """The position whose content is never read."""
        return self.slots * self.context

    def clear(self, slot: int, length: int) -> None:
        """Zero a slot, so that what overflowed in one reply (0 x Inf is NaN) cannot reach the next."""
        for layer in self._slot_layers:
            layer.clear(slot, length)

    def copy(self, source: int, target: int, length: int) -> None:
        """Give `target` the first `length` positions of `source`, bit for bit."""
        for layer in self._slot_layers:
            layer.copy(source, target, length)


def _zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Zeros; on the CPU from zero pages, so that memory is taken only for what is used."""
    if like.device.type != "cpu":
        return torch.zeros(shape, dtype=like.dtype, device=like.device)
    size = int(np.prod(shape)) * like.element_size()
    return torch.from_numpy(np.zeros(size, dtype=np.uint8)).view(like.dtype).view(shape)
