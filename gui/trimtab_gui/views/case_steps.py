"""The path of a case: its steps from top to bottom, each with its state, what is missing, and one button."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget
from trimtab_client.case_types import CaseStep, CaseStepState

from trimtab_gui.models.case_words import (
    MARKS,
    STATES,
    STEPS,
    TONES,
    button_text,
    language,
    said,
    state_text,
)
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, label, set_tone
from trimtab_gui.views.lengths import scaled

_RADIUS: Final = 14


class StepMark(QWidget):
    """A disc with the mark of the state, on the line that joins the steps."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._state = CaseStepState.UNSPECIFIED
        self._first = self._last = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(scaled(2 * _RADIUS + 8), scaled(2 * _RADIUS + 8))

    def show_state(self, state: CaseStepState, *, first: bool, last: bool) -> None:
        self._state, self._first, self._last = state, first, last
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        colors = {
            CaseStepState.DONE: (tokens.good, tokens.good_soft),
            CaseStepState.NEXT: (tokens.accent, tokens.selection),
            CaseStepState.WAITING: (tokens.warning, tokens.warning_soft),
            CaseStepState.FAILED: (tokens.danger, tokens.danger_soft),
        }
        ink, ground = colors.get(self._state, (tokens.muted, tokens.raised))
        radius = scaled(_RADIUS)
        center = QPointF(self.width() / 2, radius + scaled(14))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.strong_border), 2))
        top = center.y() if self._first else 0.0
        bottom = center.y() if self._last else float(self.height())
        painter.drawLine(QPointF(center.x(), top), QPointF(center.x(), bottom))
        painter.setPen(QPen(QColor(ink), 2))
        painter.setBrush(QColor(ground))
        painter.drawEllipse(center, radius, radius)
        disc = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius)
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, MARKS[self._state])
        painter.end()


class StepCard(Panel):
    """One step."""

    # The command of the step's button.
    pressed = Signal(str)
    # The advice's own, smaller button.
    exampleRequested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.step: CaseStep | None = None
        self.command = ""
        self._number = 0
        self.mark = StepMark(theme)
        self.title = label("heading")
        self.state = label("chip")
        self.sentence = label("", wrap=True)
        self.advice = label("caption", wrap=True)
        self.example_button = QPushButton()
        set_tone(self.example_button, "flat")
        self.button = QPushButton()
        card = Panel("card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 12, 16, 12)
        inside.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.state, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addStretch(1)
        head.addWidget(self.button)
        inside.addLayout(head)
        inside.addWidget(self.sentence)
        inside.addWidget(self.advice)
        row = QHBoxLayout()
        row.addWidget(self.example_button)
        row.addStretch(1)
        inside.addLayout(row)
        # The gap to the next card is beside the line, not through it.
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 8)
        right.addWidget(card)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.mark)
        layout.addLayout(right, 1)
        self.button.clicked.connect(self._press)
        self.example_button.clicked.connect(self.exampleRequested)
        self.retranslate()

    def retranslate(self) -> None:
        self.example_button.setText(self.tr("Save an example file…"))
        self.button.setAccessibleName(self.tr("Do this step"))
        if self.step is not None:
            self.show_step(self.step, self._number, self.command, self.advice.text())

    def show_step(self, step: CaseStep, number: int, command: str, advice: str) -> None:
        """command: of its button, as `BUTTONS` has them; "" for none. advice: what helps with it, or ""."""
        self.step, self.command, self._number = step, command, number
        self.title.setText(f"{number}. {said(STEPS, step.kind)}")
        self.state.setText(state_text(step))
        set_tone(self.state, TONES.get(step.state, ""))
        self.sentence.setText(step.sentence_in(language()))
        text = button_text(step, command)
        self.button.setText(text)
        self.button.setVisible(bool(text))
        self.button.setAccessibleName(self.tr("{0}: {1}").format(said(STEPS, step.kind), text))
        set_tone(self.button, "accent" if step.state is CaseStepState.NEXT else "")
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        self.example_button.setVisible(bool(advice))
        self.setAccessibleName(
            self.tr("Step {0}, {1}, {2}: {3}").format(
                number, said(STEPS, step.kind), said(STATES, step.state), self.sentence.text()
            )
        )

    @Slot()
    def _press(self) -> None:
        self.pressed.emit(self.command)
