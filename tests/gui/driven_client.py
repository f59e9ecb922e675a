"""A window and everything behind it, as the tests drive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytestqt.qtbot import QtBot
from scripted_server import TOKEN
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow


@dataclass
class Client:
    """A window and everything behind it."""

    window: MainWindow
    workspace: Workspace
    theme: Theme
    languages: Languages
    qtbot: QtBot

    def connect(self, target: str, token: str = TOKEN) -> None:
        self.workspace.connection.connect_to(target, token)
        self.wait(lambda: self.workspace.is_ready)

    def wait(self, condition: Callable[[], bool], timeout: int = 15_000) -> None:
        self.qtbot.waitUntil(condition, timeout=timeout)
