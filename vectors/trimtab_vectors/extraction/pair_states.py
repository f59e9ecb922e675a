"""The states of a contrast set's pairs: captured once, then whatever is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trimtab_vectors.extraction.capture import (
    BATCH_TOKENS,
    Progress,
    Reading,
    StateStore,
    capture,
)
from trimtab_vectors.extraction.contrast_set import ContrastPair, ContrastSetError
from trimtab_vectors.extraction.positions import Position, reading
from trimtab_vectors.steering_vector import VectorError


@dataclass(frozen=True, eq=False)
class PairStates:
    """Layer -> float32 `[P, H]` of either side, row p belonging to pair p, whose statement is statements[p]."""

    statements: tuple[str, ...]
    positive: Mapping[int, torch.Tensor]
    negative: Mapping[int, torch.Tensor]

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(sorted(self.positive))

    def differences(self, layer: int) -> torch.Tensor:
        """Positive minus negative state of each pair, float64 `[P, H]`.

        Raises VectorError (VECTOR_NOT_FINITE) for states beyond the range of the model's dtype.
        """
        difference = self.positive[layer].double() - self.negative[layer].double()
        if not bool(torch.isfinite(difference).all()):
            raise VectorError(
                "VECTOR_NOT_FINITE",
                f"the states after block {layer} are not finite; load the model in a dtype with a wider range "
                "(bfloat16 or float32)",
                layer=layer,
            )
        return difference


def capture_pair_states(
    model: nn.Module,
    tokenizer: Any,
    pairs: Sequence[ContrastPair],
    *,
    position: Position = "last",
    layers: Sequence[int] | None = None,
    batch_tokens: int = BATCH_TOKENS,
    store: StateStore | None = None,
    progress: Progress | None = None,
) -> PairStates:
    """The state of both sides of every pair at `position`, after each of `layers` (None means all).

    Raises ContrastSetError that names the pair that cannot be read, ValueError for a layer that does not
    exist.
    """
    readings = [r for pair in pairs for r in _readings(tokenizer, pair, position)]
    states: dict[int, torch.Tensor] = {}
    for indices, found in capture(
        model, readings, layers, batch_tokens=batch_tokens, store=store, progress=progress
    ):
        for layer, state in found.items():
            if layer not in states:
                states[layer] = torch.empty((len(readings), state.shape[1]))
            states[layer][list(indices)] = state
    return PairStates(
        tuple(pair.statement_id for pair in pairs),
        {layer: state[0::2] for layer, state in states.items()},
        {layer: state[1::2] for layer, state in states.items()},
    )


def _readings(tokenizer: Any, pair: ContrastPair, position: Position) -> tuple[Reading, Reading]:
    made = []
    for side, prompt in (("positive", pair.positive), ("negative", pair.negative)):
        try:
            made.append(reading(tokenizer, prompt, position))
        except ContrastSetError as error:
            raise ContrastSetError(f"the {side} side of pair {pair.id!r}: {error.fault}") from error
    return made[0], made[1]
