"""A monitor plot over time: fixed scale, thresholds drawn, the operator's zoom left alone."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget
from trimtab_client.types import Threshold

from trimtab_gui.theme import Theme, Tokens
from trimtab_gui.views.lengths import ask_height, share_of

# Seconds of the newest samples that are in view while the plot follows.
WINDOW_SECONDS: Final = 900.0
_STYLES: Final = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_MARKS: Final = ("o", "s", "t")


def _pen(color: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    # One pixel, opaque, cosmetic: anything else is several times slower to draw.
    pen = pg.mkPen(QColor(color), width=1, style=style)
    assert isinstance(pen, QPen)
    return pen


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """Up to three series on one time axis with a fixed range of values."""

    followChanged = Signal(bool)

    def __init__(
        self,
        theme: Theme,
        *,
        value_range: tuple[float, float],
        series: int = 1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent=parent, axisItems={"bottom": pg.DateAxisItem()})
        self._theme = theme
        self._range = value_range
        self._follows = True
        self._newest = 0.0
        self._oldest = 0.0
        # What lies outside the view is not drawn, and of what falls on one pixel only its extremes.
        self.getPlotItem().setDownsampling(auto=True, mode="peak")
        self.getPlotItem().setClipToView(True)
        self._curves = [self.plot([], []) for _ in range(series)]
        self._bars = [pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), beam=0.0) for _ in range(series)]
        for bar in self._bars:
            self.addItem(bar, ignoreBounds=True)
        self._limits: list[Any] = []
        self._thresholds: tuple[Threshold, ...] = ()
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.18)
        view = item.getViewBox()
        view.disableAutoRange()
        view.setYRange(*value_range, padding=0.04)
        # Without data the axis would count from 1970.
        view.setXRange(time.time() - WINDOW_SECONDS / 3, time.time(), padding=0)
        view.setMouseEnabled(x=True, y=False)
        view.sigRangeChangedManually.connect(self._moved_by_hand)
        item.getAxis("left").setWidth(40)
        ask_height(self, 110)
        # What a plot would like depends on what was drawn last; the room is shared alike.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self.restyle)
        self.restyle()

    @property
    def follows(self) -> bool:
        """Whether the newest samples stay in view."""
        return self._follows

    def follow(self, on: bool = True) -> None:
        if on != self._follows:
            self._follows = on
            self.followChanged.emit(on)
        if on:
            self._show_latest()

    def show_rows(self, rows: list[NDArray[np.float64]], *, intervals: bool = False) -> None:
        """Each series as `[count, 4]`: time, value, lower, upper. The values' range grows if it has to."""
        newest, oldest = 0.0, 0.0
        for curve, bar, data in zip(self._curves, self._bars, rows, strict=True):
            curve.setData(data[:, 0], data[:, 1], skipFiniteCheck=True)
            if intervals:
                bar.setData(
                    x=data[:, 0], y=data[:, 1], top=data[:, 3] - data[:, 1], bottom=data[:, 1] - data[:, 2]
                )
            if len(data):
                newest = max(newest, float(data[-1, 0]))
                oldest = min(oldest or float(data[0, 0]), float(data[0, 0]))
                self._make_room(float(data[:, 1].min()), float(data[:, 1].max()))
        self._newest, self._oldest = newest, oldest
        if self._follows:
            self._show_latest()

    def show_thresholds(self, thresholds: tuple[Threshold, ...]) -> None:
        """A line at each limit and a band beyond it."""
        self._thresholds = thresholds
        for item in self._limits:
            self.removeItem(item)
        self._limits = []
        tokens = self._theme.tokens
        for place, threshold in enumerate(thresholds):
            # With several series the lines take their colours, and bands would only cover each other.
            color = tokens.danger if len(self._curves) == 1 else series_color(tokens, place)
            for value, beyond in ((threshold.lower, -1e6), (threshold.upper, 1e6)):
                if value is None:
                    continue
                self._make_room(value, value)
                line = pg.InfiniteLine(value, angle=0, pen=_pen(color, Qt.PenStyle.DashLine))
                self.addItem(line, ignoreBounds=True)
                self._limits.append(line)
                if place:
                    continue
                band = pg.LinearRegionItem(
                    (min(value, beyond), max(value, beyond)),
                    orientation="horizontal",
                    movable=False,
                    brush=_faded(tokens.danger, 26),
                    pen=pg.mkPen(None),
                )
                self.addItem(band, ignoreBounds=True)
                self._limits.append(band)

    def set_stale(self, stale: bool) -> None:
        """Fades what is no longer live."""
        for curve in self._curves:
            curve.setOpacity(0.35 if stale else 1.0)

    @Slot()
    def restyle(self) -> None:
        tokens = self._theme.tokens
        self.setBackground(QColor(tokens.surface))
        font = share_of(QApplication.font(), 0.85)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(_pen(tokens.border))
            axis.setTextPen(QColor(tokens.muted))
            axis.setTickFont(font)
        for place, (curve, bar) in enumerate(zip(self._curves, self._bars, strict=True)):
            color = series_color(tokens, place)
            curve.setPen(_pen(color, _STYLES[place]))
            curve.setSymbol(_MARKS[place])
            curve.setSymbolSize(6)
            curve.setSymbolBrush(QColor(color))
            curve.setSymbolPen(None)
            bar.setData(pen=_pen(color))
        self.show_thresholds(self._thresholds)

    def hide_symbols(self) -> None:
        """For signals with many samples: a line alone."""
        for curve in self._curves:
            curve.setSymbol(None)

    def event(self, event: QEvent) -> bool:
        # The wheel zooms only after a click: a room that scrolls must not be caught by its plots.
        if event.type() == QEvent.Type.Wheel and not self.hasFocus():
            event.ignore()
            return False
        return bool(super().event(event))

    def _make_room(self, low: float, high: float) -> None:
        first, last = self._range
        wanted = (min(first, low), max(last, high))
        if wanted != self._range:
            span = wanted[1] - wanted[0]
            self._range = (
                wanted[0] if low >= first else wanted[0] - 0.1 * span,
                wanted[1] if high <= last else wanted[1] + 0.1 * span,
            )
            self.getPlotItem().getViewBox().setYRange(*self._range, padding=0.04)

    def _show_latest(self) -> None:
        if self._newest:
            start = max(self._oldest, self._newest - WINDOW_SECONDS)
            span = max(20.0, self._newest - start)
            view = self.getPlotItem().getViewBox()
            view.setXRange(self._newest - span * 1.03, self._newest + span * 0.05, padding=0)

    @Slot(object)
    def _moved_by_hand(self, _axes: object) -> None:
        self.follow(False)


def series_color(tokens: Tokens, place: int) -> str:
    return tokens.series[place % len(tokens.series)]


def _faded(color: str, alpha: int) -> QColor:
    result = QColor(color)
    result.setAlpha(alpha)
    return result
