"""One case: its head, and its path."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget
from trimtab_client import abbreviated
from trimtab_client.case_types import Case, CaseChoice, CaseStep, CaseStepKind, CaseStepState

from trimtab_gui.models.case_words import language, standing, title_of
from trimtab_gui.models.cases import CasesModel
from trimtab_gui.models.trial_costs import remembered_entry
from trimtab_gui.models.trial_reports import ReportsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.case_decision import DecisionPanel
from trimtab_gui.views.case_steps import StepCard
from trimtab_gui.views.elements import ElidedLabel, Panel, clock, label, set_tone
from trimtab_gui.views.trial_report import ReportButton

_TRIALS = (CaseStepKind.SMALL_TRIAL, CaseStepKind.CONFIRMATION)


class CaseView(Panel):
    """Everything about the open case; what is done elsewhere is asked for by `stepRequested`."""

    # A command of `BUTTONS`, and the step it is of.
    stepRequested = Signal(str, object)
    editRequested = Signal()

    def __init__(self, workspace: Workspace, model: CasesModel, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self.title = ElidedLabel("title")
        self.state = label("chip")
        self.edit_button = QPushButton()
        self.reports = ReportsModel(workspace.gateway, self)
        self.report_button = ReportButton(self.reports)
        self.export_button = QPushButton()
        self.goal = label("", wrap=True)
        self.lock = label("caption", wrap=True)
        self.lock.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.others = label("caption", wrap=True)
        self.told = label("muted", wrap=True)
        self.decision = DecisionPanel()
        self.cards = [StepCard(theme) for _ in range(6)]
        self._dialog: QFileDialog | None = None
        self._content = b""
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.title, 1)
        head.addWidget(self.state, 0, Qt.AlignmentFlag.AlignVCenter)
        for button in (self.edit_button, self.report_button, self.export_button):
            head.addWidget(button)
        inside = QWidget()
        self._path = QVBoxLayout(inside)
        self._path.setContentsMargins(0, 0, 6, 0)
        self._path.setSpacing(0)
        for card in self.cards:
            self._path.addWidget(card)
        self._path.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        for widget in (self.goal, self.lock, self.others, self.told, self.decision):
            layout.addWidget(widget)
        layout.addWidget(self._scroll, 1)

    def _wire(self) -> None:
        self._model.changed.connect(self._show)
        self._model.opened.connect(self._opened)
        self._model.templatesChanged.connect(self._show)
        self._model.busyChanged.connect(self._show_buttons)
        self._workspace.connection.changed.connect(self._show_buttons)
        self._workspace.rollouts.changed.connect(self._show)
        self.edit_button.clicked.connect(self.editRequested)
        self.export_button.clicked.connect(self._export)
        self.report_button.told.connect(self._tell)
        self.reports.failed.connect(self._model.failed)
        self.decision.scaled.connect(self._scale)
        self.decision.stopped.connect(self._stop)
        for card in self.cards:
            card.pressed.connect(self._press)
            card.exampleRequested.connect(self._ask_for_example)

    def retranslate(self) -> None:
        self.lock.setAccessibleName(self.tr("Lock of the criteria"))
        self.edit_button.setText(self.tr("Edit…"))
        self.edit_button.setAccessibleName(self.tr("Edit the case"))
        self.export_button.setText(self.tr("Export…"))
        self.export_button.setToolTip(
            self.tr("The case with its trials, its rollout and the decision, as one file")
        )
        self._show()

    # Showing ----------------------------------------------------------------------------------------------

    @Slot()
    def _opened(self) -> None:
        self.decision.hide()
        self.told.clear()
        self._scroll.verticalScrollBar().setValue(0)
        self._show()

    @Slot()
    def _show(self) -> None:
        case = self._model.case
        if case is None:
            return
        self.title.setText(title_of(case))
        self.state.setText(standing(case))
        tone = "good" if case.decision is not None and case.decision.choice is CaseChoice.SCALE else ""
        failed = any(step.state is CaseStepState.FAILED for step in case.steps)
        set_tone(self.state, "danger" if failed and case.decision is None else tone)
        self.goal.setText(case.draft.goal.strip())
        self.goal.setVisible(bool(case.draft.goal.strip()))
        self._show_lock(case)
        self.others.setVisible(bool(case.other_trials))
        self.others.setText(
            self.tr("⚠ {0} trials by the same criteria were started and are no part of this case.").format(
                len(case.other_trials)
            )
        )
        for number, (card, step) in enumerate(zip(self.cards, case.steps, strict=False), start=1):
            card.mark.show_state(step.state, first=number == 1, last=number == len(case.steps))
            card.show_step(step, number, self.command_of(step), self._advice(case, step))
        self.told.setVisible(bool(self.told.text()))
        self._show_buttons()

    def _show_lock(self, case: Case) -> None:
        self.lock.setVisible(case.lock is not None)
        if case.lock is not None:
            self.lock.setText(
                self.tr("Criteria {0}, locked by {1}: {2}").format(
                    case.lock.criteria_hash[:16], case.lock.actor, clock(case.lock.lock_time)
                )
            )

    def command_of(self, step: CaseStep) -> str:
        """What the step's button does: that of the server, or to take in a rollout that is there already."""
        if step.command == "rollout.new" and self.loose_rollout():
            return "rollout.attach"
        return step.command

    def loose_rollout(self) -> str:
        """The newest rollout of the case's candidate that is no part of it; "" for none."""
        case = self._model.case
        if case is None or case.candidate is None or not case.candidate.snapshot:
            return ""
        own = {rollout.rollout for rollout in case.rollouts}
        confirmed = max((t.attach_time for t in case.trials if t.attach_time is not None), default=None)
        found = [
            rollout
            for rollout in self._workspace.rollouts.rollouts
            if rollout.candidate_snapshot == case.candidate.snapshot
            and rollout.name not in own
            and rollout.create_time is not None
            and (confirmed is None or rollout.create_time > confirmed)
        ]
        return max(found, key=lambda rollout: str(rollout.create_time)).name if found else ""

    def _advice(self, case: Case, step: CaseStep) -> str:
        """Which prompts to collect, while a trial is to be made."""
        template = self._model.template(case.draft.template)
        if template is None or step.kind not in _TRIALS or step.command != "trial.new":
            return ""
        return " ".join(
            (template.prompts.advice_ja if language() == "ja" else template.prompts.advice).split()
        )

    @Slot()
    def _show_buttons(self) -> None:
        case = self._model.case
        free = self._workspace.connection.is_live and not self._model.is_busy
        for card in self.cards:
            card.button.setEnabled(free)
        self.edit_button.setVisible(case is not None and case.decision is None)
        self.edit_button.setEnabled(free)
        there = case is not None and self._workspace.connection.is_live
        self.export_button.setEnabled(there)
        self.report_button.setEnabled(there)
        if case is not None:
            entry = remembered_entry(self._workspace.files.settings.cost_figures)
            figures = entry.figures() if entry.says_something else None
            self.report_button.show_subject(case.name, title_of(case), figures)

    # Deeds ------------------------------------------------------------------------------------------------

    def press_next(self) -> None:
        """The button of the step that matters now."""
        case = self._model.case
        step = None if case is None else case.step
        if step is not None and self.command_of(step):
            self._go(self.command_of(step), step)

    @Slot(str)
    def _press(self, command: str) -> None:
        card = self.sender()
        if isinstance(card, StepCard) and card.step is not None:
            self._go(command, card.step)

    def _go(self, command: str, step: CaseStep) -> None:
        if command == "case.decide":
            self.decide()
        else:
            self.stepRequested.emit(command, step)

    def decide(self) -> None:
        """Opens the decision; what is possible follows from the last step."""
        case = self._model.case
        if case is not None and case.decision is None:
            self.decision.open(can_scale=case.steps[-1].code == "decision_due")

    @Slot(str)
    def _scale(self, reason: str) -> None:
        self._model.decide(CaseChoice.SCALE, reason)

    @Slot(str)
    def _stop(self, reason: str) -> None:
        self._model.decide(CaseChoice.STOP, reason)

    @Slot(str)
    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setVisible(bool(text))

    # Files ------------------------------------------------------------------------------------------------

    @Slot()
    def _export(self) -> None:
        self._model.export(self._exported)

    def _exported(self, content: bytes) -> None:
        case = self._model.case
        if case is not None:
            self._ask_for_file(content, f"{abbreviated(title_of(case))}.json", self.tr("Case (*.json)"))

    @Slot()
    def _ask_for_example(self) -> None:
        """The template's example file, with a row of each kind; with a mark that spreadsheets need for Japanese."""
        case = self._model.case
        template = None if case is None else self._model.template(case.draft.template)
        if template is not None:
            hint = template.prompts
            text = hint.example_ja if language() == "ja" else hint.example
            self._ask_for_file(text.encode("utf-8-sig"), "prompts.csv", self.tr("Table (*.csv)"))

    def _ask_for_file(self, content: bytes, name: str, pattern: str) -> None:
        self._content = content
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self._dialog.setFileMode(QFileDialog.FileMode.AnyFile)
            self._dialog.fileSelected.connect(self.write_to)
        self._dialog.setWindowTitle(self.tr("Write a file"))
        self._dialog.setNameFilters([pattern])
        self._dialog.setDefaultSuffix(name.rpartition(".")[2])
        self._dialog.selectFile(name)
        self._dialog.open()

    @Slot(str)
    def write_to(self, path: str) -> None:
        """Writes what was fetched last."""
        target = Path(path)
        try:
            target.write_bytes(self._content)
        except OSError as error:
            self._tell(
                self.tr("⚠ {0} could not be written: {1}").format(target.name, error.strerror or str(error))
            )
        else:
            self._tell(self.tr("✓ Written: {0}").format(target.name))
