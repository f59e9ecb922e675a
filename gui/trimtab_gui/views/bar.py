"""The bar that is always there: where we are connected, what is active, and the way back."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import abbreviated, bare
from trimtab_client.rollout_types import RolloutState

from trimtab_gui.bridge import Phase
from trimtab_gui.icons import icon
from trimtab_gui.models.figures import figure_name
from trimtab_gui.models.rollout_words import (
    candidate_name,
    stale_reason,
    state_tone,
    verdict_tone,
    verdict_word,
)
from trimtab_gui.models.server_sentences import listed
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, clock, label, number, set_tone

SMALLEST_WIDTH: Final = 640


class Bar(Panel):
    """An operator under stress finds everything that matters here, from any room."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__("bar")
        self._workspace = workspace
        self._theme = theme
        self.server = label("chip")
        self.stage = self._value()
        self.snapshot = self._value()
        self.rate = self._value()
        self._captions = [label("caption") for _ in range(3)]
        self.alarm = label("chip")
        self.rollout_button = QPushButton()
        self.stale_button = QPushButton()
        for button in (self.rollout_button, self.stale_button):
            button.setProperty("role", "chip")
        set_tone(self.stale_button, "warning")
        self.unsteered_button = QPushButton()
        self.rollback_button = QPushButton()
        set_tone(self.rollback_button, "danger")
        self._compact = False
        self._two_rows: bool | None = None
        self._upper, self._lower = QHBoxLayout(), QHBoxLayout()
        self._gaps = tuple(
            QSpacerItem(0, 0, QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum) for _ in range(2)
        )
        self._pressed = (
            self.rollout_button,
            self.alarm,
            self.stale_button,
            self.unsteered_button,
            self.rollback_button,
        )
        self._build()
        workspace.connection.changed.connect(self._show)
        workspace.release.activeChanged.connect(self._show)
        workspace.monitors.alarmsChanged.connect(self._show)
        workspace.rollouts.changed.connect(self._show)
        workspace.freshness.changed.connect(self._show)
        workspace.commands.changed.connect(self._show_buttons)
        theme.changed.connect(self._show)
        self.unsteered_button.clicked.connect(self._unsteered)
        self.rollback_button.clicked.connect(self._roll_back)
        self.rollout_button.clicked.connect(self._open_rollout)
        self.stale_button.clicked.connect(self._explain_stale)
        self.retranslate()

    @staticmethod
    def _value() -> QLabel:
        result = label()
        result.setStyleSheet("font-weight: 600;")
        result.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        return result

    def _build(self) -> None:
        for row in (self._upper, self._lower):
            row.setSpacing(8)
        self._upper.addWidget(self.server, 0, Qt.AlignmentFlag.AlignVCenter)
        for caption, value in zip(self._captions, (self.stage, self.snapshot, self.rate), strict=True):
            self._upper.addSpacing(10)
            self._upper.addWidget(caption)
            self._upper.addWidget(value)
        self._upper.addSpacing(10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(0)
        layout.addLayout(self._upper)
        layout.addLayout(self._lower)
        self._arrange(two_rows=False)

    def _arrange(self, *, two_rows: bool) -> None:
        """What can be pressed goes to a row of its own where one row is too short for everything."""
        if self._two_rows == two_rows:
            return
        self._two_rows = two_rows
        for row in (self._upper, self._lower):
            for widget in self._pressed:
                row.removeWidget(widget)
            for gap in self._gaps:
                row.removeItem(gap)
        row = self._lower if two_rows else self._upper
        if two_rows:
            self._upper.addItem(self._gaps[1])
        for widget in self._pressed:
            if widget is self.unsteered_button:
                row.addItem(self._gaps[0])
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = self.layout()
        assert layout is not None
        layout.setSpacing(6 if two_rows else 0)

    def retranslate(self) -> None:
        for caption, text in zip(
            self._captions, (self.tr("Stage"), self.tr("Active snapshot"), self.tr("Tokens/s")), strict=True
        ):
            caption.setText(text)
        self._show()

    def minimumSizeHint(self) -> QSize:
        return QSize(SMALLEST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Fitting changes the height, which must not fit again.
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        """Where there is little room, what matters least goes first; the way back always stays."""
        layout = self.layout()
        assert layout is not None
        for two_rows in (False, True):
            self._arrange(two_rows=two_rows)
            if self._squeeze(layout):
                break
        # At once: what was squeezed while everything was visible must not be seen that way.
        layout.activate()

    def _squeeze(self, layout: QLayout) -> bool:
        """Shows as much as there is room for; says whether what must stay fits."""
        stage, snapshot, rate = self._captions
        optional: tuple[tuple[QWidget, ...], ...] = ((rate, self.rate), (stage,), (snapshot,), (self.stage,))
        for widgets in optional:
            for widget in widgets:
                widget.setVisible(True)
        self._compact = False
        self._show_chips()
        for widgets in optional:
            if self._needed(layout) <= self.width():
                return True
            for widget in widgets:
                widget.setVisible(False)
        if self._needed(layout) > self.width():
            self._compact = True
            self._show_chips()
        return self._needed(layout) <= self.width()

    def _needed(self, layout: QLayout) -> int:
        """The width that both rows need now; layouts inside others keep old sizes until they are told."""
        for part in (self._upper, self._lower, layout):
            part.invalidate()
        return layout.sizeHint().width()

    @Slot()
    def _show(self, _change: object = None) -> None:
        self._show_server()
        active = self._workspace.release.active
        live = self._workspace.connection.is_live
        if active is None:
            self.stage.setText("–")
            self.snapshot.setText("–")
        else:
            name = active.snapshot.display_name or abbreviated(active.snapshot.name)
            self.stage.setText(bare(active.snapshot.steering.stage) or "–")
            text = self.tr("{0}, revision {1}").format(_short(name), active.revision.number)
            self.snapshot.setText(text if live else self.tr("{0} (last known)").format(text))
            self.snapshot.setToolTip(active.snapshot.name)
        rate = self._workspace.connection.tokens_per_second
        self.rate.setText("–" if rate is None else number(rate, 0))
        self._show_buttons()
        self._fit()

    def _show_server(self) -> None:
        status = self._workspace.connection.status
        match status.phase:
            case Phase.CONNECTED:
                text, tone = self.tr("● {0}").format(status.target), "good"
            case Phase.STALE:
                text, tone = self.tr("◐ No answer since {0}").format(clock(status.since)), "warning"
            case Phase.LOST:
                text, tone = self.tr("○ Server gone since {0}").format(clock(status.since)), "danger"
            case Phase.REFUSED:
                text, tone = self.tr("○ Refused by {0}").format(status.target), "danger"
            case Phase.CONNECTING:
                text, tone = self.tr("○ Connecting to {0}").format(status.target), ""
            case Phase.IDLE:
                text, tone = self.tr("○ Not connected"), ""
        self.server.setText(text)
        set_tone(self.server, tone)
        if status.info is not None:
            self.server.setToolTip(
                self.tr("Version {0} on {1}; you are {2} ({3})").format(
                    status.info.version, status.info.device, status.info.actor, status.info.role
                )
            )

    def _show_alarm(self) -> None:
        alarms = self._workspace.monitors.alarming
        if alarms:
            names = listed([figure_name(figure) for figure in alarms])
            one = self.tr("⚠ Alarm") if self._compact else f"⚠ {names}"
            self.alarm.setText(self.tr("⚠ {0} alarms").format(len(alarms)) if len(alarms) > 1 else one)
            self.alarm.setToolTip(names)
            set_tone(self.alarm, "danger")
        else:
            self.alarm.setText(self.tr("✓ No alarm"))
            self.alarm.setToolTip("")
            set_tone(self.alarm, "")
        self.alarm.setVisible(self._workspace.connection.is_live)

    def _show_chips(self) -> None:
        self._show_rollout()
        self._show_alarm()
        self._show_stale()

    def _show_rollout(self) -> None:
        """The one that may give somebody the candidate; its verdict, if there is one, decides its colour."""
        rollout = self._workspace.rollouts.in_force
        self.rollout_button.setVisible(rollout is not None)
        self.rollout_button.setAccessibleName(self.tr("Rollout"))
        if rollout is None:
            return
        verdict = verdict_word(rollout.verdict)
        held = rollout.state is RolloutState.PAUSED
        words = self.tr("▮▮ Rollout held at {0}%: {1}") if held else self.tr("▶ Rollout {0}%: {1}")
        if self._compact:
            words = self.tr("▮▮ {0}%: {1}") if held else self.tr("▶ {0}%: {1}")
        text = words.format(rollout.weight, verdict)
        live = self._workspace.connection.is_live
        self.rollout_button.setText(text if live else self.tr("{0} (last known)").format(text))
        set_tone(self.rollout_button, verdict_tone(rollout.verdict) or state_tone(rollout.state))
        self.rollout_button.setToolTip(
            self.tr("Rollout of “{0}”, {1}% of sessions, verdict: {2}. Click to see it.").format(
                candidate_name(rollout), rollout.weight, verdict
            )
        )
        self.rollout_button.setAccessibleName(self.rollout_button.toolTip())

    def _show_stale(self) -> None:
        stale = self._workspace.freshness.stale
        self.stale_button.setVisible(bool(stale) and self._workspace.connection.is_live)
        self.stale_button.setText(self.tr("◔ Stale") if self._compact else self.tr("◔ Stale evidence"))
        why = "\n".join(stale_reason(sentence) for sentence in stale)
        self.stale_button.setToolTip(self.tr("{0}\nClick to see what to do.").format(why))
        self.stale_button.setAccessibleName(self.tr("Stale evidence"))

    @Slot()
    def _open_rollout(self) -> None:
        self._workspace.commands.run("rollout.show")

    @Slot()
    def _explain_stale(self) -> None:
        self._workspace.commands.run("evidence.stale")

    @Slot()
    def _show_buttons(self) -> None:
        commands = self._workspace.commands
        for button, command, glyph, ink in (
            (self.unsteered_button, "release.unsteered", "unsteered", self._theme.tokens.text),
            (self.rollback_button, "release.rollback", "rollback", self._theme.tokens.danger),
        ):
            spec = commands.spec(command)
            enabled = commands.is_enabled(command)
            button.setText(spec.translated_title)
            button.setToolTip(f"{spec.translated_hint} ({spec.shortcut})")
            button.setIcon(icon(glyph, ink if enabled else self._theme.tokens.muted, 18))
            button.setEnabled(enabled)

    @Slot()
    def _unsteered(self) -> None:
        self._workspace.commands.run("release.unsteered")

    @Slot()
    def _roll_back(self) -> None:
        self._workspace.commands.run("release.rollback")


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"
