"""A monitor plot over time: fixed scale, thresholds drawn, the operator's zoom left alone."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QGraphicsItem, QSizePolicy, QWidget
from trimtab_client.types import Threshold

from trimtab_gui.theme import Theme, Tokens
from trimtab_gui.views.elements import clock, label
from trimtab_gui.views.lengths import ask_height, share_of
from trimtab_gui.views.thinning import extremes, in_view, spans

# Seconds of the newest samples that are in view while the plot follows.
WINDOW_SECONDS: Final = 900.0
# Symbols and intervals are drawn while each has this much room.
SYMBOL_PIXELS: Final = 8
INTERVAL_PIXELS: Final = 3
_STYLES: Final = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_MARKS: Final = ("o", "s", "t")


def _pen(color: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    # One pixel, opaque, cosmetic: anything else is several times slower to draw.
    pen = pg.mkPen(QColor(color), width=1, style=style)
    assert isinstance(pen, QPen)
    return pen


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """Up to three series on one time axis with a fixed range of values.

    Only what is in view is drawn, and of it only what its pixels can show.
    """

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
        self._has_symbols = True
        self._rows: list[NDArray[np.float64]] = [np.zeros((4, 0))] * series
        self._curves = [pg.PlotCurveItem() for _ in range(series)]
        self._points = [pg.ScatterPlotItem(size=6, pen=None, symbol=_MARKS[place]) for place in range(series)]
        self._bars = [pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), beam=0.0) for _ in range(series)]
        self._shows_intervals = False
        for thing in (*self._curves, *self._points, *self._bars):
            self.addItem(thing, ignoreBounds=True)
        self._limits: list[Any] = []
        self._thresholds: tuple[Threshold, ...] = ()
        self._stale_since: datetime | None = None
        self._stale = label("chip")
        self._stale.setParent(self)
        self._stale.setProperty("tone", "warning")
        self._stale.hide()
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.18)
        for side in ("left", "bottom"):
            # An axis replays its drawing at every repaint, though it rarely changes.
            item.getAxis(side).setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        view = item.getViewBox()
        view.disableAutoRange()
        view.setYRange(*value_range, padding=0.04)
        # Without data the axis would count from 1970.
        view.setXRange(time.time() - WINDOW_SECONDS / 3, time.time(), padding=0)
        view.setMouseEnabled(x=True, y=False)
        view.sigRangeChangedManually.connect(self._moved_by_hand)
        view.sigXRangeChanged.connect(self._draw)
        view.sigResized.connect(self._draw)
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

    @property
    def stale_text(self) -> str:
        """What is said over a plot that is no longer live; empty while it is."""
        return "" if self._stale.isHidden() else self._stale.text()

    def follow(self, on: bool = True) -> None:
        if on != self._follows:
            self._follows = on
            self.followChanged.emit(on)
        if on and not self._move_to_latest():
            self._draw()

    def show_rows(self, rows: list[NDArray[np.float64]], *, intervals: bool = False) -> None:
        """Each series as `[count, 4]`: time (ascending), value, lower, upper. The values' range grows if it has to."""
        # Of its own, for what is drawn when the operator zooms later; by columns, which are read one at a time.
        self._rows = [np.array(data.T, order="C") for data in rows]
        self._shows_intervals = intervals
        for _, values, _, _ in self._rows:
            if len(values):
                self._make_room(float(values.min()), float(values.max()))
        if not (self._follows and self._move_to_latest()):
            self._draw()

    @Slot()
    def _draw(self, *_: object) -> None:
        start, end = self.getPlotItem().getViewBox().viewRange()[0]
        pixels = max(1, round(self.getPlotItem().getViewBox().width()))
        for curve, points, bar, (times, values, lower, upper) in zip(
            self._curves, self._points, self._bars, self._rows, strict=True
        ):
            seen = in_view(times, start, end)
            curve.setData(*extremes(times[seen], values[seen], start, end, pixels), skipFiniteCheck=True)
            few = self._has_symbols and len(times[seen]) * SYMBOL_PIXELS <= pixels
            if few or len(points.data):
                points.setData(*((times[seen], values[seen]) if few else ([], [])))
            if self._shows_intervals:
                at, low, high = spans(
                    times[seen], lower[seen], upper[seen], start, end, max(1, pixels // INTERVAL_PIXELS)
                )
                middle = (low + high) / 2
                bar.setData(x=at, y=middle, top=high - middle, bottom=middle - low)

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

    def set_stale(self, since: datetime | None) -> None:
        """Fades what is no longer live and says since when; None: it is live."""
        self._stale_since = since
        for thing in (*self._curves, *self._points, *self._bars):
            thing.setOpacity(1.0 if since is None else 0.35)
        self._stale.setVisible(since is not None)
        self._place_stale()

    def _place_stale(self) -> None:
        if self._stale_since is not None:
            self._stale.setText(
                QCoreApplication.translate("TimePlot", "⚠ Stale since {0}").format(clock(self._stale_since))
            )
            self._stale.adjustSize()
            self._stale.move(self.width() - self._stale.width() - 8, 6)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The base class resizes while it is made.
        if hasattr(self, "_stale"):
            self._place_stale()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._place_stale()
        super().changeEvent(event)

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
        for place, (curve, points, bar) in enumerate(
            zip(self._curves, self._points, self._bars, strict=True)
        ):
            color = series_color(tokens, place)
            curve.setPen(_pen(color, _STYLES[place]))
            points.setBrush(QColor(color))
            bar.setData(pen=_pen(color))
        self.show_thresholds(self._thresholds)

    def hide_symbols(self) -> None:
        """For signals with many samples: a line alone."""
        self._has_symbols = False

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

    def _move_to_latest(self) -> bool:
        """Brings the newest samples into view; False if they are there already."""
        filled = [times for times, *_ in self._rows if len(times)]
        if not filled:
            return False
        newest = max(float(times[-1]) for times in filled)
        oldest = min(float(times[0]) for times in filled)
        view = self.getPlotItem().getViewBox()
        span = max(20.0, newest - max(oldest, newest - WINDOW_SECONDS))
        # In whole pixels: less would be seen by nobody, and cost a new axis.
        pixel = span * 1.08 / max(1.0, view.width())
        end = math.ceil((newest + span * 0.05) / pixel) * pixel
        start = math.floor((newest - span * 1.03) / pixel) * pixel
        now_start, now_end = view.viewRange()[0]
        if abs(now_start - start) < pixel / 2 and abs(now_end - end) < pixel / 2:
            return False
        view.setXRange(start, end, padding=0)
        return True

    @Slot(object)
    def _moved_by_hand(self, _axes: object) -> None:
        self.follow(False)


def series_color(tokens: Tokens, place: int) -> str:
    return tokens.series[place % len(tokens.series)]


def _faded(color: str, alpha: int) -> QColor:
    result = QColor(color)
    result.setAlpha(alpha)
    return result
