"""Contrast sets and measurements of vectors on the wire."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trimtab_protos.v1 import vector_pb2
from trimtab_vectors.evaluation.sweep import DoseCurve, DosePoint, Setting, SweepResult
from trimtab_vectors.statistics import Estimate

from trimtab_server.api.wire import timestamp
from trimtab_server.jobs.contrast_sets import Review, shown
from trimtab_server.store.vector_measurements import MeasurementRecord


def review_out(review: Review) -> vector_pb2.ContrastSetReview:
    pairs = review.contrast_set
    return vector_pb2.ContrastSetReview(
        name=review.name,
        data_hash=pairs.data_hash,
        pair_count=len(pairs.pairs),
        train_count=len(pairs.train),
        dev_count=len(pairs.dev),
        statement_count=len({pair.statement_id for pair in pairs.pairs}),
        languages=review.languages,
        pairs=[
            vector_pb2.ContrastPairPreview(
                id=pair.id,
                statement_id=pair.statement_id,
                split=pair.split,
                positive=shown(pair.positive),
                negative=shown(pair.negative),
            )
            for pair in review.first
        ],
        longest_tokens=review.longest_tokens,
        positions=review.positions,
    )


def measurement_out(record: MeasurementRecord) -> vector_pb2.VectorMeasurement:
    body = json.loads(record.body)
    result = SweepResult.from_dict(body["sweep"])
    return vector_pb2.VectorMeasurement(
        vector=f"vectors/{record.vector}",
        stage=record.stage,
        question_count=body["question_count"],
        unsteered=_strata(result.unsteered),
        curves=[_curve(curve) for curve in result.curves],
        recommended=None if result.recommended is None else _setting(result.recommended),
        refusal=_refusal(result),
        card=_card(body["card"]),
        created_by=record.created_by,
        create_time=timestamp(record.create_time),
        seconds=result.seconds,
    )


def _refusal(result: SweepResult) -> vector_pb2.DoseRefusal.ValueType:
    if result.recommended is not None:
        return vector_pb2.DOSE_REFUSAL_UNSPECIFIED
    if any(curve.safe_strength is not None for curve in result.curves):
        return vector_pb2.DOSE_REFUSAL_NO_SURE_GAIN
    return vector_pb2.DOSE_REFUSAL_NOTHING_SAFE


def _setting(setting: Setting) -> vector_pb2.DoseSetting:
    return vector_pb2.DoseSetting(
        layers=setting.layers,
        strength=setting.strength,
        positions=setting.positions,
        safe_strength=setting.safe_strength or 0.0,
    )


def _curve(curve: DoseCurve) -> vector_pb2.DoseCurve:
    cliff = curve.cliff
    return vector_pb2.DoseCurve(
        layers=curve.layers,
        points=[_point(point) for point in curve.points],
        safe_strength=curve.safe_strength or 0.0,
        cliff_after=cliff.after if cliff else 0.0,
        cliff_at=cliff.at if cliff else 0.0,
        cliff_of=cliff.what if cliff else "",
    )


def _point(point: DosePoint) -> vector_pb2.DosePoint:
    return vector_pb2.DosePoint(
        strength=point.strength,
        worst=point.worst,
        honest=_strata(point.honest),
        gain=_interval(point.gain),
        knowledge=_interval(point.knowledge),
        coherence=_interval(point.coherence),
        kl=_interval(point.side_effects.kl),
        gates=[
            vector_pb2.DoseGate(
                name=gate.name, value=gate.value, upper=gate.upper, limit=gate.limit, verdict=gate.verdict
            )
            for gate in point.gates
        ],
    )


def _strata(rates: Mapping[str, Estimate]) -> list[vector_pb2.StratumRate]:
    found = []
    for stratum, rate in rates.items():
        kind, _, language = stratum.partition("/")
        found.append(vector_pb2.StratumRate(kind=kind, language=language, rate=_interval(rate)))
    return found


def _interval(estimate: Estimate) -> vector_pb2.Interval:
    """Ends that are not finite fall together with the figure."""
    low, high = (end if math.isfinite(end) else estimate.value for end in (estimate.low, estimate.high))
    return vector_pb2.Interval(value=estimate.value, low=low, high=high)


def _card(card: Mapping[str, Any]) -> vector_pb2.VectorCard:
    effect, ends, setting = card["next_token"], card["extremes"], card["setting"]
    return vector_pb2.VectorCard(
        setting=vector_pb2.DoseSetting(
            layers=setting["layers"], strength=setting["strength"], positions=setting["positions"]
        ),
        contexts=effect["contexts"],
        changed=effect["changed"],
        kl=effect["kl"],
        raised=_tokens(effect["raised"]),
        lowered=_tokens(effect["lowered"]),
        highest=[vector_pb2.ProjectedText(**own) for own in ends["highest"]],
        lowest=[vector_pb2.ProjectedText(**own) for own in ends["lowest"]],
        resemblances=[
            vector_pb2.Resemblance(
                concept=own["concept"], layer=own["layer"], cosine=own["cosine"], weak=own["weak"]
            )
            for own in card["resemblances"]
        ],
        chance_cosine=card["chance_cosine"],
        extremes_layer=ends["layer"],
    )


def _tokens(scores: list[dict[str, Any]]) -> list[vector_pb2.TokenChange]:
    return [vector_pb2.TokenChange(token=own["token"], change=own["score"]) for own in scores]
