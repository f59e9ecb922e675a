"""ModelService: the hosted model, its stages, and the server itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from importlib.metadata import version

from trimtab_protos.v1 import model_pb2

from trimtab_server.api import paging
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.engine.engine import EngineLoad
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.stages import StageInfo
from trimtab_server.steering.validation import ModelFacts, stage_of
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal

log = logging.getLogger("trimtab.stages")


def total_load(pool: EnginePool) -> EngineLoad:
    """Summed over the loaded stages."""
    loads = list(pool.load.values())
    return EngineLoad(
        slots=sum(load.slots for load in loads),
        slots_in_use=sum(load.slots_in_use for load in loads),
        queued_requests=sum(load.queued_requests for load in loads),
        queued_tokens=sum(load.queued_tokens for load in loads),
        tokens_per_second=sum(load.tokens_per_second for load in loads),
    )


class StageLoader:
    """Loads stages, each once however many ask, and says which are on their way."""

    def __init__(self, pool: EnginePool, workers: Workers) -> None:
        self._pool = pool
        self._workers = workers
        self._loading: dict[str, asyncio.Task[object]] = {}

    @property
    def loading(self) -> frozenset[str]:
        return frozenset(self._loading)

    def begin(self, stage: str) -> None:
        """Starts loading in the background, unless it is loaded or on its way."""
        if stage in self._loading or stage in self._pool.loaded:
            return
        task: asyncio.Task[object] = asyncio.ensure_future(
            self._workers.heavy(self._pool.ensure_stage, stage)
        )
        self._loading[stage] = task
        task.add_done_callback(lambda done: self._ended(stage, done))

    async def load(
        self, stage: str, progress: Callable[[float, str], None] = lambda _share, _phase: None
    ) -> None:
        """Waits until the stage is there. Raises: EngineError."""
        if stage not in self._pool.loaded:
            await self._workers.heavy(self._pool.ensure_stage, stage, progress)

    def _ended(self, stage: str, task: asyncio.Task[object]) -> None:
        self._loading.pop(stage, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("stage_not_loaded", exc_info=task.exception(), extra={"facts": {"stage": stage}})


class ModelServicer:
    """One hosted model in this release; the protocol already speaks of several."""

    def __init__(
        self,
        *,
        model: HostedModel,
        facts: ModelFacts,
        pool: EnginePool,
        stages: StageLoader,
        database: Database,
        workers: Workers,
        prompt_presets: Sequence[model_pb2.PromptPreset],
        question_presets: Sequence[model_pb2.PromptPreset],
        has_questions: bool,
        now: Callable[[], int],
    ) -> None:
        self._model = model
        self._facts = facts
        self._pool = pool
        self._stages = stages
        self._database = database
        self._workers = workers
        self._prompt_presets = list(prompt_presets)
        self._question_presets = list(question_presets)
        self._has_questions = has_questions
        self._now = now
        self._begin = time.monotonic()
        self._version = version("trimtab")

    async def GetServerInfo(
        self, request: model_pb2.GetServerInfoRequest, call: Call
    ) -> model_pb2.ServerInfo:
        load = total_load(self._pool)
        return model_pb2.ServerInfo(
            version=self._version,
            device=str(self._model.device),
            actor=call.caller.actor,
            role=call.caller.role.value,
            slots=load.slots,
            slots_in_use=load.slots_in_use,
            queued_requests=load.queued_requests,
            tokens_per_second=load.tokens_per_second,
            uptime_seconds=time.monotonic() - self._begin,
        )

    async def GetModel(self, request: model_pb2.GetModelRequest, call: Call) -> model_pb2.Model:
        self._check_model(request.name, "name")
        return self._out()

    async def ListModels(
        self, request: model_pb2.ListModelsRequest, call: Call
    ) -> model_pb2.ListModelsResponse:
        paging.size_of(request.page_size)
        return model_pb2.ListModelsResponse(models=[self._out()])

    async def ListStages(
        self, request: model_pb2.ListStagesRequest, call: Call
    ) -> model_pb2.ListStagesResponse:
        if request.parent:
            self._check_model(request.parent, "parent")
        stages = [self._stage(index, stage) for index, stage in enumerate(self._model.stages)]
        return model_pb2.ListStagesResponse(stages=stages)

    async def LoadStage(
        self, request: model_pb2.LoadStageRequest, call: Call
    ) -> AsyncGenerator[model_pb2.LoadStageResponse, None]:
        name = stage_of(request.name, self._facts, "name")
        if name not in self._pool.loaded:
            async for phase in self._phases(name):
                yield model_pb2.LoadStageResponse(phase=phase)
            await self._workers.change(self._record, name, call, request.request_id)
        index = self._facts.stages.index(name)
        stage = self._stage(index, self._model.stages[index])
        yield model_pb2.LoadStageResponse(phase="loaded", stage=stage)

    async def _phases(self, name: str) -> AsyncGenerator[str, None]:
        phases: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def report(_share: float, phase: str) -> None:
            loop.call_soon_threadsafe(phases.put_nowait, phase)

        work = asyncio.ensure_future(self._stages.load(name, report))
        work.add_done_callback(lambda _: phases.put_nowait(None))
        while (phase := await phases.get()) is not None:
            yield phase
        await work

    def _record(self, stage: str, call: Call, request_id: str) -> None:
        with self._database.write() as connection:
            audit.append(
                connection,
                time=self._now(),
                origin=call.origin(request_id),
                action="stage.load",
                subject=f"models/{self._model.name}/stages/{stage}",
            )

    def _check_model(self, name: str, field: str) -> None:
        if name.removeprefix("models/") != self._model.name:
            raise Refusal("MODEL_NOT_FOUND", field=field, name=name)

    def _out(self) -> model_pb2.Model:
        model = self._model
        return model_pb2.Model(
            name=f"models/{model.name}",
            architecture=model.architecture,
            hidden_size=model.hidden_size,
            layer_count=model.layer_count,
            context_length=model.context_length,
            fingerprint=self._facts.fingerprint,
            dtype=str(model.dtype).removeprefix("torch."),
            default_stage=f"models/{model.name}/stages/{model.default_stage}",
            prompt_presets=self._prompt_presets,
            question_presets=self._question_presets,
            has_questions=self._has_questions,
        )

    def _stage(self, index: int, stage: StageInfo) -> model_pb2.Stage:
        loaded = stage.name in self._pool.loaded
        state = model_pb2.STAGE_STATE_AVAILABLE
        if loaded:
            state = model_pb2.STAGE_STATE_LOADED
        elif stage.name in self._stages.loading:
            state = model_pb2.STAGE_STATE_LOADING
        norms = self._pool.residual_norms(stage.name) if loaded else {}
        return model_pb2.Stage(
            name=f"models/{self._model.name}/stages/{stage.name}",
            kind=stage.kind,
            step=stage.step or 0,
            index=index,
            state=state,
            residual_norms=[norms[layer] for layer in sorted(norms)],
        )
