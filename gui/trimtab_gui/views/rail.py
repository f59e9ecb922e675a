"""The four rooms, at the left."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QToolButton, QVBoxLayout

from trimtab_gui.icons import icon
from trimtab_gui.models.commands import Commands
from trimtab_gui.options import ROOMS
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel
from trimtab_gui.views.lengths import fit_icon, fix_width


class Rail(Panel):
    """One button for each room, and two small ones for language and look."""

    roomChosen = Signal(str)

    def __init__(self, commands: Commands, theme: Theme) -> None:
        super().__init__("rail")
        self._commands = commands
        self._theme = theme
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.buttons: dict[str, QToolButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 10, 6, 10)
        layout.setSpacing(4)
        for room in ROOMS:
            button = QToolButton()
            button.setProperty("role", "room")
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            fit_icon(button, 24)
            fix_width(button, 80)
            self._group.addButton(button)
            self.buttons[room] = button
            layout.addWidget(button)
        layout.addStretch(1)
        self.language_button = QToolButton()
        self.theme_button = QToolButton()
        for button in (self.language_button, self.theme_button):
            fit_icon(button, 20)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._group.buttonClicked.connect(self._clicked)
        self.language_button.clicked.connect(self._switch_language)
        self.theme_button.clicked.connect(self._switch_theme)
        theme.changed.connect(self.restyle)
        self.retranslate()
        self.restyle()

    def retranslate(self) -> None:
        for room, button in self.buttons.items():
            spec = self._commands.spec(f"room.{room}")
            button.setText(spec.translated_title)
            button.setAccessibleName(spec.translated_title)
            button.setToolTip(f"{spec.translated_title} ({spec.shortcut})")
        for button, command in ((self.language_button, "view.language"), (self.theme_button, "view.theme")):
            title = self._commands.spec(command).translated_title
            button.setToolTip(title)
            button.setAccessibleName(title)

    @Slot()
    def restyle(self) -> None:
        for room, button in self.buttons.items():
            button.setIcon(icon(room, self._theme.tokens.text))
        self.language_button.setIcon(icon("language", self._theme.tokens.muted))
        self.theme_button.setIcon(icon("theme", self._theme.tokens.muted))

    def show_room(self, room: str) -> None:
        self.buttons[room].setChecked(True)

    @Slot(QAbstractButton)
    def _clicked(self, button: QAbstractButton) -> None:
        for room, known in self.buttons.items():
            if known is button:
                self.roomChosen.emit(room)

    @Slot()
    def _switch_language(self) -> None:
        self._commands.run("view.language")

    @Slot()
    def _switch_theme(self) -> None:
        self._commands.run("view.theme")
