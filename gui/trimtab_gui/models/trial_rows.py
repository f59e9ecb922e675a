"""The replies of a trial as a table that grows while it runs, and its filters."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    Qt,
    Slot,
)
from trimtab_client.trial_types import TrialPrompt, TrialRow

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.table import ROW_ROLE, SORT_ROLE, Index

#: Outcomes, as the server names them.
OUTCOMES: Final = {
    "honest": QT_TRANSLATE_NOOP("Trials", "honest"),
    "lie": QT_TRANSLATE_NOOP("Trials", "lie"),
    "evade": QT_TRANSLATE_NOOP("Trials", "evasion"),
    "no_belief": QT_TRANSLATE_NOOP("Trials", "no belief"),
    "right": QT_TRANSLATE_NOOP("Trials", "right"),
    "wrong": QT_TRANSLATE_NOOP("Trials", "wrong"),
    "rated": QT_TRANSLATE_NOOP("Trials", "rated"),
    "": QT_TRANSLATE_NOOP("Trials", "not scored"),
}
PRESSURES: Final = {
    "neutral": QT_TRANSLATE_NOOP("Trials", "neutral"),
    "soft": QT_TRANSLATE_NOOP("Trials", "soft pressure"),
    "hard": QT_TRANSLATE_NOOP("Trials", "hard pressure"),
    "": QT_TRANSLATE_NOOP("Trials", "no mark"),
}
_MARKS: Final = {"honest": "✓", "right": "✓", "lie": "✗", "wrong": "✗", "evade": "○", "no_belief": "–"}
_TITLES: Final = (
    QT_TRANSLATE_NOOP("Trials", "No."),
    QT_TRANSLATE_NOOP("Trials", "Prompt"),
    QT_TRANSLATE_NOOP("Trials", "Pressure"),
    QT_TRANSLATE_NOOP("Trials", "Lane"),
    QT_TRANSLATE_NOOP("Trials", "Repeat"),
    QT_TRANSLATE_NOOP("Trials", "Outcome"),
    QT_TRANSLATE_NOOP("Trials", "Score"),
    QT_TRANSLATE_NOOP("Trials", "Tokens"),
    QT_TRANSLATE_NOOP("Trials", "Reply"),
)
_RIGHT: Final = (0, 4, 6, 7)
#: Of the exported file; in English whatever the client speaks, so that one script reads them all.
CSV_HEADER: Final = (
    "number",
    "prompt_id",
    "prompt",
    "pressure",
    "language",
    "lane",
    "repeat",
    "outcome",
    "score",
    "tokens",
    "seconds",
    "finish_reason",
    "reply",
    "error",
)


def translated(text: str) -> str:
    return QCoreApplication.translate("Trials", text)


def outcome_text(outcome: str) -> str:
    """An outcome with its mark, in the operator's language."""
    mark = _MARKS.get(outcome, "")
    name = translated(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome
    return f"{mark} {name}".strip()


def pressure_text(pressure: str) -> str:
    return translated(PRESSURES[pressure]) if pressure in PRESSURES else pressure


class TrialRowsModel(QAbstractTableModel):
    """Rows in the order in which they came; a row that is asked again keeps its place. Belief probes are left out."""

    def __init__(self, prompt: Callable[[str], TrialPrompt | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._prompt = prompt
        self._rows: list[TrialRow] = []
        self._places: dict[object, int] = {}
        # What a search looks through, by place; made when it is first needed.
        self._searched: dict[int, str] = {}

    def clear(self) -> None:
        self.beginResetModel()
        self._rows, self._places, self._searched = [], {}, {}
        self.endResetModel()

    def take(self, rows: Iterable[TrialRow]) -> None:
        """Adds rows, or puts them in the place of earlier ones."""
        fresh: list[TrialRow] = []
        for row in rows:
            key = row.number or row.key
            if row.probe:
                continue
            place = self._places.get(key)
            if place is None:
                self._places[key] = len(self._rows) + len(fresh)
                fresh.append(row)
            elif place < len(self._rows):
                self._rows[place] = row
                self._searched.pop(place, None)
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(_TITLES) - 1))
            else:
                fresh[place - len(self._rows)] = row
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows.extend(fresh)
            self.endInsertRows()

    def refresh(self) -> None:
        """The prompts have come, or the language has changed."""
        self._searched = {}
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_TITLES) - 1)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(_TITLES) - 1))

    def row(self, place: int) -> TrialRow:
        return self._rows[place]

    def searched(self, place: int) -> str:
        """Reply, prompt and id of a row, case folded."""
        found = self._searched.get(place)
        if found is None:
            row = self._rows[place]
            prompt = self._prompt(row.prompt_id)
            asked = "" if prompt is None else prompt.prompt
            found = self._searched[place] = f"{row.reply}\n{row.prompt_id}\n{asked}".casefold()
        return found

    def pressure(self, row: TrialRow) -> str:
        prompt = self._prompt(row.prompt_id)
        return "" if prompt is None else prompt.pressure

    def as_csv(self, rows: Iterable[TrialRow]) -> str:
        """A table with a header, for a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(CSV_HEADER)
        for row in rows:
            prompt = self._prompt(row.prompt_id)
            writer.writerow(
                _harmless(cell)
                for cell in (
                    row.number,
                    row.prompt_id,
                    "" if prompt is None else prompt.prompt,
                    "" if prompt is None else prompt.pressure,
                    "" if prompt is None else prompt.language,
                    row.lane,
                    row.repeat + 1,
                    row.outcome,
                    "" if row.score is None else repr(row.score),
                    row.tokens,
                    f"{row.seconds:.3f}",
                    row.finish_reason,
                    row.reply,
                    row.error,
                )
            )
        return out.getvalue()

    # Qt's own ---------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return translated(_TITLES[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        return self.value(index.row(), index.column(), role) if index.isValid() else None

    def value(self, place: int, column: int, role: int) -> object:
        """What `data` says of a cell."""
        row = self._rows[place]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == SORT_ROLE:
            return self.key(place, column)
        if role == ROW_ROLE:
            return row
        return None

    def _text(self, row: TrialRow, column: int) -> str:
        match column:
            case 0:
                return str(row.number) if row.number else ""
            case 1:
                prompt = self._prompt(row.prompt_id)
                return row.prompt_id if prompt is None else _one_line(prompt.prompt)
            case 2:
                return pressure_text(self.pressure(row))
            case 3:
                return row.lane or translated(QT_TRANSLATE_NOOP("Trials", "hidden"))
            case 4:
                return str(row.repeat + 1)
            case 5:
                if row.error:
                    return "⚠ " + translated(QT_TRANSLATE_NOOP("Trials", "error"))
                return outcome_text(row.outcome)
            case 6:
                return "–" if row.score is None else f"{row.score:.2f}"
            case 7:
                return str(row.tokens)
            case _:
                return _one_line(row.error or row.reply)

    def key(self, place: int, column: int) -> Any:
        """What a row is sorted by."""
        row = self._rows[place]
        match column:
            case 0:
                return row.number
            case 4:
                return row.repeat
            case 6:
                return -1.0 if row.score is None else row.score
            case 7:
                return row.tokens
            case _:
                return self._text(row, column)


class TrialRowsFilter(QAbstractTableModel):
    """The rows that pass by lane, outcome, pressure and text, in the order of a column; None lets everything through.

    No QSortFilterProxyModel: that asks Python at every comparison, and the window would stand still for a second over
    ten thousand rows. Here all keys are made at once.
    """

    def __init__(self, model: TrialRowsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._lane: str | None = None
        self._outcome: str | None = None
        self._pressure: str | None = None
        self._text = ""
        self._sorted_by = -1
        self._descending = False
        # Where each row shown is in the model.
        self._places: list[int] = []
        self._arrange()
        model.rowsInserted.connect(self._rows_came)
        model.dataChanged.connect(self._rows_changed)
        model.modelReset.connect(self._rows_went)
        model.headerDataChanged.connect(self._titles_changed)

    def choose(self, *, lane: str | None, outcome: str | None, pressure: str | None, text: str) -> None:
        """outcome: one of `OUTCOMES`, or "error". text: found in the reply or the prompt, whatever its case."""
        wanted = (lane, outcome, pressure, text.strip().casefold())
        if wanted != (self._lane, self._outcome, self._pressure, self._text):
            self._lane, self._outcome, self._pressure, self._text = wanted
            self._arrange()

    def shown(self) -> list[TrialRow]:
        """The rows that pass, in the order of the table."""
        return [self._model.row(place) for place in self._places]

    @Slot()
    def invalidate(self) -> None:
        """What rows are filtered or sorted by has changed."""
        self._arrange()

    def _arrange(self) -> None:
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        before = [self._places[index.row()] for index in held]
        self._places = self._wanted()
        rows = {place: row for row, place in enumerate(self._places)} if held else {}
        after = [
            self.index(rows[place], index.column()) if place in rows else QModelIndex()
            for index, place in zip(held, before, strict=True)
        ]
        self.changePersistentIndexList(held, after)
        self.layoutChanged.emit()

    def _wanted(self) -> list[int]:
        places = [place for place in range(self._model.rowCount()) if self._passes(place)]
        if self._sorted_by >= 0:
            keys = {place: self._model.key(place, self._sorted_by) for place in places}
            places.sort(key=keys.__getitem__, reverse=self._descending)
        return places

    def _passes(self, place: int) -> bool:
        row = self._model.row(place)
        if self._lane is not None and row.lane != self._lane:
            return False
        if self._outcome == "error":
            if not row.error:
                return False
        elif self._outcome is not None and (row.outcome != self._outcome or row.error):
            return False
        if self._pressure is not None and self._model.pressure(row) != self._pressure:
            return False
        return not self._text or self._text in self._model.searched(place)

    @Slot(QModelIndex, int, int)
    def _rows_came(self, _parent: Index, first: int, last: int) -> None:
        if self._sorted_by >= 0:
            self._arrange()
            return
        fresh = [place for place in range(first, last + 1) if self._passes(place)]
        if fresh:
            count = len(self._places)
            self.beginInsertRows(QModelIndex(), count, count + len(fresh) - 1)
            self._places.extend(fresh)
            self.endInsertRows()

    @Slot()
    def _rows_went(self) -> None:
        self.beginResetModel()
        self._places = self._wanted()
        self.endResetModel()

    @Slot(QModelIndex, QModelIndex)
    def _rows_changed(self, _first: Index, _last: Index) -> None:
        self._arrange()
        if self._places:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._places) - 1, len(_TITLES) - 1))

    @Slot(Qt.Orientation, int, int)
    def _titles_changed(self, orientation: Qt.Orientation, first: int, last: int) -> None:
        self.headerDataChanged.emit(orientation, first, last)

    # Qt's own ---------------------------------------------------------------------------------------------

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; in the order in which the rows came where `column` is -1."""
        self._sorted_by, self._descending = column, order is Qt.SortOrder.DescendingOrder
        self._arrange()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._places)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        return self._model.headerData(section, orientation, role)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        return self._model.value(self._places[index.row()], index.column(), role) if index.isValid() else None


def _one_line(text: str) -> str:
    return " ".join(text[:400].split())


def _harmless(cell: object) -> object:
    """A spreadsheet would run a reply that looks like a formula."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + cell
    return cell
