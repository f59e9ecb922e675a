"""Blind rating: replies without their lanes, in a shuffled order, graded with one key each."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget
from trimtab_client.trial_types import RatingProgress

from trimtab_gui.models.rating import RatingModel
from trimtab_gui.views.elements import Panel, label, number, set_tone
from trimtab_gui.views.lengths import fix_width

#: Above it grades can be relied on (Krippendorff 2004, Content Analysis, section 11.4).
_RELIABLE: Final = 0.8
_TENTATIVE: Final = 0.667


class RatingPanel(Panel):
    """Takes the number keys while it has the focus; the arrow keys choose another reply."""

    closed = Signal()
    finishRequested = Signal()

    def __init__(self, model: RatingModel) -> None:
        super().__init__()
        self._model = model
        self._title = label("heading")
        self.progress = QProgressBar()
        fix_width(self.progress, 220)
        self.progress.setTextVisible(False)
        self.done = label("")
        self.agreement = label("muted", wrap=True)
        self.prompt_text = label("", wrap=True)
        self._system = label("caption", wrap=True)
        self.rubric = label("muted", wrap=True)
        self._hint = label("caption", wrap=True)
        self.finish_button = QPushButton()
        self.close_button = QPushButton()
        self.grade_buttons: list[QPushButton] = []
        self.cards: list[ReplyCard] = []
        self._grades = QHBoxLayout()
        self._replies = QVBoxLayout()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._build()
        model.changed.connect(self._show)
        self.close_button.clicked.connect(self.closed)
        self.finish_button.clicked.connect(self.finishRequested)
        self.retranslate()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._title)
        head.addWidget(self.progress)
        head.addWidget(self.done)
        head.addStretch(1)
        head.addWidget(self.finish_button)
        head.addWidget(self.close_button)
        asked = Panel("card")
        column = QVBoxLayout(asked)
        column.setContentsMargins(16, 12, 16, 12)
        for widget in (self._system, self.prompt_text, self.rubric):
            column.addWidget(widget)
        inside = QWidget()
        self._replies.setContentsMargins(0, 0, 6, 0)
        self._replies.setSpacing(8)
        self._replies.addStretch(1)
        inside.setLayout(self._replies)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._grades.setSpacing(8)
        self._grades.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.agreement)
        layout.addWidget(asked)
        layout.addWidget(scroll, 1)
        layout.addLayout(self._grades)
        layout.addWidget(self._hint)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Blind rating"))
        self.finish_button.setText(self.tr("Finish and show the lanes…"))
        self.close_button.setText(self.tr("Back to the trial"))
        self._hint.setText(
            self.tr("Keys: 1 to 4 grade the marked reply, ↑ and ↓ choose another one. Lanes stay hidden.")
        )
        self.progress.setAccessibleName(self.tr("Grades given"))
        self.setAccessibleName(self.tr("Blind rating"))
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text().isdigit() and event.text() != "0":
            self._model.grade(int(event.text()))
        elif event.key() == Qt.Key.Key_Down:
            self._model.choose(self._model.place + 1)
        elif event.key() == Qt.Key.Key_Up:
            self._model.choose(self._model.place - 1)
        elif event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _show(self) -> None:
        sheet = self._model.sheet
        self._set_counts(len(sheet.replies) if sheet else 0, sheet.scale if sheet and sheet.replies else 0)
        if sheet is None:
            self.prompt_text.setText(self.tr("The next replies are fetched…") if self._model.is_busy else "")
            self._system.setText("")
            self.rubric.setText("")
            self.agreement.setText("")
            self.finish_button.setEnabled(False)
            return
        progress = sheet.progress
        self.progress.setRange(0, max(1, progress.planned))
        self.progress.setValue(progress.done)
        self.done.setText(self.tr("{0} of {1} graded").format(progress.done, progress.planned))
        self.agreement.setText(self._agreement_text(progress))
        self.finish_button.setEnabled(
            not progress.finished and progress.rated > 0 and not self._model.is_busy
        )
        self.rubric.setText(sheet.rubric)
        self.rubric.setVisible(bool(sheet.rubric))
        if sheet.prompt is None:
            self._system.setText("")
            self.prompt_text.setText(
                self.tr("You have graded every reply. Finish, or let a colleague grade them too.")
            )
            return
        self._system.setText(sheet.prompt.system)
        self._system.setVisible(bool(sheet.prompt.system))
        self.prompt_text.setText(sheet.prompt.prompt)
        for place, reply in enumerate(sheet.replies):
            self.cards[place].show_reply(
                place, reply.reply, reply.grade, sheet.scale, marked=place == self._model.place
            )
        for button in self.grade_buttons:
            button.setEnabled(not self._model.is_busy)

    def _agreement_text(self, progress: RatingProgress) -> str:
        found = progress.agreement
        if found.alpha is None:
            return self.tr("{0} raters. Agreement needs replies that two people have graded.").format(
                progress.raters
            )
        if found.alpha >= _RELIABLE:
            word = self.tr("grades can be relied on")
        elif found.alpha >= _TENTATIVE:
            word = self.tr("grades are tentative")
        else:
            word = self.tr("grades cannot be relied on")
        interval = ""
        if found.low is not None and found.high is not None:
            interval = f" ({number(found.low, 2)} – {number(found.high, 2)})"
        return self.tr("{0} raters agree with α = {1} over {2} replies: {3}").format(
            progress.raters, number(found.alpha, 2) + interval, found.replies, word
        )

    def _set_counts(self, replies: int, scale: int) -> None:
        while len(self.cards) < replies:
            card = ReplyCard()
            card.chosen.connect(self._choose)
            self.cards.append(card)
            self._replies.insertWidget(self._replies.count() - 1, card)
        for place, card in enumerate(self.cards):
            card.setVisible(place < replies)
        while len(self.grade_buttons) < scale:
            button = QPushButton()
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self._grade_clicked)
            self.grade_buttons.append(button)
            self._grades.insertWidget(self._grades.count() - 1, button)
        for place, button in enumerate(self.grade_buttons):
            button.setVisible(place < scale)
            text = str(place + 1)
            if place == 0:
                text = self.tr("{0}  worst").format(text)
            elif place == scale - 1:
                text = self.tr("{0}  best").format(text)
            button.setText(text)
            button.setAccessibleName(self.tr("Grade {0}").format(text))

    @Slot(int)
    def _choose(self, place: int) -> None:
        self._model.choose(place)
        self.setFocus()

    @Slot()
    def _grade_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self._model.grade(self.grade_buttons.index(button) + 1)
            self.setFocus()


class ReplyCard(Panel):
    """One reply without its lane."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__("card")
        self._place = 0
        self.mark = label("chip")
        self.text = label("", wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(12)
        layout.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.text, 1)

    def show_reply(self, place: int, reply: str, grade: int, scale: int, *, marked: bool) -> None:
        self._place = place
        letter = chr(ord("A") + place)
        pointer = "▶ " if marked else ""
        graded = self.tr("{0} of {1}").format(grade, scale) if grade else self.tr("no grade")
        self.mark.setText(f"{pointer}{letter}  {graded}")
        set_tone(self.mark, "good" if grade else "warning" if marked else "")
        self.text.setText(reply)

    def mousePressEvent(self, event: object) -> None:
        self.chosen.emit(self._place)
