"""Where every control of the window is on the screen, for a hand that is no person's: tests on a real display."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QRect, QTimer, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

LOOK_MILLISECONDS: Final = 200
_CONTROLS: Final = (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
)


class ScreenMap(QObject):
    """Writes one JSON list whenever it has changed: accessible name, text, class, focus, and the rectangle in pixels.

    A tab bar is written as one entry for each of its tabs. Only what can be seen and used now is in the list.
    """

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._written = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    @Slot()
    def _look(self) -> None:
        entries: list[dict[str, object]] = []
        for widget in QApplication.allWidgets():
            if isinstance(widget, _CONTROLS) and not isinstance(widget, QScrollBar) and _can_be_used(widget):
                entries += _entries(widget)
        text = json.dumps(entries, ensure_ascii=False)
        if text != self._written:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._path)
            self._written = text


def _can_be_used(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled() and not widget.visibleRegion().isEmpty()


def _entries(widget: QWidget) -> list[dict[str, object]]:
    if isinstance(widget, QTabBar):
        return [
            _entry(widget, widget.tabText(index), widget.tabRect(index)) for index in range(widget.count())
        ]
    text = widget.text() if isinstance(widget, QAbstractButton | QLineEdit) else ""
    if isinstance(widget, QComboBox):
        text = widget.currentText()
    return [_entry(widget, text, widget.visibleRegion().boundingRect())]


def _entry(widget: QWidget, text: str, place: QRect) -> dict[str, object]:
    corner = widget.mapToGlobal(place.topLeft())
    return {
        "name": widget.accessibleName(),
        "text": text.replace("&", ""),
        "kind": type(widget).__name__,
        "focus": widget.hasFocus(),
        "rect": [corner.x(), corner.y(), place.width(), place.height()],
    }
