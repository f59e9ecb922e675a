"""What the token colours mean."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QTextCharFormat
from PySide6.QtWidgets import QSizePolicy

from trimtab_gui.color_scale import BIN_COUNT, ColorScale, Readout, bin_format
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, number

_BIN_WIDTH = 20


class Legend(Panel):
    """The bins with their underlines, and the figures at both ends."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._scale = ColorScale(1.0, True)
        self._readout = Readout.PROJECTION
        self._texts = ("", "")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.retranslate()

    def show_scale(self, readout: Readout, scale: ColorScale) -> None:
        self._readout, self._scale = readout, scale
        self.setVisible(readout is not Readout.OFF)
        self.retranslate()

    def retranslate(self) -> None:
        low, high = (number(value, 3 if self._scale.limit < 0.1 else 2) for value in self._scale.bounds())
        if self._scale.diverging:
            self._texts = (
                self.tr("{0} against the vector").format(low),
                self.tr("along the vector {0}").format(high),
            )
        else:
            self._texts = (low, high)
        self.setAccessibleName(self.tr("Colours of the tokens: {0} to {1}").format(*self._texts))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        text = sum(metrics.horizontalAdvance(text) for text in self._texts)
        return QSize(text + BIN_COUNT * _BIN_WIDTH + 20, max(22, metrics.height() + 4))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = self._theme.tokens
        metrics = self.fontMetrics()
        painter.setPen(QColor(tokens.muted))
        left = metrics.horizontalAdvance(self._texts[0]) + 8
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, left, self.height()), middle, self._texts[0])
        for index in range(BIN_COUNT):
            shape = bin_format(index, self._scale.diverging, tokens)
            box = QRectF(left + index * _BIN_WIDTH, 3, _BIN_WIDTH - 2, self.height() - 6)
            painter.fillRect(
                box,
                shape.background()
                if shape.hasProperty(QTextCharFormat.Property.BackgroundBrush)
                else QColor(tokens.surface),
            )
            painter.setPen(QPen(QColor(tokens.border), 1))
            painter.drawRect(box)
            self._underline(painter, box, shape)
        painter.setPen(QColor(tokens.muted))
        start = left + BIN_COUNT * _BIN_WIDTH + 6
        painter.drawText(QRectF(start, 0, self.width() - start, self.height()), middle, self._texts[1])
        painter.end()

    def _underline(self, painter: QPainter, box: QRectF, shape: QTextCharFormat) -> None:
        styles = QTextCharFormat.UnderlineStyle
        style = shape.underlineStyle()
        if style is styles.NoUnderline:
            return
        ink = QPen(QColor(self._theme.tokens.strong_border), 1.4)
        y = box.bottom() - 4
        if style is styles.DotLine:
            ink.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(ink)
        if style is styles.WaveUnderline:
            steps = [
                QPointF(box.left() + 3 + x, y + (1.5 if x // 3 % 2 else -1.5))
                for x in range(0, int(box.width()) - 5, 3)
            ]
            painter.drawPolyline(steps)
        else:
            painter.drawLine(QPointF(box.left() + 3, y), QPointF(box.right() - 3, y))
