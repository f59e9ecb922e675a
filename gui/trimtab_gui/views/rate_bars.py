"""The rates of all lanes as bars: colour, pattern and figure, and the interval of what decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from trimtab_gui.models.trial_rows import outcome_text
from trimtab_gui.models.trial_words import percent
from trimtab_gui.theme import Theme
from trimtab_gui.views.lengths import scaled, share_of

_ROW: Final = 46
_NAME: Final = 150
_FIGURE: Final = 150
_LEGEND: Final = 50
#: Outcome, colour of its ink, colour of its ground, pattern.
_LOOKS: Final = (
    ("honest", "good", "good_soft", Qt.BrushStyle.NoBrush),
    ("lie", "danger", "danger_soft", Qt.BrushStyle.BDiagPattern),
    ("evade", "warning", "warning_soft", Qt.BrushStyle.HorPattern),
    ("no_belief", "muted", "raised", Qt.BrushStyle.Dense6Pattern),
)
_PATTERN_ALPHA: Final = 110


@dataclass(frozen=True)
class LaneBar:
    """One lane. rates: of the four outcomes, or empty where only the level is known. level: from 0 to 1, with the ends
    of its interval."""

    name: str
    rates: tuple[float, ...]
    level: float | None
    low: float | None
    high: float | None

    def words(self) -> str:
        """The bar for a screen reader."""
        parts = [
            f"{outcome_text(look[0])} {percent(rate)}" for look, rate in zip(_LOOKS, self.rates, strict=False)
        ]
        return f"{self.name}: " + ", ".join(parts or [self.figure()])

    def figure(self) -> str:
        if self.low is None or self.high is None:
            return percent(self.level)
        return f"{percent(self.level)}  ({percent(self.low)[:-1]}–{percent(self.high)[:-1]})"


class RateBars(QWidget):
    """One bar a lane, from 0 to 100%; the whisker below is the 95% interval of the figure beside it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bars: tuple[LaneBar, ...] = ()
        self._title = ""
        # The width at the usual size of the text.
        self._room = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._repaint)

    @property
    def bars(self) -> tuple[LaneBar, ...]:
        return self._bars

    def show_bars(self, bars: tuple[LaneBar, ...], title: str) -> None:
        """title: what the figures on the right are."""
        self._bars, self._title = bars, title
        self.setAccessibleDescription("; ".join(bar.words() for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(scaled(560), scaled(_LEGEND + _ROW * max(1, len(self._bars)) + 4))

    def minimumSizeHint(self) -> QSize:
        return QSize(scaled(440), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Painted at the usual size, and enlarged as a whole.
        larger = scaled(100) / 100
        painter.scale(larger, larger)
        self._room = round(self.width() / larger)
        painter.setFont(share_of(self.font(), 0.9 / larger))
        self._paint_legend(painter)
        for place, bar in enumerate(self._bars):
            self._paint_bar(painter, bar, _LEGEND + place * _ROW)
        painter.end()

    def _paint_legend(self, painter: QPainter) -> None:
        """The outcomes in one line, from the left; under it what the figures at the right are."""
        left = 4
        metrics = painter.fontMetrics()
        if any(bar.rates for bar in self._bars):
            for look in _LOOKS:
                text = outcome_text(look[0])
                self._fill(painter, QRect(left, 6, 20, 14), look)
                width = metrics.horizontalAdvance(text)
                painter.setPen(self._theme.color("muted"))
                painter.drawText(QRect(left + 26, 2, width + 4, 22), Qt.AlignmentFlag.AlignVCenter, text)
                left += width + 46
        painter.setPen(self._theme.color("muted"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(0, 26, self._room - 4, 22), right, self._title)

    def _paint_bar(self, painter: QPainter, bar: LaneBar, top: int) -> None:
        track = QRect(_NAME, top + 4, max(40, self._room - _NAME - _FIGURE - 10), 24)
        painter.setPen(self._theme.color("text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        name = painter.fontMetrics().elidedText(bar.name, Qt.TextElideMode.ElideRight, _NAME - 12)
        painter.drawText(QRect(0, track.top(), _NAME - 12, track.height()), left, name)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRect(track.right() + 8, track.top(), _FIGURE - 4, track.height()), right, bar.figure()
        )
        painter.setPen(QPen(self._theme.color("border"), 1))
        painter.setBrush(self._theme.color("raised"))
        painter.drawRect(track)
        start = float(track.left())
        if bar.rates:
            for look, rate in zip(_LOOKS, bar.rates, strict=True):
                width = rate * track.width()
                self._paint_segment(painter, QRectF(start, track.top(), width, track.height()), look, rate)
                start += width
        elif bar.level is not None:
            rect = QRectF(start, track.top(), bar.level * track.width(), track.height())
            self._paint_segment(painter, rect, ("", "accent", "selection", Qt.BrushStyle.NoBrush), bar.level)
        self._paint_whisker(painter, bar, track)

    def _paint_segment(
        self, painter: QPainter, rect: QRectF, look: tuple[str, str, str, Qt.BrushStyle], rate: float
    ) -> None:
        if rect.width() < 0.5:
            return
        self._fill(painter, rect.toRect(), look)
        text = percent(rate)
        width = painter.fontMetrics().horizontalAdvance(text) + 8
        if width > rect.width():
            return
        label = QRectF(0, 0, width, 17)
        label.moveCenter(rect.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(look[2]))
        painter.drawRoundedRect(label, 3, 3)
        painter.setPen(self._theme.color("text"))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)

    def _fill(self, painter: QPainter, rect: QRect, look: tuple[str, str, str, Qt.BrushStyle]) -> None:
        _, ink, ground, pattern = look
        painter.fillRect(rect, self._theme.color(ground))
        faded = QColor(self._theme.color(ink))
        faded.setAlpha(_PATTERN_ALPHA)
        if pattern is not Qt.BrushStyle.NoBrush:
            painter.fillRect(rect, QBrush(faded, pattern))
        painter.setPen(QPen(self._theme.color(ink), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0, 0, -1, -1))

    def _paint_whisker(self, painter: QPainter, bar: LaneBar, track: QRect) -> None:
        if bar.level is None or bar.low is None or bar.high is None:
            return

        def x(share: float) -> float:
            return track.left() + max(0.0, min(1.0, share)) * track.width()

        y = track.bottom() + 7
        painter.setPen(QPen(self._theme.color("text"), 1.4))
        painter.drawLine(int(x(bar.low)), y, int(x(bar.high)), y)
        for end in (bar.low, bar.high):
            painter.drawLine(int(x(end)), y - 3, int(x(end)), y + 3)
        painter.setBrush(self._theme.color("text"))
        painter.drawEllipse(QRectF(x(bar.level) - 3, y - 3, 6, 6))

    @Slot()
    def _repaint(self) -> None:
        self.update()
