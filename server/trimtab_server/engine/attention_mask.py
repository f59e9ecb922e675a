"""Ready 4-D attention masks. Transformers passes them through untouched (masking_utils, early exit)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from trimtab_server.engine.errors import ModelUnsupported

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

    def mask(
        self, positions: torch.Tensor, length: int, dtype: torch.dtype
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Additive mask `[R, 1, T, length]` for queries at absolute `positions` `[R, T]`; a dict if mixed."""
        columns = torch.arange(length, device=positions.device)
        queries = positions[:, None, :, None]
        hidden = columns > queries
        if self.window is None:
            return _additive(hidden, dtype)
        sliding = _additive(hidden | (columns <= queries - self.window), dtype)
        return {_FULL: _additive(hidden, dtype), _SLIDING: sliding} if self.mixed else sliding


def _additive(hidden: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    zeros = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return zeros.masked_fill_(hidden, torch.finfo(dtype).min)
