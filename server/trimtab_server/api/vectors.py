"""VectorService: the catalogue of steering vectors, import, export and extraction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import cast

from google.protobuf import empty_pb2
from trimtab_protos.v1 import vector_pb2
from trimtab_vectors.extraction import METHODS, POSITIONS, MethodName, Position, read_contrast_set

from trimtab_server.api import paging, wire
from trimtab_server.api.library import VectorLibrary
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
    ) -> None:
        self._library = library
        self._model = model
        self._facts = facts
        self._workers = workers
        self._pool = pool
        # One at a time: an extraction holds a copy of the model of its own.
        self._extracting = asyncio.Semaphore(1)

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

    async def DeleteVector(self, request: vector_pb2.DeleteVectorRequest, call: Call) -> empty_pb2.Empty:
        await self._workers.change(self._library.delete, request.name, call.origin(request.request_id))
        return empty_pb2.Empty()

    async def ExtractVector(
        self, request: vector_pb2.ExtractVectorRequest, call: Call
    ) -> AsyncGenerator[vector_pb2.ExtractVectorResponse, None]:
        order = self._order(request, call)
        progress: asyncio.Queue[vector_pb2.Progress | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def report(done: int, total: int, phase: str) -> None:
            message = vector_pb2.Progress(done=done, total=total, phase=phase)
            loop.call_soon_threadsafe(progress.put_nowait, message)

        async with self._extracting:
            work = asyncio.ensure_future(self._workers.heavy(extract, self._model, order, report))
            work.add_done_callback(lambda _: progress.put_nowait(None))
            try:
                while (step := await progress.get()) is not None:
                    yield vector_pb2.ExtractVectorResponse(progress=step)
                vector = await work
            finally:
                order.cancelled.set()
        record = await self._workers.change(
            self._library.add, vector, call.origin(request.request_id), "vector.extract", order.display_name
        )
        yield vector_pb2.ExtractVectorResponse(vector=await self._answer(record))

    def _order(self, request: vector_pb2.ExtractVectorRequest, call: Call) -> ExtractionOrder:
        check_display_name(request.display_name)
        method, position = request.method or "diff_mean", request.position or "last"
        for field, value, known in (("method", method, METHODS), ("position", position, POSITIONS)):
            if value not in known:
                detail = f"{field} {value!r} is unknown; use one of {', '.join(known)}"
                raise Refusal("FIELD_INVALID", field=field, detail=detail)
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
            contrast_set=read_contrast_set(request.contrast_set, split_seed=request.seed),
            method=cast(MethodName, method),
            position=cast(Position, position),
            seed=request.seed,
            layers=tuple(sorted(set(request.layers))) or None,
            swap_labels=request.swap_labels,
            license=request.license,
            created_by=call.caller.display_name or call.caller.actor,
        )

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
