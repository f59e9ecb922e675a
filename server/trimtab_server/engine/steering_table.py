"""Steering as data: per layer one row per slot, written at admission, added to the block's output.

A row of -0.0 leaves every float unchanged bit for bit (x + -0.0 is x, for x = -0.0 too), so an unsteered
row in a steered batch equals a row of an engine without any of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import Operator, Positions, SteeringTerm

_NOTHING = -0.0


@dataclass(frozen=True)
class Ablation:
    """Remove `strength` of the component along the unit `direction` [H]."""

    direction: torch.Tensor
    strength: float


@dataclass(frozen=True)
class SteeringRow:
    """A request's whole steering, summed: layer -> delta [H] float32 for the prompt and for the reply.

    The prompt's part covers all positions before the last prompt token (Positions.ALL terms), the reply's
    part those from the last prompt token on (all terms). Layers at which a sum is exactly zero are left out.
    """

    prompt_add: Mapping[int, torch.Tensor]
    reply_add: Mapping[int, torch.Tensor]
    prompt_ablate: Mapping[int, Ablation]
    reply_ablate: Mapping[int, Ablation]

    @property
    def prompt_layers(self) -> frozenset[int]:
        return frozenset(self.prompt_add) | frozenset(self.prompt_ablate)

    @property
    def reply_layers(self) -> frozenset[int]:
        return frozenset(self.reply_add) | frozenset(self.reply_ablate)

    @property
    def layers(self) -> frozenset[int]:
        return self.prompt_layers | self.reply_layers

    def __bool__(self) -> bool:
        return bool(self.layers)

    @classmethod
    def of(
        cls, terms: Sequence[SteeringTerm], residual_norms: Mapping[int, float], layer_count: int, hidden: int
    ) -> SteeringRow:
        """Sum strength * r_l * u_l in float32 (r_l: the hosted stage's median residual norm at layer l).

        Raises InvalidRequest for what cannot be applied exactly as asked.
        """
        for index, term in enumerate(terms):
            _check(term, f"steering[{index}]", residual_norms, layer_count, hidden)
        active = [term for term in terms if term.strength != 0.0]
        everywhere = [term for term in active if term.positions is Positions.ALL]
        return cls(
            prompt_add=_sum(everywhere, residual_norms),
            reply_add=_sum(active, residual_norms),
            prompt_ablate=_ablations(everywhere),
            reply_ablate=_ablations(active),
        )


class SteeringTable:
    """Static tables `[slots, 1, H]` per layer, in the model's dtype.

    Rows that steer nothing hold -0.0 (additions) or a strength of zero (ablations). `layers_in_use` are
    the layers at which some slot is steered: only these cost anything.
    """

    def __init__(
        self, layer_count: int, slots: int, hidden: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        def additions() -> list[torch.Tensor]:
            shape = (slots, 1, hidden)  # the middle one stands for the tokens of a row
            return [torch.full(shape, _NOTHING, dtype=dtype, device=device) for _ in range(layer_count)]

        self._prompt_add = additions()
        self._reply_add = additions()
        self._directions = [
            torch.zeros((slots, 1, hidden), dtype=torch.float32, device=device) for _ in range(layer_count)
        ]
        self._prompt_ablate = torch.zeros((layer_count, slots), dtype=torch.float32, device=device)
        self._reply_ablate = torch.zeros((layer_count, slots), dtype=torch.float32, device=device)
        self._rows: list[SteeringRow | None] = [None] * slots
        self.layers_in_use: frozenset[int] = frozenset()
        self._ablated_layers: frozenset[int] = frozenset()

    def write(self, slot: int, row: SteeringRow) -> None:
        """Give a slot its steering; whatever it held before is gone."""
        self.clear(slot)
        for layer, delta in row.prompt_add.items():
            self._prompt_add[layer][slot] = delta.to(self._prompt_add[layer])
        for layer, delta in row.reply_add.items():
            self._reply_add[layer][slot] = delta.to(self._reply_add[layer])
        for layer, ablation in row.prompt_ablate.items():
            self._directions[layer][slot] = ablation.direction.to(self._directions[layer])
            self._prompt_ablate[layer, slot] = ablation.strength
        for layer, ablation in row.reply_ablate.items():
            self._directions[layer][slot] = ablation.direction.to(self._directions[layer])
            self._reply_ablate[layer, slot] = ablation.strength
        self._rows[slot] = row
        self._recount()

    def clear(self, slot: int) -> None:
        row = self._rows[slot]
        if row is None:
            return
        for layer in row.layers:
            self._prompt_add[layer][slot] = _NOTHING
            self._reply_add[layer][slot] = _NOTHING
            self._directions[layer][slot] = 0.0
            self._prompt_ablate[layer, slot] = 0.0
            self._reply_ablate[layer, slot] = 0.0
        self._rows[slot] = None
        self._recount()

    def copy(self, source: int, target: int) -> None:
        row = self._rows[source]
        if row is None:
            self.clear(target)
        else:
            self.write(target, row)

    def row(self, slot: int) -> SteeringRow | None:
        return self._rows[slot]

    def applied_layers(self, slot: int, *, reply: bool) -> frozenset[int]:
        """Layers at which the stored row changes something, in the dtype it is stored in."""
        row = self._rows[slot]
        if row is None:
            return frozenset()
        adds = self._reply_add if reply else self._prompt_add
        ablates = self._reply_ablate if reply else self._prompt_ablate
        return frozenset(
            layer for layer in row.layers if bool(adds[layer][slot].any()) or bool(ablates[layer, slot])
        )

    def steer(
        self, layer: int, hidden: torch.Tensor, slots: torch.Tensor | slice, in_reply: torch.Tensor | None
    ) -> torch.Tensor:
        """Block output `[R, T, H]` plus each row's delta.

        slots: the R slots. in_reply: `[R, T]` bool, which tokens are at or after the last prompt token;
        None if all are (a decode step).
        """
        delta = self._reply_add[layer][slots]
        if in_reply is not None:
            delta = torch.where(in_reply[..., None], delta, self._prompt_add[layer][slots])
        if layer in self._ablated_layers:
            strength = self._reply_ablate[layer][slots][:, None]
            if in_reply is not None:
                strength = torch.where(in_reply, strength, self._prompt_ablate[layer][slots][:, None])
            return self._ablate(layer, hidden, slots, strength[..., None]) + delta
        return hidden + delta

    def _ablate(
        self, layer: int, hidden: torch.Tensor, slots: torch.Tensor | slice, strength: torch.Tensor
    ) -> torch.Tensor:
        directions = self._directions[layer][slots]
        projection = (hidden.float() * directions).sum(-1, keepdim=True)
        removed = hidden.float() - strength * projection * directions
        # Rows that are not ablated keep their own bits, whatever the arithmetic of zeros gives.
        return torch.where(strength != 0, removed.to(hidden.dtype), hidden)

    def _recount(self) -> None:
        rows = [row for row in self._rows if row is not None]
        self.layers_in_use = frozenset[int]().union(*(row.layers for row in rows))
        self._ablated_layers = frozenset[int]().union(
            *(frozenset(row.reply_ablate) | frozenset(row.prompt_ablate) for row in rows)
        )


def _check(
    term: SteeringTerm, field: str, residual_norms: Mapping[int, float], layer_count: int, hidden: int
) -> None:
    if not abs(term.strength) < float("inf"):
        raise InvalidRequest(
            f"strength {term.strength} is not finite; give a number, relative to the residual norm",
            reason="STRENGTH_OUT_OF_RANGE",
            field=f"{field}.strength",
            strength=term.strength,
        )
    if term.operator is Operator.ABLATE and not 0.0 <= term.strength <= 1.0:
        raise InvalidRequest(
            f"ablation strength {term.strength} is outside [0, 1]: it is the share of the component removed",
            reason="STRENGTH_OUT_OF_RANGE",
            field=f"{field}.strength",
            strength=term.strength,
        )
    for layer in term.layers:
        if not 0 <= layer < layer_count or layer not in term.vector.directions:
            raise InvalidRequest(
                f"layer {layer} cannot be steered: the model has blocks 0..{layer_count - 1}, the vector "
                f"holds {sorted(term.vector.directions)}; choose layers in both",
                reason="LAYER_OUT_OF_RANGE",
                field=f"{field}.layers",
                layer=layer,
                layer_count=layer_count,
            )
        shape = tuple(term.vector.directions[layer].shape)
        if shape != (hidden,):
            raise InvalidRequest(
                f"the vector's direction at layer {layer} has shape {shape}, the model's residual stream is "
                f"({hidden},): it was made for another model",
                reason="VECTOR_SHAPE",
                field=f"{field}.vector",
                layer=layer,
                shape=shape,
                hidden_size=hidden,
            )
        if term.operator is Operator.ADD and layer not in residual_norms:
            raise InvalidRequest(
                f"no residual norm is known for layer {layer} of this stage, so a relative strength has no "
                "meaning there; measure the stage's residual norms first",
                reason="FIELD_INVALID",
                field=f"{field}.layers",
                layer=layer,
            )


def _sum(terms: Sequence[SteeringTerm], residual_norms: Mapping[int, float]) -> dict[int, torch.Tensor]:
    total: dict[int, torch.Tensor] = {}
    for term in terms:
        if term.operator is not Operator.ADD:
            continue
        for layer in set(term.layers):
            delta = term.vector.directions[layer].float() * (term.strength * residual_norms[layer])
            total[layer] = total[layer] + delta if layer in total else delta
    return {layer: delta for layer, delta in total.items() if bool(delta.any())}


def _ablations(terms: Sequence[SteeringTerm]) -> dict[int, Ablation]:
    ablations: dict[int, Ablation] = {}
    for term in terms:
        if term.operator is not Operator.ABLATE:
            continue
        for layer in set(term.layers):
            if layer in ablations:
                raise InvalidRequest(
                    f"two vectors are to be ablated at layer {layer}; one per layer and request is "
                    "supported: put them at different layers",
                    reason="FIELD_INVALID",
                    field="steering.layers",
                    layer=layer,
                )
            ablations[layer] = Ablation(term.vector.directions[layer].float(), term.strength)
    return ablations
