"""What the palette, the menus and the shortcuts can do with trials."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Slot
from trimtab_client.trial_types import TrialState

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.trials_page import TrialsPage

_STARTABLE: Final = (TrialState.CREATED,)
_RUNNING: Final = (TrialState.RUNNING,)
_RESUMABLE: Final = (TrialState.PAUSED,)


class TrialCommands(QObject):
    """show: brings the page to the front."""

    def __init__(self, workspace: Workspace, page: TrialsPage, show: Callable[[], None]) -> None:
        super().__init__(page)
        self._workspace = workspace
        self._page = page
        self._show = show
        self._state: tuple[object, ...] = ()
        commands = workspace.commands
        model = page.model
        for command, run, enabled in (
            ("trial.show", show, _always),
            ("trial.new", self._new, self._is_live),
            ("trial.sample", self._sample, self._is_live),
            ("trial.start", self._start, partial(self._is, _STARTABLE)),
            ("trial.pause", self._pause, partial(self._is, _RUNNING)),
            ("trial.resume", self._resume, partial(self._is, _RESUMABLE)),
            ("trial.rerun", self._rerun, self._can_rerun),
            ("trial.rate", self._rate, partial(self._is, (TrialState.RATING,))),
            ("trial.costs", self._costs, self._is_open),
            ("trial.export", self._export, self._has_replies),
            ("trial.report", self._report, self._can_report),
        ):
            commands.register(command, run, enabled)
        model.opened.connect(self._refresh)
        model.trialChanged.connect(self._refresh)
        model.busyChanged.connect(commands.refresh)
        page.open_trial.replies.table.selectionModel().currentChanged.connect(self._refresh_for_row)

    # Conditions -------------------------------------------------------------------------------------------

    def _is_live(self) -> bool:
        return self._workspace.connection.is_live

    def _is_open(self) -> bool:
        return self._page.model.trial is not None

    def _is(self, states: Collection[TrialState]) -> bool:
        trial, model = self._page.model.trial, self._page.model
        return self._is_live() and not model.is_busy and trial is not None and trial.state in states

    def _has_replies(self) -> bool:
        trial = self._page.model.trial
        return (
            self._is_live()
            and trial is not None
            and trial.progress.done > 0
            and trial.state is not TrialState.DELETED
        )

    def _can_report(self) -> bool:
        return self._has_replies() and self._page.open_trial.report_button.isEnabled()

    def _can_rerun(self) -> bool:
        return (
            self._is((TrialState.FINISHED, TrialState.PAUSED))
            and self._page.open_trial.replies.detail.can_ask_again
        )

    @Slot()
    def _refresh(self) -> None:
        """Progress alone changes no condition."""
        trial = self._page.model.trial
        state = () if trial is None else (trial.name, trial.state, trial.progress.done > 0)
        if state != self._state:
            self._state = state
            self._workspace.commands.refresh()

    @Slot(object, object)
    def _refresh_for_row(self, _now: object, _before: object) -> None:
        self._workspace.commands.refresh()

    # Deeds ------------------------------------------------------------------------------------------------

    def _new(self) -> None:
        self._show()
        self._page.new_trial()

    def _sample(self) -> None:
        self._show()
        self._page.try_sample()

    def _start(self) -> None:
        trial = self._page.model.trial
        if trial is not None:
            self._page.model.start(trial.lock.hash)

    def _pause(self) -> None:
        self._page.model.pause()

    def _resume(self) -> None:
        self._page.model.resume()

    def _rerun(self) -> None:
        self._page.open_trial.replies.detail.ask_again()

    def _rate(self) -> None:
        self._show()
        self._page.open_trial.ratingRequested.emit()

    def _costs(self) -> None:
        self._show()
        self._page.open_trial.show_costs()

    def _export(self) -> None:
        self._show()
        self._page.open_trial.ask_for_json()

    def _report(self) -> None:
        self._show()
        self._page.open_trial.report_button.open_menu()


def _always() -> bool:
    return True
