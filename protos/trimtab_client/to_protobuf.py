"""From `trimtab_client.types` to the protobuf messages that go out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from trimtab_protos.v1 import chat_pb2, snapshot_pb2, steering_pb2, token_pb2

from trimtab_client import types


def timestamp(moment: datetime | None) -> Timestamp | None:
    """An aware datetime. A naive one is refused: nobody could say which zone it is in."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment.isoformat()} has no zone; pass an aware datetime, e.g. with UTC")
    message = Timestamp()
    message.FromDatetime(moment.astimezone(UTC))
    return message


def role(value: types.Role) -> chat_pb2.Role.ValueType:
    return chat_pb2.Role.Value(f"ROLE_{value.name}")


def in_flight(value: types.InFlight) -> snapshot_pb2.InFlight.ValueType:
    return snapshot_pb2.InFlight.Value(f"IN_FLIGHT_{value.name}")


def token_role(value: types.TokenRole) -> token_pb2.TokenRole.ValueType:
    return token_pb2.TokenRole.Value(f"TOKEN_ROLE_{value.name}")


def condition(value: types.Condition) -> steering_pb2.Condition:
    return steering_pb2.Condition(
        vector=value.vector,
        layer=value.layer,
        threshold=value.threshold,
        opens=steering_pb2.Opens.Value(f"OPENS_{value.opens.name}"),
    )


def steering_term(term: types.SteeringTerm) -> steering_pb2.SteeringTerm:
    return steering_pb2.SteeringTerm(
        vector=term.vector,
        strength=term.strength,
        layers=term.layers,
        operator=steering_pb2.Operator.Value(f"OPERATOR_{term.operator.name}"),
        positions=steering_pb2.Positions.Value(f"POSITIONS_{term.positions.name}"),
        force=term.force,
        level=term.level,
        bound=steering_pb2.Bound.Value(f"BOUND_{term.bound.name}"),
        preserve_state_norm=steering_pb2.PreserveStateNorm.Value(
            f"PRESERVE_STATE_NORM_{term.preserve_state_norm.name}"
        ),
        condition=None if term.condition is None else condition(term.condition),
    )


def steering(value: types.Steering) -> steering_pb2.Steering:
    return steering_pb2.Steering(
        stage=value.stage,
        terms=[steering_term(t) for t in value.terms],
        system_prompt=value.system_prompt,
    )


def sampling(value: types.Sampling | None) -> steering_pb2.Sampling | None:
    if value is None:
        return None
    return steering_pb2.Sampling(
        temperature=value.temperature,
        top_p=value.top_p,
        top_k=value.top_k,
        seed=value.seed,
        max_tokens=value.max_tokens,
        stop=value.stop,
    )


def readout_options(value: types.ReadoutOptions | None) -> steering_pb2.ReadoutOptions | None:
    if value is None:
        return None
    return steering_pb2.ReadoutOptions(
        projection=value.projection,
        watched_vector=value.watched_vector,
        entropy=value.entropy,
        kl_to_unsteered=value.kl_to_unsteered,
        residual_norm_ratio=value.residual_norm_ratio,
    )


def chat_message(value: types.Message) -> chat_pb2.Message:
    return chat_pb2.Message(role=role(value.role), content=value.content)


def chat_messages(values: Iterable[types.Message]) -> list[chat_pb2.Message]:
    return [chat_message(v) for v in values]


def steering_source(value: types.SteeringSource) -> chat_pb2.SteeringSource:
    if isinstance(value, types.ByName):
        return chat_pb2.SteeringSource(snapshot=value.snapshot)
    if isinstance(value, types.Inline):
        return chat_pb2.SteeringSource(steering=steering(value.steering))
    if isinstance(value, types.Unsteered):
        return chat_pb2.SteeringSource(unsteered_stage=value.stage)
    if isinstance(value, types.Active):
        return chat_pb2.SteeringSource(active=True)
    # Typed callers cannot get here; a notebook can, and must not be answered by another configuration.
    raise TypeError(
        f"source is {type(value).__name__}; use Active(), ByName(snapshot), Inline(steering) or Unsteered(stage)"
    )


def lane(value: types.Lane) -> chat_pb2.Lane:
    return chat_pb2.Lane(
        lane_id=value.lane_id,
        messages=chat_messages(value.messages),
        source=steering_source(value.source),
    )
