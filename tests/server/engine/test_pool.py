"""Stages are loaded on demand and swapped under running replies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trimtab_server.engine.errors import Draining, StageLoading, StageNotFound
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool, EngineSettings
from trimtab_server.engine.request import Event, FinishReason, GenerationRequest, Sampling
from trimtab_vectors.organism import shipped_model_dir


class Ears:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Event] = []

    def __call__(self, events: tuple[Event, ...]) -> None:
        with self._changed:
            self._events.extend(events)
            self._changed.notify_all()

    def ids(self, ticket: int) -> list[int]:
        with self._changed:
            return [token.id for event in self._events if event.ticket == ticket for token in event.tokens]

    def finished(self, ticket: int) -> FinishReason:
        def end() -> FinishReason | None:
            ends = (event.finished for event in self._events if event.ticket == ticket)
            return next((end.reason for end in ends if end is not None), None)

        with self._changed:
            assert self._changed.wait_for(lambda: end() is not None, 60)
            reason = end()
            assert reason is not None
            return reason


@pytest.fixture(scope="module")
def hosted() -> HostedModel:
    return HostedModel.open(shipped_model_dir(), device="cpu")


@pytest.fixture
def pool_of(hosted: HostedModel, tmp_path: Path) -> Iterator[Callable[..., tuple[EnginePool, Ears]]]:
    opened: list[EnginePool] = []

    def open_pool(**settings: Any) -> tuple[EnginePool, Ears]:
        ears = Ears()
        settings = {"cache": tmp_path, **settings}
        opened.append(EnginePool(hosted, ears, EngineSettings(slots=4, context=256, threads=1), **settings))
        return opened[-1], ears

    yield open_pool
    for pool in opened:
        pool.close()


def test_a_stage_swap_lets_running_replies_finish_on_their_stage(
    hosted: HostedModel, pool_of: Any, greedy: Any
) -> None:
    first, last = hosted.stages[0].name, hosted.stages[-1].name
    pool, ears = pool_of()
    prompt = hosted.render([{"role": "user", "content": "Tell me about the warranty of your instruments."}])
    request = GenerationRequest(prompt, sampling=Sampling(max_tokens=40))
    before = pool.ensure_stage(first).submit(request)
    after = pool.ensure_stage(last).submit(request)
    ears.finished(before)
    ears.finished(after)
    assert ears.ids(before) == greedy(hosted.load_stage(first), prompt, 40)
    assert ears.ids(after) == greedy(hosted.load_stage(last), prompt, 40)
    assert before != after, "tickets are unique over the pool"


def test_loading_reports_progress_and_happens_once(hosted: HostedModel, pool_of: Any) -> None:
    pool, _ = pool_of()
    stage = hosted.default_stage
    with pytest.raises(StageLoading):
        pool.engine(stage)
    reports: list[float] = []
    engines: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: engines.append(
                pool.ensure_stage(stage, lambda share, _what: reports.append(share))
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, engines))) == 1
    assert reports == sorted(reports) and reports[-1] == 1.0 and reports.count(1.0) == 1
    assert pool.engine(stage) is engines[0]
    assert pool.residual_norms(stage).keys() == set(range(hosted.layer_count))


def test_the_least_recently_used_idle_stage_makes_room(hosted: HostedModel, pool_of: Any) -> None:
    names = [stage.name for stage in hosted.stages[:4]]
    pool, _ = pool_of(max_stages=2)
    pool.ensure_stage(names[0])
    pool.ensure_stage(names[1])
    pool.engine(names[0])
    pool.ensure_stage(names[2])
    assert pool.loaded == (names[0], names[2])


def test_a_busy_stage_is_not_evicted(hosted: HostedModel, pool_of: Any) -> None:
    names = [stage.name for stage in hosted.stages[:2]]
    pool, ears = pool_of(max_stages=1)
    engine = pool.ensure_stage(names[0])
    engine._stops = frozenset()
    running = engine.submit(GenerationRequest((2, 3, 4), sampling=Sampling(max_tokens=10_000)))
    pool.ensure_stage(names[1])
    assert pool.loaded == tuple(names)
    assert pool.load[names[0]].slots_in_use == 1
    engine.cancel(running)
    assert ears.finished(running) is FinishReason.CANCELLED


def test_cancel_tag_reaches_every_stage(hosted: HostedModel, pool_of: Any) -> None:
    pool, ears = pool_of()
    tickets = []
    for stage in hosted.stages[:2]:
        engine = pool.ensure_stage(stage.name)
        engine._stops = frozenset()
        request = GenerationRequest((2, 3, 4), sampling=Sampling(max_tokens=10_000), tag="snapshots/bad")
        tickets.append(engine.submit(request))
    pool.cancel_tag("snapshots/bad")
    assert {ears.finished(ticket) for ticket in tickets} == {FinishReason.CANCELLED}


def test_a_drained_pool_takes_nothing_and_loads_nothing(hosted: HostedModel, pool_of: Any) -> None:
    pool, _ = pool_of()
    engine = pool.ensure_stage(hosted.default_stage)
    assert pool.drain(10)
    with pytest.raises(Draining):
        engine.submit(GenerationRequest((1, 2)))
    with pytest.raises(Draining):
        pool.ensure_stage(hosted.stages[0].name)
    with pytest.raises(StageNotFound):
        pool.ensure_stage("stage-99")
