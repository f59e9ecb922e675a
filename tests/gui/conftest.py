"""The client on Qt's offscreen platform, against a real gRPC server whose replies are scripted."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
# Test modules are not a package: what they share lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

# Before PySide6, whose import hook looks into modules that are half loaded and makes pydantic load itself twice.
import pydantic.types  # noqa: F401
import pytest
from driven_client import Client
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scripted_server import ScriptedServer
from trimtab_gui.bridge import Gateway
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow

# Said by the offscreen platform about itself.
_HARMLESS = (
    "This plugin does not support propagateSizeHints()",
    "This plugin does not support raise()",
    "This plugin does not support grabbing the keyboard",
    "QObject::connect: No such signal QPlatformNativeInterface::systemTrayWindowChanged(QScreen*)",
)


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the settings of whoever runs it."""
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for variable in ("TRIMTAB_TARGET", "TRIMTAB_TOKEN", "TRIMTAB_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def no_qt_warnings(qapp: QApplication) -> Iterator[None]:
    """Whatever Qt warns of is a defect."""
    warnings: list[str] = []

    def note(kind: QtMsgType, _context: object, text: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and kind is not QtMsgType.QtInfoMsg and text not in _HARMLESS:
            warnings.append(text)

    before = qInstallMessageHandler(note)
    yield
    qInstallMessageHandler(before)
    assert warnings == []


@pytest.fixture(autouse=True)
def nothing_left_running(qapp: QApplication) -> Iterator[None]:
    """No thread of ours, and no running timer, outlives a test."""
    yield
    qapp.processEvents()
    gc.collect()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("trimtab")]
    assert threads == []
    timers = [
        timer.parent()
        for timer in gc.get_objects()
        if issubclass(type(timer), QTimer) and _is_alive(timer) and timer.isActive()
    ]
    assert timers == []


def _is_alive(thing: QObject) -> bool:
    import shiboken6

    return bool(shiboken6.isValid(thing))


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Client]:
    """The whole client, not connected yet."""
    languages = Languages("en")
    theme = Theme(qapp, "light")
    workspace = Workspace(Gateway(), SettingsFile(tmp_path / "settings"))
    window = MainWindow(workspace, theme, languages)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield Client(window, workspace, theme, languages, qtbot)
    window.close()
    languages.choose("en")
    window.deleteLater()
    workspace.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()


@pytest.fixture
def connected(client: Client, scripted: ScriptedServer) -> Client:
    client.connect(scripted.target)
    return client
