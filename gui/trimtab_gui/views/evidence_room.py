"""The Evidence room: for now, what can be shown already and where."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Panel, label, set_tone


class EvidenceRoom(Panel):
    """Says plainly that there are no trials yet, and leads to what gives figures today."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._title = label("title")
        self._text = label("", wrap=True)
        self._next = label("muted", wrap=True)
        self.compare_button = QPushButton()
        set_tone(self.compare_button, "accent")
        self.canary_button = QPushButton()
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.compare_button)
        buttons.addWidget(self.canary_button)
        buttons.addStretch(1)
        card = Panel("card")
        card.setMaximumWidth(680)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 28, 32, 28)
        inside.setSpacing(14)
        inside.addWidget(self._title)
        inside.addWidget(self._text)
        inside.addWidget(self._next)
        inside.addLayout(buttons)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card, 4)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(2)
        layout.setAlignment(row, Qt.AlignmentFlag.AlignCenter)
        self.compare_button.clicked.connect(self._compare)
        self.canary_button.clicked.connect(self._canary)
        workspace.commands.changed.connect(self._refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("No evidence collected here yet"))
        self._text.setText(
            self.tr(
                "Cases, trials and studies will stand in this room: a question with its criteria fixed beforehand,"
                " and the figures that answer it. This version does not run them yet."
            )
        )
        self._next.setText(
            self.tr(
                "Two things give evidence today. Ask the same question in several lanes and read the replies side"
                " by side. And run the canary set: it scores the active snapshot on questions with known answers,"
                " with intervals."
            )
        )
        self.compare_button.setText(self.tr("Compare lanes in the chat"))
        self.canary_button.setText(self.tr("Run the canary set"))
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        self.canary_button.setEnabled(self._workspace.commands.is_enabled("release.canary"))

    @Slot()
    def _compare(self) -> None:
        self._workspace.commands.run("room.chat")

    @Slot()
    def _canary(self) -> None:
        self._workspace.commands.run("release.canary")
