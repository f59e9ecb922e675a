"""Goal, risks, criteria and lanes of a case, until they are locked."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout
from trimtab_client.case_types import Case

from trimtab_gui.models.case_draft import CaseDraftModel
from trimtab_gui.models.messages import describe
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Panel, label, set_tone
from trimtab_gui.views.lengths import scaled
from trimtab_gui.views.trial_criteria import CriteriaEditor
from trimtab_gui.views.trial_lanes import LaneChoice
from trimtab_gui.views.trial_summary import CriteriaCard


class CaseEditor(Panel):
    """Left the words and the lanes, right the criteria; below, keeping and locking."""

    closed = Signal()

    def __init__(self, workspace: Workspace, model: CaseDraftModel) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._title = label("title")
        self._labels = {name: label("muted") for name in ("title", "goal", "risks", "reason")}
        self.title_field = QLineEdit()
        self.goal = QPlainTextEdit()
        self.risks = QPlainTextEdit()
        for field in (self.goal, self.risks):
            field.setTabChangesFocus(True)
            field.setMinimumHeight(scaled(96))
        self.lanes = LaneChoice(workspace, model.criteria, numbered=False)
        self.criteria = CriteriaEditor(model.criteria, of_case=True)
        self.summary = CriteriaCard()
        self.fault = label("error", wrap=True)
        self.reason = QLineEdit()
        self.save_button = QPushButton()
        self.lock_button = QPushButton()
        set_tone(self.lock_button, "accent")
        self.close_button = QPushButton()
        set_tone(self.close_button, "flat")
        self._note = label("caption", wrap=True)
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        left = Panel("card")
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(7)
        fields = {"title": self.title_field, "goal": self.goal, "risks": self.risks}
        for name, field in fields.items():
            column.addWidget(self._labels[name])
            self._labels[name].setBuddy(field)
            column.addWidget(field)
        column.addSpacing(6)
        column.addWidget(self.lanes)
        column.addStretch(1)
        right = Panel()
        side = QVBoxLayout(right)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(10)
        side.addWidget(self.criteria)
        side.addWidget(self.summary)
        side.addStretch(1)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(left, 2)
        body.addWidget(right, 3)
        last = QHBoxLayout()
        last.setSpacing(10)
        last.addWidget(self.lock_button)
        last.addWidget(self.save_button)
        last.addWidget(self._labels["reason"])
        last.addWidget(self.reason, 1)
        last.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self._title)
        layout.addWidget(self.fault)
        layout.addLayout(body, 1)
        layout.addWidget(self._note)
        layout.addLayout(last)

    def _wire(self) -> None:
        self._model.changed.connect(self._show)
        self._model.kept.connect(self._kept)
        self.title_field.textChanged.connect(self._set_title)
        self.goal.textChanged.connect(self._set_goal)
        self.risks.textChanged.connect(self._set_risks)
        self.save_button.clicked.connect(self._model.save)
        self.lock_button.clicked.connect(self._lock)
        self.close_button.clicked.connect(self.closed)
        self._workspace.connection.changed.connect(self._show)

    def retranslate(self) -> None:
        texts = {
            "title": self.tr("Title"),
            "goal": self.tr("Goal: what shall be reached, and for whom"),
            "risks": self.tr("Risks: what could go wrong"),
            "reason": self.tr("Reason"),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
        for field, name in (
            (self.title_field, "title"),
            (self.goal, "goal"),
            (self.risks, "risks"),
            (self.reason, "reason"),
        ):
            field.setAccessibleName(texts[name])
        self.reason.setPlaceholderText(self.tr("why these criteria; it goes into the audit"))
        self.save_button.setText(self.tr("Keep"))
        self.lock_button.setText(self.tr("Lock goal and criteria"))
        self.close_button.setText(self.tr("Close"))
        self._note.setText(
            self.tr(
                "Locking fixes goal, criteria and lanes by their hashes: every trial of the case is judged by them, and"
                " nobody can change them afterwards."
            )
        )
        self._show()

    def open(self, case: Case, *, to_lock: bool) -> None:
        """Shows what the model was opened with; to_lock puts the keyboard at the lock."""
        model = self._model
        with (
            QSignalBlocker(self.title_field),
            QSignalBlocker(self.goal),
            QSignalBlocker(self.risks),
        ):
            self.title_field.setText(model.title)
            self.goal.setPlainText(model.goal)
            self.risks.setPlainText(model.risks)
        self.reason.clear()
        self._show()
        (self.lock_button if to_lock else self.goal).setFocus()

    @Slot(str)
    def _set_title(self, text: str) -> None:
        self._model.title = text

    @Slot()
    def _set_goal(self) -> None:
        self._model.goal = self.goal.toPlainText()
        self._show_buttons()

    @Slot()
    def _set_risks(self) -> None:
        self._model.risks = self.risks.toPlainText()

    @Slot()
    def _lock(self) -> None:
        self._model.lock(self.reason.text().strip())

    @Slot(object)
    def _kept(self, _case: Case) -> None:
        self.closed.emit()

    @Slot()
    def _show(self) -> None:
        model = self._model
        title = "" if model.case is None else model.case.draft.display_name
        self._title.setText(self.tr("Goal and criteria of “{0}”").format(title))
        failure = model.failure
        # A fault of a field is told at the field.
        told = failure is not None and not model.criteria.faults
        self.fault.setVisible(told)
        self.fault.setText(describe(failure) if told and failure is not None else "")
        self.goal.setReadOnly(model.is_locked)
        for widget in (self.lock_button, self.reason, self._labels["reason"], self._note):
            widget.setVisible(not model.is_locked)
        check = model.check
        self.summary.setVisible(check is not None)
        if check is not None:
            self.summary.show_criteria(check.lock.criteria_json, "")
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        live = self._workspace.connection.is_live
        self.save_button.setEnabled(live and self._model.can_save)
        self.lock_button.setEnabled(live and self._model.can_lock)
