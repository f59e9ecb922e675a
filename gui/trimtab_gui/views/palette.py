"""Ctrl+K: any command by a few of its letters."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from trimtab_gui.models.commands import Commands, CommandSpec
from trimtab_gui.models.table import Index
from trimtab_gui.views.elements import Panel
from trimtab_gui.views.lengths import scaled

_SHORTCUT: Final = Qt.ItemDataRole.UserRole


def closeness(query: str, title: str) -> int | None:
    """0 when `title` begins with `query`, 1 when it holds it, 2 when its letters come in order, else None."""
    wanted, text = query.casefold().strip(), title.casefold().replace("&", "")
    if wanted in text:
        return 0 if text.startswith(wanted) else 1
    letters = iter(text)
    return 2 if all(letter in letters for letter in wanted if not letter.isspace()) else None


class _Shortcuts(QStyledItemDelegate):
    """Paints the keys of a command at the right of its row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        keys = str(index.data(_SHORTCUT) or "")
        if keys:
            painter.save()
            painter.setFont(option.font)
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            room = option.rect.adjusted(0, 0, -12, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, keys)
            painter.restore()


class CommandPalette(Panel):
    """A field and a list over the window; closes on Escape, on a choice, and when it loses the focus."""

    def __init__(self, commands: Commands, parent: QWidget) -> None:
        super().__init__("card", parent)
        self._commands = commands
        self._shown: list[CommandSpec] = []
        self.field = QLineEdit()
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(_Shortcuts(self.list))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(6)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._filter)
        self.list.itemActivated.connect(self._chosen)
        self.list.itemClicked.connect(self._chosen)
        self.retranslate()
        self.hide()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(self.tr("Find a command"))
        self.field.setAccessibleName(self.tr("Find a command"))
        self.list.setAccessibleName(self.tr("Commands"))

    @Slot()
    def open(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        width = min(scaled(560), parent.width() - 80)
        height = min(scaled(420), parent.height() - 140)
        self.setGeometry((parent.width() - width) // 2, 72, width, height)
        self.field.clear()
        self._filter("")
        self.show()
        self.raise_()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and not self.list.underMouse():
            self.hide()
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            match event.key():
                case Qt.Key.Key_Escape:
                    self.hide()
                    return True
                case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                    self._chosen(self.list.currentItem())
                    return True
                case Qt.Key.Key_Down | Qt.Key.Key_Up:
                    step = 1 if event.key() == Qt.Key.Key_Down else -1
                    row = max(0, min(self.list.count() - 1, self.list.currentRow() + step))
                    self.list.setCurrentRow(row)
                    return True
        return super().eventFilter(watched, event)

    @Slot(str)
    def _filter(self, query: str) -> None:
        ranked: list[tuple[int, CommandSpec]] = []
        for spec in self._commands.specs():
            rank = closeness(query, spec.translated_title)
            if rank is not None and self._commands.is_enabled(spec.id):
                ranked.append((rank, spec))
        self._shown = [spec for _, spec in sorted(ranked, key=_rank)]
        self.list.clear()
        for spec in self._shown:
            title = spec.translated_title.replace("&", "")
            item = QListWidgetItem(title)
            item.setData(_SHORTCUT, spec.shortcut)
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, f"{title}, {spec.shortcut}" if spec.shortcut else title
            )
            item.setToolTip(spec.translated_hint)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    @Slot(QListWidgetItem)
    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        spec = self._shown[self.list.row(item)]
        self.hide()
        self._commands.run(spec.id)


def _rank(found: tuple[int, CommandSpec]) -> int:
    return found[0]
