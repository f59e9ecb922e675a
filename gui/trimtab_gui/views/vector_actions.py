"""The commands about making and importing vectors, and the wizard's window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.extraction_wizard import ExtractionWizard
from trimtab_gui.views.vectors_dock import VectorsDock


class VectorActions(QObject):
    """show_dock: brings the vectors dock into view."""

    def __init__(
        self,
        workspace: Workspace,
        theme: Theme,
        dock: VectorsDock,
        show_dock: Callable[[], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._workspace = workspace
        self._theme = theme
        self._dock = dock
        self._show_dock = show_dock
        self._window = window
        self.wizard: ExtractionWizard | None = None
        self._target = ""
        workspace.connection.opened.connect(self._begin_afresh_elsewhere)
        workspace.commands.register("vectors.extract", self.open_wizard, self._is_live)
        workspace.commands.register("vectors.import", self.ask_for_vector, self._is_live)

    def open_wizard(self) -> None:
        """Opens the wizard where it was left."""
        if self.wizard is None:
            self.wizard = ExtractionWizard(self._workspace, self._theme, self._window)
            self.wizard.chatRequested.connect(self._show_in_chat)
            self.wizard.snapshotRequested.connect(self._make_snapshot)
        self.wizard.open()

    def ask_for_vector(self) -> None:
        """Asks for a vector file to bring in."""
        self._show_dock()
        self._dock.importer.ask()

    def close(self) -> None:
        """With the client's window."""
        if self.wizard is not None:
            self.wizard.close_with_the_client()

    def _is_live(self) -> bool:
        return self._workspace.connection.is_live

    @Slot()
    def _begin_afresh_elsewhere(self) -> None:
        """What was begun on one server is not carried to another."""
        target = self._workspace.connection.status.target
        if self._target and target != self._target:
            self._workspace.extraction.start_afresh("")
            if self.wizard is not None:
                self.wizard.close_with_the_client()
                self.wizard.show_page(0)
        self._target = target

    @Slot()
    def _show_in_chat(self) -> None:
        self._show_dock()
        self._window.activateWindow()

    @Slot()
    def _make_snapshot(self) -> None:
        self._show_in_chat()
        self._dock.open_form()
