"""A figure over the stages of fine-tuning, with intervals and the band of a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QWidget

from trimtab_gui.models.study_file import Timeline
from trimtab_gui.theme import Theme
from trimtab_gui.views.heat_map import short_stage
from trimtab_gui.views.lengths import ask_height, share_of


class StagePlot(pg.PlotWidget):  # type: ignore[misc]
    """The whole arc is always in view. A confirmed window is a full band, any other a dashed outline."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self._stages: tuple[str, ...] = ()
        self._timeline: Timeline | None = None
        self._band: tuple[int, int] | None = None
        self._confirmed = False
        self._drawn: list[Any] = []
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.18)
        item.getViewBox().setMouseEnabled(x=False, y=False)
        item.getAxis("left").setWidth(44)
        ask_height(self, 140)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self.restyle)
        self.restyle()

    @property
    def band(self) -> tuple[int, int] | None:
        """First and last stage of the window that is drawn, as places."""
        return self._band

    def show_timeline(
        self,
        stages: tuple[str, ...],
        timeline: Timeline | None,
        band: tuple[int, int] | None,
        *,
        confirmed: bool,
    ) -> None:
        self._stages, self._timeline, self._band, self._confirmed = stages, timeline, band, confirmed
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(360, 150)

    @Slot()
    def restyle(self) -> None:
        tokens = self._theme.tokens
        self.setBackground(QColor(tokens.surface))
        font = share_of(QApplication.font(), 0.85)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(QColor(tokens.border)))
            axis.setTextPen(QColor(tokens.muted))
            axis.setTickFont(font)
        self._draw()

    def event(self, event: QEvent) -> bool:
        # A page that scrolls must not be caught by its plots.
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return False
        return bool(super().event(event))

    def _draw(self) -> None:
        for thing in self._drawn:
            self.removeItem(thing)
        self._drawn = []
        if self._timeline is None or not self._stages:
            return
        value, low, high = (
            np.array([np.nan if own is None else own for own in ends], dtype=np.float64)
            for ends in (self._timeline.value, self._timeline.low, self._timeline.high)
        )
        places = np.arange(len(value), dtype=np.float64)
        tokens = self._theme.tokens
        if self._band is not None:
            self._draw_band(*self._band)
        color = QColor(tokens.series[0])
        known = np.isfinite(value)
        measured = known & np.isfinite(low) & np.isfinite(high)
        bars = pg.ErrorBarItem(
            x=places[measured],
            y=value[measured],
            top=(high - value)[measured],
            bottom=(value - low)[measured],
            beam=0.12,
            pen=pg.mkPen(color, width=1),
        )
        curve = pg.PlotDataItem(
            places[known],
            value[known],
            pen=pg.mkPen(color, width=1),
            symbol="o",
            symbolSize=7,
            symbolBrush=color,
            symbolPen=None,
        )
        for thing in (bars, curve):
            self.addItem(thing)
            self._drawn.append(thing)
        axis = self.getPlotItem().getAxis("bottom")
        axis.setTicks([[(place, short_stage(stage)) for place, stage in enumerate(self._stages)]])
        ends = [own for own in (*value, *low, *high) if np.isfinite(own)]
        if ends:
            bottom, top = min(0.0, *ends), max(0.0, *ends)
            self.getPlotItem().getViewBox().setYRange(bottom, top or 1.0, padding=0.06)
        self.getPlotItem().getViewBox().setXRange(-0.5, len(value) - 0.5, padding=0.01)

    def _draw_band(self, first: int, last: int) -> None:
        fill = QColor(self._theme.tokens.accent)
        fill.setAlpha(46 if self._confirmed else 0)
        style = Qt.PenStyle.SolidLine if self._confirmed else Qt.PenStyle.DashLine
        band = pg.LinearRegionItem(
            (first - 0.5, last + 0.5),
            movable=False,
            brush=fill,
            pen=pg.mkPen(QColor(self._theme.tokens.accent), width=1, style=style),
        )
        self.addItem(band, ignoreBounds=True)
        self._drawn.append(band)
