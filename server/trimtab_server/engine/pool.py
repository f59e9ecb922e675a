"""The engines of one hosted model: one per loaded stage, the least recently used making room."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab_server.engine.engine import Engine, EngineLoad
from trimtab_server.engine.errors import Draining, StageLoading
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import StepListener
from trimtab_server.engine.residual_norms import stage_residual_norms

#: Told while a stage is being loaded: the share done, 0 to 1, and what comes next.
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class EngineSettings:
    """What every engine of a pool is built with; see Engine."""

    slots: int = 16
    context: int = 2048
    prefill_chunk: int = 128
    max_queued_requests: int = 256
    max_queued_tokens: int = 1 << 16
    threads: int | None = None


@dataclass
class _Loaded:
    engine: Engine
    residual_norms: Mapping[int, float]
    used: float


class EnginePool:
    """Loads stages on demand. Every method may be called from any thread; loading blocks its caller only.

    Requests that already run finish on the stage they were given to; a stage is evicted only when idle.
    max_stages: loaded at once; exceeded only while all of them are busy. cache: a folder for measured
    residual norms, None measures at each load. Tickets are unique over the pool.
    """

    def __init__(
        self,
        model: HostedModel,
        listener: StepListener,
        settings: EngineSettings = EngineSettings(),
        *,
        max_stages: int = 3,
        cache: Path | None = None,
    ) -> None:
        self.model = model
        self._listener = listener
        self._settings = settings
        self._max_stages = max_stages
        self._cache = cache
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()
        self._loads: dict[str, threading.Lock] = {stage.name: threading.Lock() for stage in model.stages}
        self._loaded: dict[str, _Loaded] = {}
        self._closed = False

    def ensure_stage(self, name: str, progress: Progress | None = None) -> Engine:
        """The stage's engine, loaded first if it is not. Raises StageNotFound, ModelNotLoadable, Draining."""
        self.model.stage(name)
        if self._closed:
            raise self._draining(name)
        with self._loads[name]:
            present = self._touch(name)
            if present is not None:
                return present.engine
            loaded = self._load(name, progress or (lambda _share, _what: None))
        self._evict(keep=name)
        return loaded.engine

    def engine(self, name: str) -> Engine:
        """The engine of a loaded stage. Raises StageNotFound; StageLoading where `ensure_stage` must come
        first."""
        self.model.stage(name)
        present = self._touch(name)
        if present is None:
            raise StageLoading(f"stage {name} is not loaded yet: load it, then try again", stage=name)
        return present.engine

    def residual_norms(self, name: str) -> Mapping[int, float]:
        """Of a loaded stage: layer -> median residual norm."""
        self.engine(name)
        with self._lock:
            return dict(self._loaded[name].residual_norms)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the loaded stages in the order of fine-tuning."""
        with self._lock:
            return tuple(stage.name for stage in self.model.stages if stage.name in self._loaded)

    @property
    def load(self) -> Mapping[str, EngineLoad]:
        with self._lock:
            engines = {name: loaded.engine for name, loaded in self._loaded.items()}
        return {name: engine.load for name, engine in engines.items()}

    def cancel_tag(self, tag: str) -> None:
        """End every reply with this tag on every stage."""
        for engine in self._engines():
            engine.cancel_tag(tag)

    def put_off_tag(self, tag: str) -> None:
        """Let what waits with this tag wait behind all others, on every stage."""
        for engine in self._engines():
            engine.put_off_tag(tag)

    def drain(self, timeout: float) -> bool:
        """Refuse new requests everywhere and wait for the running ones; False if some are left."""
        with self._lock:
            self._closed = True
        until = time.monotonic() + timeout
        return all([engine.drain(max(0.0, until - time.monotonic())) for engine in self._engines()])

    def close(self) -> None:
        """Cancel what runs and end every engine."""
        with self._lock:
            self._closed = True
            engines = [loaded.engine for loaded in self._loaded.values()]
            self._loaded.clear()
        for engine in engines:
            engine.close()

    def _engines(self) -> list[Engine]:
        with self._lock:
            return [loaded.engine for loaded in self._loaded.values()]

    def _touch(self, name: str) -> _Loaded | None:
        with self._lock:
            present = self._loaded.get(name)
            if present is not None:
                present.used = time.monotonic()
            return present

    def _load(self, name: str, progress: Progress) -> _Loaded:
        progress(0.0, "weights")
        model = self.model.load_stage(name)
        progress(0.6, "residual norms")
        norms = stage_residual_norms(self.model, name, model, self._cache)
        progress(0.9, "engine")
        settings = self._settings
        engine = Engine(
            model,
            self.model.tokenizer,
            listener=self._listener,
            residual_norms=norms,
            slots=settings.slots,
            context=settings.context,
            prefill_chunk=settings.prefill_chunk,
            max_queued_requests=settings.max_queued_requests,
            max_queued_tokens=settings.max_queued_tokens,
            tickets=self._tickets,
            threads=settings.threads,
        )
        loaded = _Loaded(engine, norms, time.monotonic())
        with self._lock:
            if not self._closed:
                self._loaded[name] = loaded
        if self._closed:
            engine.close()
            raise self._draining(name)
        progress(1.0, "ready")
        return loaded

    def _draining(self, stage: str) -> Draining:
        return Draining("the server is draining: no stage is loaded any more", stage=stage)

    def _evict(self, keep: str) -> None:
        """Close idle engines, the longest unused first, until no more than max_stages are loaded."""
        evicted: list[Engine] = []
        with self._lock:
            for name in sorted(self._loaded, key=lambda candidate: self._loaded[candidate].used):
                if len(self._loaded) <= self._max_stages:
                    break
                if name != keep and self._loaded[name].engine.idle:
                    evicted.append(self._loaded.pop(name).engine)
        for engine in evicted:
            engine.drain(0.0)
            engine.close()
