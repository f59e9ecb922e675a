"""One trial: its head, and its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QTabWidget, QVBoxLayout
from trimtab_client.trial_types import TrialState

from trimtab_gui.models.server_sentences import say
from trimtab_gui.models.trial_costs import TrialCostsModel
from trimtab_gui.models.trial_reports import ReportsModel
from trimtab_gui.models.trial_words import STATES, duration, named
from trimtab_gui.models.trials import TrialsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, label, set_tone
from trimtab_gui.views.trial_costs import CostPanel
from trimtab_gui.views.trial_replies import TrialReplies
from trimtab_gui.views.trial_report import ReportButton
from trimtab_gui.views.trial_summary import TrialSummary

#: Of a case, beside the progress.
_LONGEST_TITLE: Final = 28
_TONES: Final = {
    TrialState.RUNNING: "good",
    TrialState.PAUSED: "warning",
    TrialState.RATING: "warning",
}


class OpenTrial(Panel):
    """The head of one trial, and its pages."""

    ratingRequested = Signal()
    # The case that the open trial is a part of, by its name.
    caseRequested = Signal(str)

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
        self._case = self._case_title = ""
        self.case_button = QPushButton()
        set_tone(self.case_button, "flat")
        self.case_button.hide()
        self.rate_button = QPushButton()
        set_tone(self.rate_button, "accent")
        self.csv_button = QPushButton()
        self.json_button = QPushButton()
        self.summary = TrialSummary(theme)
        self.replies = TrialReplies(self._model, theme)
        self.costs_model = TrialCostsModel(workspace.gateway, workspace.files, self)
        self.costs = CostPanel(self.costs_model)
        self.reports = ReportsModel(workspace.gateway, self)
        self.report_button = ReportButton(self.reports)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.summary, "")
        self.tabs.addTab(self.replies, "")
        self.tabs.addTab(self.costs, "")
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
        for button in (
            self.rate_button,
            self.run_button,
            self.report_button,
            self.csv_button,
            self.json_button,
        ):
            first.addWidget(button)
        second = QHBoxLayout()
        second.setSpacing(10)
        second.addWidget(self.progress, 2)
        second.addWidget(self.done)
        second.addWidget(self.left)
        second.addWidget(self.case_button)
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
        self.case_button.clicked.connect(self._ask_for_case)
        self.csv_button.clicked.connect(self._ask_for_csv)
        self.json_button.clicked.connect(self.ask_for_json)
        self.costs_model.changed.connect(self._show_report)
        self.report_button.told.connect(self._tell)
        self.reports.failed.connect(self._model.failed)

    def retranslate(self) -> None:
        self.tabs.setTabText(0, self.tr("Result"))
        self.tabs.setTabText(1, self.tr("Replies"))
        self.tabs.setTabText(2, self.tr("Costs"))
        self.tabs.setAccessibleName(self.tr("Pages of the trial"))
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the trial"))
        self.progress.setAccessibleName(self.tr("Replies so far"))
        self.rate_button.setText(self.tr("Rate blind…"))
        self.show_case(self._case, self._case_title)
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
        self.costs_model.show_trial(trial)
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
        self._show_report()

    @Slot()
    def _show_report(self) -> None:
        """Of a trial that is judged, with costs once there are figures for them."""
        trial = self._model.trial
        judged = trial is not None and trial.state is TrialState.FINISHED
        entry = self.costs_model.entry
        self.report_button.show_subject(
            trial.name if judged and trial is not None else "",
            trial.display_name if trial is not None else "",
            entry.figures() if entry.says_something else None,
        )
        why_not = ""
        if trial is not None and trial.state is TrialState.DELETED:
            why_not = self.tr("The replies are deleted: nothing is left to report.")
        elif trial is not None and trial.state is TrialState.RATING:
            why_not = self.tr("A report needs the verdict, which comes when the rating is finished.")
        elif not judged:
            why_not = self.tr("A report needs the verdict, which comes with the last reply.")
        self.report_button.allow(judged and self._workspace.connection.is_live, why_not)

    @Slot(str)
    def _tell(self, text: str) -> None:
        self.left.setText(text)

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

    def show_case(self, name: str, title: str) -> None:
        """The case that the trial is a part of, with the way back to it; "" for none."""
        self._case, self._case_title = name, title
        short = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
        self.case_button.setText(self.tr("← Case “{0}”").format(short))
        self.case_button.setToolTip(title)
        self.case_button.setAccessibleName(self.tr("Back to the case {0}").format(title))
        self.case_button.setVisible(bool(name))

    @Slot()
    def _ask_for_case(self) -> None:
        self.caseRequested.emit(self._case)

    def show_costs(self) -> None:
        """The page of costs."""
        self.tabs.setCurrentWidget(self.costs)

    # Exporting --------------------------------------------------------------------------------------------

    @Slot()
    def _ask_for_csv(self) -> None:
        self._ask_for_file(self.tr("Export the replies"), self.tr("Table (*.csv)"), "csv")

    @Slot()
    def ask_for_json(self) -> None:
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
