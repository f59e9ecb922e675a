"""Before the first trial: what one is, and the next step."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from trimtab_gui.views.elements import Panel, label, set_tone


class EmptyTrials(Panel):
    """What a trial is, and the next step."""

    newRequested = Signal()
    sampleRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title = label("title")
        self._text = label("", wrap=True)
        self._next = label("muted", wrap=True)
        self.sample_button = QPushButton()
        set_tone(self.sample_button, "accent")
        self.new_button = QPushButton()
        card = Panel("card")
        card.setMaximumWidth(680)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 28, 32, 28)
        inside.setSpacing(14)
        for widget in (self._title, self._text, self._next):
            inside.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.sample_button)
        buttons.addWidget(self.new_button)
        buttons.addStretch(1)
        inside.addLayout(buttons)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card, 4)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(2)
        self.sample_button.clicked.connect(self.sampleRequested)
        self.new_button.clicked.connect(self.newRequested)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Try steering on your own prompts"))
        self._text.setText(
            self.tr(
                "A trial asks a file of prompts in two or more lanes, scores the replies by criteria that are locked"
                " beforehand, and says whether to steer, or whether a prompt is enough."
            )
        )
        self._next.setText(
            self.tr(
                "The sample set that ships with the model shows how it works: it takes a minute or two on this"
                " server."
            )
        )
        self.sample_button.setText(self.tr("Try the sample set"))
        self.new_button.setText(self.tr("Use your own prompts…"))

    def set_live(self, live: bool) -> None:
        """Nothing can be started without a server."""
        self.sample_button.setEnabled(live)
        self.new_button.setEnabled(live)
