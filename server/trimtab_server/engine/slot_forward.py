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

from trimtab_server.engine.attention_mask import AttentionKinds
from trimtab_server.engine.block_hooks import BlockHooks, BlockPass
from trimtab_server.engine.slot_cache import CachePlan, SlotCache
from trimtab_server.engine.steering_table import SteeringTable

#: Read lengths are rounded up to this many positions, so that shapes change rarely.
_LENGTH_STEP = 64


@dataclass(frozen=True)
class Chunk:
    """Tokens of one row to be prefilled: `tokens` go to positions `start ..`; the reply begins to be decided
    at position `reply_from` (the last prompt token)."""

    slot: int
    start: int
    tokens: Sequence[int]
    reply_from: int


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
        slots = np.array([chunk.slot for chunk in chunks], dtype=np.int64)
        reply_from = np.array([chunk.reply_from for chunk in chunks], dtype=np.int64)
        last = np.array([len(chunk.tokens) - 1 for chunk in chunks], dtype=np.int64)
        return self._forward(tokens, positions, write, slots, positions >= reply_from[:, None], last)

    def decode(
        self, tokens: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], active: npt.NDArray[np.bool_]
    ) -> Result:
        """One token for each of the slots 0 .. R-1; all [R]. Rows that are not active leave no trace."""
        rows = np.arange(len(tokens), dtype=np.int64)
        write = np.where(active, positions + rows * self.context, self.cache.bin)
        return self._forward(tokens[:, None], positions[:, None], write, rows, None, None)

    def release(self, slot: int, length: int) -> None:
        """Forget a slot's tokens and steering."""
        self.cache.clear(slot, length)
        if self.table is not None:
            self.table.clear(slot)

    def move(self, source: int, target: int, length: int) -> None:
        """Continue the sequence of `source` in `target`, bit for bit, and forget `source`."""
        self.cache.copy(source, target, length)
        if self.table is not None:
            self.table.copy(source, target)
        self.release(source, length)

    def close(self) -> None:
        self._hooks.remove()

    def _forward(
        self,
        tokens: npt.NDArray[np.int64],
        positions: npt.NDArray[np.int64],
        write: npt.NDArray[np.int64],
        slots: npt.NDArray[np.int64],
        in_reply: npt.NDArray[np.bool_] | None,
        last: npt.NDArray[np.int64] | None,
    ) -> Result:
        length = min(self.context, -(-(int(positions.max()) + 1) // _LENGTH_STEP) * _LENGTH_STEP)
        first = int(slots[0]) if bool((np.diff(slots) == 1).all()) else None
        slot_ids, position_ids = self._tensor(slots), self._tensor(positions)
        self.cache.plan = CachePlan(self._tensor(write.reshape(-1)), first, slot_ids, length)
        current = BlockPass(
            slots=slot_ids if first is None else slice(first, first + len(slots)),
            in_reply=None if in_reply is None or bool(in_reply.all()) else self._tensor(in_reply),
            last=None if last is None else self._tensor(last),
        )
        extra: dict[str, Any] = {}
        kept = np.unique(last) if last is not None else None
        if kept is not None and self._keeps_logits:
            extra["logits_to_keep"] = self._tensor(kept)
        self._hooks.current = current
        try:
            output = self.model(
                input_ids=self._tensor(tokens),
                position_ids=position_ids,
                attention_mask=self._kinds.mask(position_ids, length, self.dtype),
                past_key_values=self.cache,
                use_cache=True,
                **extra,
            )
        finally:
            self._hooks.current = None
        logits = output.logits
        if last is None:
            logits = logits[:, -1]
        else:
            at = np.searchsorted(kept, last) if self._keeps_logits and kept is not None else last
            logits = logits[self._tensor(np.arange(len(last))), self._tensor(at)]
        return Result(logits.float(), current.states, frozenset(current.steered))

    def _tensor(self, array: npt.NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor if self.device.type == "cpu" else tensor.to(self.device, non_blocking=True)
