"""What a stall of the window may cost: points of a plot, and nothing else."""

from __future__ import annotations

from time import monotonic, sleep

from driven_client import Client
from scripted_server import ScriptedServer, now
from trimtab_client.types import Signal as Figure
from trimtab_protos.v1 import monitor_pb2

SAMPLES = 100_000
ALARMING = (
    monitor_pb2.SIGNAL_KL_TO_UNSTEERED,
    monitor_pb2.SIGNAL_HONEST_UNDER_PRESSURE,
    monitor_pb2.SIGNAL_REPETITION,
)


def sample(value: float) -> monitor_pb2.WatchResponse:
    return monitor_pb2.WatchResponse(
        sample=monitor_pb2.Sample(signal=monitor_pb2.SIGNAL_ENTROPY, value=value, time=now())
    )


def alarm(signal: int, *, raised: bool = True) -> monitor_pb2.WatchResponse:
    return monitor_pb2.WatchResponse(
        alarm=monitor_pb2.Alarm(
            threshold=monitor_pb2.Threshold(signal=signal, upper=0.4),
            sample=monitor_pb2.Sample(signal=signal, value=0.9, time=now()),
            raised=raised,
        )
    )


def test_alarms_outlast_a_stall_in_which_samples_are_dropped(
    connected: Client, scripted: ScriptedServer
) -> None:
    common = sample(1.0)
    events = [common] * SAMPLES + [sample(2.0)]
    for place, signal in enumerate(ALARMING):
        events.insert(100 * place, alarm(signal))
    with scripted.changed:
        scripted.monitor_events.extend(events)
        scripted.changed.notify_all()
    # The window stalls: nothing is delivered while everything is sent.
    watch = next(port for port in connected.workspace.gateway._ports if port._droppable is not None)
    end = monotonic() + 60
    while watch.dropped + len(watch._kept) + len(watch._loose) < len(events) and monotonic() < end:
        sleep(0.02)
    assert watch.dropped == len(events) - watch._capacity
    monitors = connected.workspace.monitors
    connected.wait(lambda: (last := monitors.last(Figure.ENTROPY)) is not None and last.value == 2.0)
    assert [own.threshold.signal for own in monitors.alarms] == [
        Figure.KL_TO_UNSTEERED,
        Figure.HONEST_UNDER_PRESSURE,
        Figure.REPETITION,
    ]
    assert connected.window.notice.isVisible() and "outside its limits" in connected.window.notice.text


def test_an_alarm_that_is_over_by_the_end_of_a_stall_is_told_all_the_same(
    connected: Client, scripted: ScriptedServer
) -> None:
    window = connected.window
    watch = next(port for port in connected.workspace.gateway._ports if port._droppable is not None)
    with scripted.changed:
        scripted.monitor_events.extend(alarm(ALARMING[0], raised=raised) for raised in (True, False))
        scripted.changed.notify_all()
    end = monotonic() + 30
    while len(watch._kept) < 2 and monotonic() < end:
        sleep(0.01)
    connected.wait(lambda: "outside its limits" in window.notice.text)
    assert connected.workspace.monitors.alarms == ()
    connected.wait(lambda: window.bar.alarm.text() == "✓ No alarm")
