"""Ctrl+F: finding words in the chat that is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton

from trimtab_gui.icons import icon
from trimtab_gui.models.chat_find import ChatFind
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, label


class FindBar(Panel):
    """A field, how many places there are, and the way from one to the next."""

    def __init__(self, find: ChatFind, theme: Theme) -> None:
        super().__init__("card")
        self._find = find
        self._theme = theme
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        self.count = label("muted")
        self.previous_button = QToolButton()
        self.next_button = QToolButton()
        self.close_button = QToolButton()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        for button in (self.previous_button, self.next_button, self.close_button):
            button.setIconSize(QSize(18, 18))
            layout.addWidget(button)
        self.field.textChanged.connect(self._typed)
        self.previous_button.clicked.connect(self.go_back)
        self.next_button.clicked.connect(self.go_on)
        self.close_button.clicked.connect(self.close_bar)
        find.changed.connect(self._show)
        theme.changed.connect(self.restyle)
        self.retranslate()
        self.restyle()
        self.hide()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(self.tr("Find in this chat, in every lane"))
        self.field.setAccessibleName(self.tr("Find in this chat"))
        for button, text in (
            (self.previous_button, self.tr("The place before")),
            (self.next_button, self.tr("The next place")),
            (self.close_button, self.tr("Close the search")),
        ):
            button.setAccessibleName(text)
            button.setToolTip(text)
        self._show()

    @Slot()
    def restyle(self) -> None:
        ink = self._theme.tokens.muted
        for button, name in (
            (self.previous_button, "earlier"),
            (self.next_button, "later"),
            (self.close_button, "close"),
        ):
            button.setIcon(icon(name, ink))

    def open(self, query: str = "", at: tuple[str, int] | None = None) -> None:
        """Shows the bar; with a query that is looked for from a lane's turn on, else with what was looked for."""
        self.show()
        if query:
            self.field.blockSignals(True)
            self.field.setText(query)
            self.field.blockSignals(False)
            self._find.look_for(query, at)
        elif self.field.text() != self._find.query:
            self._find.look_for(self.field.text())
        self.field.setFocus()
        self.field.selectAll()

    @Slot()
    def close_bar(self) -> None:
        self.hide()
        self._find.look_for("")
        self.field.blockSignals(True)
        self.field.clear()
        self.field.blockSignals(False)

    @Slot()
    def go_on(self) -> None:
        self._find.step(1)

    @Slot()
    def go_back(self) -> None:
        self._find.step(-1)

    @Slot(str)
    def _typed(self, text: str) -> None:
        self._find.look_for(text)

    @Slot()
    def _show(self) -> None:
        found = len(self._find.found)
        if found:
            self.count.setText(self.tr("{0} of {1}").format(self._find.place + 1, found))
        else:
            self.count.setText(self.tr("Not found") if self._find.folded else "")
        self.previous_button.setEnabled(found > 0)
        self.next_button.setEnabled(found > 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
            parent = self.parentWidget()
            if parent is not None:
                parent.setFocus()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._find.step(-1 if back else 1)
            return
        super().keyPressEvent(event)
