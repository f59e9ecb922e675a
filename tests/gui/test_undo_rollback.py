"""The way back from a rollback: an activation like any other, offered only while there is a rollback to undo."""

from __future__ import annotations

import grpc
import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import HONESTY, STAGE, ScriptedServer
from trimtab_protos.v1 import snapshot_pb2, steering_pb2

COMMAND = "release.undo_rollback"


@pytest.fixture
def rolled_back(connected: Client, scripted: ScriptedServer) -> str:
    """A steered snapshot was active until it was rolled back; its name."""
    term = steering_pb2.SteeringTerm(vector=HONESTY, strength=0.5)
    name = scripted.add_snapshot("honest 0.5", steering_pb2.Steering(stage=STAGE, terms=[term]))
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "it passed")
    connected.wait(lambda: connected.workspace.release.can_roll_back)
    assert not connected.workspace.commands.is_enabled(COMMAND)
    first = scripted.revisions[0].snapshot
    scripted.activate(first, snapshot_pb2.REVISION_KIND_ROLLBACK, "other", "too fast", rolled_back=2)
    connected.wait(lambda: connected.workspace.commands.is_enabled(COMMAND))
    return name


def from_the_palette(client: Client, words: str) -> None:
    client.workspace.commands.run("view.palette")
    palette = client.window.palette_panel
    QTest.keyClicks(palette.field, words)
    assert palette.list.count() > 0
    QTest.keyClick(palette.field, Qt.Key.Key_Return)


def give_reason(client: Client, reason: str) -> None:
    QTest.keyClicks(client.window.reason.reason_field, reason)
    QTest.keyClick(client.window.reason.reason_field, Qt.Key.Key_Return)


def test_the_palette_undoes_a_rollback_by_one_more_activation(
    connected: Client, scripted: ScriptedServer, rolled_back: str
) -> None:
    from_the_palette(connected, "undo the rollback")
    window = connected.window
    assert (
        window.reason.isVisible()
        and "Activate “honest 0.5” in place of “unsteered”" in window.reason.question
    )
    give_reason(connected, "the alarm was a false one")
    connected.wait(lambda: "honest 0.5" in window.bar.snapshot.text())
    last = scripted.revisions[-1]
    assert (last.number, last.snapshot, last.kind) == (4, rolled_back, snapshot_pb2.REVISION_KIND_ACTIVATE)
    assert (last.reason, last.rolled_back) == ("the alarm was a false one", 0)
    assert scripted.records[-1].action == "snapshot.activate"
    request = next(own for own in scripted.requests if isinstance(own, snapshot_pb2.ActivateSnapshotRequest))
    assert request.expected_revision == 3
    connected.wait(lambda: not connected.workspace.release.is_busy)
    connected.wait(lambda: connected.workspace.release.undo_target() is None)
    assert not connected.workspace.commands.is_enabled(COMMAND)


def test_the_page_of_snapshots_and_the_menu_offer_it_while_it_can_be_done(
    connected: Client, scripted: ScriptedServer, rolled_back: str
) -> None:
    window = connected.window
    window.show_room("release")
    button = window.release.snapshots.undo_button
    assert button.isVisible() and button.isEnabled() and button.text() == "Undo the rollback…"
    titles = [action.text() for action in window._menus["release"].actions() if action.isEnabled()]
    assert "Undo the rollback" in titles
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    give_reason(connected, "it was the wrong one")
    connected.wait(lambda: scripted.revisions[-1].reason == "it was the wrong one")
    assert scripted.revisions[-1].snapshot == rolled_back
    connected.wait(lambda: not button.isVisible())


def test_somebody_elses_change_in_between_is_not_run_over(
    connected: Client, scripted: ScriptedServer, rolled_back: str
) -> None:
    connected.workspace.commands.run(COMMAND)
    first = scripted.revisions[0].snapshot
    scripted.activate(first, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "meanwhile")
    give_reason(connected, "I saw revision 3")
    connected.wait(lambda: "Somebody else" in connected.window.notice.text)
    assert scripted.revisions[-1].reason == "meanwhile"


def test_where_it_takes_two_people_the_second_is_asked_for(
    connected: Client, scripted: ScriptedServer, rolled_back: str
) -> None:
    scripted.script.refused = {
        "ActivateSnapshotRequest": (grpc.StatusCode.FAILED_PRECONDITION, "SECOND_PERSON_NEEDED")
    }
    connected.workspace.commands.run(COMMAND)
    give_reason(connected, "steers against a protected concept")
    connected.wait(lambda: connected.window.notice.action_button.text() == "Show the approvals")
    assert len(scripted.revisions) == 3
    assert connected.workspace.commands.is_enabled(COMMAND)


def test_a_rollback_to_what_was_active_already_has_nothing_to_undo(
    connected: Client, scripted: ScriptedServer
) -> None:
    first = scripted.revisions[0].snapshot
    scripted.activate(first, snapshot_pb2.REVISION_KIND_ROLLBACK, "other", "to be sure")
    connected.wait(lambda: len(connected.workspace.release.revisions) == 2)
    assert not connected.workspace.commands.is_enabled(COMMAND)
