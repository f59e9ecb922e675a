"""Figures per token out of the forward pass that decided it.

A token's figures describe the state that the token was drawn from: the residual stream at the position
before it, and the distribution over the vocabulary there (temperature 1, no cuts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import Readouts


@dataclass(frozen=True)
class Watch:
    """Where a reply's residual stream is read.

    layer: block index; its output is read after steering. norm: the stage's median residual norm there,
    the unit of what is reported. direction: unit [H] float32, None when only the norm is wanted.
    """

    layer: int
    norm: float
    direction: torch.Tensor | None

    @classmethod
    def of(
        cls,
        readouts: Readouts,
        steered_layers: frozenset[int],
        residual_norms: Mapping[int, float],
        layer_count: int,
    ) -> Watch | None:
        """The watched vector's layer of highest held-out pair accuracy (the first of equals); without a
        vector the deepest steered layer, and the middle block for an unsteered reply."""
        if readouts.watched is None and not readouts.residual_norm_ratio:
            return None
        vector = readouts.watched
        if vector is not None:
            accuracies = vector.pair_accuracies
            layer = max(sorted(vector.directions), key=lambda candidate: accuracies.get(candidate, 0.0))
        else:
            layer = max(steered_layers, default=layer_count // 2)
        if layer not in residual_norms or layer >= layer_count:
            raise InvalidRequest(
                f"layer {layer} cannot be read: the stage has measured residual norms for layers "
                f"{sorted(residual_norms)}; watch a vector made for this model",
                reason="LAYER_OUT_OF_RANGE",
                field="readouts.watched",
                layer=layer,
            )
        return cls(layer, residual_norms[layer], None if vector is None else vector.directions[layer].float())


@dataclass(frozen=True)
class Wanted:
    """A reply's wishes in one batch: its row, its shadow's row if it has one."""

    readouts: Readouts
    watch: Watch | None
    row: int
    shadow: int | None


@dataclass(frozen=True)
class Figures:
    """projection and residual_norm_ratio in units of the median residual norm; entropy and KL in nats."""

    projection: float | None = None
    entropy: float | None = None
    kl_to_unsteered: float | None = None
    residual_norm_ratio: float | None = None


def figures(
    logits: torch.Tensor, states: Mapping[int, torch.Tensor], wanted: Sequence[Wanted]
) -> list[Figures]:
    """The figures of each wish; logits [R, V] float32, states layer -> [R, H]."""
    return [_figures(logits, states, want) for want in wanted]


def _figures(logits: torch.Tensor, states: Mapping[int, torch.Tensor], want: Wanted) -> Figures:
    projection = ratio = entropy = divergence = None
    if want.watch is not None:
        state = states[want.watch.layer][want.row].float()
        if want.watch.direction is not None:
            projection = float(state @ want.watch.direction.to(state.device)) / want.watch.norm
        if want.readouts.residual_norm_ratio:
            ratio = float(state.norm()) / want.watch.norm
    if want.readouts.entropy or want.shadow is not None:
        own = torch.log_softmax(logits[want.row].double(), -1)
        if want.readouts.entropy:
            entropy = float(-(own.exp() * own).sum())
        if want.shadow is not None:
            unsteered = torch.log_softmax(logits[want.shadow].double(), -1)
            divergence = max(0.0, float((own.exp() * (own - unsteered)).sum()))
    if want.readouts.kl_to_unsteered and want.shadow is None:
        divergence = 0.0  # the reply is unsteered itself
    return Figures(projection, entropy, divergence, ratio)
