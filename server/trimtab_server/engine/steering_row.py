"""A request's whole steering, checked and worked out at submission: what to write for it into the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from trimtab_vectors.operators import Bound, Condition, NormKept

from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import Operator, Positions, SteeringTerm

_INFINITE = float("inf")

#: How far a clamp may move the component, downwards and upwards.
_REACH: Mapping[Bound, tuple[float, float]] = {
    "exactly": (-_INFINITE, _INFINITE),
    "at_least": (0.0, _INFINITE),
    "at_most": (-_INFINITE, 0.0),
}


@dataclass(frozen=True)
class Push:
    """The delta `clip(bias + slope * (h . u), low, high) * u` at one layer: every operator along one direction.

    u: the unit `direction` [H] float32. norm: which states are then scaled back to the length they had (None:
    none). everywhere: the prompt too, not only from its last token on.
    """

    direction: torch.Tensor
    bias: float
    slope: float
    low: float
    high: float
    norm: NormKept | None
    everywhere: bool

    @classmethod
    def of(cls, term: SteeringTerm, layer: int, norms: Mapping[int, float]) -> Push:
        low, high = -_INFINITE, _INFINITE
        if term.operator is Operator.ADD:
            bias, slope = term.strength * norms[layer], 0.0
        elif term.operator is Operator.ABLATE:
            bias, slope = 0.0, -term.strength
        else:
            bias, slope = term.strength * term.level * norms[layer], -term.strength
            low, high = _REACH[term.bound]
        everywhere = term.positions is Positions.ALL
        direction = term.vector.directions[layer].float()
        return cls(direction, bias, slope, low, high, term.preserve_state_norm, everywhere)


@dataclass(frozen=True)
class SteeringRow:
    """Layer -> what happens there, all of it read from the block's own output and summed.

    prompt_add covers all positions before the last prompt token (Positions.ALL terms), reply_add those from the
    last prompt token on (all terms): deltas [H] float32 of plain additions, those that sum to zero left out.
    pushes: the other operators. gated: conditional terms whose condition is still to be read; they steer
    nothing yet. gates: of each conditional term whether it was let through, None until that is decided.
    """

    prompt_add: Mapping[int, torch.Tensor]
    reply_add: Mapping[int, torch.Tensor]
    pushes: Mapping[int, tuple[Push, ...]]
    gated: tuple[Gated, ...] = ()
    gates: tuple[bool | None, ...] = ()

    @property
    def prompt_layers(self) -> frozenset[int]:
        everywhere = (n for n, pushes in self.pushes.items() if any(push.everywhere for push in pushes))
        return frozenset(self.prompt_add) | frozenset(everywhere)

    @property
    def reply_layers(self) -> frozenset[int]:
        return frozenset(self.reply_add) | frozenset(self.pushes)

    @property
    def steered_layers(self) -> frozenset[int]:
        """Where it steers as things stand."""
        return self.prompt_layers | self.reply_layers

    @property
    def layers(self) -> frozenset[int]:
        """Where it steers or may yet steer."""
        return self.steered_layers.union(*(gated.row.steered_layers for gated in self.gated))

    @property
    def read_layers(self) -> frozenset[int]:
        """Where conditions are still to be read."""
        return frozenset(gated.condition.layer for gated in self.gated)

    @property
    def whole_prompt(self) -> bool:
        """Whether the prompt must go through in one pass: its first token is steered if its last one says so."""
        return any(gated.row.prompt_layers for gated in self.gated)

    def __bool__(self) -> bool:
        return bool(self.layers)

    @classmethod
    def of(
        cls, terms: Sequence[SteeringTerm], residual_norms: Mapping[int, float], layer_count: int, hidden: int
    ) -> SteeringRow:
        """Work out the terms of a request; r_l is the hosted stage's median residual norm at layer l.

        Raises InvalidRequest for what cannot be applied exactly as asked.
        """
        for index, term in enumerate(terms):
            _check(term, f"steering[{index}]", residual_norms, layer_count, hidden)
        _refuse_two_projections(terms)
        row = _unconditional([term for term in terms if term.condition is None], residual_norms)
        conditional = [(term, term.condition) for term in terms if term.condition is not None]
        gated = tuple(
            Gated(index, condition, _unconditional([term], residual_norms))
            for index, (term, condition) in enumerate(conditional)
        )
        return replace(row, gated=gated, gates=(None,) * len(gated))

    def settled(self, decisions: Mapping[int, bool]) -> SteeringRow:
        """The same once some conditions are decided: index of a conditional term -> whether it is let through."""
        row = self
        for gated in self.gated:
            if decisions.get(gated.index):
                row = row._with(gated.row)
        gates = tuple(decisions.get(index, gate) for index, gate in enumerate(self.gates))
        left = tuple(gated for gated in self.gated if gated.index not in decisions)
        return replace(row, gated=left, gates=gates)

    def _with(self, other: SteeringRow) -> SteeringRow:
        pushes = dict(self.pushes)
        for layer, more in other.pushes.items():
            pushes[layer] = pushes.get(layer, ()) + more
        return replace(
            self,
            prompt_add=_total([self.prompt_add, other.prompt_add]),
            reply_add=_total([self.reply_add, other.reply_add]),
            pushes=pushes,
        )


@dataclass(frozen=True)
class Gated:
    """A conditional term: its place among them, its condition, and what it does when let through."""

    index: int
    condition: Condition
    row: SteeringRow


def _unconditional(terms: Sequence[SteeringTerm], residual_norms: Mapping[int, float]) -> SteeringRow:
    active = [term for term in terms if term.strength != 0.0]
    plain = [term for term in active if _is_plain(term)]
    everywhere = [term for term in plain if term.positions is Positions.ALL]
    pushes: dict[int, tuple[Push, ...]] = {}
    for term in active:
        for layer in () if _is_plain(term) else sorted(set(term.layers)):
            pushes[layer] = (*pushes.get(layer, ()), Push.of(term, layer, residual_norms))
    return SteeringRow(
        prompt_add=_total([_addition(term, residual_norms) for term in everywhere]),
        reply_add=_total([_addition(term, residual_norms) for term in plain]),
        pushes=pushes,
    )


def _is_plain(term: SteeringTerm) -> bool:
    """The same addition whatever the state: it can be summed with others beforehand."""
    return term.operator is Operator.ADD and term.preserve_state_norm is None


def _addition(term: SteeringTerm, residual_norms: Mapping[int, float]) -> dict[int, torch.Tensor]:
    return {
        layer: term.vector.directions[layer].float() * (term.strength * residual_norms[layer])
        for layer in set(term.layers)
    }


def _total(additions: Sequence[Mapping[int, torch.Tensor]]) -> dict[int, torch.Tensor]:
    total: dict[int, torch.Tensor] = {}
    for addition in additions:
        for layer, delta in addition.items():
            total[layer] = total[layer] + delta if layer in total else delta
    return {layer: delta for layer, delta in total.items() if bool(delta.any())}


def _check(
    term: SteeringTerm, field: str, residual_norms: Mapping[int, float], layer_count: int, hidden: int
) -> None:
    _check_numbers(term, field)
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
        _check_shape(term.vector.directions[layer], f"{field}.vector", layer, hidden)
        if term.operator is not Operator.ABLATE and layer not in residual_norms:
            raise InvalidRequest(
                f"no residual norm is known for layer {layer} of this stage, so a relative strength has no "
                "meaning there; measure the stage's residual norms first",
                reason="FIELD_INVALID",
                field=f"{field}.layers",
                layer=layer,
            )
    if term.condition is not None:
        _check_shape(term.condition.direction, f"{field}.condition.vector", term.condition.layer, hidden)
        if not 0 <= term.condition.layer < min(term.layers, default=layer_count):
            raise InvalidRequest(
                f"the condition is read after block {term.condition.layer}; it must be read before the first "
                f"block it gates, {min(term.layers, default=layer_count)}",
                reason="LAYER_OUT_OF_RANGE",
                field=f"{field}.condition.layer",
                layer=term.condition.layer,
                layer_count=layer_count,
            )


def _check_numbers(term: SteeringTerm, field: str) -> None:
    if not abs(term.strength) < _INFINITE:
        raise InvalidRequest(
            f"strength {term.strength} is not finite; give a number, relative to the residual norm",
            reason="STRENGTH_OUT_OF_RANGE",
            field=f"{field}.strength",
            strength=term.strength,
        )
    if term.operator is not Operator.ADD and not 0.0 <= term.strength <= 1.0:
        what = (
            "share of the component removed"
            if term.operator is Operator.ABLATE
            else "share of the way to the level"
        )
        raise InvalidRequest(
            f"{term.operator.value} strength {term.strength} is outside [0, 1]: it is the {what}",
            reason="STRENGTH_OUT_OF_RANGE",
            field=f"{field}.strength",
            strength=term.strength,
        )
    if not abs(term.level) < _INFINITE:
        raise InvalidRequest(
            f"level {term.level} is not finite; give a number, relative to the residual norm",
            reason="FIELD_INVALID",
            field=f"{field}.level",
            level=term.level,
        )


def _check_shape(direction: torch.Tensor, field: str, layer: int, hidden: int) -> None:
    shape = tuple(direction.shape)
    if shape != (hidden,):
        raise InvalidRequest(
            f"the vector's direction at layer {layer} has shape {shape}, the model's residual stream is "
            f"({hidden},): it was made for another model",
            reason="VECTOR_SHAPE",
            field=field,
            layer=layer,
            shape=shape,
            hidden_size=hidden,
        )


def _refuse_two_projections(terms: Sequence[SteeringTerm]) -> None:
    """Each would be measured on the block's own output, and what one leaves the other would put back."""
    taken: set[int] = set()
    for index, term in enumerate(terms):
        if term.operator is Operator.ADD:
            continue
        both = taken & set(term.layers)
        if both:
            raise InvalidRequest(
                f"two vectors are to be ablated or clamped at layer {min(both)}; one per layer and request is "
                "supported: put them at different layers",
                reason="FIELD_INVALID",
                field=f"steering[{index}].layers",
                layer=min(both),
            )
        taken |= set(term.layers)
