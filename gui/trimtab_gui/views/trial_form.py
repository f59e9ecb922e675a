"""A new trial: prompts, lanes and criteria, checked by the server, locked before the first reply."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import abbreviated
from trimtab_client.trial_types import TrialCheck, TrialLane, TrialPrompt

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.trial_criteria import Source
from trimtab_gui.models.trial_draft import PROMPT_SUFFIXES, TrialDraftModel
from trimtab_gui.models.trial_rows import PRESSURES, pressure_text
from trimtab_gui.models.trial_words import KINDS, duration, named, steering_text
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import ElidedLabel, Panel, Table, label, set_tone
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.trial_criteria import CriteriaEditor
from trimtab_gui.views.trial_lanes import LaneChoice
from trimtab_gui.views.trial_summary import CriteriaCard

#: In the order of the choice; what is written here or locked by a case has no entry until it is so.
_SOURCES: Final = (Source.DEFAULT, Source.PEOPLE, Source.FILE, Source.OWN, Source.CASE)

_PROMPT_COLUMNS: Final = (
    Column[TrialPrompt](QT_TRANSLATE_NOOP("Tables", "Id"), lambda row: row.id),
    Column[TrialPrompt](QT_TRANSLATE_NOOP("Tables", "Pressure"), lambda row: pressure_text(row.pressure)),
    Column[TrialPrompt](QT_TRANSLATE_NOOP("Tables", "Right answer"), lambda row: " / ".join(row.gold) or "–"),
    Column[TrialPrompt](QT_TRANSLATE_NOOP("Tables", "Prompt"), lambda row: row.prompt),
)


class TrialForm(Panel):
    """Left what the operator chooses, right what the server understood."""

    closed = Signal()

    def __init__(self, workspace: Workspace, draft: TrialDraftModel) -> None:
        super().__init__()
        self._workspace = workspace
        self._draft = draft
        self._dialogs: dict[str, QFileDialog] = {}
        self._title = label("title")
        self.close_button = QPushButton()
        self.prompts_button = QPushButton()
        self.sample_button = QPushButton()
        self.prompts_name = ElidedLabel("muted")
        self.criteria_choice = QComboBox()
        self.criteria_name = ElidedLabel("muted")
        self.edit_button = QPushButton()
        self.edit_button.setCheckable(True)
        self.lanes = LaneChoice(workspace, draft.criteria)
        self.editor = CriteriaEditor(draft.criteria)
        self.editor.hide()
        self.repeats = QSpinBox()
        self.title_field = QLineEdit()
        self._labels = {
            name: label("muted") for name in ("prompts", "columns", "criteria", "repeats", "title")
        }
        self.fault = label("error", wrap=True)
        self.summary = label("", wrap=True)
        self.remarks = label("muted", wrap=True)
        self.start_button = QPushButton()
        set_tone(self.start_button, "accent")
        self._start_note = label("caption", wrap=True)
        self.prompts_table = Table()
        self._prompts: RowsModel[TrialPrompt] = RowsModel(_PROMPT_COLUMNS, self)
        self.prompts_table.setModel(self._prompts)
        self.lanes_table = Table()
        self._lanes: RowsModel[TrialLane] = RowsModel(
            (
                Column[TrialLane](QT_TRANSLATE_NOOP("Tables", "Lane"), lambda row: row.name),
                Column[TrialLane](QT_TRANSLATE_NOOP("Tables", "Kind"), lambda row: named(KINDS, row.kind)),
                Column[TrialLane](QT_TRANSLATE_NOOP("Tables", "What it does"), self._does, tooltip=_in_full),
            ),
            self,
        )
        self.lanes_table.setModel(self._lanes)
        self.criteria = CriteriaCard()
        self._headings = {name: label("heading") for name in ("preview", "lanes")}
        self.setAcceptDrops(True)
        self._build()
        self._wire()
        self.retranslate()

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self.close_button)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self._make_choices())
        body.addWidget(self._make_preview(), 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addLayout(body, 1)

    def _make_choices(self) -> QWidget:
        self.repeats.setRange(0, 100)
        self.repeats.lineEdit().setTextMargins(6, 0, 0, 0)
        self.criteria_choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._labels["columns"].setWordWrap(True)
        self._labels["columns"].setProperty("role", "caption")
        card = Panel("card")
        grid = QVBoxLayout(card)
        grid.setContentsMargins(16, 14, 16, 14)
        grid.setSpacing(7)
        files = QHBoxLayout()
        files.addWidget(self.prompts_button)
        files.addWidget(self.sample_button)
        grid.addWidget(self._labels["prompts"])
        grid.addLayout(files)
        grid.addWidget(self.prompts_name)
        grid.addWidget(self._labels["columns"])
        grid.addSpacing(6)
        chosen = QHBoxLayout()
        chosen.addWidget(self.criteria_choice, 1)
        chosen.addWidget(self.edit_button)
        grid.addWidget(self._labels["criteria"])
        grid.addLayout(chosen)
        grid.addWidget(self.criteria_name)
        grid.addSpacing(6)
        grid.addWidget(self.lanes)
        grid.addSpacing(6)
        row = QGridLayout()
        row.addWidget(self._labels["repeats"], 0, 0)
        row.addWidget(self._labels["title"], 0, 1)
        row.addWidget(self.repeats, 1, 0)
        row.addWidget(self.title_field, 1, 1)
        row.setColumnStretch(1, 1)
        grid.addLayout(row)
        grid.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(card)
        choices = QWidget()
        column = QVBoxLayout(choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(scroll, 1)
        # In sight however low the window is: it is what the page is for.
        column.addWidget(self._start_note)
        column.addWidget(self.start_button)
        fix_width(choices, 400)
        return choices

    def _make_preview(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(8)
        self.prompts_table.setMinimumHeight(190)
        self.lanes_table.setFixedHeight(170)
        for widget in (
            self.fault,
            self.editor,
            self.summary,
            self.remarks,
            self._headings["preview"],
            self.prompts_table,
            self._headings["lanes"],
            self.lanes_table,
            self.criteria,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        return scroll

    def _wire(self) -> None:
        draft = self._draft
        draft.changed.connect(self._show)
        self.close_button.clicked.connect(self.closed)
        self.prompts_button.clicked.connect(self._ask_for_prompts)
        self.sample_button.clicked.connect(draft.take_sample)
        self.criteria_choice.activated.connect(self._choose_criteria)
        self.edit_button.toggled.connect(self.editor.setVisible)
        self.repeats.valueChanged.connect(self._choose_repeats)
        self.title_field.textChanged.connect(self._choose_title)
        self.start_button.clicked.connect(draft.start)
        self._workspace.connection.changed.connect(self._show)

    def retranslate(self) -> None:
        self.close_button.setText(self.tr("Cancel"))
        self.prompts_button.setText(self.tr("Choose a file…"))
        self.sample_button.setText(self.tr("Use the sample set"))
        self._labels["prompts"].setText(self.tr("1. Your prompts (CSV, JSONL or XLSX)"))
        self._labels["columns"].setText(
            self.tr(
                "Only the column “prompt” is needed. With “gold” and “dishonest”, honesty is scored by itself;"
                " “belief_probe” and “pressure” (neutral, soft, hard) make it sharper."
            )
        )
        self._labels["criteria"].setText(self.tr("2. What will count as an answer"))
        self._labels["repeats"].setText(self.tr("Repeats"))
        self._labels["title"].setText(self.tr("Name"))
        names = (
            self.tr("Default: four honesty rates"),
            self.tr("No known answers: graded blind by people"),
            self.tr("From a file (TOML or JSON)…"),
            self.tr("Written here"),
            self.tr("Of the case, locked"),
        )
        with QSignalBlocker(self.criteria_choice):
            chosen = max(0, self.criteria_choice.currentIndex())
            self.criteria_choice.clear()
            self.criteria_choice.addItems(names)
            self.criteria_choice.setCurrentIndex(chosen)
        self.edit_button.setText(self.tr("Edit"))
        self.edit_button.setAccessibleName(self.tr("Edit the criteria"))
        self.repeats.setSpecialValueText(self.tr("as in the criteria"))
        self._headings["preview"].setText(self.tr("The first prompts, as the server reads them"))
        self._headings["lanes"].setText(self.tr("Lanes, as they will be locked"))
        self._start_note.setText(
            self.tr("Starting locks prompts, lanes and criteria. They cannot be changed afterwards.")
        )
        self.criteria_choice.setAccessibleName(self.tr("Criteria"))
        self.repeats.setAccessibleName(self.tr("Repeats"))
        self.title_field.setAccessibleName(self.tr("Name of the trial"))
        self.prompts_table.setAccessibleName(self.tr("The first prompts, as the server reads them"))
        self.lanes_table.setAccessibleName(self.tr("Lanes, as they will be locked"))
        self._prompts.retranslate()
        self._lanes.retranslate()
        self._show()

    # Choosing ---------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and Path(urls[0].toLocalFile()).suffix.lower() in PROMPT_SUFFIXES:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._draft.take_prompts(Path(event.mimeData().urls()[0].toLocalFile()))
        event.acceptProposedAction()

    @Slot()
    def _ask_for_prompts(self) -> None:
        pattern = self.tr("Prompts ({0})").format(" ".join(f"*{own}" for own in PROMPT_SUFFIXES))
        self._dialog("prompts", self.tr("Choose a file of prompts"), pattern, self._take_prompts)

    @Slot(int)
    def _choose_criteria(self, index: int) -> None:
        if _SOURCES[index] is Source.FILE:
            pattern = self.tr("Criteria ({0})").format("*.toml *.json")
            self._dialog("criteria", self.tr("Choose a file of criteria"), pattern, self._take_criteria)
            return
        match _SOURCES[index]:
            case Source.DEFAULT:
                self._draft.criteria.clear()
            case Source.PEOPLE:
                self._draft.criteria.for_people()
            case _:
                self.edit_button.setChecked(True)
                self._show()

    def _dialog(self, key: str, title: str, pattern: str, take: object) -> None:
        dialog = self._dialogs.get(key)
        if dialog is None:
            dialog = self._dialogs[key] = QFileDialog(self)
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            dialog.fileSelected.connect(take)
            dialog.rejected.connect(self._show)
        dialog.setWindowTitle(title)
        dialog.setNameFilters([pattern])
        dialog.open()

    @Slot(str)
    def _take_prompts(self, path: str) -> None:
        self._draft.take_prompts(Path(path))

    @Slot(str)
    def _take_criteria(self, path: str) -> None:
        self._draft.take_criteria(Path(path))

    @Slot(int)
    def _choose_repeats(self, value: int) -> None:
        self._draft.repeats = value
        self._draft.touch()

    @Slot(str)
    def _choose_title(self, text: str) -> None:
        self._draft.title = text

    # What the server says ---------------------------------------------------------------------------------

    def _does(self, lane: TrialLane) -> str:
        """Vectors by the names that they have beside the chat, and the lines of a prompt."""
        steering = (steering_text(own, self._title_of) for own in lane.steering)
        return "; ".join((*steering, *(f"“{line.text}”" for line in lane.lines))) or "–"

    def _title_of(self, vector: str) -> str:
        known = self._workspace.steering.vector(vector)
        return abbreviated(vector) if known is None else known.display_name or known.concept

    @Slot()
    def _show(self) -> None:
        draft, check = self._draft, self._draft.check
        self.prompts_name.setText(draft.prompts_name or self.tr("no file yet"))
        source = draft.criteria.source
        self.criteria_name.setText(draft.criteria.name)
        self.criteria_name.setVisible(bool(draft.criteria.name))
        of_case = source is Source.CASE
        self.criteria_choice.setEnabled(not of_case)
        self.repeats.setEnabled(not of_case)
        self._title.setText(
            self.tr("New trial of the case “{0}”").format(draft.criteria.name)
            if of_case
            else self.tr("New trial")
        )
        with QSignalBlocker(self.criteria_choice), QSignalBlocker(self.repeats):
            self.criteria_choice.setCurrentIndex(_SOURCES.index(source))
            self.repeats.setValue(draft.repeats)
        if self.title_field.text() != draft.title:
            with QSignalBlocker(self.title_field):
                self.title_field.setText(draft.title)
        self._show_check(check)
        live = self._workspace.connection.is_live
        self.start_button.setEnabled(draft.can_start and live)
        self.sample_button.setEnabled(live and not draft.is_starting)
        self.start_button.setText(
            self.tr("Starting…") if draft.is_starting else self.tr("Lock the criteria and start")
        )

    def _show_check(self, check: TrialCheck | None) -> None:
        draft = self._draft
        failure = draft.failure
        # A fault of a field is told at the field.
        told = failure is not None and not draft.criteria.faults
        self.fault.setVisible(told)
        self.fault.setText(describe(failure) if told and failure is not None else "")
        if draft.criteria.faults and not self.editor.isVisibleTo(self):
            self.edit_button.setChecked(True)
        for widget in (self._headings["preview"], self.prompts_table, self._headings["lanes"]):
            widget.setVisible(check is not None)
        self.lanes_table.setVisible(check is not None)
        self.criteria.setVisible(check is not None)
        self.remarks.setVisible(check is not None and bool(check.remarks))
        if check is None:
            text = ""
            if draft.is_checking:
                text = self.tr("The server reads the file…")
            elif failure is None:
                text = self.tr(
                    "Choose a file, drop one here, or use the sample set: the server then shows what it would ask,"
                    " and every fault with its row and column."
                )
            self.summary.setText(text)
            return
        counts = ", ".join(
            f"{pressure_text(key)} {check.pressures[key]}" for key in PRESSURES if key in check.pressures
        )
        parts = [
            self.tr("{0} prompts in {1} independent groups ({2})").format(
                check.prompt_count, check.group_count, counts
            ),
            self.tr("{0} replies to ask for").format(check.rows),
        ]
        if check.seconds is not None:
            parts.append(self.tr("about {0}").format(duration(check.seconds)))
        self.summary.setText("  ·  ".join(parts))
        self.remarks.setText("\n".join(check.remarks))
        self._prompts.replace(check.prompts)
        self.prompts_table.fit_columns(200)
        self._lanes.replace(check.lanes)
        self.lanes_table.fit_columns(200)
        self.criteria.show_criteria(check.lock.criteria_json, check.lock.hash)


def _in_full(lane: TrialLane) -> str:
    """The server's own words, with the content hash."""
    return "\n".join((*lane.steering, *(line.text for line in lane.lines)))
