"""A picture of the real window, once it shows what it was asked to show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from trimtab_gui.models.workspace import Workspace

SETTLE_MILLISECONDS: Final = 700
LONGEST_WAIT_MILLISECONDS: Final = 180_000


class Photographer(QObject):
    """Waits until everything is read and every reply has ended, lets the window settle, and saves it as PNG."""

    # Whether the picture was saved.
    taken = Signal(bool)

    def __init__(self, window: QWidget, workspace: Workspace, path: Path) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = workspace
        self._path = path
        self._asked = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MILLISECONDS)
        self._settle.timeout.connect(self._take)
        self._limit = QTimer(self)
        self._limit.setSingleShot(True)
        self._limit.setInterval(LONGEST_WAIT_MILLISECONDS)
        self._limit.timeout.connect(self._give_up)
        self._limit.start()
        workspace.conversation.busyChanged.connect(self._look)

    @Slot()
    def ready(self) -> None:
        """The first screen has been read, and whatever was to be asked has been asked."""
        self._asked = True
        self._look()

    @Slot()
    def _look(self) -> None:
        if self._asked and not self._workspace.conversation.is_busy:
            self._settle.start()
        else:
            self._settle.stop()

    @Slot()
    def _take(self) -> None:
        self._limit.stop()
        QApplication.processEvents()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        saved = self._window.grab().save(str(self._path), "PNG")
        if not saved:
            print(f"trimtab-gui: the picture could not be written to {self._path}", file=sys.stderr)
        self.taken.emit(saved)

    @Slot()
    def _give_up(self) -> None:
        status = self._workspace.connection.status
        why = "" if status.failure is None else f": {status.failure.message}"
        print(f"trimtab-gui: no picture, connection is {status.phase.value}{why}", file=sys.stderr)
        self.taken.emit(False)
