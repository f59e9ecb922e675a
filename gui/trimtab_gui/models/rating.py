"""Blind rating: the next sheet, one grade at a time."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from trimtab_client.trial_types import RatingProgress, RatingReply, RatingSheet

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel


class RatingModel(TellingModel):
    """The caller's sheet of one trial. A grade counts once the server has it."""

    changed = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._name = ""
        self._sheet: RatingSheet | None = None
        self._place = 0
        self._busy = False

    @property
    def sheet(self) -> RatingSheet | None:
        return self._sheet

    @property
    def place(self) -> int:
        """The reply of the sheet that is graded next."""
        return self._place

    @property
    def is_busy(self) -> bool:
        return self._busy

    @property
    def is_done(self) -> bool:
        """Whether the caller has graded everything."""
        return self._sheet is not None and self._sheet.prompt is None

    def open(self, name: str) -> None:
        """Asks for the next sheet of a trial."""
        self._name, self._sheet = name, None
        self._next()

    def choose(self, place: int) -> None:
        """Grades another reply of the sheet, or the same again."""
        if self._sheet is not None and 0 <= place < len(self._sheet.replies):
            self._place = place
            self.changed.emit()

    def grade(self, grade: int) -> None:
        """Grades the reply at `place`; a grade off the scale is ignored."""
        sheet = self._sheet
        if sheet is None or self._busy or not sheet.replies or not 1 <= grade <= sheet.scale:
            return
        self._busy = True
        name, key = self._name, sheet.replies[self._place].key
        answer = _Grade(self, key, grade)
        self._gateway.call(lambda client: client.trials.rate(key, grade, name), answer.done, self._refused)
        self.changed.emit()

    def graded(self, key: str, grade: int, progress: RatingProgress) -> None:
        """The server has the grade: on to the next reply, or the next sheet."""
        self._busy = False
        if self._sheet is None:
            return
        replies = tuple(
            RatingReply(own.key, own.reply, grade) if own.key == key else own for own in self._sheet.replies
        )
        self._sheet = replace(self._sheet, replies=replies, progress=progress)
        left = [place for place, own in enumerate(replies) if not own.grade]
        if left:
            self._place = left[0]
            self.changed.emit()
        else:
            self._next()

    def _next(self) -> None:
        self._busy = True
        name = self._name
        self._gateway.call(lambda client: client.trials.rating_sheet(name), self._take, self._refused)
        self.changed.emit()

    def _take(self, sheet: RatingSheet) -> None:
        self._busy, self._sheet = False, sheet
        self._place = next((place for place, own in enumerate(sheet.replies) if not own.grade), 0)
        self.changed.emit()

    def _refused(self, failure: Failure) -> None:
        self._busy = False
        self.changed.emit()
        self.tell(failure)


class _Grade:
    def __init__(self, model: RatingModel, key: str, grade: int) -> None:
        self._model, self._key, self._grade = model, key, grade

    def done(self, progress: RatingProgress) -> None:
        self._model.graded(self._key, self._grade, progress)
