"""The calls of VectorService about contrast sets and about what a vector does and is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

from trimtab_protos.v1 import vector_pb2
from trimtab_vectors.evaluation.honesty import Question, QuestionFileError, read_questions
from trimtab_vectors.extraction import POSITIONS, ContrastSet, Position, read_contrast_set
from trimtab_vectors.steering_vector import SteeringVector, check_compatible, check_fits

from trimtab_server.api import wire_measurements as wire
from trimtab_server.api.job_calls import followed
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs import contrast_sets
from trimtab_server.jobs.sweep import Measured, MeasureOrder, measure, part_of, plan_of, questions_of_model
from trimtab_server.steering.validation import ModelFacts, stage_of
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.vector_measurements import MeasurementRecord, Suggestion
from trimtab_server.trials import PromptFileError
from trimtab_server.trials.question_file import parse_question_file


class ContrastSets:
    """The sets beside the hosted model, and files that somebody sends."""

    def __init__(self, model: HostedModel, workers: Workers) -> None:
        self._model = model
        self._workers = workers

    async def carried(self) -> vector_pb2.ListContrastSetsResponse:
        return vector_pb2.ListContrastSetsResponse(contrast_sets=await self._workers.read(self._reviews))

    async def review(self, request: vector_pb2.ReviewContrastSetRequest) -> vector_pb2.ContrastSetReview:
        position = checked_position(request.position)
        return await self._workers.read(self._review, request, position)

    def find(self, name: str) -> ContrastSet:
        """One of the model's. Raises: Refusal: CONTRAST_SET_NOT_FOUND."""
        found = contrast_sets.carried(self._model.directory)
        if name not in found:
            known = ", ".join(found) or "none"
            raise Refusal("CONTRAST_SET_NOT_FOUND", field="contrast_set_name", contrast_set=name, known=known)
        return found[name]

    def _review(
        self, request: vector_pb2.ReviewContrastSetRequest, position: Position
    ) -> vector_pb2.ContrastSetReview:
        name = request.contrast_set_name
        pairs = self.find(name) if name else read_contrast_set(request.content, split_seed=request.seed)
        return wire.review_out(contrast_sets.review(self._model.tokenizer, pairs, position, name))

    def _reviews(self) -> list[vector_pb2.ContrastSetReview]:
        return [
            wire.review_out(contrast_sets.review(self._model.tokenizer, pairs, "last", name))
            for name, pairs in contrast_sets.carried(self._model.directory).items()
        ]


class MeasurementCalls:
    """One measurement at a time, and none beside an extraction: each holds a copy of a stage."""

    def __init__(
        self,
        *,
        library: VectorLibrary,
        model: HostedModel,
        facts: ModelFacts,
        workers: Workers,
        pool: EnginePool,
        turn: asyncio.Semaphore,
        cells: Path,
    ) -> None:
        self._library = library
        self._model = model
        self._facts = facts
        self._workers = workers
        self._pool = pool
        self._turn = turn
        self._cells = cells

    async def get(self, request: vector_pb2.GetVectorMeasurementRequest) -> vector_pb2.VectorMeasurement:
        record = await self._workers.read(self._library.find, request.name)
        stage = stage_of(request.stage, self._facts, "stage") if request.stage else record.stage
        found = await self._workers.read(self._library.measurement, record.id, stage)
        return await self._workers.read(wire.measurement_out, found)

    async def measure(
        self, request: vector_pb2.MeasureVectorRequest, call: Call
    ) -> AsyncGenerator[vector_pb2.MeasureVectorResponse, None]:
        order = await self._workers.read(self._order, request)
        if self._turn.locked():
            yield vector_pb2.MeasureVectorResponse(progress=vector_pb2.Progress(phase="waiting"))
        measured: Measured | None = None
        async with self._turn:
            job = followed(self._workers, order.cancelled, lambda report: self._measure(order, report))
            async with contextlib.aclosing(job) as steps:
                async for step in steps:
                    if isinstance(step, Measured):
                        measured = step
                    else:
                        yield vector_pb2.MeasureVectorResponse(progress=step)
        assert measured is not None
        record = await self._keep(order, measured, call, request.request_id)
        yield vector_pb2.MeasureVectorResponse(
            measurement=await self._workers.read(wire.measurement_out, record)
        )

    def forget(self, vector: str) -> None:
        """Deletes what an interrupted measurement left of a vector."""
        shutil.rmtree(self._cells / vector, ignore_errors=True)

    def is_busy(self) -> bool:
        """Whether anybody is being answered, or waits to be."""
        return any(load.slots_in_use or load.queued_requests for load in self._pool.load.values())

    def _measure(self, order: MeasureOrder, report: Any) -> Measured:
        try:
            return measure(self._model, order, self.is_busy, report)
        except ValueError as error:
            raise Refusal("MEASUREMENT_IMPOSSIBLE", detail=str(error)) from error

    async def _keep(
        self, order: MeasureOrder, measured: Measured, call: Call, request_id: str
    ) -> MeasurementRecord:
        own = measured.sweep.recommended
        record = MeasurementRecord(
            vector=order.vector.id,
            stage=order.stage,
            stage_digest=measured.stage_digest,
            body=json.dumps(measured.as_dict(), ensure_ascii=False, allow_nan=False),
            created_by=call.caller.display_name or call.caller.actor,
            create_time=self._library.now(),
        )
        suggestion = None
        # What is offered with a vector is for the stage it belongs to.
        if own is not None and order.stage == order.vector.stage:
            suggestion = Suggestion(own.strength, own.layers, own.safe_strength or 0.0)
        details = {
            "questions": str(measured.question_count),
            "recommended": "" if own is None else f"{own.strength:g} at {list(own.layers)}",
        }
        return await self._workers.change(
            self._library.keep_measurement, record, suggestion, call.origin(request_id), details
        )

    def _order(self, request: vector_pb2.MeasureVectorRequest) -> MeasureOrder:
        record = self._library.find(request.name)
        vector = self._library.vector(record.id)
        stage = stage_of(request.stage, self._facts, "stage") if request.stage else record.stage
        check_fits(vector, self._model.hidden_size, self._model.layer_count)
        if not request.force:
            check_compatible(vector, self._model.fingerprint, stage)
        self._model.stage(stage)
        if request.questions_per_kind < 0:
            detail = f"questions_per_kind is {request.questions_per_kind}; 0 for all, or a number above it"
            raise Refusal("FIELD_INVALID", field="questions_per_kind", detail=detail)
        positions = request.positions or "reply"
        try:
            plan = plan_of(
                vector,
                [tuple(group.layers) for group in request.layers],
                request.strengths,
                cast(Any, positions),
            )
        except ValueError as error:
            raise Refusal("FIELD_INVALID", field="layers", detail=str(error)) from error
        return MeasureOrder(
            vector=vector,
            stage=stage,
            questions=part_of(self._questions(request), request.questions_per_kind),
            plan=plan,
            contrast_set=self._contrast_set(request, vector),
            cells=self._cells / vector.id,
        )

    def _questions(self, request: vector_pb2.MeasureVectorRequest) -> list[Question]:
        own = questions_of_model(self._model.directory)
        if not request.questions and not own.is_file():
            raise Refusal("QUESTIONS_MISSING", field="questions", model=self._model.name)
        try:
            if not request.questions:
                return read_questions(own)
            return parse_question_file(request.questions, request.questions_name or "questions.jsonl")
        except (QuestionFileError, PromptFileError) as error:
            raise Refusal("QUESTIONS_INVALID", field="questions", detail=str(error)) from error

    def _contrast_set(
        self, request: vector_pb2.MeasureVectorRequest, vector: SteeringVector
    ) -> ContrastSet | None:
        if not request.contrast_set:
            return contrast_sets.of_hash(self._model.directory, vector.data_hash)
        pairs = read_contrast_set(request.contrast_set, split_seed=request.seed)
        for own in (pairs, pairs.swapped()):
            if own.data_hash == vector.data_hash:
                return own
        detail = "this contrast set is not the one that the vector was extracted from"
        raise Refusal("FIELD_INVALID", field="contrast_set", detail=detail)


def checked_position(position: str) -> Position:
    """Raises: Refusal: FIELD_INVALID. Empty: "last"."""
    if position and position not in POSITIONS:
        detail = f"position {position!r} is unknown; use one of {', '.join(POSITIONS)}"
        raise Refusal("FIELD_INVALID", field="position", detail=detail)
    return position or "last"
