"""A panel over the Chat room, beside which everything goes on."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from trimtab_gui.icons import icon
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel
from trimtab_gui.views.lengths import scaled

# Around what is in it.
_LEFT: Final = 12
_RIGHT: Final = 10


class ChatPanel(Panel):
    """Lies over one side of its parent, with a title; Escape closes it and gives the keyboard back.

    Whoever inherits puts widgets into `body`.
    """

    WIDTH = 380

    def __init__(self, theme: Theme, parent: QWidget, *, right: bool = False, scrolls: bool = False) -> None:
        super().__init__("card", parent)
        self._theme = theme
        self._right = right
        self._focus_before: QWidget | None = None
        self.title = ElidedLabel("heading")
        self.close_button = QToolButton()
        self.close_button.setIconSize(QSize(18, 18))
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self._scrolled: tuple[QScrollArea, QWidget] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_LEFT, 8, _RIGHT, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        if scrolls:
            inside = QWidget()
            inside.setLayout(self.body)
            self.body.setContentsMargins(0, 0, 6, 0)
            area = QScrollArea()
            self._scrolled = area, inside
            area.setWidget(inside)
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            layout.addWidget(area, 1)
        else:
            layout.addLayout(self.body, 1)
        self.close_button.clicked.connect(self.hide)
        theme.changed.connect(self.restyle)
        parent.installEventFilter(self)
        self.hide()

    def retranslate(self) -> None:
        self.close_button.setAccessibleName(self.tr("Close"))
        self.close_button.setToolTip(self.tr("Close"))

    @Slot()
    def restyle(self) -> None:
        self.close_button.setIcon(icon("close", self._theme.tokens.muted))

    def show_over(self, focus: QWidget) -> None:
        """Opens with the keyboard in `focus`."""
        if not self.isVisible():
            self._focus_before = QApplication.focusWidget()
        self._fit()
        self.show()
        self.raise_()
        focus.setFocus()

    def _fit(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        width = max(scaled(self.WIDTH), self.minimumSizeHint().width())
        if self._scrolled is not None:
            # It never scrolls sideways, so its content has to fit.
            area, inside = self._scrolled
            bar = area.verticalScrollBar().sizeHint().width()
            width = max(width, inside.minimumSizeHint().width() + bar + _LEFT + _RIGHT)
        # Of a room that is larger than the window, the part that is in sight.
        room = parent.visibleRegion().boundingRect() if parent.isVisible() else parent.rect()
        width = min(width, room.width() - 20)
        left = room.right() - width - 10 if self._right else room.left() + 10
        self.setGeometry(left, room.top() + 10, width, room.height() - 20)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._fit()
        return super().eventFilter(watched, event)

    def hideEvent(self, event: QHideEvent) -> None:
        before, self._focus_before = self._focus_before, None
        if before is not None and isValid(before) and before.isVisible() and before.isEnabled():
            before.setFocus()
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(event)
