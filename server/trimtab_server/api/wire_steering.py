"""Steering and sampling between the wire's messages and ours."""

from __future__ import annotations

from trimtab_protos.v1 import steering_pb2

from trimtab_server.steering.snapshot import (
    Bound,
    Condition,
    Configuration,
    Opens,
    Operator,
    Positions,
    PreserveStateNorm,
    Sampling,
    Term,
)
from trimtab_server.steering.validation import DraftSteering, DraftTerm
from trimtab_server.store.refusal import Refusal

_OPERATORS = {
    steering_pb2.OPERATOR_UNSPECIFIED: Operator.ADD,
    steering_pb2.OPERATOR_ADD: Operator.ADD,
    steering_pb2.OPERATOR_ABLATE: Operator.ABLATE,
    steering_pb2.OPERATOR_CLAMP: Operator.CLAMP,
}
_POSITIONS = {
    steering_pb2.POSITIONS_UNSPECIFIED: Positions.ALL,
    steering_pb2.POSITIONS_ALL: Positions.ALL,
    steering_pb2.POSITIONS_REPLY: Positions.REPLY,
}
_BOUNDS = {
    steering_pb2.BOUND_UNSPECIFIED: Bound.EXACTLY,
    steering_pb2.BOUND_EXACTLY: Bound.EXACTLY,
    steering_pb2.BOUND_AT_LEAST: Bound.AT_LEAST,
    steering_pb2.BOUND_AT_MOST: Bound.AT_MOST,
}
_NORMS = {
    steering_pb2.PRESERVE_STATE_NORM_UNSPECIFIED: PreserveStateNorm.NEVER,
    steering_pb2.PRESERVE_STATE_NORM_NEVER: PreserveStateNorm.NEVER,
    steering_pb2.PRESERVE_STATE_NORM_ALWAYS: PreserveStateNorm.ALWAYS,
    steering_pb2.PRESERVE_STATE_NORM_GROWN: PreserveStateNorm.GROWN,
}
_OPENS = {
    steering_pb2.OPENS_SCORE_ABOVE: Opens.SCORE_ABOVE,
    steering_pb2.OPENS_SCORE_BELOW: Opens.SCORE_BELOW,
}
_OPERATORS_OUT = {
    Operator.ADD: steering_pb2.OPERATOR_ADD,
    Operator.ABLATE: steering_pb2.OPERATOR_ABLATE,
    Operator.CLAMP: steering_pb2.OPERATOR_CLAMP,
}
_POSITIONS_OUT = {
    Positions.ALL: steering_pb2.POSITIONS_ALL,
    Positions.REPLY: steering_pb2.POSITIONS_REPLY,
}


def draft_steering(steering: steering_pb2.Steering, path: str) -> DraftSteering:
    """Raises: Refusal: FIELD_INVALID, a value this release does not know, or a condition left half empty."""
    return DraftSteering(
        stage=steering.stage,
        terms=tuple(
            _draft_term(term, f"{path}.terms[{number}]") for number, term in enumerate(steering.terms)
        ),
        system_prompt=steering.system_prompt,
    )


def _draft_term(term: steering_pb2.SteeringTerm, path: str) -> DraftTerm:
    known = {
        "operator": term.operator in _OPERATORS,
        "positions": term.positions in _POSITIONS,
        "bound": term.bound in _BOUNDS,
        "preserve_state_norm": term.preserve_state_norm in _NORMS,
    }
    for name, is_known in known.items():
        if not is_known:
            field = f"{path}.{name}"
            detail = f"{field} has a value this server does not know"
            raise Refusal("FIELD_INVALID", field=field, detail=detail)
    return DraftTerm(
        vector=term.vector.removeprefix("vectors/"),
        strength=term.strength,
        layers=tuple(term.layers),
        operator=_OPERATORS[term.operator],
        positions=_POSITIONS[term.positions],
        force=term.force,
        level=term.level,
        bound=_BOUNDS[term.bound],
        preserve_state_norm=_NORMS[term.preserve_state_norm],
        condition=_condition(term.condition, f"{path}.condition") if term.HasField("condition") else None,
    )


def _condition(condition: steering_pb2.Condition, path: str) -> Condition:
    """A gate without a vector or without a side is refused: it must never come to mean no gate."""
    if not condition.vector:
        field = f"{path}.vector"
        raise Refusal("FIELD_INVALID", field=field, detail=f"{field} is empty; name the vector that is read")
    if condition.opens not in _OPENS:
        field = f"{path}.opens"
        raise Refusal("FIELD_INVALID", field=field, detail=f"{field} must be SCORE_ABOVE or SCORE_BELOW")
    vector = condition.vector.removeprefix("vectors/")
    return Condition(vector, condition.layer, condition.threshold, _OPENS[condition.opens])


def sampling_in(sampling: steering_pb2.Sampling) -> Sampling:
    """As written; `trimtab_server.steering.validation.check_sampling` judges it."""
    return Sampling(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        seed=sampling.seed,
        max_tokens=sampling.max_tokens,
        stop=tuple(sampling.stop),
    )


def steering_out(configuration: Configuration) -> steering_pb2.Steering:
    steering = configuration.steering
    return steering_pb2.Steering(
        stage=steering.stage_name,
        system_prompt=steering.system_prompt,
        terms=[_term_out(term) for term in steering.terms],
    )


def _term_out(term: Term) -> steering_pb2.SteeringTerm:
    gate = term.condition
    condition = None
    if gate is not None:
        condition = steering_pb2.Condition(
            vector=f"vectors/{gate.vector}",
            layer=gate.layer,
            threshold=gate.threshold,
            opens=steering_pb2.Opens.Value(f"OPENS_{gate.opens.name}"),
        )
    return steering_pb2.SteeringTerm(
        vector=f"vectors/{term.vector}",
        strength=term.strength,
        layers=term.layers,
        operator=_OPERATORS_OUT[term.operator],
        positions=_POSITIONS_OUT[term.positions],
        force=term.force,
        level=term.level,
        bound=steering_pb2.Bound.Value(f"BOUND_{term.bound.name}"),
        preserve_state_norm=steering_pb2.PreserveStateNorm.Value(
            f"PRESERVE_STATE_NORM_{term.preserve_state_norm.name}"
        ),
        condition=condition,
    )
