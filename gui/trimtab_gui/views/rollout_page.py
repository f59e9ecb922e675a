"""The Rollout page: nothing yet, a new one, or the one there is, live."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget
from trimtab_client import bare
from trimtab_client.rollout_types import Rollout

from trimtab_gui.models.rollout_words import candidate_name, state_word
from trimtab_gui.models.trial_reports import ReportsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Choice, Panel, clock, label, set_tone
from trimtab_gui.views.lengths import limit_width
from trimtab_gui.views.new_rollout import NewRolloutPanel
from trimtab_gui.views.rollout_view import RolloutView
from trimtab_gui.views.trial_report import ReportButton

WIDEST_TEXT: Final = 620


class RolloutPage(Panel):
    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = workspace.rollouts
        self._making = False
        self._empty_title = label("title")
        self._empty_text = label("muted", wrap=True)
        limit_width(self._empty_text, WIDEST_TEXT)
        self.first_button = QPushButton()
        set_tone(self.first_button, "accent")
        self.history_choice = Choice()
        self.history_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._history_label = label("muted")
        self.new_button = QPushButton()
        self.reports = ReportsModel(workspace.gateway, self)
        self.report_button = ReportButton(self.reports)
        self.report_button.with_costs.setVisible(False)
        self._told = label("muted")
        self.view = RolloutView(workspace, theme)
        self.new_panel = NewRolloutPanel(workspace)
        self._stack = QStackedWidget()
        self._empty = self._make_empty()
        self._one = self._make_one()
        for page in (self._empty, self._one, self.new_panel):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._model.changed.connect(self._show)
        self._model.succeeded.connect(self._succeeded)
        workspace.release.snapshotsChanged.connect(self._show)
        workspace.release.activeChanged.connect(self._show)
        workspace.commands.changed.connect(self._show_buttons)
        self.report_button.told.connect(self._told.setText)
        self.reports.failed.connect(self._model.failed)
        self.new_panel.closed.connect(self.close_new)
        self.history_choice.activated.connect(self._choose)
        self.new_button.clicked.connect(self._new)
        self.first_button.clicked.connect(self._first_step)
        self.retranslate()

    def _make_empty(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(2)
        for widget in (self._empty_title, self._empty_text, self.first_button):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(widget, 0 if widget is not self._empty_text else 3)
            row.addStretch(1)
            column.addLayout(row)
            column.addSpacing(6)
        column.addStretch(3)
        self._empty_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        return page

    def _make_one(self) -> QWidget:
        page = QWidget()
        head = QHBoxLayout()
        head.addWidget(self._history_label)
        head.addWidget(self.history_choice)
        head.addStretch(1)
        head.addWidget(self._told)
        head.addWidget(self.report_button)
        head.addWidget(self.new_button)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        return page

    def retranslate(self) -> None:
        self._empty_title.setText(self.tr("No rollout yet"))
        self._history_label.setText(self.tr("Rollout"))
        self.history_choice.setAccessibleName(self.tr("Rollout that is shown"))
        self.new_button.setText(self.tr("New rollout…"))
        self._show()

    # Which page -------------------------------------------------------------------------------------------

    def open_new(self, candidate: str = "") -> None:
        """Opens the panel for a new rollout; `candidate` is a snapshot's name."""
        self._making = True
        self._stack.setCurrentWidget(self.new_panel)
        self.new_panel.open(candidate)

    @Slot()
    def close_new(self) -> None:
        self._making = False
        self._show()

    @Slot(object, object)
    def _succeeded(self, _done: object, _rollout: Rollout) -> None:
        self.close_new()

    def showEvent(self, event: object) -> None:
        # What others have created, but not started, comes with no watch.
        if self._workspace.connection.is_live:
            self._model.refresh()

    @Slot()
    def _show(self, _change: object = None) -> None:
        shown = self._model.shown
        if not self._making:
            self._stack.setCurrentWidget(self._empty if shown is None else self._one)
        candidates = self._has_candidate()
        self._empty_text.setText(
            self.tr(
                "A rollout moves everyone from the active snapshot to another one in steps: first in the shadow of live"
                " replies, then for a share of sessions, while guardrails that were locked before it began decide."
            )
            + "\n\n"
            + (
                self.tr("Next step: choose the candidate and a plan, and see what it will take.")
                if candidates
                else self.tr(
                    "Next step: there is no snapshot but the active one yet. Create one from the vectors."
                )
            )
        )
        self.first_button.setText(
            self.tr("New rollout…") if candidates else self.tr("Create a snapshot from the vectors…")
        )
        self._fill_history(shown)
        self.view.show_rollout(shown)
        if shown is not None:
            self.report_button.show_subject(shown.name, candidate_name(shown))
        self._show_buttons()

    def _has_candidate(self) -> bool:
        release = self._workspace.release
        active = "" if release.active is None else release.active.snapshot.name
        return any(snapshot.name != active for snapshot in release.snapshots)

    def _fill_history(self, shown: Rollout | None) -> None:
        with QSignalBlocker(self.history_choice):
            self.history_choice.clear()
            for one in self._model.rollouts:
                text = self.tr("{0} · {1} · {2} ({3})").format(
                    candidate_name(one), state_word(one.state), clock(one.create_time), bare(one.name)
                )
                self.history_choice.addItem(text, one.name)
            if shown is not None:
                self.history_choice.setCurrentIndex(self.history_choice.findData(shown.name))

    @Slot()
    def _show_buttons(self) -> None:
        commands = self._workspace.commands
        self.new_button.setEnabled(commands.is_enabled("rollout.new"))
        self.report_button.setEnabled(self._workspace.connection.is_live)
        making = "rollout.new" if self._has_candidate() else "release.create"
        self.first_button.setEnabled(commands.is_enabled(making))

    @Slot(int)
    def _choose(self, index: int) -> None:
        self._model.choose(str(self.history_choice.itemData(index)) if index else "")

    @Slot()
    def _new(self) -> None:
        self._workspace.commands.run("rollout.new")

    @Slot()
    def _first_step(self) -> None:
        self._workspace.commands.run("rollout.new" if self._has_candidate() else "release.create")
