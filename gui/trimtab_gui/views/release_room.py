"""The Release room: snapshots, rollout and monitors."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel
from trimtab_gui.views.monitors_page import MonitorsPage
from trimtab_gui.views.pages import Pages
from trimtab_gui.views.rollout_page import RolloutPage
from trimtab_gui.views.snapshots_page import SnapshotsPage


class ReleaseRoom(Panel):
    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.snapshots = SnapshotsPage(workspace)
        self.rollout = RolloutPage(workspace, theme)
        self.monitors = MonitorsPage(workspace, theme)
        self.tabs = Pages()
        for page in (self.snapshots, self.rollout, self.monitors):
            self.tabs.add(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 12)
        layout.addWidget(self.tabs)
        self.retranslate()

    def retranslate(self) -> None:
        for page, text in (
            (self.snapshots, self.tr("Snapshots")),
            (self.rollout, self.tr("Rollout")),
            (self.monitors, self.tr("Monitors")),
        ):
            self.tabs.setTabText(self.tabs.indexOf(page), text)
        self.tabs.setAccessibleName(self.tr("Pages of the Release room"))
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the Release room"))

    def show_rollout(self) -> None:
        self.tabs.setCurrentWidget(self.rollout)

    def show_monitors(self) -> None:
        self.tabs.setCurrentWidget(self.monitors)
