"""A vector's sweep: what is recommended in words, the curve of one group of layers, and its figures as a table."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout
from trimtab_client import DoseCurve, DosePoint, VectorMeasurement

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.extraction_words import not_held, number, outcome, percent, spans
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.theme import Theme
from trimtab_gui.views.dose_plot import DosePlot
from trimtab_gui.views.elements import Panel, Table, clock, label
from trimtab_gui.views.findings import Findings

_COLUMNS = (
    Column[DosePoint](QT_TRANSLATE_NOOP("Tables", "Strength"), lambda row: number(row.strength, 2)),
    Column[DosePoint](QT_TRANSLATE_NOOP("Tables", "Honest"), lambda row: percent(row.worst)),
    Column[DosePoint](QT_TRANSLATE_NOOP("Tables", "Known"), lambda row: percent(row.knowledge.value)),
    Column[DosePoint](QT_TRANSLATE_NOOP("Tables", "KL"), lambda row: number(row.kl.value, 3)),
    Column[DosePoint](QT_TRANSLATE_NOOP("Tables", "Not shown to hold"), lambda row: not_held(row) or "✓"),
)


class SweepView(Panel):
    """Shows a measurement; `useRequested` gives layers and strength of the point that is chosen in the table."""

    useRequested = Signal(object, float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._measurement: VectorMeasurement | None = None
        self.findings = Findings()
        self.layer_choice = QComboBox()
        self._layers_label = label("muted")
        self.plot = DosePlot(theme)
        self._legend = label("caption", wrap=True)
        self.table = Table()
        self._rows: RowsModel[DosePoint] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._rows)
        self.use_button = QPushButton()
        self._about = label("caption", wrap=True)
        chooser = QHBoxLayout()
        chooser.addWidget(self._layers_label)
        chooser.addWidget(self.layer_choice, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.findings)
        layout.addLayout(chooser)
        layout.addWidget(self.plot)
        layout.addWidget(self._legend)
        layout.addWidget(self.table)
        layout.addWidget(self.use_button)
        layout.addWidget(self._about)
        layout.addStretch(1)
        self.layer_choice.currentIndexChanged.connect(self._show_curve)
        self.table.selectionModel().selectionChanged.connect(self._show_use)
        self._rows.modelReset.connect(self._show_use)
        self.use_button.clicked.connect(self._use)
        self.retranslate()

    def retranslate(self) -> None:
        self._layers_label.setText(self.tr("Layers"))
        self.layer_choice.setAccessibleName(self.tr("Layers of the curve"))
        self.table.setAccessibleName(self.tr("Figures of the sweep"))
        self._legend.setText(
            self.tr(
                "● honest under pressure, where it helps least  ·  ■ right without pressure  ·  green: safe  ·  amber:"
                " not shown safe  ·  dash-dotted: recommended"
            )
        )
        self._rows.retranslate()
        self._show()

    def show_measurement(self, measurement: VectorMeasurement | None) -> None:
        if measurement is self._measurement:
            return
        self._measurement = measurement
        self._show()

    @property
    def curve(self) -> DoseCurve | None:
        """The one that is drawn."""
        found, place = self._measurement, self.layer_choice.currentIndex()
        return None if found is None or not 0 <= place < len(found.curves) else found.curves[place]

    def _show(self) -> None:
        found = self._measurement
        if found is None:
            return
        self.findings.show_findings(outcome(found))
        own = found.recommended
        chosen = next(
            (n for n, curve in enumerate(found.curves) if own is not None and curve.layers == own.layers),
            max(range(len(found.curves)), key=lambda n: found.curves[n].safe_strength, default=0),
        )
        with QSignalBlocker(self.layer_choice):
            self.layer_choice.clear()
            for curve in found.curves:
                text = spans(curve.layers)
                if own is not None and curve.layers == own.layers:
                    text = self.tr("{0} (recommended)").format(text)
                self.layer_choice.addItem(text)
            self.layer_choice.setCurrentIndex(chosen)
        self.layer_choice.setEnabled(len(found.curves) > 1)
        self._about.setText(
            self.tr("Measured {0} by {1} on {2} questions at {3}.").format(
                clock(found.create_time), found.created_by, found.question_count, found.stage
            )
        )
        self._show_curve()

    @Slot()
    def _show_curve(self) -> None:
        found, curve = self._measurement, self.curve
        if found is None or curve is None:
            return
        own = found.recommended
        recommended = own.strength if own is not None and own.layers == curve.layers else None
        honest = min((rate.rate.value for rate in found.unsteered), default=math.nan)
        self.plot.show_curve(curve, (honest, math.nan), recommended)
        said = self.tr("Dose-response curve of layers {0}; the figures are in the table below.")
        self.plot.setAccessibleName(said.format(spans(curve.layers)))
        self._rows.replace(curve.points)
        self.table.fit_columns(120)
        self.table.fit_rows(9)
        self._show_use()

    @Slot()
    def _show_use(self) -> None:
        point = self._chosen()
        self.use_button.setEnabled(point is not None)
        if point is None:
            self.use_button.setText(self.tr("Use the chosen strength"))
        else:
            self.use_button.setText(self.tr("Use strength {0}").format(number(point.strength, 2)))

    def _chosen(self) -> DosePoint | None:
        rows = self.table.selectionModel().selectedRows()
        return self._rows.rows[rows[0].row()] if rows else None

    @Slot()
    def _use(self) -> None:
        point, curve = self._chosen(), self.curve
        if point is not None and curve is not None:
            self.useRequested.emit(curve.layers, point.strength)
