"""A stage by stage matrix as a heat map that is read by eye, by mouse and by keyboard."""

from __future__ import annotations

from math import isfinite
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from trimtab_gui.color_scale import BIN_COUNT, ColorScale
from trimtab_gui.models.study_file import Matrix
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import number
from trimtab_gui.views.lengths import scaled, share_of

_LEFT: Final = 62
_TOP: Final = 40
_EDGE: Final = 8
_SMALLEST_CELL: Final = 26
_ARROWS: Final = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class HeatMap(QWidget):
    """Rows are the vectors' stages, columns the models'. Each cell shows its figure too, where there is room."""

    # Vector's stage, model's stage, as places.
    cellChosen = Signal(int, int)
    cellActivated = Signal(int, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._stages: tuple[str, ...] = ()
        self._matrix: Matrix | None = None
        self._scale = ColorScale(1.0, diverging=False)
        self._low = 0.0
        self._cell: tuple[int, int] | None = None
        self._band: tuple[int, int] | None = None
        self._words = ("", "")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self._repaint)

    @property
    def cell(self) -> tuple[int, int] | None:
        """The chosen cell: vector's stage, model's stage."""
        return self._cell

    def set_words(self, vectors: str, models: str) -> None:
        """The titles of the two axes."""
        self._words = (vectors, models)
        self.update()

    def show_matrix(
        self, stages: tuple[str, ...], matrix: Matrix | None, band: tuple[int, int] | None = None
    ) -> None:
        """band: the stages of a window, marked above the columns."""
        if stages != self._stages:
            self._cell = None
        self._stages, self._matrix, self._band = stages, matrix, band
        values = [
            own for row in (matrix.value if matrix is not None else ()) for own in row if own is not None
        ]
        finite = [own for own in values if isfinite(own)]
        diverging = any(own < 0 for own in finite)
        self._scale = ColorScale(max((abs(own) for own in finite), default=1.0) or 1.0, diverging)
        # Without negative figures the scale spans what is there, so that differences among large ones are seen.
        self._low = 0.0 if diverging else min(finite, default=0.0)
        self.updateGeometry()
        self.update()

    def choose(self, vector: int, model: int) -> None:
        size = len(self._stages)
        if self._matrix is None or not (0 <= vector < size and 0 <= model < size):
            return
        self._cell = (vector, model)
        self.setAccessibleDescription(self.describe(vector, model))
        self.update()
        self.cellChosen.emit(vector, model)

    def describe(self, vector: int, model: int) -> str:
        """A cell in words: stages, value, interval."""
        assert self._matrix is not None
        value, low, high = self._matrix.cell(vector, model)
        stages = self.tr("Vector of {0}, model at {1}").format(self._stages[vector], self._stages[model])
        if value is None:
            return f"{stages}: " + self.tr("not measured")
        figure = number(value, 2)
        if low is not None and high is not None:
            figure += "  " + self.tr("({0} to {1})").format(number(low, 2), number(high, 2))
        return f"{stages}: {figure}"

    def cell_rect(self, vector: int, model: int) -> QRect:
        """Where a cell is drawn."""
        width, height = self._cell_size()
        return QRectF(scaled(_LEFT) + model * width, scaled(_TOP) + vector * height, width, height).toRect()

    def sizeHint(self) -> QSize:
        return self._size_of(44, 30)

    def minimumSizeHint(self) -> QSize:
        return self._size_of(_SMALLEST_CELL, 20)

    def _size_of(self, width: int, height: int) -> QSize:
        """The whole map with cells of this size."""
        size = max(4, len(self._stages))
        return QSize(scaled(_LEFT + size * width + _EDGE), scaled(_TOP + size * height + _EDGE))

    # Events -----------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position())
        if found is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.describe(*found), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position())
        if found is not None and event.button() is Qt.MouseButton.LeftButton:
            self.choose(*found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position())
        if found is not None:
            self.cellActivated.emit(*found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _ARROWS and self._stages:
            vector, model = self._cell or (0, 0)
            down, right = _ARROWS[key] if self._cell is not None else (0, 0)
            last = len(self._stages) - 1
            self.choose(min(last, max(0, vector + down)), min(last, max(0, model + right)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cell is not None:
            self.cellActivated.emit(*self._cell)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._matrix is None or not self._stages:
            painter.end()
            return
        painter.setFont(share_of(self.font(), 0.85))
        self._paint_axes(painter)
        for vector in range(len(self._stages)):
            for model in range(len(self._stages)):
                self._paint_cell(painter, vector, model)
        if self._cell is not None:
            width = 3 if self.hasFocus() else 2
            painter.setPen(QPen(self._theme.color("accent"), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._cell).adjusted(1, 1, -2, -2))
        painter.end()

    # Parts ------------------------------------------------------------------------------------------------

    def _cell_size(self) -> tuple[float, float]:
        size = max(1, len(self._stages))
        return (
            max(scaled(_SMALLEST_CELL), (self.width() - scaled(_LEFT) - scaled(_EDGE)) / size),
            max(float(scaled(18)), (self.height() - scaled(_TOP) - scaled(_EDGE)) / size),
        )

    def _at(self, place: QPointF) -> tuple[int, int] | None:
        if self._matrix is None:
            return None
        width, height = self._cell_size()
        model, vector = int((place.x() - scaled(_LEFT)) // width), int((place.y() - scaled(_TOP)) // height)
        size = len(self._stages)
        return (vector, model) if 0 <= vector < size and 0 <= model < size else None

    def _paint_axes(self, painter: QPainter) -> None:
        painter.setPen(self._theme.color("muted"))
        centre = Qt.AlignmentFlag.AlignCenter
        grid = QRect(scaled(_LEFT), 0, self.width() - scaled(_LEFT) - scaled(_EDGE), scaled(16))
        painter.drawText(grid, centre, self._words[1])
        painter.save()
        painter.translate(0, self.height() - scaled(_EDGE))
        painter.rotate(-90)
        painter.drawText(
            QRect(0, 0, self.height() - scaled(_TOP) - scaled(_EDGE), scaled(16)), centre, self._words[0]
        )
        painter.restore()
        for place, stage in enumerate(self._stages):
            name = short_stage(stage)
            column, row = self.cell_rect(0, place), self.cell_rect(place, 0)
            painter.drawText(QRect(column.left(), scaled(16), column.width(), scaled(18)), centre, name)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRect(scaled(16), row.top(), scaled(_LEFT - 22), row.height()), right, name)
        if self._band is not None:
            first, last = self.cell_rect(0, self._band[0]), self.cell_rect(0, self._band[1])
            painter.fillRect(
                QRect(first.left() + 2, scaled(_TOP) - 5, last.right() - first.left() - 3, 3),
                self._theme.color("accent"),
            )

    def _paint_cell(self, painter: QPainter, vector: int, model: int) -> None:
        assert self._matrix is not None
        tokens = self._theme.tokens
        rect = self.cell_rect(vector, model).adjusted(1, 1, -1, -1)
        value = self._matrix.value[vector][model]
        painter.setPen(Qt.PenStyle.NoPen)
        if value is None or not isfinite(value):
            painter.fillRect(rect, QColor(tokens.raised))
            painter.setPen(QColor(tokens.muted))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, "–")
            return
        colors = tokens.diverging if self._scale.diverging else tokens.sequential
        painter.fillRect(rect, QColor(colors[self._bin(value)] or tokens.raised))
        text = number(value, 2)
        if painter.fontMetrics().horizontalAdvance(text) + 2 > rect.width():
            text = number(value, 1)
        if painter.fontMetrics().horizontalAdvance(text) <= rect.width():
            painter.setPen(QColor(tokens.text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _bin(self, value: float) -> int:
        if self._scale.diverging:
            return self._scale.bin_of(value)
        span = self._scale.limit - self._low
        share = (value - self._low) / span if span > 0 else 0.0
        return max(0, min(BIN_COUNT - 1, round(share * (BIN_COUNT - 1))))

    @Slot()
    def _repaint(self) -> None:
        self.update()


def short_stage(stage: str) -> str:
    """ "07" of "stage-07"; other names as they are."""
    return stage.removeprefix("stage-")
