"""What an operator must hear of: in the window always, on the desktop where the window is not in front."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMainWindow
from trimtab_client.rollout_types import Rollout, RolloutState
from trimtab_client.types import Signal as Figure

from trimtab_gui.models.figures import figure_name
from trimtab_gui.models.rollout_words import candidate_name, stale_reason
from trimtab_gui.models.server_sentences import listed, say
from trimtab_gui.models.workspace import Tone, Workspace
from trimtab_gui.views.elements import number
from trimtab_gui.views.strips import NoticeStrip
from trimtab_gui.views.system_notice import Notifier

SERVER = "server"


class Rooms(Protocol):
    """Where an alarm leads."""

    def show_rollout(self) -> None: ...
    def show_monitors(self) -> None: ...


class AlarmDesk(QObject):
    """Each alarm is told once, however often the connection comes back."""

    def __init__(
        self,
        workspace: Workspace,
        window: QMainWindow,
        notice: NoticeStrip,
        rooms: Rooms,
        notifier: Notifier,
    ) -> None:
        super().__init__(window)
        self._workspace = workspace
        self._window = window
        self._notice = notice
        self._rooms = rooms
        self.notifier = notifier
        self._told: set[tuple[str, Figure, object]] = set()
        self._was_stale = False
        workspace.monitors.alarmsChanged.connect(self._look_at_monitors)
        workspace.rollouts.turned.connect(self._rollout_turned)
        workspace.freshness.changed.connect(self._look_at_evidence)

    def _raise(self, title: str, text: str, tone: Tone, action: str, run: Callable[[], None]) -> None:
        self._notice.tell(f"{title}: {text}" if text else title, tone, action, run)
        if not self._window.isActiveWindow():
            self.notifier.notify(title, text)

    @Slot()
    def _look_at_monitors(self) -> None:
        monitors = self._workspace.monitors
        fresh: list[str] = []
        for alarm in monitors.alarms:
            key = ("limit", alarm.threshold.signal, alarm.sample.time)
            if key not in self._told:
                self._told.add(key)
                value = number(alarm.sample.value, 3)
                fresh.append(
                    self.tr("{0} is {1}, outside its limits").format(
                        figure_name(alarm.threshold.signal), value
                    )
                )
        for drift in monitors.drifts:
            key = ("drift", drift.signal, drift.time)
            if key not in self._told:
                self._told.add(key)
                fresh.append(
                    self.tr("{0} no longer looks like its reference").format(figure_name(drift.signal))
                )
        if fresh:
            self._raise(
                self.tr("⚠ Alarm"),
                listed(fresh),
                Tone.DANGER,
                self.tr("Show the monitors"),
                self._rooms.show_monitors,
            )

    @Slot(object)
    def _rollout_turned(self, rollout: Rollout) -> None:
        info = self._workspace.connection.status.info
        if info is not None and rollout.changed_by == info.actor:
            return
        told = self._words(rollout)
        if told is not None:
            title, tone = told
            self._raise(
                title.format(candidate_name(rollout), rollout.changed_by),
                say(rollout.reason),
                tone,
                self.tr("Show the rollout"),
                self._rooms.show_rollout,
            )

    def _words(self, rollout: Rollout) -> tuple[str, Tone] | None:
        by_server = rollout.changed_by == SERVER
        match rollout.state:
            case RolloutState.FAILED:
                return self.tr("✕ A guardrail stopped the rollout of “{0}”"), Tone.DANGER
            case RolloutState.PAUSED if by_server:
                return self.tr("▮▮ The rollout of “{0}” waits for a person"), Tone.WARNING
            case RolloutState.PAUSED:
                return self.tr("▮▮ The rollout of “{0}” was paused by {1}"), Tone.PLAIN
            case RolloutState.PROMOTED:
                return self.tr("✓ “{0}” is promoted: everyone gets it"), Tone.GOOD
            case RolloutState.ABORTED:
                return self.tr("■ The rollout of “{0}” was aborted by {1}"), Tone.WARNING
            case _:
                return None

    @Slot()
    def _look_at_evidence(self) -> None:
        stale = self._workspace.freshness.stale
        if stale and not self._was_stale and not self._window.isActiveWindow():
            self.notifier.notify(
                self.tr("The evidence is stale"), " ".join(stale_reason(sentence) for sentence in stale)
            )
        self._was_stale = bool(stale)

    def explain_stale(self) -> None:
        """Why the evidence is stale, and what to do about it."""
        stale = self._workspace.freshness.stale
        if not stale:
            self._notice.tell(self.tr("The evidence about the active snapshot is fresh."), Tone.GOOD)
            return
        why = " ".join(stale_reason(sentence) for sentence in stale)
        if any("canary" in sentence for sentence in stale):
            text = self.tr(
                "The evidence is stale: {0} Run the canary set; it takes a minute and disturbs nobody."
            )
            self._notice.tell(text.format(why), Tone.WARNING, self.tr("Run the canary set"), self._run_canary)
        else:
            text = self.tr(
                "The evidence is stale: {0} Record a new one with “trimtab monitor record-reference”."
            )
            self._notice.tell(text.format(why), Tone.WARNING)

    def _run_canary(self) -> None:
        self._workspace.commands.run("release.canary")
