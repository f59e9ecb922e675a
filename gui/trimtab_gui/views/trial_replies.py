"""All replies of a trial: a table with filters, and one prompt's lanes side by side."""

from __future__ import annotations

import html
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.trial_types import TrialRow, TrialState

from trimtab_gui.models.table import ROW_ROLE
from trimtab_gui.models.trial_rows import (
    OUTCOMES,
    PRESSURES,
    TrialRowsFilter,
    TrialRowsModel,
    outcome_text,
    pressure_text,
    translated,
)
from trimtab_gui.models.trials import TrialsModel
from trimtab_gui.models.word_diff import compare
from trimtab_gui.theme import Theme, Tokens
from trimtab_gui.views.elements import Choice, Panel, Table, label, number

_ERROR: Final = "error"
_WIDTHS: Final = (54, 170, 118, 124, 64, 104, 60, 70)


class TrialReplies(Panel):
    def __init__(self, model: TrialsModel, theme: Theme) -> None:
        super().__init__()
        self._model = model
        self.rows = TrialRowsModel(model.prompt, self)
        self.filter = TrialRowsFilter(self.rows, self)
        self.lane_choice = Choice()
        self.outcome_choice = Choice()
        self.pressure_choice = Choice()
        self.text_field = QLineEdit()
        self.text_field.setClearButtonEnabled(True)
        self._count = label("muted")
        self.table = Table()
        self.table.setModel(self.filter)
        # In the order of the plan until a header is clicked: sorting while rows come would cost more than they do.
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.horizontalHeader().setSortIndicatorClearable(True)
        self.table.setSortingEnabled(True)
        self.detail = SideBySide(model, theme)
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        self.table.give_widths(_WIDTHS)
        for choice in (self.lane_choice, self.outcome_choice, self.pressure_choice):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        for choice in (self.lane_choice, self.outcome_choice, self.pressure_choice):
            tools.addWidget(choice)
        tools.addWidget(self.text_field, 1)
        tools.addWidget(self._count)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(tools)
        column.addWidget(self.table, 1)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(8)
        halves.addWidget(upper)
        halves.addWidget(self.detail)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        halves.setSizes([400, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(halves)

    def _wire(self) -> None:
        self._model.opened.connect(self._opened)
        self._model.rowsArrived.connect(self._take)
        self._model.promptsChanged.connect(self._prompts_came)
        self._model.trialChanged.connect(self._show_lanes)
        for choice in (self.lane_choice, self.outcome_choice, self.pressure_choice):
            choice.activated.connect(self._choose)
        self.text_field.textChanged.connect(self._choose)
        self.table.selectionModel().currentRowChanged.connect(self._show_current)

    def retranslate(self) -> None:
        self.lane_choice.setAccessibleName(self.tr("Filter by lane"))
        self.outcome_choice.setAccessibleName(self.tr("Filter by outcome"))
        self.pressure_choice.setAccessibleName(self.tr("Filter by pressure"))
        self.text_field.setAccessibleName(self.tr("Search in prompts and replies"))
        self.text_field.setPlaceholderText(self.tr("Search in prompts and replies"))
        self.table.setAccessibleName(self.tr("Replies"))
        self.rows.refresh()
        outcomes = [(own, outcome_text(own)) for own in OUTCOMES]
        _fill(
            self.outcome_choice,
            self.tr("Every outcome"),
            [*outcomes, (_ERROR, "⚠ " + translated("error"))],
        )
        _fill(
            self.pressure_choice,
            self.tr("Every pressure"),
            [(own, pressure_text(own)) for own in PRESSURES],
        )
        self._lanes_shown: tuple[str, ...] = ()
        self._show_lanes()
        self._show_count()

    # Rows -------------------------------------------------------------------------------------------------

    @Slot()
    def _opened(self) -> None:
        self.rows.clear()
        self.detail.clear()
        self._show_lanes()
        self._show_count()

    @Slot(list)
    def _take(self, rows: list[TrialRow]) -> None:
        self.rows.take(rows)
        self._show_count()
        self.detail.refresh()

    @Slot()
    def _prompts_came(self) -> None:
        self.rows.refresh()
        self.filter.invalidate()
        self.detail.refresh()

    @Slot()
    def _show_lanes(self) -> None:
        trial = self._model.trial
        lanes = tuple(lane.name for lane in trial.lanes) if trial is not None else ()
        if lanes != self._lanes_shown or not self.lane_choice.count():
            self._lanes_shown = lanes
            _fill(self.lane_choice, self.tr("Every lane"), [(own, own) for own in lanes])
            self._choose()

    @Slot()
    def _choose(self, _what: object = None) -> None:
        self.filter.choose(
            lane=self.lane_choice.currentData(),
            outcome=self.outcome_choice.currentData(),
            pressure=self.pressure_choice.currentData(),
            text=self.text_field.text(),
        )
        self._show_count()

    def _show_count(self) -> None:
        shown, all_of_them = self.filter.rowCount(), self.rows.rowCount()
        self._count.setText(
            self.tr("{0} replies").format(all_of_them)
            if shown == all_of_them
            else self.tr("{0} of {1} replies").format(shown, all_of_them)
        )

    @Slot()
    def _show_current(self, _now: object = None, _before: object = None) -> None:
        row = self.table.currentIndex().data(ROW_ROLE)
        if isinstance(row, TrialRow):
            self.detail.show_row(row)

    def as_csv(self) -> str:
        """The rows that the filters let through."""
        return self.rows.as_csv(self.filter.shown())


def _fill(choice: QComboBox, everything: str, known: list[tuple[str, str]]) -> None:
    before = choice.currentData()
    with QSignalBlocker(choice):
        choice.clear()
        choice.addItem(everything, None)
        for key, text in known:
            choice.addItem(text, key)
        found = choice.findData(before) if before is not None else 0
        choice.setCurrentIndex(max(0, found))


class SideBySide(Panel):
    """One prompt and what every lane replied; what differs from the first lane is underlined."""

    def __init__(self, model: TrialsModel, theme: Theme) -> None:
        super().__init__("card")
        self._model = model
        self._theme = theme
        self._row: TrialRow | None = None
        self.prompt_text = label("", wrap=True)
        self._meta = label("caption", wrap=True)
        self.again_button = QPushButton()
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        self._columns.setChildrenCollapsible(False)
        self._columns.setHandleWidth(6)
        self.browsers: list[QTextBrowser] = []
        self._heads: list[QWidget] = []
        top = QHBoxLayout()
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.prompt_text)
        texts.addWidget(self._meta)
        top.addLayout(texts, 1)
        top.addWidget(self.again_button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._columns, 1)
        self.setMinimumHeight(170)
        self.again_button.clicked.connect(self.ask_again)
        model.busyChanged.connect(self._show_button)
        model.trialChanged.connect(self._show_button)
        theme.changed.connect(self.refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self.again_button.setText(self.tr("Ask this reply again"))
        self.refresh()

    def clear(self) -> None:
        self._row = None
        self.refresh()

    def show_row(self, row: TrialRow) -> None:
        self._row = row
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        row = self._row
        self._show_button()
        if row is None:
            self.prompt_text.setText(self.tr("Choose a reply to see all lanes side by side."))
            self._meta.setText("")
            self._set_columns(0)
            return
        prompt = self._model.prompt(row.prompt_id)
        self.prompt_text.setText(row.prompt_id if prompt is None else prompt.prompt)
        meta = [self.tr("Prompt {0}, repeat {1}").format(row.prompt_id, row.repeat + 1)]
        if prompt is not None:
            meta.append(pressure_text(prompt.pressure))
            if prompt.gold:
                meta.append(self.tr("right: {0}").format(" / ".join(prompt.gold)))
            if prompt.system:
                meta.append(self.tr("system message: {0}").format(prompt.system))
        self._meta.setText("  ·  ".join(meta))
        rows = self._model.side_by_side(row.prompt_id, row.repeat) or (row,)
        self._set_columns(len(rows))
        for place, own in enumerate(rows):
            self._show_reply(place, own, rows[0])

    def _show_reply(self, place: int, row: TrialRow, first: TrialRow) -> None:
        browser = self.browsers[place]
        head = [row.lane or self.tr("lane hidden"), outcome_text(row.outcome)]
        if row.score is not None:
            head.append(self.tr("score {0}").format(number(row.score, 2)))
        browser.setAccessibleName(self.tr("Reply of lane {0}").format(row.lane))
        tokens = self._theme.tokens
        text = html.escape(row.error) if row.error else _marked(first.reply, row.reply, tokens, place > 0)
        chosen = self._row is not None and row.number == self._row.number and bool(row.number)
        weight = "underline" if chosen else "none"
        title = html.escape("  ·  ".join(own for own in head if own))
        body = text.replace("\n", "<br>")
        browser.setHtml(
            f'<p style="color:{tokens.muted};font-weight:600;text-decoration:{weight}">{title}</p><p>{body}</p>'
        )

    def _set_columns(self, count: int) -> None:
        while len(self.browsers) < count:
            browser = QTextBrowser()
            browser.setOpenLinks(False)
            browser.setProperty("role", "transcript")
            self.browsers.append(browser)
            self._columns.addWidget(browser)
        for place, browser in enumerate(self.browsers):
            browser.setVisible(place < count)

    @Slot()
    def _show_button(self) -> None:
        trial, row = self._model.trial, self._row
        ready = trial is not None and trial.state in (TrialState.FINISHED, TrialState.PAUSED)
        self.again_button.setVisible(row is not None and row.number > 0 and ready)
        self.again_button.setEnabled(not self._model.is_busy)

    @property
    def can_ask_again(self) -> bool:
        """Whether a row is shown that can be asked again."""
        return self._row is not None and self._row.number > 0

    @Slot()
    def ask_again(self) -> None:
        """Asks the row that is shown once more."""
        if self._row is not None and self._row.number:
            self._model.ask_again(self._row.number)


def _marked(first: str, reply: str, tokens: Tokens, marks: bool) -> str:
    """A reply as HTML; what the first lane does not say stands on a ground of its own, underlined."""
    if not marks:
        return html.escape(reply)
    style = f"background-color:{tokens.selection};text-decoration:underline"
    return "".join(
        f'<span style="{style}">{html.escape(piece.text)}</span>'
        if piece.is_new and piece.text.strip()
        else html.escape(piece.text)
        for piece in compare(first, reply)
    )
