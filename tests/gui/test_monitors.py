"""The plots: coalesced, thresholds drawn, and the operator's zoom left alone."""

from __future__ import annotations

import numpy as np
from driven_client import Client
from scripted_server import ScriptedServer
from trimtab_client.types import Signal as Figure
from trimtab_gui.models.monitors import CAPACITY, Ring
from trimtab_protos.v1 import monitor_pb2


def test_a_ring_keeps_the_newest_rows_in_order() -> None:
    ring = Ring(5, 2)
    for number in range(13):
        ring.append((float(number), -float(number)))
        expected = list(range(max(0, number - 4), number + 1))
        assert ring.view()[:, 0].tolist() == expected
        assert ring.view().flags["C_CONTIGUOUS"]
    ring.clear()
    assert len(ring.view()) == 0


def test_many_samples_are_few_redraws(connected: Client, scripted: ScriptedServer) -> None:
    page = connected.window.release.monitors
    connected.window.show_room("release")
    connected.window.release.tabs.setCurrentWidget(page)
    changes: list[int] = []
    connected.workspace.monitors.changed.connect(lambda: changes.append(1))
    before = page.redraws
    for number in range(3000):
        scripted.push_sample(monitor_pb2.SIGNAL_ENTROPY, 0.001 * number)
    rows = connected.workspace.monitors.rows
    connected.wait(lambda: len(rows(Figure.ENTROPY)) == CAPACITY and rows(Figure.ENTROPY)[-1, 1] > 2.998)
    assert len(changes) < 600
    assert page.redraws - before <= len(changes) + 1
    np.testing.assert_allclose(rows(Figure.ENTROPY)[:, 1], 0.001 * np.arange(1000, 3000))


def test_new_samples_leave_a_zoom_by_hand_alone(connected: Client, scripted: ScriptedServer) -> None:
    page = connected.window.release.monitors
    connected.window.show_room("release")
    connected.window.release.tabs.setCurrentWidget(page)
    plot = page.plot(Figure.ENTROPY)
    scripted.push_sample(monitor_pb2.SIGNAL_ENTROPY, 0.4, ago=60)
    connected.wait(lambda: len(connected.workspace.monitors.rows(Figure.ENTROPY)) == 1)
    view = plot.getPlotItem().getViewBox()
    view.setXRange(10.0, 20.0, padding=0)
    view.sigRangeChangedManually.emit([True, False])
    assert not plot.follows and not page.follow_box.isChecked()
    scripted.push_sample(monitor_pb2.SIGNAL_ENTROPY, 0.5)
    connected.wait(lambda: len(connected.workspace.monitors.rows(Figure.ENTROPY)) == 2)
    page.redraw()
    assert view.viewRange()[0] == [10.0, 20.0]
    page.follow_box.setChecked(True)
    assert plot.follows and view.viewRange()[0] != [10.0, 20.0]


def test_thresholds_are_drawn_and_stand_in_the_table(connected: Client, scripted: ScriptedServer) -> None:
    connected.window.show_room("release")
    page = connected.window.release.monitors
    connected.window.release.tabs.setCurrentWidget(page)
    scripted.push_thresholds()
    scripted.push_sample(monitor_pb2.SIGNAL_HONEST_UNDER_PRESSURE, 0.9, count=20)
    model = page.values_table.model()
    connected.wait(lambda: model.index(0, 2).data() == "≥ 0.60")
    assert (model.index(0, 1).data(), model.index(0, 3).data()) == ("0.900", "within")
    assert len(page.plot(Figure.HONEST_UNDER_PRESSURE)._limits) == 2


def test_every_signal_of_the_wire_has_a_row_and_a_name_of_its_own(
    connected: Client, scripted: ScriptedServer
) -> None:
    page = connected.window.release.monitors
    connected.window.show_room("release")
    connected.window.release.tabs.setCurrentWidget(page)
    model = page.values_table.model()
    for number in range(1, len(monitor_pb2.Signal.keys())):
        scripted.push_sample(number, 0.25)
    last = max(monitor_pb2.Signal.values())
    connected.wait(lambda: connected.workspace.monitors.last(list(Figure)[last]) is not None)
    page.redraw()
    shown = [(model.index(row, 0).data(), model.index(row, 1).data()) for row in range(model.rowCount())]
    assert len(shown) == last and len({name for name, _ in shown}) == last
    assert {value for _, value in shown} == {"0.250"}


def test_a_drift_alarm_is_on_the_bar_and_in_the_table_until_it_is_over(
    connected: Client, scripted: ScriptedServer
) -> None:
    page = connected.window.release.monitors
    connected.window.show_room("release")
    connected.window.release.tabs.setCurrentWidget(page)
    scripted.push_sample(monitor_pb2.SIGNAL_ENTROPY, 0.5)
    model = page.values_table.model()

    def state() -> str:
        rows = [row for row in range(model.rowCount()) if model.index(row, 0).data() == "Entropy (nat)"]
        return str(model.index(rows[0], 3).data()) if rows else ""

    for raised, bar, cell in ((True, "⚠ Entropy (nat)", "⚠ drifted"), (False, "✓ No alarm", "")):
        alarm = monitor_pb2.DriftAlarm(
            signal=monitor_pb2.SIGNAL_ENTROPY, finding="a later change", raised=raised
        )
        scripted.push(monitor_pb2.WatchResponse(drift_alarm=alarm))
        connected.wait(lambda text=bar: connected.window.bar.alarm.text() == text)
        connected.wait(lambda text=cell: state() == text)
