"""Steering as data: per layer one row per slot, written at admission, added to the block's output.

A row of -0.0 leaves every float unchanged bit for bit (x + -0.0 is x, for x = -0.0 too), so an unsteered
row in a steered batch equals a row of an engine without any of this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from trimtab_vectors.operators import NOTHING

from trimtab_server.engine.push_table import PushTable
from trimtab_server.engine.steering_row import SteeringRow


@dataclass(frozen=True)
class PromptPart:
    """What a row of a prefill batch holds: the slot's next `tokens`, and whether its prompt ends there."""

    slot: int
    tokens: int
    ends: bool


@dataclass
class _Mean:
    """The states that a slot's conditions have read at one layer so far."""

    total: torch.Tensor
    tokens: int


class SteeringTable:
    """Static tables `[slots, 1, H]` per layer, in the model's dtype.

    Rows that steer nothing hold -0.0 (additions) or are switched off (pushes). `layers_in_use` are the layers
    at which some slot is steered, `hooked_layers` those at which one is steered, may yet be steered, or has a
    condition to be read: only these cost anything.
    """

    def __init__(
        self, layer_count: int, slots: int, hidden: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        def additions() -> list[torch.Tensor]:
            shape = (slots, 1, hidden)  # the middle one stands for the tokens of a row
            return [torch.full(shape, NOTHING, dtype=dtype, device=device) for _ in range(layer_count)]

        self._prompt_add = additions()
        self._reply_add = additions()
        self._pushes = [PushTable(slots, hidden, device) for _ in range(layer_count)]
        self._rows: list[SteeringRow | None] = [None] * slots
        self._means: dict[tuple[int, int], _Mean] = {}  # slot, layer
        self.layers_in_use: frozenset[int] = frozenset()
        self.hooked_layers: frozenset[int] = frozenset()
        self.read_layers: frozenset[int] = frozenset()
        self._added_layers: frozenset[int] = frozenset()

    def write(self, slot: int, row: SteeringRow) -> None:
        """Give a slot its steering; whatever it held before is gone."""
        self.clear(slot)
        self._write(slot, row)

    def clear(self, slot: int) -> None:
        row = self._rows[slot]
        if row is None:
            return
        for layer in row.steered_layers:
            self._prompt_add[layer][slot] = NOTHING
            self._reply_add[layer][slot] = NOTHING
            self._pushes[layer].clear(slot)
        for layer in row.read_layers:
            self._means.pop((slot, layer), None)
        self._rows[slot] = None
        self._recount()

    def copy(self, source: int, target: int) -> None:
        row = self._rows[source]
        self.clear(target)
        if row is None:
            return
        self._write(target, row)
        for layer in row.read_layers:
            if (source, layer) in self._means:
                self._means[target, layer] = self._means[source, layer]

    def row(self, slot: int) -> SteeringRow | None:
        return self._rows[slot]

    def applied_layers(self, slot: int, *, reply: bool) -> frozenset[int]:
        """Layers at which the stored row changes something, in the dtype it is stored in."""
        row = self._rows[slot]
        if row is None:
            return frozenset()
        adds = self._reply_add if reply else self._prompt_add
        return frozenset(
            layer
            for layer in (row.reply_layers if reply else row.prompt_layers)
            if bool(adds[layer][slot].any()) or self._pushes[layer].holds(slot, reply=reply)
        )

    def steer(
        self, layer: int, hidden: torch.Tensor, slots: torch.Tensor | slice, in_reply: torch.Tensor | None
    ) -> torch.Tensor:
        """Block output `[R, T, H]` plus each row's delta.

        slots: the R slots. in_reply: `[R, T]` bool, which tokens are at or after the last prompt token;
        None if all are (a decode step).
        """
        steered = self._pushes[layer].push(hidden, slots, in_reply) if self._pushes[layer].used else hidden
        if layer not in self._added_layers:
            return steered
        delta = self._reply_add[layer][slots]
        if in_reply is not None:
            delta = torch.where(in_reply[..., None], delta, self._prompt_add[layer][slots])
        return steered + delta

    def read(self, layer: int, hidden: torch.Tensor, parts: Iterable[PromptPart]) -> None:
        """Take in the block output `[R, T, H]` of a prefill, before it is steered, for the conditions read there.

        Where a prompt ends its conditions are decided and the slot's row is settled at once, so that later
        layers of the same pass are steered accordingly.
        """
        for number, part in enumerate(parts):
            row = self._rows[part.slot]
            if row is None or layer not in row.read_layers:
                continue
            total = hidden[number, : part.tokens].float().sum(0)
            held = self._means.setdefault((part.slot, layer), _Mean(torch.zeros_like(total), 0))
            held.total, held.tokens = held.total + total, held.tokens + part.tokens
            if part.ends:
                mean = held.total / held.tokens
                here = [gated for gated in row.gated if gated.condition.layer == layer]
                decisions = {gated.index: bool(gated.condition.open(mean)) for gated in here}
                del self._means[part.slot, layer]
                self._settle(part.slot, row.settled(decisions))

    def _settle(self, slot: int, row: SteeringRow) -> None:
        means = {key: mean for key, mean in self._means.items() if key[0] == slot}
        self.write(slot, row)
        self._means |= means

    def _write(self, slot: int, row: SteeringRow) -> None:
        for layer, delta in row.prompt_add.items():
            self._prompt_add[layer][slot] = delta.to(self._prompt_add[layer])
        for layer, delta in row.reply_add.items():
            self._reply_add[layer][slot] = delta.to(self._reply_add[layer])
        for layer, pushes in row.pushes.items():
            self._pushes[layer].write(slot, pushes)
        self._rows[slot] = row
        self._recount()

    def _recount(self) -> None:
        rows = [row for row in self._rows if row is not None]
        none = frozenset[int]()
        self.layers_in_use = none.union(*(row.steered_layers for row in rows))
        self.read_layers = none.union(*(row.read_layers for row in rows))
        self.hooked_layers = self.read_layers.union(*(row.layers for row in rows))
        self._added_layers = none.union(*(frozenset(r.prompt_add) | frozenset(r.reply_add) for r in rows))
