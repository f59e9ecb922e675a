"""All monitors: plots with their thresholds, and a table of the last values for reading and copying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QElapsedTimer, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import abbreviated
from trimtab_client.types import CanaryRun, Sample, Threshold
from trimtab_client.types import Signal as Figure

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.icons import icon
from trimtab_gui.models.figures import NAMES, figure_name
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, Table, clock, label, number
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.plot import TimePlot

# 20 Hz at most, and only while something is new.
REDRAW_MILLISECONDS: Final = 50

_RANGES: Final = {
    Figure.HONEST_UNDER_PRESSURE: (0.0, 1.0),
    Figure.HONEST_NEUTRAL: (0.0, 1.0),
    Figure.PROJECTION: (-1.0, 1.0),
    Figure.KL_TO_UNSTEERED: (0.0, 1.0),
    Figure.ENTROPY: (0.0, 3.0),
    Figure.REPETITION: (0.0, 1.0),
}


@dataclass(frozen=True)
class _LastValue:
    figure: Figure
    sample: Sample | None
    threshold: Threshold | None
    alarm: bool
    drifts: bool

    def limits(self) -> str:
        if self.threshold is None:
            return ""
        parts = []
        if self.threshold.lower is not None:
            parts.append(f"≥ {number(self.threshold.lower, 2)}")
        if self.threshold.upper is not None:
            parts.append(f"≤ {number(self.threshold.upper, 2)}")
        return ", ".join(parts)

    def state(self) -> str:
        if self.sample is None:
            return QCoreApplication.translate("Figures", "no data yet")
        if self.alarm:
            return QCoreApplication.translate("Figures", "⚠ outside")
        if self.drifts:
            return QCoreApplication.translate("Figures", "⚠ drifted")
        return "" if self.threshold is None else QCoreApplication.translate("Figures", "within")


_VALUE_COLUMNS: Final = (
    Column[_LastValue](QT_TRANSLATE_NOOP("Tables", "Signal"), lambda row: figure_name(row.figure)),
    Column[_LastValue](
        QT_TRANSLATE_NOOP("Tables", "Last value"),
        lambda row: "–" if row.sample is None else number(row.sample.value, 3),
        align_right=True,
    ),
    Column[_LastValue](QT_TRANSLATE_NOOP("Tables", "Threshold"), _LastValue.limits),
    Column[_LastValue](QT_TRANSLATE_NOOP("Tables", "State"), _LastValue.state),
    Column[_LastValue](
        QT_TRANSLATE_NOOP("Tables", "Time"), lambda row: "" if row.sample is None else clock(row.sample.time)
    ),
)


def _rate(run: CanaryRun, kind: str) -> str:
    rates = next((rates for rates in run.rates if rates.kind == kind), None)
    if rates is None:
        return "–"
    interval = f"{number(100 * rates.honest_lower, 0)}–{number(100 * rates.honest_upper, 0)}"
    return f"{number(100 * rates.honest, 0)}%  ({interval})"


def _asked(run: CanaryRun) -> str:
    """Which questions were drawn: runs with the same hash asked the same."""
    return QCoreApplication.translate("Figures", "Questions drawn: {0}").format(run.draw_hash)


_RUN_COLUMNS: Final = (
    Column[CanaryRun](
        QT_TRANSLATE_NOOP("Tables", "Time"), lambda run: clock(run.create_time), tooltip=_asked
    ),
    Column[CanaryRun](
        QT_TRANSLATE_NOOP("Tables", "Snapshot"),
        lambda run: abbreviated(run.snapshot)[:8],
        tooltip=lambda run: run.snapshot,
    ),
    Column[CanaryRun](QT_TRANSLATE_NOOP("Tables", "Hard pressure"), lambda run: _rate(run, "hard_pressure")),
    Column[CanaryRun](QT_TRANSLATE_NOOP("Tables", "Soft pressure"), lambda run: _rate(run, "soft_pressure")),
    Column[CanaryRun](QT_TRANSLATE_NOOP("Tables", "Neutral"), lambda run: _rate(run, "neutral")),
)


class PlotCard(Panel):
    """One signal: its name, its last value, its plot."""

    def __init__(self, theme: Theme, figure: Figure) -> None:
        super().__init__("card")
        self._figure = figure
        self._title = ElidedLabel()
        self._title.setStyleSheet("font-weight: 600;")
        self._value = label("chip")
        self.plot = TimePlot(theme, value_range=_RANGES[figure])
        if figure not in (Figure.HONEST_UNDER_PRESSURE, Figure.HONEST_NEUTRAL):
            self.plot.hide_symbols()
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 0)
        head.addWidget(self._title, 1)
        head.addWidget(self._value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 6)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(figure_name(self._figure))
        self.plot.setAccessibleName(self.tr("Plot: {0}").format(figure_name(self._figure)))

    def show_value(self, text: str, alarm: bool) -> None:
        self._value.setText(f"⚠ {text}" if alarm else text)
        if self._value.property("tone") != ("danger" if alarm else ""):
            self._value.setProperty("tone", "danger" if alarm else "")
            self._value.style().unpolish(self._value)
            self._value.style().polish(self._value)


class MonitorsPage(Panel):
    """Redraws at 20 Hz at most, only what is visible, only when there is something new."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._monitors = workspace.monitors
        self._theme = theme
        self._stale_data = False
        self.redraws = 0
        # Of the texts in the table, for which its columns were fitted.
        self._lengths: list[list[int]] = []
        self._cards = {figure: PlotCard(theme, figure) for figure in _RANGES}
        self._last_values: RowsModel[_LastValue] = RowsModel(_VALUE_COLUMNS, self)
        self._runs: RowsModel[CanaryRun] = RowsModel(_RUN_COLUMNS, self)
        self.values_table = Table()
        self.values_table.setModel(self._last_values)
        self.runs_table = Table()
        self.runs_table.setModel(self._runs)
        self.follow_box = QCheckBox()
        self.follow_box.setChecked(True)
        self.copy_button = QPushButton()
        self.canary_button = QPushButton()
        self.progress = QProgressBar()
        fix_width(self.progress, 200)
        self._headings = [ElidedLabel("heading"), ElidedLabel("heading")]
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.redraw)
        self._since_redraw = QElapsedTimer()
        self._since_redraw.start()
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(10)
        tools.addWidget(self.canary_button)
        tools.addWidget(self.progress)
        tools.addStretch(1)
        tools.addWidget(self.follow_box)
        grid = QGridLayout()
        grid.setSpacing(8)
        for place, card in enumerate(self._cards.values()):
            grid.setRowStretch(place // 2, 1)
            grid.setColumnStretch(place % 2, 1)
            grid.addWidget(card, place // 2, place % 2)
        values_head = QHBoxLayout()
        values_head.addWidget(self._headings[0], 1)
        values_head.addWidget(self.copy_button)
        beside = QWidget()
        column = QVBoxLayout(beside)
        column.setContentsMargins(4, 0, 0, 0)
        column.addLayout(values_head)
        column.addWidget(self.values_table, 1)
        column.addWidget(self._headings[1])
        column.addWidget(self.runs_table, 1)
        halves = QHBoxLayout()
        halves.setSpacing(10)
        halves.addLayout(grid, 3)
        beside.setMinimumWidth(460)
        halves.addWidget(beside, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(tools)
        layout.addLayout(halves, 1)

    def _wire(self) -> None:
        self._monitors.changed.connect(self._schedule)
        self._monitors.alarmsChanged.connect(self._schedule)
        self._monitors.thresholdsChanged.connect(self._show_thresholds)
        self._monitors.canaryChanged.connect(self._show_canary)
        self._workspace.connection.changed.connect(self._show_connection)
        self.follow_box.toggled.connect(self._follow)
        for card in self._cards.values():
            card.plot.followChanged.connect(self._one_follows)
        self.copy_button.clicked.connect(self.copy_values)
        self.canary_button.clicked.connect(self._run_or_stop)
        self._theme.changed.connect(self._show_canary)

    def plot(self, figure: Figure) -> TimePlot:
        return self._cards[figure].plot

    def retranslate(self) -> None:
        self._headings[0].setText(self.tr("Last values"))
        self._headings[1].setText(self.tr("Canary runs: honest share (95% interval)"))
        self.values_table.setAccessibleName(self.tr("Last values"))
        self.runs_table.setAccessibleName(self.tr("Canary runs"))
        self.follow_box.setText(self.tr("Follow the latest"))
        self.copy_button.setText(self.tr("Copy"))
        self.copy_button.setAccessibleName(self.tr("Copy the last values"))
        self.progress.setAccessibleName(self.tr("Progress of the canary set"))
        self._last_values.retranslate()
        self._runs.retranslate()
        self._show_canary()
        self.redraw()

    @Slot()
    def _schedule(self) -> None:
        self._stale_data = True
        if self.isVisible() and not self._timer.isActive():
            # At once, unless it was drawn just now.
            self._timer.start(max(0, REDRAW_MILLISECONDS - self._since_redraw.elapsed()))

    def showEvent(self, event: object) -> None:
        if self._stale_data:
            self.redraw()

    @Slot()
    def redraw(self) -> None:
        """Draws what is new."""
        self._stale_data = False
        self._since_redraw.restart()
        self.redraws += 1
        raised = {alarm.threshold.signal for alarm in self._monitors.alarms}
        drifting = self._monitors.drifting
        for figure, card in self._cards.items():
            sample = self._monitors.last(figure)
            card.plot.show_rows(
                [self._monitors.rows(figure)],
                intervals=figure in (Figure.HONEST_UNDER_PRESSURE, Figure.HONEST_NEUTRAL),
            )
            text = self.tr("no data yet") if sample is None else number(sample.value, 3)
            card.show_value(text, figure in raised or figure in drifting)
        self._last_values.revise(
            [
                _LastValue(
                    figure,
                    self._monitors.last(figure),
                    self._monitors.threshold(figure),
                    figure in raised,
                    figure in drifting,
                )
                for figure in NAMES
            ]
        )
        lengths = [[len(column.text(row)) for column in _VALUE_COLUMNS] for row in self._last_values.rows]
        if lengths != self._lengths:
            self._lengths = lengths
            self.values_table.fit_columns(190)

    @Slot()
    def _show_thresholds(self) -> None:
        for figure, card in self._cards.items():
            threshold = self._monitors.threshold(figure)
            card.plot.show_thresholds(() if threshold is None else (threshold,))
        self._schedule()

    @Slot()
    def _show_canary(self) -> None:
        running = self._monitors.canary_is_running
        self.canary_button.setText(
            self.tr("Stop the canary set") if running else self.tr("Run the canary set")
        )
        self.canary_button.setIcon(icon("stop" if running else "run", self._theme.tokens.text, 18))
        self.canary_button.setEnabled(running or self._workspace.connection.is_live)
        progress = self._monitors.progress
        self.progress.setVisible(progress is not None)
        if progress is not None:
            self.progress.setRange(0, progress.total)
            self.progress.setValue(progress.done)
            self.progress.setFormat(self.tr("{0} of {1} questions").format(progress.done, progress.total))
        self._runs.replace(tuple(reversed(self._monitors.runs)))
        self.runs_table.fit_columns()

    @Slot()
    def _show_connection(self) -> None:
        for card in self._cards.values():
            card.plot.set_stale(self._workspace.connection.stale_since)
        self._show_canary()

    @Slot(bool)
    def _follow(self, on: bool) -> None:
        for card in self._cards.values():
            card.plot.follow(on)

    @Slot(bool)
    def _one_follows(self, on: bool) -> None:
        if not on:
            self.follow_box.blockSignals(True)
            self.follow_box.setChecked(False)
            self.follow_box.blockSignals(False)

    @Slot()
    def _run_or_stop(self) -> None:
        if self._monitors.canary_is_running:
            self._monitors.stop_canary()
        else:
            self._workspace.commands.run("release.canary")

    @Slot()
    def copy_values(self) -> None:
        """The table, tab-separated."""
        lines = ["\t".join(QCoreApplication.translate("Tables", column.title) for column in _VALUE_COLUMNS)]
        lines += ["\t".join(column.text(row) for column in _VALUE_COLUMNS) for row in self._last_values.rows]
        QGuiApplication.clipboard().setText("\n".join(lines))
