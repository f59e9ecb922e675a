"""Snapshots, activation and rollback by mouse and keyboard; the bar that is always there."""

from __future__ import annotations

from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import HONESTY, STAGE, ScriptedServer
from trimtab_protos.v1 import monitor_pb2, snapshot_pb2, steering_pb2


def release_honest(client: Client, scripted: ScriptedServer) -> str:
    """Another client makes a steered snapshot the active one."""
    term = steering_pb2.SteeringTerm(vector=HONESTY, strength=0.5)
    name = scripted.add_snapshot("honest 0.5", steering_pb2.Steering(stage=STAGE, terms=[term]))
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "it passed")
    client.wait(lambda: "honest 0.5" in client.window.bar.snapshot.text())
    client.wait(lambda: client.workspace.release.can_roll_back)
    return name


def test_from_the_dock_to_the_active_snapshot_and_back(connected: Client, scripted: ScriptedServer) -> None:
    window = connected.window
    QTest.mouseClick(window.chat.dock.create_button, Qt.MouseButton.LeftButton)
    form = window.chat.dock.form
    assert form.name_field.text() == "honesty 0.54"
    form.name_field.setText("first try")
    QTest.mouseClick(form.create_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: "first try" in window.notice.text)
    QTest.mouseClick(window.notice.action_button, Qt.MouseButton.LeftButton)
    assert window.reason.isVisible() and "first try" in window.reason.question
    assert not window.reason.confirm_button.isEnabled()
    QTest.keyClicks(window.reason.reason_field, "trial passed")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    connected.wait(lambda: "first try" in window.bar.snapshot.text())
    assert scripted.revisions[-1].reason == "trial passed"
    connected.wait(lambda: window.bar.rollback_button.isEnabled())
    QTest.mouseClick(window.bar.rollback_button, Qt.MouseButton.LeftButton)
    assert "from “first try” to “unsteered”" in window.reason.question
    QTest.keyClicks(window.reason.reason_field, "the canary set fell")
    QTest.mouseClick(window.reason.confirm_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: "unsteered" in window.bar.snapshot.text())
    last = scripted.revisions[-1]
    assert (last.reason, last.rolled_back) == ("the canary set fell", 2)


def test_an_activation_names_the_revision_that_was_on_the_screen(
    connected: Client, scripted: ScriptedServer
) -> None:
    name = release_honest(connected, scripted)
    window = connected.window
    unsteered = scripted.revisions[0].snapshot
    window.ask_activation(unsteered)
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "meanwhile")
    QTest.keyClicks(window.reason.reason_field, "I saw revision 2")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    connected.wait(lambda: "Somebody else" in window.notice.text)
    assert scripted.revisions[-1].reason == "meanwhile"


def test_unsteered_now_is_one_click_and_offers_the_way_back(
    connected: Client, scripted: ScriptedServer
) -> None:
    name = release_honest(connected, scripted)
    window = connected.window
    QTest.mouseClick(window.bar.unsteered_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: "Unsteered since revision 3" in window.notice.text)
    assert scripted.revisions[-1].snapshot == scripted.revisions[0].snapshot
    assert "Unsteered now" in scripted.revisions[-1].reason
    connected.wait(lambda: not window.bar.unsteered_button.isEnabled())
    QTest.mouseClick(window.notice.action_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(window.reason.reason_field, "pressed by mistake")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    connected.wait(lambda: len(scripted.revisions) == 4)
    assert scripted.revisions[-1].snapshot == name


def test_escape_drops_a_question_and_nothing_happens(connected: Client, scripted: ScriptedServer) -> None:
    release_honest(connected, scripted)
    connected.window.ask_rollback()
    QTest.keyClicks(connected.window.reason.reason_field, "never mind")
    QTest.keyClick(connected.window.reason.reason_field, Qt.Key.Key_Escape)
    assert not connected.window.reason.isVisible()
    assert len(scripted.revisions) == 2


def test_the_difference_of_two_snapshots_is_shown(connected: Client, scripted: ScriptedServer) -> None:
    release_honest(connected, scripted)
    page = connected.window.release.snapshots
    connected.window.show_room("release")
    connected.wait(lambda: page.snapshots_table.model().rowCount() == 2)
    page.choose(scripted.revisions[0].snapshot)
    page.base_choice.setCurrentIndex(page.base_choice.findData(scripted.revisions[1].snapshot))
    page.base_choice.activated.emit(page.base_choice.currentIndex())
    connected.wait(lambda: page.changes_table.model().rowCount() > 0)
    model = page.changes_table.model()
    rows = [[model.index(row, column).data() for column in range(3)] for row in range(model.rowCount())]
    assert ["terms[a1a1a1a1].strength", "0.5", "–"] in rows


def test_the_history_shows_who_and_why(connected: Client, scripted: ScriptedServer) -> None:
    release_honest(connected, scripted)
    table = connected.window.release.snapshots.history_table.model()
    connected.wait(lambda: table.rowCount() == 2)
    assert [table.index(0, column).data() for column in (0, 1, 3, 5)] == [
        "2",
        "honest 0.5",
        "other",
        "it passed",
    ]


def test_an_alarm_is_on_the_bar_in_words_until_it_ends(connected: Client, scripted: ScriptedServer) -> None:
    threshold = monitor_pb2.Threshold(signal=monitor_pb2.SIGNAL_HONEST_UNDER_PRESSURE, lower=0.6)
    for raised, expected in ((True, "⚠ Honest under pressure"), (False, "✓ No alarm")):
        alarm = monitor_pb2.Alarm(threshold=threshold, sample=monitor_pb2.Sample(value=0.2), raised=raised)
        scripted.push(monitor_pb2.WatchResponse(alarm=alarm))
        connected.wait(lambda text=expected: connected.window.bar.alarm.text() == text)


def test_the_canary_set_runs_and_its_figures_arrive(connected: Client, scripted: ScriptedServer) -> None:
    connected.window.show_room("release")
    QTest.mouseClick(connected.window.chat.canary.run_button, Qt.MouseButton.LeftButton)
    runs = connected.window.release.monitors.runs_table.model()
    connected.wait(lambda: runs.rowCount() == 1)
    assert runs.index(0, 2).data().startswith("20%")
    connected.wait(lambda: not connected.workspace.monitors.canary_is_running)


def test_the_audit_is_listed_and_searched(connected: Client, scripted: ScriptedServer) -> None:
    release_honest(connected, scripted)
    record = connected.window.record
    connected.window.show_room("record")
    connected.wait(lambda: record.table.model().rowCount() == 4)
    QTest.keyClicks(record.search_field, "it passed")
    assert record.table.model().rowCount() == 1
    record.table.selectRow(0)
    assert record.copy_button.isEnabled()
