"""The trials of the deployment, and everything about the one that is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from PySide6.QtCore import QObject, Signal
from trimtab_client import AsyncClient
from trimtab_client.trial_types import (
    Trial,
    TrialEvent,
    TrialProgress,
    TrialPrompt,
    TrialRow,
    TrialState,
)

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import TellingModel

T = TypeVar("T")


class TrialsModel(TellingModel):
    """Lists trials; watches the open one, so that its rows and its progress are those of the server."""

    listChanged = Signal()
    # Another trial is open, or none.
    opened = Signal()
    # The open trial's state, progress or result.
    trialChanged = Signal()
    # list[TrialRow]: these are new, or take the place of others with their numbers.
    rowsArrived = Signal(list)
    promptsChanged = Signal()
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._trials: tuple[Trial, ...] = ()
        self._listed = False
        self._name = ""
        self._trial: Trial | None = None
        self._prompts: dict[str, TrialPrompt] = {}
        self._rows: dict[object, TrialRow] = {}
        self._watch: Stream | None = None
        self._busy = False

    # Reading ----------------------------------------------------------------------------------------------

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Newest first."""
        return self._trials

    @property
    def is_listed(self) -> bool:
        """Whether the server has been asked."""
        return self._listed

    @property
    def trial(self) -> Trial | None:
        """The open one."""
        return self._trial

    @property
    def name(self) -> str:
        """Of the open one, known before the server has told the rest; "" for none."""
        return self._name

    @property
    def is_busy(self) -> bool:
        """Whether a change is on its way to the server."""
        return self._busy

    def prompt(self, id: str) -> TrialPrompt | None:
        return self._prompts.get(id)

    @property
    def rows(self) -> tuple[TrialRow, ...]:
        """What has been replied so far, belief probes too."""
        return tuple(self._rows.values())

    def side_by_side(self, prompt_id: str, repeat: int) -> tuple[TrialRow, ...]:
        """What all lanes replied to one prompt, in the order of the lanes."""
        lanes = [lane.name for lane in self._trial.lanes] if self._trial is not None else []
        found = [
            row
            for row in self._rows.values()
            if (row.prompt_id, row.repeat, row.probe) == (prompt_id, repeat, 0) and row.lane in lanes
        ]
        return tuple(sorted(found, key=lambda row: lanes.index(row.lane)))

    # Asking -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the list again; called for every new session, too."""
        self._gateway.call(lambda client: client.trials.list(limit=200), self._take_list, self._refused)
        if self._name and self._watch is None:
            self._start_watch()

    def restart(self) -> None:
        """A session has begun: what streamed before is gone."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self.refresh()

    def open(self, name: str) -> None:
        """Shows one trial and watches it."""
        if name == self._name:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._name, self._trial = name, next((own for own in self._trials if own.name == name), None)
        self._rows, self._prompts = {}, {}
        self.opened.emit()
        self._gateway.call(lambda client: client.trials.prompts(name), self._take_prompts, self._refused)
        self._start_watch()

    def start(self, lock_hash: str = "") -> None:
        """Starts the open trial, which was created and not run."""
        name = self._name
        self._change(lambda client: client.trials.run(name, lock_hash=lock_hash, hurry=True))

    def pause(self) -> None:
        name = self._name
        self._change(lambda client: client.trials.pause(name))

    def resume(self) -> None:
        name = self._name
        self._change(lambda client: client.trials.resume(name, hurry=True))

    def finish_rating(self, reason: str = "") -> None:
        """Shows the lanes and lets the server judge the trial by the grades."""
        name = self._name
        self._change(lambda client: client.trials.finish_rating(name, reason=reason))

    def ask_again(self, number: int) -> None:
        """Asks one row again."""
        name = self._name
        self._set_busy(True)
        self._gateway.call(
            lambda client: client.trials.rerun_row(number, name), self._take_again, self._change_refused
        )

    def export(self, done: Callable[[bytes], None]) -> None:
        """Fetches everything about the open trial as one JSON document."""
        name = self._name
        self._gateway.call(lambda client: client.trials.export(name), done, self._refused)

    def _change(self, operation: Callable[[AsyncClient], Awaitable[Trial]]) -> None:
        self._set_busy(True)
        self._gateway.call(operation, self._changed, self._change_refused)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busyChanged.emit()

    # From the server --------------------------------------------------------------------------------------

    def take_new(self, trial: Trial) -> None:
        """A trial that was just created or started: it goes to the head of the list and is opened."""
        self._put(trial)
        self.open(trial.name)

    def _take_list(self, trials: tuple[Trial, ...]) -> None:
        self._trials, self._listed = trials, True
        self.listChanged.emit()

    def _take_prompts(self, prompts: tuple[TrialPrompt, ...]) -> None:
        self._prompts = {prompt.id: prompt for prompt in prompts}
        self.promptsChanged.emit()

    def _changed(self, trial: Trial) -> None:
        self._set_busy(False)
        self._put(trial)
        if trial.name == self._name:
            idle = self._trial is None or self._trial.state is not TrialState.RUNNING
            self._trial = trial
            self.trialChanged.emit()
            if self._watch is not None and idle and trial.state is TrialState.RUNNING:
                # It was opened on a trial that did not run, and may yet say so.
                self._watch.cancel()
                self._watch = None
            if self._watch is None:
                self._start_watch()

    def _take_again(self, row: TrialRow) -> None:
        self._set_busy(False)
        self._take_rows([row])
        name = self._name
        self._gateway.call(lambda client: client.trials.get(name), self._changed, self._refused)

    def _change_refused(self, failure: Failure) -> None:
        self._set_busy(False)
        self._refused(failure)

    def _refused(self, failure: Failure) -> None:
        self.tell(failure)

    def _put(self, trial: Trial) -> None:
        known = [own.name for own in self._trials]
        if trial.name in known:
            self._trials = tuple(trial if own.name == trial.name else own for own in self._trials)
        else:
            self._trials = (trial, *self._trials)
        self.listChanged.emit()

    def _start_watch(self) -> None:
        name = self._name
        self._watch = self._gateway.stream(
            lambda client: client.trials.watch(name, rows=True), self._take_events, self._watch_ended
        )

    def _take_events(self, events: list[TrialEvent]) -> None:
        rows: list[TrialRow] = []
        changed = False
        for event in events:
            match event:
                case Trial():
                    hidden = self._trial is not None and self._trial.state is TrialState.RATING
                    if hidden and event.state is not TrialState.RATING:
                        self._rows = {}
                    self._trial, changed = event, True
                    self._put(event)
                case TrialProgress():
                    if self._trial is not None:
                        self._trial, changed = replace(self._trial, progress=event), True
                case tuple():
                    rows.extend(event)
        if changed:
            self.trialChanged.emit()
        if rows:
            self._take_rows(rows)

    def _take_rows(self, rows: Iterable[TrialRow]) -> None:
        fresh = [row for row in rows if self._rows.get(row.number or row.key) != row]
        for row in fresh:
            self._rows[row.number or row.key] = row
        if fresh:
            self.rowsArrived.emit(fresh)

    def _watch_ended(self, failure: Failure | None) -> None:
        self._watch = None
        if failure is not None:
            self._refused(failure)
        elif self._trial is not None and self._trial.state is TrialState.RUNNING:
            # The stream ends when the trial runs no more: what it is now has to be asked for.
            name = self._name
            self._gateway.call(lambda client: client.trials.get(name), self._changed, self._refused)
