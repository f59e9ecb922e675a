"""The operators that have to look at the state, as data: one layer's directions and numbers, a row per slot."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from trimtab_vectors.operators import NOTHING, NormKept, norm_preserved

from trimtab_server.engine.steering_row import Push

#: How the wish to keep a state's norm is stored.
_KEPT: dict[NormKept | None, int] = {None: 0, "always": 1, "grown": 2}


class _Track:
    """One push of each slot: direction `[slots, 1, H]`, numbers `[slots, 1, 1]`, all float32."""

    def __init__(self, slots: int, hidden: int, device: torch.device) -> None:
        def numbers(dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros((slots, 1, 1), dtype=dtype, device=device)

        self.direction = torch.zeros((slots, 1, hidden), dtype=torch.float32, device=device)
        self.bias, self.slope, self.low, self.high = numbers(), numbers(), numbers(), numbers()
        self.norm = numbers(torch.int8)
        self.in_prompt, self.in_reply = numbers(torch.bool), numbers(torch.bool)
        self.keeps_norms: set[int] = set()  # slots that want it

    def write(self, slot: int, push: Push) -> None:
        self.direction[slot, 0] = push.direction.to(self.direction)
        self.bias[slot], self.slope[slot] = push.bias, push.slope
        self.low[slot], self.high[slot] = push.low, push.high
        self.norm[slot] = _KEPT[push.norm]
        self.in_prompt[slot], self.in_reply[slot] = push.everywhere, True
        if push.norm is not None:
            self.keeps_norms.add(slot)

    def clear(self, slot: int) -> None:
        for table in (self.direction, self.bias, self.slope, self.low, self.high):
            table[slot] = 0.0
        self.norm[slot] = 0
        self.in_prompt[slot], self.in_reply[slot] = False, False
        self.keeps_norms.discard(slot)

    def delta(
        self, state: torch.Tensor, slots: torch.Tensor | slice, in_reply: torch.Tensor | None
    ) -> torch.Tensor:
        """Float32 `[R, T, H]` of float32 states; -0.0 where a row is not pushed."""
        direction = self.direction[slots]
        along = (state * direction).sum(-1, keepdim=True)
        amount = self.bias[slots] + self.slope[slots] * along
        amount = torch.minimum(torch.maximum(amount, self.low[slots]), self.high[slots])
        change = amount * direction
        if self.keeps_norms:
            norm = self.norm[slots]
            kept = norm_preserved(state, change, norm == _KEPT["grown"])
            change = torch.where(norm != _KEPT[None], kept, change)
        on = self.in_reply[slots]
        if in_reply is not None:
            on = torch.where(in_reply[..., None], on, self.in_prompt[slots])
        # Rows that are not pushed keep their own bits, whatever the arithmetic of zeros gives.
        nothing = torch.full((), NOTHING, dtype=change.dtype, device=change.device)
        return torch.where(on & (amount != 0), change, nothing)


class PushTable:
    """One layer's pushes: as many tracks as the slot with the most of them needs."""

    def __init__(self, slots: int, hidden: int, device: torch.device) -> None:
        self._shape = slots, hidden, device
        self._tracks: list[_Track] = []
        self._counts = [0] * slots

    @property
    def used(self) -> int:
        """Tracks that some slot uses now."""
        return max(self._counts)

    def write(self, slot: int, pushes: Sequence[Push]) -> None:
        while len(self._tracks) < len(pushes):
            self._tracks.append(_Track(*self._shape))
        for track, push in zip(self._tracks, pushes, strict=False):
            track.write(slot, push)
        self._counts[slot] = len(pushes)

    def clear(self, slot: int) -> None:
        for track in self._tracks[: self._counts[slot]]:
            track.clear(slot)
        self._counts[slot] = 0

    def holds(self, slot: int, *, reply: bool) -> bool:
        """Whether something is stored that could move a state."""
        return any(
            bool((track.in_reply if reply else track.in_prompt)[slot])
            and bool(track.direction[slot].any())
            and bool(track.bias[slot] or track.slope[slot])
            for track in self._tracks[: self._counts[slot]]
        )

    def push(
        self, hidden: torch.Tensor, slots: torch.Tensor | slice, in_reply: torch.Tensor | None
    ) -> torch.Tensor:
        """Block output `[R, T, H]` plus every track's delta, each read from that output."""
        state = hidden.float()
        moved = state
        for track in self._tracks[: self.used]:
            moved = moved + track.delta(state, slots, in_reply)
        return moved.to(hidden.dtype)
