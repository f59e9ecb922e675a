"""Trials: the list, the open one, a new one, and blind rating."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.rollout_types import Verdict
from trimtab_client.trial_types import Trial, TrialState

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.rating import RatingModel
from trimtab_gui.models.server_sentences import say
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.trial_draft import TrialDraftModel
from trimtab_gui.models.trial_words import MARKS, STATES, VERDICTS, duration, named
from trimtab_gui.models.trials import TrialsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, Table, clock, label, set_tone
from trimtab_gui.views.rating_panel import RatingPanel
from trimtab_gui.views.trial_form import TrialForm
from trimtab_gui.views.trial_replies import TrialReplies
from trimtab_gui.views.trial_summary import TrialSummary

_TONES: Final = {
    TrialState.RUNNING: "good",
    TrialState.PAUSED: "warning",
    TrialState.RATING: "warning",
}


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
        self._workspace.connection.opened.connect(self.model.restart)
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

    @Slot()
    def _rate(self) -> None:
        if self.model.trial is not None:
            self.rating_model.open(self.model.trial.name)
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


class OpenTrial(Panel):
    """The head of one trial, and its pages."""

    ratingRequested = Signal()

    def __init__(self, workspace: Workspace, model: TrialsModel, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._title = ElidedLabel("title")
        self.state = label("chip")
        self._goal = ElidedLabel("muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.done = label("")
        self.left = label("muted")
        self.run_button = QPushButton()
        self.rate_button = QPushButton()
        set_tone(self.rate_button, "accent")
        self.csv_button = QPushButton()
        self.json_button = QPushButton()
        self.summary = TrialSummary(theme)
        self.replies = TrialReplies(self._model, theme)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.summary, "")
        self.tabs.addTab(self.replies, "")
        self._dialog: QFileDialog | None = None
        self._suffix = ""
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(10)
        first.addWidget(self._title, 1)
        first.addWidget(self.state)
        for button in (self.rate_button, self.run_button, self.csv_button, self.json_button):
            first.addWidget(button)
        second = QHBoxLayout()
        second.setSpacing(10)
        second.addWidget(self.progress, 2)
        second.addWidget(self.done)
        second.addWidget(self.left)
        second.addWidget(self._goal, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self.tabs, 1)

    def _wire(self) -> None:
        self._model.opened.connect(self._show)
        self._model.trialChanged.connect(self._show)
        self._model.busyChanged.connect(self._show_buttons)
        self._workspace.connection.changed.connect(self._show_buttons)
        self.run_button.clicked.connect(self._run_or_pause)
        self.rate_button.clicked.connect(self.ratingRequested)
        self.csv_button.clicked.connect(self._ask_for_csv)
        self.json_button.clicked.connect(self._ask_for_json)

    def retranslate(self) -> None:
        self.tabs.setTabText(0, self.tr("Result"))
        self.tabs.setTabText(1, self.tr("Replies"))
        self.tabs.setAccessibleName(self.tr("Pages of the trial"))
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the trial"))
        self.progress.setAccessibleName(self.tr("Replies so far"))
        self.rate_button.setText(self.tr("Rate blind…"))
        self.csv_button.setText(self.tr("Export CSV…"))
        self.csv_button.setToolTip(self.tr("The replies that the filters let through, as a table"))
        self.json_button.setText(self.tr("Export all…"))
        self.json_button.setToolTip(
            self.tr("Everything about the trial as one file: “trimtab report trial FILE” makes reports of it")
        )
        self._show()

    @Slot()
    def _show(self) -> None:
        trial = self._model.trial
        if trial is None:
            self._show_buttons()
            return
        self._title.setText(trial.display_name)
        self.state.setText(named(STATES, trial.state))
        self.state.setToolTip(say(trial.reason))
        set_tone(self.state, _TONES.get(trial.state, ""))
        self._goal.setText(trial.goal)
        progress = trial.progress
        self.progress.setRange(0, max(1, progress.planned))
        self.progress.setValue(progress.done)
        self.done.setText(self.tr("{0} of {1} replies").format(progress.done, progress.planned))
        parts = []
        if trial.state is TrialState.RUNNING:
            parts.append(
                self.tr("time left is not known yet")
                if progress.seconds_left is None
                else self.tr("about {0} left").format(duration(progress.seconds_left))
            )
        elif progress.seconds:
            parts.append(self.tr("took {0}").format(duration(progress.seconds)))
        if progress.errors:
            parts.append(self.tr("⚠ {0} errors; resume asks them again").format(progress.errors))
        if trial.state is TrialState.PAUSED and trial.reason:
            parts.append(say(trial.reason))
        self.left.setText("  ·  ".join(parts))
        self.summary.show_trial(trial)
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        trial = self._model.trial
        if trial is None:
            self.run_button.setText(self.tr("Start"))
            return
        texts = {
            TrialState.CREATED: self.tr("Start"),
            TrialState.RUNNING: self.tr("Pause"),
            TrialState.PAUSED: self.tr("Resume"),
        }
        again = trial.state is TrialState.FINISHED and trial.progress.errors > 0
        text = texts.get(trial.state, self.tr("Resume") if again else "")
        live = self._workspace.connection.is_live
        self.run_button.setVisible(bool(text))
        self.run_button.setText(text)
        self.run_button.setEnabled(live and not self._model.is_busy)
        self.rate_button.setVisible(trial.state is TrialState.RATING)
        self.rate_button.setEnabled(live)
        there = trial.state is not TrialState.DELETED and trial.progress.done > 0
        self.csv_button.setEnabled(there)
        self.json_button.setEnabled(there and live)

    @Slot()
    def _run_or_pause(self) -> None:
        trial = self._model.trial
        if trial is None:
            return
        if trial.state is TrialState.RUNNING:
            self._model.pause()
        elif trial.state is TrialState.CREATED:
            self._model.start(trial.lock.hash)
        else:
            self._model.resume()

    # Exporting --------------------------------------------------------------------------------------------

    @Slot()
    def _ask_for_csv(self) -> None:
        self._ask_for_file(self.tr("Export the replies"), self.tr("Table (*.csv)"), "csv")

    @Slot()
    def _ask_for_json(self) -> None:
        self._ask_for_file(self.tr("Export the trial"), self.tr("Trial (*.json)"), "json")

    def _ask_for_file(self, title: str, pattern: str, suffix: str) -> None:
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self._dialog.setFileMode(QFileDialog.FileMode.AnyFile)
            self._dialog.fileSelected.connect(self.export_to)
        self._dialog.setWindowTitle(title)
        self._dialog.setNameFilters([pattern])
        self._dialog.setDefaultSuffix(suffix)
        self._dialog.open()

    @Slot(str)
    def export_to(self, path: str) -> None:
        """Writes the shown rows (.csv) or the whole trial (.json)."""
        if path.endswith(".csv"):
            # With a byte order mark, or a spreadsheet takes Japanese text for another encoding.
            self._write(Path(path), self.replies.as_csv().encode("utf-8-sig"))
        else:
            self._model.export(_Writer(self, Path(path)).done)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.write_bytes(content)
        except OSError as error:
            self.left.setText(
                self.tr("⚠ {0} could not be written: {1}").format(path.name, error.strerror or str(error))
            )
        else:
            self.left.setText(self.tr("✓ Written: {0}").format(path.name))


class _Writer:
    """Where an export goes once it has come."""

    def __init__(self, page: OpenTrial, path: Path) -> None:
        self._page, self._path = page, path

    def done(self, content: bytes) -> None:
        self._page._write(self._path, content)


class EmptyTrials(Panel):
    """What a trial is, and the next step."""

    newRequested = Signal()
    sampleRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title = label("title")
        self._text = label("", wrap=True)
        self._next = label("muted", wrap=True)
        self.sample_button = QPushButton()
        set_tone(self.sample_button, "accent")
        self.new_button = QPushButton()
        card = Panel("card")
        card.setMaximumWidth(680)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 28, 32, 28)
        inside.setSpacing(14)
        for widget in (self._title, self._text, self._next):
            inside.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.sample_button)
        buttons.addWidget(self.new_button)
        buttons.addStretch(1)
        inside.addLayout(buttons)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card, 4)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(2)
        self.sample_button.clicked.connect(self.sampleRequested)
        self.new_button.clicked.connect(self.newRequested)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Try steering on your own prompts"))
        self._text.setText(
            self.tr(
                "A trial asks a file of prompts in two or more lanes, scores the replies by criteria that are locked"
                " beforehand, and says whether to steer, or whether a prompt is enough."
            )
        )
        self._next.setText(
            self.tr(
                "The sample set that ships with the model shows how it works: it takes a minute or two on this"
                " server."
            )
        )
        self.sample_button.setText(self.tr("Try the sample set"))
        self.new_button.setText(self.tr("Use your own prompts…"))

    def set_live(self, live: bool) -> None:
        """Nothing can be started without a server."""
        self.sample_button.setEnabled(live)
        self.new_button.setEnabled(live)
