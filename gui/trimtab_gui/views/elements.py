"""The small parts every room is made of."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QAbstractItemModel, QEvent, QLocale, QSize, Qt, Slot
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QTableView,
    QToolTip,
    QWidget,
)

from trimtab_gui.views.lengths import scaled


class Panel(QFrame):
    """A widget that sets its texts in `retranslate`, at first and whenever the language changes.

    `role` selects its look in the style sheet.
    """

    def __init__(self, role: str = "plain", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", role)

    def retranslate(self) -> None:
        """Sets every text of this widget, not of its children that are panels themselves."""

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)


def set_tone(widget: QWidget, tone: str) -> None:
    """Gives a widget the style sheet's look for a tone ("", "accent", "good", "warning", "danger", "flat")."""
    if widget.property("tone") == tone:
        return
    widget.setProperty("tone", tone)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class _WrappedLabel(QLabel):
    """A label that asks for all the lines it needs at its width, whatever is around it asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._ask()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._ask()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._ask()

    def _ask(self) -> None:
        # Qt never needs less than the minimum: of a narrower time, that would stay for ever.
        self.setMinimumHeight(0)
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))


def label(role: str = "", *, wrap: bool = False) -> QLabel:
    """A label with a role of the style sheet: title, heading, caption, muted, error, code, chip."""
    result = _WrappedLabel() if wrap else QLabel()
    if role:
        result.setProperty("role", role)
    result.setTextFormat(Qt.TextFormat.PlainText)
    return result


def separator() -> QFrame:
    """A line one pixel high."""
    line = QFrame()
    line.setProperty("role", "separator")
    line.setFixedHeight(1)
    return line


class ElidedLabel(QLabel):
    """A label of one line that gives way: what does not fit becomes an ellipsis, and a tooltip."""

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if role:
            self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics = self.fontMetrics()
        room = self.contentsRect()
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()


class Choice(QComboBox):
    """A choice that gives way: what does not fit becomes an ellipsis, and a tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        text = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        self.setToolTip(option.currentText if text != option.currentText else "")
        option.currentText = text
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class Table(QTableView):
    """A read-only table with whole rows selected, sized by its contents, its last column taking the rest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most_rows: int | None = None
        self._widest: int | None = None
        self._widths: tuple[int, ...] = ()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self._fit_lines()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_lines()
            self._fit_titles()

    def _fit_lines(self) -> None:
        """Rows as high as a line of text with some air."""
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)
        if self._most_rows is not None and self.model() is not None:
            self.fit_rows(self._most_rows)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Titles change with the language; the columns then fit them again."""
        super().setModel(model)
        if model is not None:
            model.headerDataChanged.connect(self._fit_titles)

    @Slot()
    def _fit_titles(self) -> None:
        """The columns anew: their titles, or the size of the text, have changed."""
        if self.model() is None:
            return
        if self._widest is not None:
            self.fit_columns(self._widest)
        header = self.horizontalHeader()
        for column, width in enumerate(self._widths):
            self.setColumnWidth(column, max(scaled(width), header.sectionSizeHint(column)))
        self._fit_last()

    def give_widths(self, widths: tuple[int, ...]) -> None:
        """Widths of the first columns, given for text of the usual size; a title is never cut off."""
        self._widths = widths
        self._fit_titles()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_last()

    def _fit_last(self) -> None:
        """The last column takes the rest, unless that is less than it needs."""
        header = self.horizontalHeader()
        last = header.count() - 1
        if last < 0 or header.isSectionHidden(last):
            return
        needed = header.sectionSizeHint(last)
        before = header.length() - header.sectionSize(last)
        room = self.viewport().width()
        header.setStretchLastSection(before + needed <= room)
        if before + needed > room:
            header.resizeSection(last, needed)

    def viewportEvent(self, event: QEvent) -> bool:
        """What an ellipsis hides in a cell is told on resting there."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.indexAt(event.pos())
            if index.isValid() and not index.data(Qt.ItemDataRole.ToolTipRole):
                text = str(index.data() or "")
                cut = self.sizeHintForIndex(index).width() > self.visualRect(index).width()
                QToolTip.showText(event.globalPos(), text if cut else "", self.viewport())
                return True
        return bool(super().viewportEvent(event))

    def fit_rows(self, most: int = 8) -> None:
        """Makes the table as high as its rows, up to `most` of them."""
        self._most_rows = most
        rows = min(most, max(1, self.model().rowCount()))
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        self.setFixedHeight(height + rows * self.verticalHeader().defaultSectionSize() + 2)

    def fit_columns(self, widest: int = 260) -> None:
        """Widens each column to its contents, up to `widest` pixels."""
        self._widest = widest
        for column in range(self.horizontalHeader().count() - 1):
            self.resizeColumnToContents(column)
            self.setColumnWidth(column, min(scaled(widest), self.columnWidth(column)))
        self._fit_last()


def clock(moment: datetime | None) -> str:
    """A moment of today as the time, else as date and time, in local time and the chosen language."""
    if moment is None:
        return ""
    local = moment.astimezone()
    if local.date() == datetime.now().astimezone().date():
        return f"{local:%H:%M:%S}"
    if QLocale().language() is QLocale.Language.Japanese:
        return f"{local:%Y/%m/%d %H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def number(value: float, digits: int) -> str:
    """A figure with a fixed number of decimals; the minus sign is a real one."""
    return str(QLocale().toString(value, "f", digits)).replace("-", "−")
