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


def check_probe(readouts: Readouts, layer_count: int, hidden_size: int) -> None:
    """Raises InvalidRequest for a probe of another model's shape."""
    probe = readouts.probe
    if probe is not None and (
        not 0 <= probe.layer < layer_count or tuple(probe.direction.shape) != (hidden_size,)
    ):
        raise InvalidRequest(
            f"the probe reads layer {probe.layer} with {len(probe.direction)} components; the model has "
            f"{layer_count} layers of {hidden_size}: use a probe fitted on this model",
            reason="LAYER_OUT_OF_RANGE",
            field="readouts.probe",
            layer=probe.layer,
        )


@dataclass(frozen=True)
class Wanted:
    """A reply's wishes in one batch: its row, its shadow's row if it has one, the token that was drawn."""

    readouts: Readouts
    watch: Watch | None
    row: int
    shadow: int | None
    token: int


@dataclass(frozen=True)
class Figures:
    """projection and residual_norm_ratio in units of the median residual norm; entropy, KL and
    log-probability in nats; honesty in standard deviations of the probe's own replies."""

    projection: float | None = None
    entropy: float | None = None
    kl_to_unsteered: float | None = None
    residual_norm_ratio: float | None = None
    unsteered_log_probability: float | None = None
    honesty: float | None = None


def figures(
    logits: torch.Tensor, states: Mapping[int, torch.Tensor], wanted: Sequence[Wanted]
) -> list[Figures]:
    """The figures of each wish; logits [R, V] float32, states layer -> [R, H]."""
    # All numbers cross to the host at once: each crossing waits for the device.
    read = [_numbers(logits, states, want) for want in wanted]
    values = [number.double() for numbers in read for number in numbers.values()]
    flat = iter(torch.stack(values).tolist()) if values else iter(())
    return [
        _figures({name: next(flat) for name in numbers}, want)
        for numbers, want in zip(read, wanted, strict=True)
    ]


def _numbers(
    logits: torch.Tensor, states: Mapping[int, torch.Tensor], want: Wanted
) -> dict[str, torch.Tensor]:
    """Name -> number [] on the device, before units."""
    found: dict[str, torch.Tensor] = {}
    watch, probe = want.watch, want.readouts.probe
    if watch is not None:
        state = states[watch.layer][want.row].float()
        if watch.direction is not None:
            found["projection"] = state @ watch.direction.to(state.device)
        if want.readouts.residual_norm_ratio:
            found["residual_norm"] = state.norm()
    if probe is not None:
        state = states[probe.layer][want.row].float()
        found["honesty"] = state @ probe.direction.to(state.device)
    if want.readouts.entropy or want.shadow is not None:
        own = torch.log_softmax(logits[want.row].double(), -1)
        if want.readouts.entropy:
            found["entropy"] = -(own.exp() * own).sum()
        if want.shadow is not None:
            unsteered = torch.log_softmax(logits[want.shadow].double(), -1)
            found["kl"] = (own.exp() * (own - unsteered)).sum()
            found["unsteered_log_probability"] = unsteered[want.token]
    if want.readouts.kl_to_unsteered and want.shadow is None:
        # The reply is unsteered itself.
        found["unsteered_log_probability"] = torch.log_softmax(logits[want.row].double(), -1)[want.token]
    return found


def _figures(numbers: Mapping[str, float], want: Wanted) -> Figures:
    watch, probe = want.watch, want.readouts.probe
    projection, norm, score = numbers.get("projection"), numbers.get("residual_norm"), numbers.get("honesty")
    divergence = numbers.get("kl")
    if divergence is not None:
        # Rounding goes below 0; what is no number stays none.
        divergence = 0.0 if divergence < 0 else divergence
    elif want.readouts.kl_to_unsteered:
        divergence = 0.0
    return Figures(
        projection=None if projection is None or watch is None else projection / watch.norm,
        entropy=numbers.get("entropy"),
        kl_to_unsteered=divergence,
        residual_norm_ratio=None if norm is None or watch is None else norm / watch.norm,
        unsteered_log_probability=numbers.get("unsteered_log_probability"),
        honesty=None if score is None or probe is None else (score - probe.offset) / probe.scale,
    )
