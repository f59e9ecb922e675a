"""The chats that are kept, and the search across them."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QTextCharFormat, QTextLayout
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from trimtab_client.types import Role

from trimtab_gui.models.chat_find import TYPING_MILLISECONDS
from trimtab_gui.models.chat_record import ChatHit, ChatSummary
from trimtab_gui.models.chat_shelf import ChatShelf, Place
from trimtab_gui.models.chat_words import lane_name
from trimtab_gui.theme import Theme
from trimtab_gui.views.chat_panel import ChatPanel
from trimtab_gui.views.elements import clock, label, set_tone

Index = QModelIndex | QPersistentModelIndex
HITS_AT_MOST: Final = 200
_SECOND_LINE: Final = Qt.ItemDataRole.UserRole
_ENTRY: Final = Qt.ItemDataRole.UserRole + 1


class ChatEntries(QAbstractListModel):
    """Chats, or messages found in them; a chat's title can be edited."""

    renamed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[ChatSummary | ChatHit, ...] = ()
        self.current_key = ""

    def set_entries(self, entries: tuple[ChatSummary, ...] | tuple[ChatHit, ...]) -> None:
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def entry(self, row: int) -> ChatSummary | ChatHit | None:
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def row_of(self, key: str) -> int:
        keys = [entry.head.key if isinstance(entry, ChatSummary) else entry.key for entry in self._entries]
        return keys.index(key) if key in keys else -1

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index.row())
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return self._title(entry)
            case _ if role == _SECOND_LINE:
                return self._second_line(entry)
            case _ if role == _ENTRY:
                return entry
            case Qt.ItemDataRole.AccessibleTextRole | Qt.ItemDataRole.ToolTipRole:
                return f"{self._title(entry)}\n{self._second_line(entry)}"
        return None

    def _title(self, entry: ChatSummary | ChatHit) -> str:
        if isinstance(entry, ChatSummary):
            return entry.head.title
        if entry.role is not Role.ASSISTANT:
            return entry.title
        return f"{entry.title} · {lane_name(entry.setup)}"

    def _second_line(self, entry: ChatSummary | ChatHit) -> str:
        if isinstance(entry, ChatHit):
            return entry.snippet
        parts = [clock(entry.head.updated), self.tr("{0} messages").format(entry.messages)]
        if entry.head.key == self.current_key:
            parts.insert(0, self.tr("open now"))
        if entry.head.pinned:
            parts.insert(0, self.tr("▲ pinned"))
        if entry.interrupted:
            parts.append(self.tr("⚠ interrupted"))
        return " · ".join(parts)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        editable = isinstance(self.entry(index.row()), ChatSummary)
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        entry = self.entry(index.row())
        title = str(value).strip()
        if not isinstance(entry, ChatSummary) or not title or title == entry.head.title:
            return False
        self.renamed.emit(entry.head.key, title)
        return True


class _TwoLines(QStyledItemDelegate):
    """A title, and under it what there is to say; words that were looked for are bold and underlined."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        # What the options hold is typed as nothing in the stubs.
        metrics = option.fontMetrics
        return QSize(120, 2 * metrics.lineSpacing() + 16)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        options = QStyleOptionViewItem(option)
        self.initStyleOption(options, index)
        title, options.text = options.text, ""
        widget = options.widget
        style = widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, options, painter, widget)
        area = options.rect.adjusted(8, 6, -8, -6)
        metrics = options.fontMetrics
        line = QRect(area.left(), area.top(), area.width(), metrics.lineSpacing())
        painter.save()
        font = QFont(options.font)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        bold = painter.fontMetrics()
        painter.drawText(
            line,
            Qt.AlignmentFlag.AlignVCenter,
            bold.elidedText(title, Qt.TextElideMode.ElideRight, line.width()),
        )
        painter.setFont(options.font)
        painter.setPen(self._theme.color("muted"))
        line.translate(0, metrics.lineSpacing() + 4)
        self._paint_second(painter, line, index)
        painter.restore()

    def _paint_second(self, painter: QPainter, line: QRect, index: Index) -> None:
        entry, text = index.data(_ENTRY), str(index.data(_SECOND_LINE))
        if not isinstance(entry, ChatHit):
            elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, elided)
            return
        found = QTextLayout.FormatRange()
        # Set from Python these are attributes, whatever the stubs say.
        found.start = _units(text[: entry.start])
        found.length = _units(text[entry.start : entry.end])
        shape = QTextCharFormat()
        shape.setFontWeight(QFont.Weight.Bold)
        shape.setFontUnderline(True)
        shape.setForeground(self._theme.color("text"))
        found.format = shape
        layout = QTextLayout(text, painter.font())
        layout.setFormats([found])
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        # What was found stays in sight, however narrow the list is.
        x: Any = layout.lineAt(0).cursorToX(found.start + found.length)
        end = float(x[0] if isinstance(x, tuple) else x)
        shift = min(0.0, line.width() * 0.8 - end)
        painter.setClipRect(line)
        layout.draw(painter, QPoint(round(line.left() + shift), line.top()))


def _units(text: str) -> int:
    """The length of a text as Qt counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class ChatList(ChatPanel):
    """The chats with one server: open, rename, pin, delete, and search in all of them."""

    placeChosen = Signal(object)

    def __init__(self, shelf: ChatShelf, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent)
        self._shelf = shelf
        self._summaries: tuple[ChatSummary, ...] = ()
        # The chat whose title is to be written once the list is there.
        self._to_edit = ""
        self.entries = ChatEntries(self)
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setModel(self.entries)
        self.list.setItemDelegate(_TwoLines(theme, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.status = label("caption", wrap=True)
        self.open_button = QPushButton()
        self.rename_button = QPushButton()
        self.pin_button = QPushButton()
        self.delete_button = QPushButton()
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.open_button)
        buttons.addStretch(1)
        for button in (self.rename_button, self.pin_button, self.delete_button):
            set_tone(button, "flat")
            buttons.addWidget(button)
        for widget in (self.field, self.list, self.status):
            self.body.addWidget(widget, 1 if widget is self.list else 0)
        self.body.addLayout(buttons)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MILLISECONDS)
        self._wire()
        self.retranslate()
        self.restyle()

    def _wire(self) -> None:
        shelf = self._shelf
        self._typing.timeout.connect(self._search)
        self.field.textChanged.connect(self._typed)
        self.field.installEventFilter(self)
        self.list.installEventFilter(self)
        self.list.activated.connect(self._activated)
        self.list.clicked.connect(self._activated)
        self.list.selectionModel().currentChanged.connect(self._show_buttons)
        self.open_button.clicked.connect(self.open_current)
        self.rename_button.clicked.connect(self._edit_title)
        self.pin_button.clicked.connect(self._toggle_pin)
        self.delete_button.clicked.connect(self._delete)
        self.entries.renamed.connect(self._rename)
        shelf.listed.connect(self._take_list)
        shelf.found.connect(self._take_hits)
        shelf.changed.connect(self._refresh)

    def retranslate(self) -> None:
        super().retranslate()
        self.field.setPlaceholderText(self.tr("Search in all chats"))
        self.field.setAccessibleName(self.tr("Search in all chats"))
        self.list.setAccessibleName(self.tr("Chats"))
        self.open_button.setText(self.tr("Open"))
        self.rename_button.setText(self.tr("Rename"))
        self.delete_button.setText(self.tr("Delete"))
        self._show_title()
        self._show_status()
        self._show_buttons()

    def _show_title(self) -> None:
        self.title.setText(self.tr("Chats with {0}").format(self._shelf.target or "–"))

    # Opening ----------------------------------------------------------------------------------------------

    def open_list(self) -> None:
        """Shows all chats, with the keyboard in the list."""
        self.field.clear()
        self._open(self.list)

    def open_search(self) -> None:
        """Shows what was looked for last, with the keyboard in the field."""
        self._open(self.field)
        self.field.selectAll()

    def _open(self, focus: QWidget) -> None:
        self._show_title()
        self.show_over(focus)
        self._refresh()

    def edit_when_listed(self, key: str) -> None:
        """Opens a chat's title for writing as soon as the list has come."""
        self._to_edit = key

    @Slot()
    def _refresh(self) -> None:
        if self.isVisible():
            self._shelf.read_list()

    @property
    def is_searching(self) -> bool:
        return bool(self.field.text().strip())

    @Slot(str)
    def _typed(self, text: str) -> None:
        if text.strip():
            self._typing.start()
        else:
            self._typing.stop()
            self._show_entries()

    @Slot()
    def _search(self) -> None:
        if self.is_searching:
            self._shelf.search(self.field.text())

    @Slot(object)
    def _take_list(self, summaries: tuple[ChatSummary, ...]) -> None:
        self._summaries = summaries
        self.entries.current_key = self._shelf.current_key
        if not self.is_searching:
            self._show_entries()
        elif not self._typing.isActive():
            self._search()

    @Slot(str, object)
    def _take_hits(self, query: str, hits: tuple[ChatHit, ...]) -> None:
        if query == self.field.text():
            self.entries.set_entries(hits)
            self.list.setCurrentIndex(self.entries.index(0))
            self._show_status()
            self._show_buttons()

    def _show_entries(self) -> None:
        if self.list.state() is QAbstractItemView.State.EditingState:
            # Whoever is writing a title is not interrupted by a reply that was kept.
            return
        key = self._key() or self._shelf.current_key
        self.entries.set_entries(self._summaries)
        self.list.setCurrentIndex(self.entries.index(max(0, self.entries.row_of(key))))
        self._show_status()
        self._show_buttons()
        if self._to_edit:
            self.list.setCurrentIndex(self.entries.index(max(0, self.entries.row_of(self._to_edit))))
            self._to_edit = ""
            self._edit_title()

    def _show_status(self) -> None:
        count = QLocale().toString(self.entries.rowCount())
        if not self.is_searching:
            self.status.setText(
                self.tr("{0} chats").format(count)
                if self.entries.rowCount()
                else self.tr("No chat is kept yet: what you ask appears here.")
            )
        elif self.entries.rowCount() >= HITS_AT_MOST:
            self.status.setText(self.tr("The newest {0} messages that were found").format(count))
        else:
            self.status.setText(self.tr("{0} messages found").format(count))

    # What can be done -------------------------------------------------------------------------------------

    def _entry(self) -> ChatSummary | ChatHit | None:
        return self.entries.entry(self.list.currentIndex().row())

    def _key(self) -> str:
        entry = self._entry()
        if entry is None:
            return ""
        return entry.head.key if isinstance(entry, ChatSummary) else entry.key

    @Slot()
    def _show_buttons(self) -> None:
        entry = self._entry()
        is_chat = isinstance(entry, ChatSummary)
        self.open_button.setEnabled(entry is not None)
        for button in (self.rename_button, self.pin_button, self.delete_button):
            button.setEnabled(is_chat)
        pinned = isinstance(entry, ChatSummary) and entry.head.pinned
        self.pin_button.setText(self.tr("Unpin") if pinned else self.tr("Pin"))

    @Slot(QModelIndex)
    def _activated(self, _index: QModelIndex) -> None:
        self.open_current()

    @Slot()
    def open_current(self) -> None:
        """Opens the chosen chat, at the message when one was found."""
        entry = self._entry()
        if isinstance(entry, ChatSummary):
            self.placeChosen.emit(Place(entry.head.key, "", -1))
        elif entry is not None:
            self.placeChosen.emit(Place(entry.key, entry.lane, entry.turn, self.field.text().strip()))

    @Slot()
    def _edit_title(self) -> None:
        if isinstance(self._entry(), ChatSummary):
            self.list.setFocus()
            self.list.edit(self.list.currentIndex())

    @Slot(str, str)
    def _rename(self, key: str, title: str) -> None:
        self._shelf.rename(key, title)

    @Slot()
    def _toggle_pin(self) -> None:
        entry = self._entry()
        if isinstance(entry, ChatSummary):
            self._shelf.pin(entry.head.key, not entry.head.pinned)

    @Slot()
    def _delete(self) -> None:
        entry = self._entry()
        if isinstance(entry, ChatSummary):
            self._shelf.delete(entry.head)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if watched is self.field and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.setFocus()
                return True
            if watched is self.field and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.open_current()
                return True
            if watched is self.list and event.key() == Qt.Key.Key_Delete:
                self._delete()
                return True
        return super().eventFilter(watched, event)
