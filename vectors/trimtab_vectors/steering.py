"""Steering a model in a notebook or a measurement: hooks on block outputs, for as long as a `with` lasts.

    with steered(model, [Steer(vector.directions, Add(0.35), layers=(1, 2))], norms, where=mask):
        model.generate(...)

The server's engine does the same from a table, many requests at once; this is the plain form, and the
reference that measurements use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import Add, Condition, Operator
from trimtab_vectors.steering_vector import SteeringVector


@dataclass(frozen=True, eq=False)
class Steer:
    """One operator along one concept's directions, at some layers.

    directions: layer -> unit direction `[H]`, or `[B, H]`, one for each row of the batches it will steer (so
    that many directions are measured in one pass). layers None means every layer the directions hold.
    """

    directions: Mapping[int, Tensor]
    operator: Operator
    layers: tuple[int, ...] | None = None
    condition: Condition | None = None

    @classmethod
    def of(cls, vector: SteeringVector, strength: float, layers: Sequence[int] | None = None) -> Steer:
        """The ordinary case: add `strength` times the residual norm along a vector."""
        return cls(vector.directions, Add(strength), None if layers is None else tuple(layers))

    @property
    def at(self) -> tuple[int, ...]:
        return tuple(sorted(self.directions if self.layers is None else set(self.layers)))


@dataclass
class Applications:
    """What happened inside a `with`, so that steering that never took place is noticed."""

    passes: dict[int, int] = field(default_factory=dict)
    """Hooked layer -> forward passes through it."""
    gates: dict[int, Tensor] = field(default_factory=dict)
    """Index of a conditional `Steer` -> `[B]` bool, which rows its condition let through."""


@contextmanager
def steered(
    model: nn.Module,
    steering: Sequence[Steer],
    residual_norms: Mapping[int, float],
    where: Tensor | None = None,
    prompt: Tensor | None = None,
) -> Iterator[Applications]:
    """Steer `model` inside the `with`; several steers add up, each seeing the state the one before left.

    residual_norms: layer -> median residual norm of the stage being steered, the unit of strengths.
    where: `[B, T]`, nonzero where a delta applies in the first forward pass, the one over the prompt (or over
    a whole teacher-forced text); None means everywhere. Every later pass (a decode step with the KV cache) is
    steered at all of its positions. prompt: `[B, T]`, the tokens a `Condition` reads in the first pass (real
    tokens, no padding); None means all, and is right only without padding.

    One `with` is one generation or one batch of forced texts: a second first pass needs a second `with`.
    Not for two threads on one model at the same time.

    Raises ValueError for a layer the model or the directions do not have, for a direction of another width,
    for a layer without a residual norm, and for a condition that is read at or after a layer it gates.
    """
    decoder = find_decoder(model)
    for steer in steering:
        _check(steer, len(decoder.blocks), decoder.hidden_size, residual_norms)
    state = _Passes(steering, residual_norms, where, prompt)
    layers = {layer for s in steering for layer in s.at} | {
        s.condition.layer for s in steering if s.condition is not None
    }
    handles = [decoder.blocks[layer].register_forward_hook(state.hook(layer)) for layer in sorted(layers)]
    try:
        yield state.applications
    finally:
        for handle in handles:
            handle.remove()


class _Passes:
    """What the hooks of one `with` share."""

    def __init__(
        self,
        steering: Sequence[Steer],
        residual_norms: Mapping[int, float],
        where: Tensor | None,
        prompt: Tensor | None,
    ) -> None:
        self.steering, self.norms, self.where, self.prompt = steering, residual_norms, where, prompt
        self.applications = Applications()

    def hook(self, layer: int) -> Any:
        def on_output(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = hidden_of(output)
            first = layer not in self.applications.passes
            self.applications.passes[layer] = self.applications.passes.get(layer, 0) + 1
            if first:
                self._decide(layer, hidden)
            for index, steer in enumerate(self.steering):
                if layer in steer.at:
                    hidden = hidden + self._masked(index, steer, layer, hidden, first)
            return with_hidden(output, hidden)

        return on_output

    def _decide(self, layer: int, hidden: Tensor) -> None:
        for index, steer in enumerate(self.steering):
            if steer.condition is None or steer.condition.layer != layer:
                continue
            shape = hidden.shape[:2]
            mask = torch.ones(shape, device=hidden.device) if self.prompt is None else self.prompt
            weight = mask.to(hidden.device).ne(0).float()[..., None]
            mean = (hidden.float() * weight).sum(1) / weight.sum(1).clamp(min=1.0)
            self.applications.gates[index] = steer.condition.open(mean)

    def _masked(self, index: int, steer: Steer, layer: int, hidden: Tensor, first: bool) -> Tensor:
        direction = steer.directions[layer]
        rows = direction[:, None, :] if direction.dim() == 2 else direction
        delta = steer.operator.delta(hidden, rows, self.norms[layer])
        # Selection, not a product: 0 * inf is NaN, and -0.0 keeps every bit of the state.
        keep: Tensor | None = None
        if first and self.where is not None:
            keep = self.where.to(hidden.device).ne(0)
        if index in self.applications.gates:
            gate = self.applications.gates[index].to(hidden.device)[:, None]
            keep = gate if keep is None else keep & gate
        if keep is None:
            return delta
        return torch.where(
            keep[..., None], delta, torch.full((), -0.0, dtype=delta.dtype, device=delta.device)
        )


def _check(steer: Steer, layer_count: int, hidden_size: int, norms: Mapping[int, float]) -> None:
    if not steer.at:
        raise ValueError("a steer names no layer; give at least one")
    for layer in steer.at:
        if not 0 <= layer < layer_count:
            raise ValueError(f"layer {layer} is asked for; the model has layers 0 to {layer_count - 1}")
        if layer not in steer.directions:
            held = sorted(steer.directions)
            raise ValueError(f"layer {layer} has no direction; the vector holds layers {held}")
        width = steer.directions[layer].shape[-1]
        if width != hidden_size:
            raise ValueError(
                f"the direction of layer {layer} has {width} components, the residual stream {hidden_size}; "
                "use a vector made for this model"
            )
        if layer not in norms:
            raise ValueError(
                f"no residual norm is given for layer {layer}; measure it on the stage being steered "
                "(median_residual_norms)"
            )
    if steer.condition is not None and steer.condition.layer >= steer.at[0]:
        raise ValueError(
            f"the condition is read after block {steer.condition.layer} and would gate block {steer.at[0]}; "
            "read it at an earlier block, or steer later ones"
        )
