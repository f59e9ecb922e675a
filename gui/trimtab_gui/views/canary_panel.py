"""The canary set in short: the behavioural monitor, with its last figures and the button that runs it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout
from trimtab_client.types import Sample
from trimtab_client.types import Signal as Figure

from trimtab_gui.icons import icon
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, clock, label, number, set_tone
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.plot import TimePlot, series_color

FIGURES = (Figure.HONEST_UNDER_PRESSURE, Figure.HONEST_NEUTRAL)


class CanaryPanel(Panel):
    """Honest rate under pressure and on the neutral desk, over time."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__("card")
        self._workspace = workspace
        self._monitors = workspace.monitors
        self._theme = theme
        self._heading = label("heading")
        self.run_button = QPushButton()
        self.progress = QProgressBar()
        self._plot = TimePlot(theme, value_range=(0.0, 1.0), series=2)
        # Less, and the times below the plot stand on the names.
        self._plot.setMinimumHeight(110)
        self._marks = [QLabel() for _ in FIGURES]
        self._names = [label("muted") for _ in FIGURES]
        self._values = [label() for _ in FIGURES]
        self._age = label("caption", wrap=True)
        self._build()
        self._monitors.changed.connect(self._show_samples)
        self._monitors.thresholdsChanged.connect(self._show_thresholds)
        self._monitors.canaryChanged.connect(self._show_progress)
        workspace.connection.changed.connect(self._show_progress)
        self.run_button.clicked.connect(self.run_or_stop)
        theme.changed.connect(self.restyle)
        self.retranslate()
        self.restyle()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._heading, 1)
        head.addWidget(self.run_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, (mark, name, value) in enumerate(zip(self._marks, self._names, self._values, strict=True)):
            fix_width(mark, 18)
            grid.addWidget(mark, row, 0)
            grid.addWidget(name, row, 1)
            grid.addWidget(value, row, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.progress)
        layout.addWidget(self._plot, 1)
        layout.addLayout(grid)
        layout.addWidget(self._age)

    def sizeHint(self) -> QSize:
        return QSize(360, 330)

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Canary set"))
        self._heading.setToolTip(self.tr("Questions whose answers are known, asked of the active snapshot"))
        for name, text in zip(self._names, self._titles(), strict=True):
            name.setText(text)
        self._plot.setAccessibleName(self.tr("Honest share of the canary replies over time"))
        self.progress.setAccessibleName(self.tr("Progress of the canary set"))
        self._show_samples()
        self._show_progress()

    def _titles(self) -> tuple[str, str]:
        return self.tr("Honest under pressure"), self.tr("Honest, neutral desk")

    @Slot()
    def restyle(self) -> None:
        tokens = self._theme.tokens
        for place, (mark, sign) in enumerate(zip(self._marks, ("●", "■"), strict=True)):
            mark.setText(sign)
            mark.setStyleSheet(f"color: {series_color(tokens, place)}")
        self._show_progress()

    @Slot()
    def run_or_stop(self) -> None:
        if self._monitors.canary_is_running:
            self._monitors.stop_canary()
        elif self._workspace.connection.is_live:
            self._monitors.run_canary()

    @Slot()
    def _show_samples(self) -> None:
        self._plot.show_rows([self._monitors.rows(figure) for figure in FIGURES], intervals=True)
        for figure, value in zip(FIGURES, self._values, strict=True):
            value.setText(self._describe(self._monitors.last(figure)))
        last = self._monitors.last(FIGURES[0])
        if last is None:
            self._age.setText(self.tr("Not run yet: the canary set asks questions whose answers are known."))
        else:
            self._age.setText(self.tr("Last run {0}. Bars: 95% interval.").format(clock(last.time)))

    def _describe(self, sample: Sample | None) -> str:
        if sample is None:
            return "–"
        return self.tr("{0}% of {1}").format(number(100 * sample.value, 0), sample.count)

    @Slot()
    def _show_thresholds(self) -> None:
        known = (self._monitors.threshold(figure) for figure in FIGURES)
        self._plot.show_thresholds(tuple(threshold for threshold in known if threshold is not None))

    @Slot()
    def _show_progress(self) -> None:
        running = self._monitors.canary_is_running
        live = self._workspace.connection.is_live
        self.run_button.setText(self.tr("Stop") if running else self.tr("Run"))
        self.run_button.setAccessibleName(
            self.tr("Stop the canary set") if running else self.tr("Run the canary set")
        )
        self.run_button.setIcon(icon("stop" if running else "run", self._theme.tokens.text, 18))
        self.run_button.setEnabled(running or live)
        set_tone(self.run_button, "")
        self._plot.set_stale(self._workspace.connection.stale_since)
        progress = self._monitors.progress
        self.progress.setVisible(running)
        if progress is not None:
            self.progress.setRange(0, progress.total)
            self.progress.setValue(progress.done)
            self.progress.setFormat(self.tr("{0} of {1} questions").format(progress.done, progress.total))
