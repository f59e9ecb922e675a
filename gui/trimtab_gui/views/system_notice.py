"""Notices of the desktop, for when the operator looks at another window."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from trimtab_gui.icons import application_icon


class Notifier(Protocol):
    """Whatever can tell somebody who does not see the window."""

    def notify(self, title: str, text: str) -> None: ...


class SystemNotifier(QObject):
    """A balloon of the desktop's notification area where there is one; the window's entry in the task bar asks for
    attention in any case."""

    # The notice was clicked.
    activated = Signal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None

    def notify(self, title: str, text: str) -> None:
        QApplication.alert(self._window)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(application_icon(), self)
            self._tray.setToolTip("Trimtab")
            self._tray.messageClicked.connect(self._clicked)
            self._tray.activated.connect(self._clicked)
        self._tray.show()
        self._tray.showMessage(title, text, QSystemTrayIcon.MessageIcon.Warning)

    @Slot()
    def hide(self) -> None:
        """Takes the icon away: the window is looked at again."""
        if self._tray is not None:
            self._tray.hide()

    @Slot()
    def _clicked(self) -> None:
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self.hide()
        self.activated.emit()
