"""VectorService: the catalogue of steering vectors, import, export and extraction."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from pathlib import Path
from typing import cast

from google.protobuf import empty_pb2
from trimtab_protos.v1 import vector_pb2
from trimtab_vectors.extraction import METHODS, ContrastSet, MethodName, read_contrast_set
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.api import paging, wire
from trimtab_server.api.job_calls import followed
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.measurements import ContrastSets, MeasurementCalls, checked_position
from trimtab_server.api.registration import Call
from trimtab_server.api.vector_files import Download, is_plain_download, read_upload, write_download
from trimtab_server.api.workers import Workers
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs.extraction import ExtractionOrder, extract
from trimtab_server.steering.creation import check_display_name
from trimtab_server.steering.validation import ModelFacts, stage_of
from trimtab_server.store.concepts import normal
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.vectors import VectorRecord


class VectorServicer:
    """Vectors of any model may be kept; which of them the hosted one may use is said by `compatible`."""

    def __init__(
        self,
        *,
        library: VectorLibrary,
        model: HostedModel,
        facts: ModelFacts,
        workers: Workers,
        pool: EnginePool,
        cells: Path,
    ) -> None:
        self._library = library
        self._model = model
        self._facts = facts
        self._workers = workers
        self._pool = pool
        # One at a time, measurements among them: each holds a copy of the model of its own.
        self._turn = asyncio.Semaphore(1)
        self._contrast_sets = ContrastSets(model, workers)
        self._measurements = MeasurementCalls(
            library=library,
            model=model,
            facts=facts,
            workers=workers,
            pool=pool,
            turn=self._turn,
            cells=cells,
        )

    async def GetVector(self, request: vector_pb2.GetVectorRequest, call: Call) -> vector_pb2.Vector:
        return await self._answer(await self._workers.read(self._library.find, request.name))

    async def ListVectors(
        self, request: vector_pb2.ListVectorsRequest, call: Call
    ) -> vector_pb2.ListVectorsResponse:
        size, after = paging.size_of(request.page_size), paging.position(request.page_token)
        found = await self._workers.read(self._library.page, size + 1, after, request.concept)
        rows, token = paging.cut(found, size, lambda vector: (vector.create_time, vector.id))
        known = await self._workers.read(self._library.protected)
        return vector_pb2.ListVectorsResponse(
            vectors=[self._out(row, known) for row in rows], next_page_token=token
        )

    async def ListConcepts(
        self, request: vector_pb2.ListConceptsRequest, call: Call
    ) -> vector_pb2.ListConceptsResponse:
        found = await self._workers.read(self._library.concepts)
        return vector_pb2.ListConceptsResponse(concepts=[wire.concept_out(one) for one in found])

    async def SetConceptProtection(
        self, request: vector_pb2.SetConceptProtectionRequest, call: Call
    ) -> vector_pb2.Concept:
        record = await self._workers.change(
            self._library.set_protection,
            concept=request.concept,
            protected=request.protected,
            origin=call.origin(request.request_id),
            reason=request.reason,
        )
        return wire.concept_out(record)

    async def ImportVector(self, request: vector_pb2.ImportVectorRequest, call: Call) -> vector_pb2.Vector:
        check_display_name(request.display_name)
        if not request.content:
            raise Refusal("VECTOR_CORRUPT", field="content", detail="content is empty; send a vector file")
        upload = await self._workers.heavy(
            read_upload,
            request,
            model=self._facts,
            fingerprint=self._model.fingerprint,
            residual_norms=self._residual_norms,
            created_by=call.caller.display_name or call.caller.actor,
        )
        record = await self._workers.change(
            self._library.add,
            upload.vector,
            call.origin(request.request_id),
            "vector.import",
            request.display_name,
            upload.details,
        )
        return await self._answer(record)

    async def ExportVector(
        self, request: vector_pb2.ExportVectorRequest, call: Call
    ) -> vector_pb2.ExportVectorResponse:
        record = await self._workers.read(self._library.find, request.name)
        if is_plain_download(request):
            download = Download(await self._workers.read(self._library.content, record), ".safetensors")
        else:
            vector = await self._workers.read(self._library.vector, record.id)
            hosted = record.model_fingerprint == self._facts.fingerprint
            model_type = str(self._model.config.model_type) if hosted else ""
            download = await self._workers.heavy(write_download, request, vector, model_type)
        readable = re.sub(r"[^a-z0-9]+", "-", record.display_name.lower()).strip("-") or "vector"
        return vector_pb2.ExportVectorResponse(
            content=download.content,
            file_name=f"{readable}-{record.id[:12]}{download.suffix}",
            dropped_layers=download.dropped_layers,
        )

    async def ListContrastSets(
        self, request: vector_pb2.ListContrastSetsRequest, call: Call
    ) -> vector_pb2.ListContrastSetsResponse:
        return await self._contrast_sets.carried()

    async def ReviewContrastSet(
        self, request: vector_pb2.ReviewContrastSetRequest, call: Call
    ) -> vector_pb2.ContrastSetReview:
        return await self._contrast_sets.review(request)

    async def GetVectorMeasurement(
        self, request: vector_pb2.GetVectorMeasurementRequest, call: Call
    ) -> vector_pb2.VectorMeasurement:
        return await self._measurements.get(request)

    async def MeasureVector(
        self, request: vector_pb2.MeasureVectorRequest, call: Call
    ) -> AsyncGenerator[vector_pb2.MeasureVectorResponse, None]:
        async with contextlib.aclosing(self._measurements.measure(request, call)) as steps:
            async for step in steps:
                yield step

    async def DeleteVector(self, request: vector_pb2.DeleteVectorRequest, call: Call) -> empty_pb2.Empty:
        await self._workers.change(self._library.delete, request.name, call.origin(request.request_id))
        await self._workers.read(self._measurements.forget, request.name.removeprefix("vectors/"))
        return empty_pb2.Empty()

    async def ExtractVector(
        self, request: vector_pb2.ExtractVectorRequest, call: Call
    ) -> AsyncGenerator[vector_pb2.ExtractVectorResponse, None]:
        order = self._order(request, call)
        if self._turn.locked():
            yield vector_pb2.ExtractVectorResponse(progress=vector_pb2.Progress(phase="waiting"))
        vector: SteeringVector | None = None
        async with self._turn:
            busy = self._measurements.is_busy
            job = followed(
                self._workers, order.cancelled, lambda report: extract(self._model, order, busy, report)
            )
            async with contextlib.aclosing(job) as steps:
                async for step in steps:
                    if isinstance(step, SteeringVector):
                        vector = step
                    else:
                        yield vector_pb2.ExtractVectorResponse(progress=step)
        assert vector is not None
        record = await self._workers.change(
            self._library.add, vector, call.origin(request.request_id), "vector.extract", order.display_name
        )
        yield vector_pb2.ExtractVectorResponse(vector=await self._answer(record))

    def _order(self, request: vector_pb2.ExtractVectorRequest, call: Call) -> ExtractionOrder:
        check_display_name(request.display_name)
        method, position = request.method or "diff_mean", checked_position(request.position)
        if method not in METHODS:
            detail = f"method {method!r} is unknown; use one of {', '.join(METHODS)}"
            raise Refusal("FIELD_INVALID", field="method", detail=detail)
        if not request.concept.strip():
            raise Refusal(
                "FIELD_INVALID", field="concept", detail="concept is empty; say what the vector means"
            )
        stage = stage_of(request.stage, self._facts, "stage")
        for layer in request.layers:
            if not 0 <= layer < self._facts.layer_count:
                raise Refusal(
                    "LAYER_OUT_OF_RANGE",
                    field="layers",
                    layer=layer,
                    vector="the new vector",
                    vector_layers="none yet",
                    layer_count=self._facts.layer_count,
                )
        return ExtractionOrder(
            stage=stage,
            concept=request.concept,
            display_name=request.display_name or request.concept,
            contrast_set=self._pairs(request),
            method=cast(MethodName, method),
            position=position,
            seed=request.seed,
            layers=tuple(sorted(set(request.layers))) or None,
            swap_labels=request.swap_labels,
            license=request.license,
            created_by=call.caller.display_name or call.caller.actor,
        )

    def _pairs(self, request: vector_pb2.ExtractVectorRequest) -> ContrastSet:
        if request.contrast_set_name:
            return self._contrast_sets.find(request.contrast_set_name)
        return read_contrast_set(request.contrast_set, split_seed=request.seed)

    def _residual_norms(self, stage: str) -> Mapping[int, float]:
        """Of a stage, loaded for it if it is not: who brings a vector in for a stage is about to use it there."""
        self._pool.ensure_stage(stage)
        return self._pool.residual_norms(stage)

    async def _answer(self, record: VectorRecord) -> vector_pb2.Vector:
        return self._out(record, await self._workers.read(self._library.protected))

    def _out(self, record: VectorRecord, protected: Collection[str]) -> vector_pb2.Vector:
        return wire.vector_out(
            record,
            compatible=record.model_fingerprint == self._facts.fingerprint,
            protected=normal(record.concept) in protected,
        )
