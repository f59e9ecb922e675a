"""Starting a server from the first page: the real one where it is installed, and what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimtab_gui.models.local_server as local_server
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest


def test_the_first_page_starts_the_real_server_and_connects_by_itself(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMTAB_DATA_DIR", str(tmp_path / "data"))
    page, local = client.window.start_page, client.workspace.local_server
    assert page.start_button.isVisible()
    QTest.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    assert local.running and not page.start_button.isEnabled()
    client.wait(lambda: client.workspace.is_ready, 120_000)
    assert client.window.bar.isVisible()
    assert page.target_field.text() == (tmp_path / "data" / "address").read_text().strip()
    local.stop()
    assert not local.running


def test_a_server_that_cannot_start_says_why(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("no directory")
    monkeypatch.setenv("TRIMTAB_DATA_DIR", str(blocked / "data"))
    heard: list[str] = []
    local = client.workspace.local_server
    local.failed.connect(heard.append)
    local.start()
    client.wait(lambda: bool(heard), 120_000)
    assert str(blocked) in heard[0]
    shown = [label.text() for label in client.window.start_page.findChildren(type(client.window.bar.server))]
    assert any(str(blocked) in text for text in shown)
    assert client.window.start_page.start_button.isEnabled()


def test_where_only_the_client_is_installed_the_page_says_how_to_get_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setenv("PATH", "")
    assert local_server.server_command() is None
    assert not local_server.LocalServer().installed
