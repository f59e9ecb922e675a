"""The bounded way between the threads, the collector, and the pin of PySide."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QTimer, Signal
from trimtab_gui.bridge.failure import Failure
from trimtab_gui.bridge.loop_thread import LoopThread
from trimtab_gui.bridge.port import Port
from trimtab_gui.color_scale import BIN_COUNT, ColorScale, Readout
from trimtab_gui.garbage import MainThreadCollector


@pytest.fixture
def loop() -> LoopThread:
    thread = LoopThread()
    thread.start()
    yield thread
    thread.stop()


class Sink:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.ends: list[Failure | None] = []


def make_port(
    loop: LoopThread, sink: Sink, *, capacity: int, droppable: Callable[[int], bool] | None = None
) -> Port[int]:
    return Port(
        sink.batches.append, sink.ends.append, capacity=capacity, droppable=droppable, wake=loop.call_soon
    )


def is_plotted(number: int) -> bool:
    """Every number but the thousands, which stand for alarms."""
    return number % 1000 != 0


async def produce(port: Port[int], count: int) -> None:
    for number in range(count):
        await port.put(number)
    port.end(None)


def test_a_full_port_makes_the_sender_wait_and_loses_nothing(loop: LoopThread) -> None:
    sink = Sink()
    port = make_port(loop, sink, capacity=50)
    sending = loop.spawn(produce(port, 1000))
    largest = 0
    while not sink.ends:
        largest = max(largest, port.flush(20))
        threading.Event().wait(0.001)
    sending.result(5)
    assert [number for batch in sink.batches for number in batch] == list(range(1000))
    assert largest <= 20 and sink.ends == [None]


def test_a_full_plot_port_drops_the_oldest(loop: LoopThread) -> None:
    sink = Sink()
    port = make_port(loop, sink, capacity=10, droppable=lambda _number: True)
    loop.spawn(produce(port, 100)).result(5)
    while not sink.ends:
        port.flush(100)
    assert sink.batches == [list(range(90, 100))] and port.dropped == 90


def test_a_full_port_drops_only_what_may_go_and_keeps_the_order(loop: LoopThread) -> None:
    sink = Sink()
    port = make_port(loop, sink, capacity=250, droppable=is_plotted)
    loop.spawn(produce(port, 100_000)).result(30)
    while not sink.ends:
        port.flush(100)
    numbers = [number for batch in sink.batches for number in batch]
    assert numbers == [*range(0, 100_000, 1000), *range(99_850, 100_000)]
    assert port.dropped == 100_000 - 250


def test_a_port_full_of_what_may_not_go_drops_plots_and_makes_the_rest_wait(loop: LoopThread) -> None:
    sink = Sink()
    port = make_port(loop, sink, capacity=5, droppable=is_plotted)
    sending = loop.spawn(produce(port, 9_002))
    while len(port._kept) < 5:
        threading.Event().wait(0.001)
    while not sink.ends:
        port.flush(2)
        threading.Event().wait(0.001)
    sending.result(5)
    numbers = [number for batch in sink.batches for number in batch]
    assert [number for number in numbers if not is_plotted(number)] == list(range(0, 9_002, 1000))
    assert numbers == sorted(numbers) and numbers[-1] == 9_001


def test_a_discarded_port_delivers_nothing_and_frees_its_sender(loop: LoopThread) -> None:
    sink = Sink()
    port = make_port(loop, sink, capacity=5)
    sending = loop.spawn(produce(port, 8))
    while port.flush(0) or len(port._kept) < 5:
        threading.Event().wait(0.001)
    port.discard()
    sending.result(5)
    port.flush(100)
    assert sink.batches == [] and sink.ends == []


def test_stopping_the_loop_cancels_what_still_runs() -> None:
    thread = LoopThread()
    thread.start()
    started, ended = threading.Event(), threading.Event()

    async def forever() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    thread.spawn(forever())
    assert started.wait(5)
    thread.stop()
    assert ended.is_set() and not thread.is_running


def test_garbage_is_collected_on_the_main_thread_only(qapp: object) -> None:
    threads: list[str] = []

    def note(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            threads.append(threading.current_thread().name)

    collector = MainThreadCollector()
    gc.collect()
    collector.start()
    gc.callbacks.append(note)
    try:
        worker = threading.Thread(target=lambda: [[] for _ in range(200_000)], name="worker")
        worker.start()
        worker.join()
        kept = [[] for _ in range(200_000)]
        collector.collect()
        assert kept
    finally:
        gc.callbacks.remove(note)
        collector.stop()
    assert threads and set(threads) == {"MainThread"}
    assert gc.isenabled()


class Emitter(QObject):
    fired = Signal()


def test_void_calls_and_signals_do_not_leak_references(qapp: object) -> None:
    """PySide6 6.12.0 on Python 3.11 drops a reference with each call, until the interpreter aborts."""
    emitter, timer = Emitter(), QTimer()
    before = {thing: sys.getrefcount(thing) for thing in (None, True, False)}
    for _ in range(2000):
        timer.setInterval(5)
        emitter.fired.emit()
        emitter.setObjectName("x")
    for thing, count in before.items():
        assert abs(sys.getrefcount(thing) - count) < 500


def test_colour_bins_are_symmetric_and_saturate() -> None:
    scale = ColorScale.fitting(Readout.PROJECTION, [-0.5, 0.1, 0.5])
    assert scale.bounds() == (-0.5, 0.5)
    assert [scale.bin_of(value) for value in (-9, -0.5, 0, 0.5, 9)] == [0, 0, 5, 10, 10]
    assert all(scale.bin_of(value) + scale.bin_of(-value) == BIN_COUNT - 1 for value in (0.07, 0.23, 0.4))
    one_sided = ColorScale.fitting(Readout.ENTROPY, [0.1, 1.4])
    assert (one_sided.bin_of(0.0), one_sided.bin_of(2.0)) == (0, 10)
