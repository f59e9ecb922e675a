"""Lengths that grow with the text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSize
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from trimtab_gui.theme import USUAL_POINTS


class _Length(QObject):
    """Keeps a length of a widget in step with the size of the text."""

    def __init__(self, widget: QWidget, pixels: int, give: Callable[[int], None]) -> None:
        super().__init__(widget)
        self._pixels = pixels
        self._give = give
        widget.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()
        return False

    def _fit(self) -> None:
        self._give(scaled(self._pixels))


def scaled(pixels: float) -> int:
    """A length that was chosen for text of the usual size, at the present size of the text."""
    return round(pixels * QApplication.font().pointSizeF() / USUAL_POINTS)


def fix_width(widget: QWidget, pixels: int) -> None:
    """A fixed width, given for text of the usual size."""
    _Length(widget, pixels, widget.setFixedWidth)


def limit_width(widget: QWidget, pixels: int) -> None:
    """A largest width, given for text of the usual size."""
    _Length(widget, pixels, widget.setMaximumWidth)


def ask_width(widget: QWidget, pixels: int) -> None:
    """A smallest width, given for text of the usual size."""
    _Length(widget, pixels, widget.setMinimumWidth)


def fit_icon(button: QAbstractButton, pixels: int) -> None:
    """The side of a button's icon, given for text of the usual size."""
    _Length(button, pixels, partial(_give_icon_size, button))


def _give_icon_size(button: QAbstractButton, side: int) -> None:
    button.setIconSize(QSize(side, side))


def ask_height(widget: QWidget, pixels: int) -> None:
    """A smallest height, given for text of the usual size."""
    _Length(widget, pixels, widget.setMinimumHeight)


def share_of(font: QFont, share: float) -> QFont:
    """The same font, `share` times as large: for what is painted by hand."""
    result = QFont(font)
    result.setPointSizeF(font.pointSizeF() * share)
    return result
