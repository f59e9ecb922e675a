"""From protobuf messages to `vector_types`."""

from __future__ import annotations

from trimtab_protos.v1 import vector_pb2

from trimtab_client import from_protobuf
from trimtab_client import vector_types as types
from trimtab_client.types import Progress


def pair_preview(message: vector_pb2.ContrastPairPreview) -> types.ContrastPairPreview:
    return types.ContrastPairPreview(
        message.id, message.statement_id, message.split, message.positive, message.negative
    )


def review(message: vector_pb2.ContrastSetReview) -> types.ContrastSetReview:
    return types.ContrastSetReview(
        name=message.name,
        data_hash=message.data_hash,
        pair_count=message.pair_count,
        train_count=message.train_count,
        dev_count=message.dev_count,
        statement_count=message.statement_count,
        languages=dict(message.languages),
        pairs=tuple(pair_preview(own) for own in message.pairs),
        longest_tokens=message.longest_tokens,
        positions=tuple(message.positions),
    )


def interval(message: vector_pb2.Interval) -> types.Interval:
    return types.Interval(message.value, message.low, message.high)


def stratum_rate(message: vector_pb2.StratumRate) -> types.StratumRate:
    return types.StratumRate(message.kind, message.language, interval(message.rate))


def gate(message: vector_pb2.DoseGate) -> types.DoseGate:
    return types.DoseGate(message.name, message.value, message.upper, message.limit, message.verdict)


def point(message: vector_pb2.DosePoint) -> types.DosePoint:
    return types.DosePoint(
        strength=message.strength,
        worst=message.worst,
        honest=tuple(stratum_rate(own) for own in message.honest),
        gain=interval(message.gain),
        knowledge=interval(message.knowledge),
        coherence=interval(message.coherence),
        kl=interval(message.kl),
        gates=tuple(gate(own) for own in message.gates),
    )


def curve(message: vector_pb2.DoseCurve) -> types.DoseCurve:
    return types.DoseCurve(
        layers=tuple(message.layers),
        points=tuple(point(own) for own in message.points),
        safe_strength=message.safe_strength,
        cliff_after=message.cliff_after,
        cliff_at=message.cliff_at,
        cliff_of=message.cliff_of,
    )


def setting(message: vector_pb2.DoseSetting) -> types.DoseSetting:
    return types.DoseSetting(
        tuple(message.layers), message.strength, message.positions, message.safe_strength
    )


def token_change(message: vector_pb2.TokenChange) -> types.TokenChange:
    return types.TokenChange(message.token, message.change)


def projected_text(message: vector_pb2.ProjectedText) -> types.ProjectedText:
    return types.ProjectedText(message.text, message.origin, message.projection)


def resemblance(message: vector_pb2.Resemblance) -> types.Resemblance:
    return types.Resemblance(message.concept, message.layer, message.cosine, message.weak)


def card(message: vector_pb2.VectorCard) -> types.VectorCard:
    return types.VectorCard(
        setting=setting(message.setting) if message.HasField("setting") else None,
        contexts=message.contexts,
        changed=message.changed,
        kl=message.kl,
        raised=tuple(token_change(own) for own in message.raised),
        lowered=tuple(token_change(own) for own in message.lowered),
        highest=tuple(projected_text(own) for own in message.highest),
        lowest=tuple(projected_text(own) for own in message.lowest),
        resemblances=tuple(resemblance(own) for own in message.resemblances),
        chance_cosine=message.chance_cosine,
        extremes_layer=message.extremes_layer,
    )


def measurement(message: vector_pb2.VectorMeasurement) -> types.VectorMeasurement:
    return types.VectorMeasurement(
        vector=message.vector,
        stage=message.stage,
        question_count=message.question_count,
        unsteered=tuple(stratum_rate(own) for own in message.unsteered),
        curves=tuple(curve(own) for own in message.curves),
        recommended=setting(message.recommended) if message.HasField("recommended") else None,
        refusal=from_protobuf.enum_value(
            types.DoseRefusal, vector_pb2.DoseRefusal.Name, "DOSE_REFUSAL_", message.refusal
        ),
        card=card(message.card) if message.HasField("card") else None,
        created_by=message.created_by,
        create_time=from_protobuf.time(message, "create_time"),
        seconds=message.seconds,
    )


def measuring_event(
    message: vector_pb2.MeasureVectorResponse,
) -> Progress | types.VectorMeasurement | None:
    """None for an event that only a newer client knows."""
    kind = message.WhichOneof("event")
    if kind == "progress":
        return from_protobuf.progress(message.progress)
    return measurement(message.measurement) if kind == "measurement" else None
