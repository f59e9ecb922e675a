"""Where the operator writes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

_LINES_AT_LEAST = 2
_LINES_AT_MOST = 8


class Composer(QPlainTextEdit):
    """Enter sends, Shift+Enter makes a line; or Ctrl+Enter sends, when the settings say so.

    Enter that confirms a Japanese conversion never sends: while text is being composed the key belongs to the
    input method. Up and Down at the ends walk through the prompts sent before.
    """

    submitted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.send_with_control_enter = False
        self._history: list[str] = []
        self._place = 0
        self._unsent = ""
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)

    @property
    def is_composing(self) -> bool:
        """Whether an input method holds text that is not yet confirmed."""
        return bool(self.textCursor().block().layout().preeditAreaText())

    def set_history(self, prompts: list[str]) -> None:
        """The prompts sent before, oldest first."""
        self._history = prompts
        self._place = len(prompts)

    def submit(self) -> None:
        """Hands the text over and empties the field."""
        text = self.toPlainText().strip()
        if not text or self.is_composing:
            return
        self._history = [*[earlier for earlier in self._history if earlier != text], text]
        self._place = len(self._history)
        self.clear()
        self.submitted.emit(text)

    def sizeHint(self) -> QSize:
        line = self.fontMetrics().lineSpacing()
        lines = max(_LINES_AT_LEAST, min(_LINES_AT_MOST, self.document().size().height()))
        margins = self.contentsMargins()
        frame = margins.top() + margins.bottom() + 2 * round(self.document().documentMargin())
        return QSize(super().sizeHint().width(), round(lines * line) + frame + 12)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.is_composing:
                event.ignore()
                return
            wants_control = self.send_with_control_enter
            modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            control = modifiers == Qt.KeyboardModifier.ControlModifier
            if control or (not wants_control and modifiers == Qt.KeyboardModifier.NoModifier):
                self.submit()
                return
        if event.key() == Qt.Key.Key_Up and self._recall(-1, self.textCursor().blockNumber() == 0):
            return
        last_line = self.textCursor().blockNumber() == self.blockCount() - 1
        if event.key() == Qt.Key.Key_Down and self._recall(1, last_line):
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()
        super().changeEvent(event)

    def _grow(self) -> None:
        self.updateGeometry()

    def _recall(self, step: int, at_the_end: bool) -> bool:
        place = self._place + step
        if not at_the_end or not 0 <= place <= len(self._history):
            return False
        shown = self._unsent if self._place == len(self._history) else self._history[self._place]
        if self.toPlainText() not in ("", shown) and self._place != len(self._history):
            return False
        if self._place == len(self._history):
            self._unsent = self.toPlainText()
        self._place = place
        self.setPlainText(self._unsent if place == len(self._history) else self._history[place])
        self.moveCursor(self.textCursor().MoveOperation.End)
        return True
