"""Ready 4-D attention masks. Transformers passes them through untouched (masking_utils, early exit)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from trimtab_server.engine.errors import ModelUnsupported

#: One additive mask, or one per kind of attention.
Mask = torch.Tensor | dict[str, torch.Tensor]

_FULL = "full_attention"
_SLIDING = "sliding_attention"


@dataclass(frozen=True)
class AttentionKinds:
    """Which kinds of attention a model's layers use.

    `window` is the sliding window in tokens, None where no layer slides; `mixed` says that the model takes
    one mask per kind, as a dict.
    """

    window: int | None
    mixed: bool

    @classmethod
    def of(cls, config: Any, context: int) -> AttentionKinds:
        """Read a text config. A window that the context never leaves is full attention.

        Raises ModelUnsupported for kinds that a slot's plain key-value rows cannot serve.
        """
        kinds = set(getattr(config, "layer_types", None) or ())
        foreign = kinds - {_FULL, _SLIDING}
        if foreign:
            raise ModelUnsupported(
                f"the model has layers of kind {', '.join(sorted(foreign))}; the engine serves full and "
                "sliding-window attention only: host it with an engine made for these layers",
                kinds=",".join(sorted(foreign)),
            )
        window = getattr(config, "sliding_window", None)
        if kinds:
            window = window if _SLIDING in kinds else None
        elif getattr(config, "use_sliding_window", True) is False:
            window = None
        if window is not None and window >= context:
            window = None
        return cls(window=window, mixed=window is not None and kinds == {_FULL, _SLIDING})

    def mask(self, positions: torch.Tensor, length: int, dtype: torch.dtype) -> Mask:
        """Additive mask `[R, 1, T, length]` for queries at absolute `positions` `[R, T]`; a dict if mixed."""
        columns = torch.arange(length, device=positions.device)
        queries = positions[:, None, :, None]
        hidden = columns > queries
        if self.window is None:
            return _additive(hidden, dtype)
        sliding = _additive(hidden | (columns <= queries - self.window), dtype)
        return {_FULL: _additive(hidden, dtype), _SLIDING: sliding} if self.mixed else sliding


class DecodeMask:
    """The additive mask of a decode step, kept from step to step: each step makes one position more visible.

    Only for models without a window. One flat row of `context` positions per slot, and the bin.
    """

    def __init__(self, slots: int, context: int, dtype: torch.dtype, device: torch.device) -> None:
        self._hidden = torch.finfo(dtype).min
        self._flat = torch.full((slots * context + 1,), self._hidden, dtype=dtype, device=device)
        self._rows = self._flat[:-1].view(slots, 1, 1, context)
        self._shape = (0, 0)
        self._view = self._rows

    def step(self, write: torch.Tensor, length: int) -> torch.Tensor:
        """Show the flat positions `write` [R], of the slots 0 .. R-1; `[R, 1, 1, length]`."""
        self._flat.index_fill_(0, write, 0.0)
        shape = (len(write), length)
        if shape != self._shape:
            self._shape = shape
            self._view = self._rows[: shape[0], :, :, :length]
        return self._view

    def show(self, slot: int, start: int, end: int) -> None:
        self._rows[slot, :, :, start:end] = 0.0

    def clear(self, slot: int) -> None:
        self._rows[slot] = self._hidden

    def copy(self, source: int, target: int) -> None:
        self._rows[target] = self._rows[source]


def _additive(hidden: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    zeros = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return zeros.masked_fill_(hidden, torch.finfo(dtype).min)
