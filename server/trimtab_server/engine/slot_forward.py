"""One forward pass of an unmodified transformers model over some slots: a prefill chunk or a decode step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from trimtab_server.engine.attention_mask import AttentionKinds, DecodeMask, Mask
from trimtab_server.engine.block_hooks import BlockHooks, BlockPass
from trimtab_server.engine.slot_cache import CachePlan, SlotCache
from trimtab_server.engine.steering_table import PromptPart, SteeringTable

#: Read lengths are rounded up to this many positions, so that shapes change rarely.
_LENGTH_STEP = 16


@dataclass(frozen=True)
class Chunk:
    """Tokens of one row to be prefilled: `tokens` go to positions `start ..`; the reply begins to be decided
    at position `reply_from` (the last prompt token)."""

    slot: int
    start: int
    tokens: Sequence[int]
    reply_from: int

    @property
    def part(self) -> PromptPart:
        return PromptPart(self.slot, len(self.tokens), self.start + len(self.tokens) > self.reply_from)


@dataclass(frozen=True)
class Result:
    """logits: [R, V] float32 at each row's last token. states: layer -> [R, H] after steering, at the same
    token. steered: layers at which the steering table was applied."""

    logits: torch.Tensor
    states: Mapping[int, torch.Tensor]
    steered: frozenset[int]


class SlotForward:
    """Owns the cache and the hooks. Not thread-safe: one thread calls it, under torch.inference_mode()."""

    def __init__(
        self,
        model: nn.Module,
        blocks: Sequence[nn.Module],
        *,
        slots: int,
        context: int,
        hidden_size: int,
        steering_table: bool,
    ) -> None:
        self.model = model
        self.slots = slots
        self.context = context
        parameter = next(model.parameters())
        self.device, self.dtype = parameter.device, parameter.dtype
        config: Any = model.config
        self._kinds = AttentionKinds.of(config.get_text_config(), context)
        self.cache = SlotCache(len(blocks), slots, context)
        self.table = (
            SteeringTable(len(blocks), slots, hidden_size, self.dtype, self.device)
            if steering_table
            else None
        )
        self._hooks = BlockHooks(blocks, self.table)
        self._decode_mask = (
            DecodeMask(slots, context, self.dtype, self.device) if self._kinds.window is None else None
        )
        self._written = np.zeros(slots, dtype=np.int64)  # positions per slot, failed passes included
        self._offsets = np.arange(slots, dtype=np.int64) * context
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    def watch(self, layers: frozenset[int]) -> None:
        """Say at which layers the state is wanted; to be called after every change of table or read-outs."""
        self._hooks.cover(layers)

    def prefill(self, chunks: Sequence[Chunk]) -> Result:
        """Run each chunk at its own positions in one right-padded batch."""
        width = max(len(chunk.tokens) for chunk in chunks)
        tokens = np.zeros((len(chunks), width), dtype=np.int64)
        positions = np.zeros((len(chunks), width), dtype=np.int64)
        write = np.full((len(chunks), width), self.cache.bin, dtype=np.int64)
        for row, chunk in enumerate(chunks):
            count = len(chunk.tokens)
            tokens[row, :count] = chunk.tokens
            positions[row, :count] = np.arange(chunk.start, chunk.start + count)
            write[row, :count] = positions[row, :count] + chunk.slot * self.context
            self._written[chunk.slot] = chunk.start + count
        slots = np.array([chunk.slot for chunk in chunks], dtype=np.int64)
        first = int(slots[0]) if bool((np.diff(slots) == 1).all()) else None
        last = np.array([len(chunk.tokens) - 1 for chunk in chunks], dtype=np.int64)
        kept, at = np.unique(last, return_inverse=True) if self._keeps_logits else (None, last)
        length = self._read_length(int(positions.max()))
        plan = CachePlan(self._tensor(write), len(chunks), first, self._tensor(slots), length)
        current = BlockPass(
            slots=plan.slots if first is None else slice(first, first + len(slots)),
            in_reply=self._tensor(positions >= np.array([[chunk.reply_from] for chunk in chunks])),
            last=self._tensor(last),
            parts=tuple(chunk.part for chunk in chunks),
        )
        position_ids = self._tensor(positions)
        mask = self._kinds.mask(position_ids, length, self.dtype)
        logits = self._forward(self._tensor(tokens), position_ids, plan, mask, current, kept)
        if self._decode_mask is not None:
            for chunk in chunks:
                self._decode_mask.show(chunk.slot, chunk.start, chunk.start + len(chunk.tokens))
        rows = self._tensor(np.arange(len(chunks)))
        return Result(logits[rows, self._tensor(at)].float(), current.states, frozenset(current.steered))

    def decode(
        self, tokens: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], active: npt.NDArray[np.bool_]
    ) -> Result:
        """One token for each of the slots 0 .. R-1; all [R]. Rows that are not active leave no trace."""
        count = len(tokens)
        furthest = int(positions[active].max())
        # One row alone on the CPU: what it has and no more. Elsewhere shapes should change rarely.
        alone = count == 1 and self.device.type == "cpu"
        length = furthest + 1 if alone else self._read_length(furthest)
        self._written[:count][active] = positions[active] + 1
        write = self._tensor(np.where(active, positions + self._offsets[:count], self.cache.bin))
        plan = CachePlan(write[:, None], count, 0, write, length, at=furthest if alone else None)
        position_ids = self._tensor(positions)[:, None]
        if self._decode_mask is not None:
            mask: Mask = self._decode_mask.step(write, length)
        else:
            mask = self._kinds.mask(position_ids, length, self.dtype)
        current = BlockPass(slots=slice(0, count), in_reply=None, last=None)
        logits = self._forward(self._tensor(tokens)[:, None], position_ids, plan, mask, current, None)
        return Result(logits[:, -1].float(), current.states, frozenset(current.steered))

    def release(self, slot: int) -> None:
        """Forget a slot's tokens and steering."""
        self.cache.clear(slot, int(self._written[slot]))
        self._written[slot] = 0
        if self._decode_mask is not None:
            self._decode_mask.clear(slot)
        if self.table is not None:
            self.table.clear(slot)

    def move(self, source: int, target: int) -> None:
        """Continue the sequence of `source` in `target`, bit for bit, and forget `source`."""
        self.cache.copy(source, target, int(self._written[source]))
        self._written[target] = self._written[source]
        if self._decode_mask is not None:
            self._decode_mask.copy(source, target)
        if self.table is not None:
            self.table.copy(source, target)
        self.release(source)

    def close(self) -> None:
        self._hooks.remove()

    def _forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        plan: CachePlan,
        mask: Mask,
        current: BlockPass,
        kept: npt.NDArray[np.int64] | None,
    ) -> torch.Tensor:
        """Logits [R, T, V] of tokens and positions [R, T]; of the columns `kept` only, unless None."""
        self.cache.plan = plan
        extra = {} if kept is None else {"logits_to_keep": self._tensor(kept)}
        self._hooks.current = current
        try:
            output: Any = self.model(
                input_ids=tokens,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=self.cache,
                use_cache=True,
                **extra,
            )
        finally:
            self._hooks.current = None
        logits: torch.Tensor = output.logits
        return logits

    def _read_length(self, furthest: int) -> int:
        return min(self.context, -(-(furthest + 1) // _LENGTH_STEP) * _LENGTH_STEP)

    def _tensor(self, array: npt.NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor if self.device.type == "cpu" else tensor.to(self.device, non_blocking=True)
