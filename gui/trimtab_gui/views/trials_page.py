"""Trials: the list, the open one, a new one, and blind rating."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.case_types import Case
from trimtab_client.rollout_types import Verdict
from trimtab_client.trial_types import Trial

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.rating import RatingModel
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.trial_draft import TrialDraftModel
from trimtab_gui.models.trial_words import MARKS, STATES, VERDICTS, named
from trimtab_gui.models.trials import TrialsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, Table, clock, label, set_tone
from trimtab_gui.views.rating_panel import RatingPanel
from trimtab_gui.views.trial_empty import EmptyTrials
from trimtab_gui.views.trial_form import TrialForm
from trimtab_gui.views.trial_open import OpenTrial


def _outcome(trial: Trial) -> str:
    if trial.result is None or trial.result.verdict is Verdict.UNSPECIFIED:
        return named(STATES, trial.state)
    verdict = trial.result.verdict
    return f"{MARKS.get(verdict, '')} {named(VERDICTS, verdict)}".strip()


_COLUMNS: Final = (
    Column[Trial](QT_TRANSLATE_NOOP("Tables", "Trial"), lambda row: row.display_name),
    Column[Trial](QT_TRANSLATE_NOOP("Tables", "State"), _outcome),
    Column[Trial](QT_TRANSLATE_NOOP("Tables", "Created"), lambda row: clock(row.create_time)),
)
_EMPTY, _BROWSE, _NEW, _RATE = range(4)


class TrialsPage(Panel):
    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self.model = TrialsModel(workspace.gateway, self)
        self.draft = TrialDraftModel(workspace.gateway, self)
        self.rating_model = RatingModel(workspace.gateway, self)
        self.empty = EmptyTrials()
        self.form = TrialForm(workspace, self.draft)
        self.rating = RatingPanel(self.rating_model)
        self.open_trial = OpenTrial(workspace, self.model, theme)
        self.new_button = QPushButton()
        set_tone(self.new_button, "accent")
        self._title = label("heading")
        self.table = Table()
        self._trials: RowsModel[Trial] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._trials)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.error = label("error", wrap=True)
        self.error.hide()
        self.stack = QStackedWidget()
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
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
        side.setMinimumWidth(270)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(10)
        halves.addWidget(side)
        halves.addWidget(self.open_trial)
        halves.setStretchFactor(0, 0)
        halves.setStretchFactor(1, 1)
        halves.setSizes([330, 920])
        for page in (self.empty, halves, self.form, self.rating):
            self.stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.error)
        layout.addWidget(self.stack, 1)

    def _wire(self) -> None:
        self.model.listChanged.connect(self._show_list)
        self.model.failed.connect(self._show_failure)
        self.rating_model.failed.connect(self._show_failure)
        self.draft.started.connect(self._started)
        self.draft.failed.connect(self._show_failure)
        self._workspace.connection.opened.connect(self.model.restart)
        self._workspace.connection.opened.connect(self.draft.touch)
        self._workspace.connection.changed.connect(self._show_buttons)
        self.table.selectionModel().selectionChanged.connect(self._select)
        self.new_button.clicked.connect(self.new_trial)
        self.empty.newRequested.connect(self.new_trial)
        self.empty.sampleRequested.connect(self.try_sample)
        self.form.closed.connect(self._leave)
        self.rating.closed.connect(self._leave)
        self.rating.finishRequested.connect(self._finish_rating)
        self.open_trial.ratingRequested.connect(self._rate)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Trials"))
        self.new_button.setText(self.tr("New trial…"))
        self.table.setAccessibleName(self.tr("Trials"))
        self._trials.retranslate()
        self._show_list()

    # Pages ------------------------------------------------------------------------------------------------

    @Slot()
    def new_trial(self) -> None:
        """An empty form."""
        self.draft.clear()
        self.error.hide()
        self.stack.setCurrentIndex(_NEW)
        self.form.prompts_button.setFocus()

    def new_trial_of(self, case: Case) -> None:
        """A form by the locked criteria of a case, of which the trial will be a part."""
        self.draft.open_case(case)
        self.error.hide()
        self.stack.setCurrentIndex(_NEW)
        self.form.prompts_button.setFocus()

    def show_trial(self, name: str, command: str) -> None:
        """One trial; "trial.start", "trial.resume" and "trial.rate" do that with it at once."""
        self.error.hide()
        self.model.open(name)
        self.stack.setCurrentIndex(_BROWSE)
        match command:
            case "trial.start":
                self.model.start()
            case "trial.resume":
                self.model.resume()
            case "trial.rate":
                self._rate()

    @Slot()
    def try_sample(self) -> None:
        """The form with the sample set in it: one click away from the start."""
        self.new_trial()
        self.draft.take_sample()

    @Slot()
    def _leave(self) -> None:
        self.stack.setCurrentIndex(_BROWSE if self.model.trials else _EMPTY)

    @Slot(object)
    def _started(self, trial: Trial) -> None:
        self.model.take_new(trial)
        self.error.hide()
        self.stack.setCurrentIndex(_BROWSE)
        # Left alone, the keyboard would go from the hidden button to whatever comes next in the window.
        self.open_trial.tabs.tabBar().setFocus()

    @Slot()
    def _rate(self) -> None:
        if self.model.name:
            self.rating_model.open(self.model.name)
            self.stack.setCurrentIndex(_RATE)
            self.rating.setFocus()

    @Slot()
    def _finish_rating(self) -> None:
        self.model.finish_rating()
        self._leave()

    # The list ---------------------------------------------------------------------------------------------

    @Slot()
    def _show_list(self) -> None:
        trials = self.model.trials
        chosen = self.model.trial.name if self.model.trial is not None else ""
        with QSignalBlocker(self.table.selectionModel()):
            self._trials.replace(trials)
            place = next((place for place, own in enumerate(trials) if own.name == chosen), -1)
            if place >= 0:
                self.table.selectionModel().setCurrentIndex(
                    self._trials.index(place, 0),
                    QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows,
                )
        self._show_buttons()
        if self.stack.currentIndex() in (_EMPTY, _BROWSE):
            self._leave()
        if trials and not chosen:
            self.model.open(trials[0].name)

    @Slot()
    def _select(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.model.open(self._trials.rows[rows[0].row()].name)

    @Slot()
    def _show_buttons(self) -> None:
        live = self._workspace.connection.is_live
        self.new_button.setEnabled(live)
        self.empty.set_live(live)

    @Slot(object)
    def _show_failure(self, failure: Failure) -> None:
        self.error.setText(describe(failure))
        self.error.show()
