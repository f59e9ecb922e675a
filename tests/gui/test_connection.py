"""Connecting, being refused, losing the server in the middle of a reply, and coming back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import trimtab_gui.bridge.session as session
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from scripted_server import TOKEN, ScriptedServer
from trimtab_gui.bridge import Phase
from trimtab_gui.models.conversation import TurnState
from trimtab_gui.settings import SettingsFile


def test_the_start_page_connects_and_remembers(
    client: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    page = client.window.start_page
    assert page.isVisible() and not client.window.bar.isVisible()
    assert page.token_field.echoMode() is QLineEdit.EchoMode.Password
    QTest.keyClicks(page.target_field, scripted.target)
    QTest.keyClicks(page.token_field, TOKEN)
    QTest.mouseClick(page.connect_button, Qt.MouseButton.LeftButton)
    client.wait(lambda: client.workspace.is_ready)
    assert client.window.bar.isVisible() and scripted.target in client.window.bar.server.text()
    folder = tmp_path / "settings"
    assert SettingsFile(folder).token_for(scripted.target) == TOKEN
    assert stat.S_IMODE((folder / "desktop-tokens.json").stat().st_mode) == 0o600
    assert TOKEN not in (folder / "desktop.json").read_text()


def test_a_wrong_token_is_explained_and_not_tried_again(client: Client, scripted: ScriptedServer) -> None:
    client.workspace.connection.connect_to(scripted.target, "wrong")
    client.wait(lambda: client.workspace.connection.status.phase is Phase.REFUSED)
    assert client.window.start_page.isVisible()
    texts = " ".join(
        label.text() for label in client.window.start_page.findChildren(type(client.window.bar.server))
    )
    assert "does not know this token" in texts


def test_no_server_is_explained_and_found_once_it_is_there(client: Client, scripted: ScriptedServer) -> None:
    scripted.stop()
    client.workspace.connection.connect_to(scripted.target, TOKEN)
    client.wait(lambda: client.workspace.connection.status.phase is Phase.LOST)
    assert client.window.start_page.isVisible()
    scripted.start()
    client.wait(lambda: client.workspace.is_ready)


def test_a_server_that_dies_in_a_reply_is_shown_and_the_text_stays(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.script.hold_after = 4
    conversation = connected.workspace.conversation
    conversation.send("And then?")
    connected.wait(lambda: all(len(lane.turns[-1].tokens) == 4 for lane in conversation.lanes))
    scripted.stop()
    connected.wait(lambda: connected.workspace.connection.status.phase is Phase.LOST)
    connected.wait(lambda: not conversation.is_busy)
    assert [lane.turns[-1].state for lane in conversation.lanes] == [TurnState.FAILED] * 3
    transcript = connected.window.chat.view(conversation.lanes[2].id).transcript.toPlainText()
    assert "The Marogi timer costs" in transcript and "Broken off" in transcript
    window = connected.window
    assert "Server gone since" in window.bar.server.text() and window.connection_strip.isVisible()
    assert window.bar.rate.text() == "–" and "last known" in window.bar.snapshot.text()
    assert not window.bar.rollback_button.isEnabled() and not window.bar.alarm.isVisible()
    scripted.script.hold_after = 0
    scripted.start()
    connected.wait(lambda: connected.workspace.is_ready)
    assert not window.connection_strip.isVisible()
    conversation.regenerate()
    connected.wait(lambda: not conversation.is_busy)
    assert [lane.turns[-1].state for lane in conversation.lanes] == [TurnState.DONE] * 3


def test_a_server_that_falls_silent_is_stale_not_gone(
    connected: Client, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "ANSWER_SECONDS", 0.3)
    scripted.script.answers.clear()
    connected.wait(lambda: connected.workspace.connection.status.phase is Phase.STALE)
    assert "No answer since" in connected.window.bar.server.text()
    assert connected.workspace.connection.tokens_per_second is None
    scripted.script.answers.set()
    connected.wait(lambda: connected.workspace.connection.is_live)


def test_leaving_a_server_stops_everything_and_shows_the_start_page(connected: Client) -> None:
    connected.workspace.commands.run("connection.change")
    assert connected.window.start_page.isVisible()
    assert connected.workspace.connection.status.phase is Phase.IDLE
    assert connected.window.start_page.target_field.text() != ""


def test_damaged_settings_are_reported_and_replaced_by_defaults(tmp_path: Path) -> None:
    (tmp_path / "desktop.json").write_text('{"theme": "purple"}')
    files = SettingsFile(tmp_path)
    assert files.settings.theme == "light" and "theme" in files.problem
