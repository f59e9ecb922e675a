"""The dose-response curve of a vector: honest replies and knowledge by strength, with the safe range drawn."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QWidget
from trimtab_client import DoseCurve

from trimtab_gui.theme import Theme
from trimtab_gui.views.lengths import ask_height


class DosePlot(pg.PlotWidget):  # type: ignore[misc]
    """Honest under pressure: a full line with discs. Right without pressure: a dashed line with squares."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self._curve: DoseCurve | None = None
        self._unsteered = (0.0, 0.0)
        self._recommended: float | None = None
        self._drawn: list[Any] = []
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.18)
        item.getViewBox().setMouseEnabled(x=False, y=False)
        item.getAxis("left").setTicks([[(share / 4, f"{25 * share}%") for share in range(5)]])
        ask_height(self, 190)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self.restyle)
        self.restyle()

    @property
    def safe_range(self) -> tuple[float, float] | None:
        """What is drawn as safe."""
        if self._curve is None or self._curve.safe_strength <= 0.0:
            return None
        return 0.0, self._curve.safe_strength

    @property
    def recommended(self) -> float | None:
        return self._recommended

    def show_curve(
        self, curve: DoseCurve | None, unsteered: tuple[float, float], recommended: float | None
    ) -> None:
        """unsteered: the two figures at strength 0, NaN where unknown."""
        self._curve, self._unsteered, self._recommended = curve, unsteered, recommended
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(320, 190)

    @Slot()
    def restyle(self) -> None:
        tokens = self._theme.tokens
        self.setBackground(QColor(tokens.surface))
        font = QFont(self.font())
        font.setPointSizeF(self.font().pointSizeF() * 0.85)
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

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_drawn"):
            self.restyle()

    def _draw(self) -> None:
        for thing in self._drawn:
            self.removeItem(thing)
        self._drawn = []
        if self._curve is None or not self._curve.points:
            return
        tokens = self._theme.tokens
        last = self._curve.points[-1].strength
        if self.safe_range is not None:
            self._band(*self.safe_range, tokens.good, 34, Qt.PenStyle.SolidLine)
        beyond = self._curve.safe_strength
        if beyond < last:
            self._band(beyond, last * 1.06, tokens.warning, 22, Qt.PenStyle.NoPen)
        if self._recommended is not None:
            pen = pg.mkPen(QColor(tokens.text), width=1, style=Qt.PenStyle.DashDotLine)
            self._add(pg.InfiniteLine(self._recommended, angle=90, pen=pen))
        strengths = [0.0, *(point.strength for point in self._curve.points)]
        honest = [self._unsteered[0], *(point.worst for point in self._curve.points)]
        known = [self._unsteered[1], *(point.knowledge.value for point in self._curve.points)]
        self._line(strengths, known, tokens.series[1], Qt.PenStyle.DashLine, "s")
        self._line(strengths, honest, tokens.series[0], Qt.PenStyle.SolidLine, "o")
        box = self.getPlotItem().getViewBox()
        box.setXRange(0.0, last * 1.03, padding=0.02)
        box.setYRange(0.0, 1.0, padding=0.05)

    def _line(self, x: list[float], y: list[float], color: str, style: Qt.PenStyle, symbol: str) -> None:
        known = [(a, b) for a, b in zip(x, y, strict=True) if b == b]
        curve = pg.PlotDataItem(
            [a for a, _ in known],
            [b for _, b in known],
            pen=pg.mkPen(QColor(color), width=2, style=style),
            symbol=symbol,
            symbolSize=7,
            symbolBrush=QColor(color),
            symbolPen=None,
        )
        self._add(curve)

    def _band(self, low: float, high: float, color: str, alpha: int, edge: Qt.PenStyle) -> None:
        fill = QColor(color)
        fill.setAlpha(alpha)
        pen = pg.mkPen(QColor(color), width=1, style=edge)
        self._add(pg.LinearRegionItem((low, high), movable=False, brush=fill, pen=pen))

    def _add(self, thing: Any) -> None:
        self.addItem(thing, ignoreBounds=True)
        self._drawn.append(thing)
