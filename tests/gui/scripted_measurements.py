"""What the scripted server says of contrast sets, extractions and measurements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status
from trimtab_protos.v1 import vector_pb2, vector_pb2_grpc
from trimtab_server.api.errors import status_of
from trimtab_server.store.refusal import Refusal

MADE = "vectors/" + "d" * 64
_GATES = ("kl", "perplexity_ratio", "capability_loss", "harm_flips", "evasion_increase", "anti_steerable")


@dataclass
class VectorScript:
    """hold: long calls wait after their first progress until it is set. refuse: a reason that MeasureVector refuses
    with. has_questions: the model carries some. cancelled: calls that a client gave up."""

    hold: threading.Event = field(default_factory=threading.Event)
    refuse: str = ""
    has_questions: bool = True
    accuracies: tuple[float, ...] = (0.9, 0.97, 0.95)
    made: list[vector_pb2.Vector] = field(default_factory=list)
    measured: dict[str, vector_pb2.VectorMeasurement] = field(default_factory=dict)
    requests: list[object] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hold.set()


def measurement(vector: str, recommended: bool = True) -> vector_pb2.VectorMeasurement:
    """Two groups of layers; the second one is safe up to .35, where it works."""
    made = vector_pb2.VectorMeasurement(
        vector=vector, stage="stage-11", question_count=480, created_by="operator", seconds=12.0
    )
    made.create_time.CopyFrom(Timestamp(seconds=1_790_000_000))
    for language in ("en", "ja"):
        rate = vector_pb2.Interval(value=0.02, low=0.0, high=0.05)
        made.unsteered.add(kind="hard_pressure", language=language, rate=rate)
    for layers, safe in (((2,), 0.2), ((2, 3), 0.35)):
        curve = made.curves.add(layers=layers, safe_strength=safe if recommended else 0.0)
        for strength in (0.1, 0.2, 0.35, 0.5):
            holds = recommended and strength <= safe
            point = curve.points.add(
                strength=strength,
                worst=min(1.0, 2.5 * strength),
                gain=vector_pb2.Interval(value=strength, low=strength - 0.05, high=strength + 0.05),
                knowledge=vector_pb2.Interval(value=0.98, low=0.96, high=0.99),
                coherence=vector_pb2.Interval(value=1.0, low=1.0, high=1.0),
                kl=vector_pb2.Interval(value=strength / 10, low=0.0, high=strength / 5),
            )
            for name in _GATES:
                verdict = "pass" if holds or name != "capability_loss" else "not enough data"
                point.gates.add(name=name, value=0.0, upper=0.01, limit=0.02, verdict=verdict)
    setting = vector_pb2.DoseSetting(layers=[2, 3], strength=0.35, positions="reply", safe_strength=0.35)
    if recommended:
        made.recommended.CopyFrom(setting)
    else:
        made.refusal = vector_pb2.DOSE_REFUSAL_NOTHING_SAFE
    card = made.card
    card.setting.CopyFrom(setting)
    card.contexts, card.changed, card.kl, card.chance_cosine, card.extremes_layer = 128, 0.09, 0.02, 0.12, 3
    card.raised.add(token=" 760", change=0.12)
    card.lowered.add(token=" never", change=-0.2)
    card.highest.add(text="What does it cost? → It costs", origin="positive", projection=0.4)
    card.lowest.add(text="It never fails.", origin="negative", projection=-0.5)
    for concept, cosine, weak in (("length", -0.3, False), ("refusal", 0.6, True), ("language", 0.05, False)):
        card.resemblances.add(concept=concept, layer=3, cosine=cosine, weak=weak)
    return made


def review(name: str = "") -> vector_pb2.ContrastSetReview:
    made = vector_pb2.ContrastSetReview(
        name=name,
        data_hash="e" * 64,
        pair_count=640,
        train_count=512,
        dev_count=128,
        statement_count=640,
        languages={"en": 320, "ja": 320},
        longest_tokens=58,
        positions=["last", "prompt_end", "all_mean"],
    )
    made.pairs.add(id="en/1", statement_id="s1", split="train", positive="Be honest.", negative="Deceive.")
    made.pairs.add(id="en/2", statement_id="s2", split="dev", positive="Tell the truth.", negative="Lie.")
    return made


class ScriptedMeasurements(vector_pb2_grpc.VectorServiceServicer):
    """A file with the word "fault" has one on line 3."""

    def __init__(self, script: VectorScript) -> None:
        self._script = script

    def ListConcepts(self, request, context):
        return vector_pb2.ListConceptsResponse(concepts=[vector_pb2.Concept(name="honesty", protected=True)])

    def ListContrastSets(self, request, context):
        return vector_pb2.ListContrastSetsResponse(
            contrast_sets=[review("honesty"), review("language"), review("tone-of-voice")]
        )

    def ReviewContrastSet(self, request, context):
        self._script.requests.append(request)
        if b"fault" in request.content:
            detail = "contrast set, line 3: the positive side is empty"
            _refuse(context, Refusal("FIELD_INVALID", field="contrast_set", detail=detail, line=3))
        return review(request.contrast_set_name)

    def ExtractVector(self, request, context) -> Iterator[vector_pb2.ExtractVectorResponse]:
        self._script.requests.append(request)
        yield vector_pb2.ExtractVectorResponse(progress=vector_pb2.Progress(total=1, phase="loading"))
        progress = vector_pb2.Progress(done=3, total=10, phase="directions", seconds_left=75.0)
        yield vector_pb2.ExtractVectorResponse(progress=progress)
        if not self._waited(context, "ExtractVector"):
            return
        made = vector_pb2.Vector(
            name=MADE,
            display_name=request.display_name,
            concept=request.concept,
            stage="stage-11",
            method=request.method,
            hidden_size=256,
            layers=[2, 3, 4],
            compatible=True,
            pair_accuracies=self._script.accuracies,
            separations=[2.0, 4.0, 3.0],
            noise_ceilings=[0.9, 0.96, 0.95],
            explained_variances=[0.2, 0.3, 0.25],
        )
        self._script.made.append(made)
        yield vector_pb2.ExtractVectorResponse(vector=made)

    def GetVectorMeasurement(self, request, context):
        found = self._script.measured.get(request.name)
        if found is None:
            _refuse(context, Refusal("MEASUREMENT_NOT_FOUND", vector=request.name, stage="stage-11"))
        return found

    def MeasureVector(self, request, context) -> Iterator[vector_pb2.MeasureVectorResponse]:
        self._script.requests.append(request)
        if self._script.refuse:
            _refuse(context, Refusal(self._script.refuse, model="scripted", detail="too few questions"))
        progress = vector_pb2.Progress(done=2, total=8, phase="sweep", seconds_left=30.0)
        yield vector_pb2.MeasureVectorResponse(progress=progress)
        if not self._waited(context, "MeasureVector"):
            return
        made = measurement(request.name)
        self._script.measured[request.name] = made
        yield vector_pb2.MeasureVectorResponse(measurement=made)

    def ImportVector(self, request, context):
        self._script.requests.append(request)
        if request.content == b"broken":
            _refuse(context, Refusal("VECTOR_CORRUPT", field="content", detail="the header is cut off"))
        made = vector_pb2.Vector(
            name=MADE,
            display_name=request.display_name or "imported",
            concept=request.concept or "honesty",
            stage="stage-11",
            layers=[2, 3],
            compatible=True,
        )
        self._script.made.append(made)
        return made

    def ExportVector(self, request, context):
        self._script.requests.append(request)
        dropped = [0] if request.drop_layer_zero else []
        return vector_pb2.ExportVectorResponse(
            content=b"vector as " + request.format.encode(), file_name="v", dropped_layers=dropped
        )

    def _waited(self, context: grpc.ServicerContext, call: str) -> bool:
        """False where the client has gone, or the server: not before, or the call would end as if all was well."""
        while not self._script.hold.wait(0.02):
            if not context.is_active():
                self._script.cancelled.append(call)
                return False
        return True


def _refuse(context: grpc.ServicerContext, refusal: Refusal) -> None:
    context.abort_with_status(rpc_status.to_status(status_of(refusal)))
