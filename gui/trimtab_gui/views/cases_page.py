"""Cases: the list with where each stands, the path of the open one, a new one, and the editor."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QSplitter, QVBoxLayout, QWidget
from trimtab_client.case_types import Case, CaseStep

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.case_draft import CaseDraftModel
from trimtab_gui.models.case_words import standing, title_of
from trimtab_gui.models.cases import CasesModel
from trimtab_gui.models.messages import describe
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.case_editor import CaseEditor
from trimtab_gui.views.case_start import CaseStart
from trimtab_gui.views.case_view import CaseView
from trimtab_gui.views.elements import Panel, Table, clock, label, set_tone
from trimtab_gui.views.lengths import ask_width
from trimtab_gui.views.pages import Stack

_COLUMNS: Final = (
    Column[Case](QT_TRANSLATE_NOOP("Tables", "Case"), title_of, tooltip=title_of),
    Column[Case](
        QT_TRANSLATE_NOOP("Tables", "Where it stands"),
        standing,
        tooltip=lambda row: f"{standing(row)}  ·  {clock(row.change_time)}",
    ),
)


class CasesPage(Panel):
    # A command of a step that is done elsewhere, and the step.
    stepRequested = Signal(str, object)

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self.model = CasesModel(workspace.gateway, self)
        self.draft = CaseDraftModel(workspace.gateway, self)
        self.start = CaseStart(self.model)
        self.editor = CaseEditor(workspace, self.draft)
        self.open_case = CaseView(workspace, self.model, theme)
        self._title = label("heading")
        self.new_button = QPushButton()
        set_tone(self.new_button, "accent")
        self.table = Table()
        self._cases: RowsModel[Case] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._cases)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.error = label("error", wrap=True)
        self.error.hide()
        self.browse = self._make_browse()
        self.stack = Stack()
        for page in (self.start, self.browse, self.editor):
            self.stack.add(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.error)
        layout.addWidget(self.stack, 1)
        self._wire()
        self.retranslate()

    def _make_browse(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.addWidget(self._title)
        row.addStretch(1)
        row.addWidget(self.new_button)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        ask_width(side, 320)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(10)
        halves.addWidget(side)
        halves.addWidget(self.open_case)
        halves.setStretchFactor(0, 0)
        halves.setStretchFactor(1, 1)
        halves.setSizes([420, 830])
        return halves

    def _wire(self) -> None:
        model = self.model
        model.changed.connect(self._show_list)
        model.opened.connect(self._opened)
        model.failed.connect(self._show_failure)
        model.busyChanged.connect(self._show_buttons)
        model.snapshotKept.connect(self._workspace.release.refresh)
        self._workspace.connection.opened.connect(model.restart)
        self._workspace.connection.opened.connect(self.draft.check_again)
        self._workspace.connection.changed.connect(self._show_buttons)
        self.table.selectionModel().selectionChanged.connect(self._select)
        self.new_button.clicked.connect(self.new_case)
        self.start.closed.connect(self._leave)
        self.editor.closed.connect(self._leave)
        self.draft.kept.connect(model.put)
        self.open_case.editRequested.connect(self._edit)
        self.open_case.stepRequested.connect(self._step)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Cases"))
        self.new_button.setText(self.tr("New case…"))
        self.table.setAccessibleName(self.tr("Cases"))
        self._cases.retranslate()
        self._show_list()

    # Pages ------------------------------------------------------------------------------------------------

    @Slot()
    def new_case(self) -> None:
        """The templates."""
        self.error.hide()
        self.stack.setCurrentWidget(self.start)

    @Slot()
    def _edit(self) -> None:
        self.edit(to_lock=False)

    def edit(self, *, to_lock: bool) -> None:
        """The editor with the open case; to_lock: in order to lock it."""
        case = self.model.case
        if case is None:
            return
        self.error.hide()
        self.draft.open(case, self.model.template(case.draft.template))
        self.stack.setCurrentWidget(self.editor)
        self.editor.open(case, to_lock=to_lock)

    @Slot()
    def _leave(self) -> None:
        self.stack.setCurrentWidget(self.browse if self.model.cases else self.start)

    def show_case(self) -> None:
        """The path of the open case, whatever page was there before."""
        self._leave()

    @Slot()
    def _opened(self) -> None:
        self.error.hide()
        self._show_list()
        self._leave()

    @Slot(str, object)
    def _step(self, command: str, step: CaseStep) -> None:
        self.error.hide()
        match command:
            case "case.edit":
                self.edit(to_lock=False)
            case "case.lock":
                self.edit(to_lock=True)
            case "release.create" if self.model.case is not None:
                self.model.create_snapshot(self.model.case)
            case "rollout.attach" if self.model.case is not None:
                self.model.attach_rollout(self.model.case.name, self.open_case.loose_rollout())
            case _:
                self.stepRequested.emit(command, step)

    # The list ---------------------------------------------------------------------------------------------

    @Slot()
    def _show_list(self) -> None:
        cases = self.model.cases
        chosen = self.model.case
        with QSignalBlocker(self.table.selectionModel()):
            self._cases.replace(cases)
            place = next((n for n, own in enumerate(cases) if chosen is not None and own == chosen), -1)
            if place >= 0:
                self.table.selectionModel().setCurrentIndex(
                    self._cases.index(place, 0),
                    QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows,
                )
        self._show_buttons()
        if cases and chosen is None:
            self.model.open(cases[0].name)

    @Slot()
    def _select(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.model.open(self._cases.rows[rows[0].row()].name)

    @Slot()
    def _show_buttons(self) -> None:
        live = self._workspace.connection.is_live
        self.new_button.setEnabled(live)
        self.start.set_live(live)

    @Slot(object)
    def _show_failure(self, failure: Failure) -> None:
        self.error.setText(describe(failure))
        self.error.show()
