"""The dose of one vector: a slider with its safe range drawn, and a spin box beside it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

from trimtab_gui.models.steering import STRENGTH_LIMIT
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel
from trimtab_gui.views.lengths import fix_width

STEPS: Final = 100
# Hundredths of the strength within which a dragged handle snaps to 0.
DETENT: Final = 3
_HANDLE: Final = 8


class StrengthSlider(QSlider):
    """−1 to 1 in hundredths. Draws the safe range, the active strength, and the detent at 0."""

    resetRequested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self._safe = 0.0
        self._active: float | None = None
        limit = round(STRENGTH_LIMIT * STEPS)
        self.setRange(-limit, limit)
        self.setSingleStep(1)
        self.setPageStep(10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(120)

    def set_marks(self, safe: float, active: float | None) -> None:
        """The upper end of the safe range (0: unknown) and the strength in the active snapshot."""
        if (safe, active) != (self._safe, self._active):
            self._safe, self._active = safe, active
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 30)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 30)

    # The handle follows the pointer; Qt's own geometry is not the one that is drawn here.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.isEnabled():
            self.setSliderDown(True)
            self._drag_to(event.position().x())
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._drag_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        self.resetRequested.emit()

    def _drag_to(self, x: float) -> None:
        share = (x - _HANDLE) / max(1.0, self.width() - 2 * _HANDLE)
        value = round(self.minimum() + share * (self.maximum() - self.minimum()))
        self.setValue(0 if abs(value) <= DETENT else value)

    def _x(self, strength: float) -> float:
        share = (strength * STEPS - self.minimum()) / (self.maximum() - self.minimum())
        return _HANDLE + share * (self.width() - 2 * _HANDLE)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.45)
        middle = self.height() / 2
        left, right, zero, here = self._x(-1), self._x(1), self._x(0), self._x(self.value() / STEPS)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.border))
        painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 2, 2)
        if self._safe > 0:
            safe = QRectF(zero, middle - 6, self._x(self._safe) - zero, 12)
            painter.setBrush(QColor(tokens.good_soft))
            painter.setPen(QPen(QColor(tokens.good), 1))
            painter.drawRoundedRect(safe, 3, 3)
            beyond = QRectF(self._x(self._safe), middle - 6, right - self._x(self._safe), 12)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(QColor(tokens.warning), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(beyond)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.accent))
        painter.drawRect(QRectF(min(zero, here), middle - 2, abs(here - zero), 4))
        painter.setPen(QPen(QColor(tokens.strong_border), 1))
        painter.drawLine(QPointF(zero, middle - 9), QPointF(zero, middle + 9))
        if self._active is not None:
            self._paint_active(painter, middle)
        painter.setBrush(QColor(tokens.surface))
        painter.setPen(QPen(QColor(tokens.accent), 3 if self.hasFocus() else 2))
        painter.drawEllipse(QPointF(here, middle), _HANDLE - 1.5, _HANDLE - 1.5)
        painter.end()

    def _paint_active(self, painter: QPainter, middle: float) -> None:
        """A small triangle under the track where the active snapshot stands."""
        assert self._active is not None
        x, top = self._x(self._active), middle + 9
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.tokens.text))
        painter.drawPolygon([QPointF(x, top), QPointF(x - 4, top + 6), QPointF(x + 4, top + 6)])

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.EnabledChange:
            self.update()
        super().changeEvent(event)


class StrengthEditor(Panel):
    """Slider and spin box as one; `strengthChanged` comes only from the operator."""

    strengthChanged = Signal(float)
    resetRequested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._concept = ""
        self.slider = StrengthSlider(theme)
        self.spin = QDoubleSpinBox()
        self.spin.setRange(-STRENGTH_LIMIT, STRENGTH_LIMIT)
        self.spin.setDecimals(2)
        self.spin.setSingleStep(0.01)
        self.spin.setKeyboardTracking(False)
        fix_width(self.spin, 88)
        self.spin.lineEdit().setTextMargins(6, 0, 0, 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.spin)
        self.slider.valueChanged.connect(self._slid)
        self.slider.resetRequested.connect(self.resetRequested)
        self.spin.valueChanged.connect(self._typed)
        self.retranslate()

    def name(self, concept: str) -> None:
        """Says to assistive technology which vector this is the strength of."""
        self._concept = concept
        self.retranslate()

    def retranslate(self) -> None:
        title = self.tr("Strength of {0}").format(self._concept)
        self.slider.setAccessibleName(title)
        self.spin.setAccessibleName(title)
        self.slider.setToolTip(
            self.tr(
                "Relative to the residual norm of the stage. Double-click goes back to the suggested strength."
            )
        )

    def show_strength(self, strength: float) -> None:
        """Shows a strength without reporting it as a change."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.spin):
            self.slider.setValue(round(strength * STEPS))
            self.spin.setValue(strength)
        self.slider.update()

    @Slot(int)
    def _slid(self, steps: int) -> None:
        self.strengthChanged.emit(steps / STEPS)

    @Slot(float)
    def _typed(self, strength: float) -> None:
        self.strengthChanged.emit(strength)
