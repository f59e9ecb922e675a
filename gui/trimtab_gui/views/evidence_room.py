"""The Evidence room: cases, trials and studies."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.case_desk import CaseDesk
from trimtab_gui.views.cases_page import CasesPage
from trimtab_gui.views.elements import Panel
from trimtab_gui.views.pages import Pages
from trimtab_gui.views.studies_page import StudiesPage
from trimtab_gui.views.trial_commands import TrialCommands
from trimtab_gui.views.trials_page import TrialsPage


class EvidenceRoom(Panel):
    # A command wants this room to be seen.
    showRequested = Signal()

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.cases = CasesPage(workspace, theme)
        self.trials = TrialsPage(workspace, theme)
        self.studies = StudiesPage(workspace, theme)
        self.tabs = Pages()
        for page in (self.cases, self.trials, self.studies):
            self.tabs.add(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 12)
        layout.addWidget(self.tabs)
        self.case_desk = CaseDesk(workspace, self.cases, self.trials, self.show_cases, self.show_trials)
        self.trial_commands = TrialCommands(workspace, self.trials, self.show_trials)
        self.retranslate()

    def show_cases(self) -> None:
        self.tabs.setCurrentWidget(self.cases)
        self.showRequested.emit()

    def show_trials(self) -> None:
        self.tabs.setCurrentWidget(self.trials)
        self.showRequested.emit()

    def retranslate(self) -> None:
        self.tabs.setTabText(self.tabs.indexOf(self.cases), self.tr("Cases"))
        self.tabs.setTabText(self.tabs.indexOf(self.trials), self.tr("Trials"))
        self.tabs.setTabText(self.tabs.indexOf(self.studies), self.tr("Studies"))
        self.tabs.setAccessibleName(self.tr("Pages of the Evidence room"))
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the Evidence room"))
