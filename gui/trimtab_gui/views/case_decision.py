"""The decision of a case: scale or stop, and why."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from trimtab_gui.views.elements import Panel, label, set_tone


class DecisionPanel(Panel):
    """Asked in the page, not in a dialog; a reason is needed for either."""

    scaled = Signal(str)
    stopped = Signal(str)

    def __init__(self) -> None:
        super().__init__("card")
        self._can_scale = False
        self._title = label("heading")
        self._text = label("", wrap=True)
        self.reason = QLineEdit()
        self.scale_button = QPushButton()
        set_tone(self.scale_button, "accent")
        self.stop_button = QPushButton()
        set_tone(self.stop_button, "danger")
        self.cancel_button = QPushButton()
        set_tone(self.cancel_button, "flat")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(8)
        for widget in (self._title, self._text, self.reason):
            layout.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.scale_button)
        row.addWidget(self.stop_button)
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        layout.addLayout(row)
        self.reason.textChanged.connect(self._show)
        self.scale_button.clicked.connect(self._scale)
        self.stop_button.clicked.connect(self._stop)
        self.cancel_button.clicked.connect(self.hide)
        self.retranslate()
        self.hide()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Scale or stop"))
        self.reason.setPlaceholderText(self.tr("Reason: it goes into the audit"))
        self.reason.setAccessibleName(self.tr("Reason of the decision"))
        self.scale_button.setText(self.tr("Scale"))
        self.stop_button.setText(self.tr("Stop"))
        self.cancel_button.setText(self.tr("Cancel"))
        self._show()

    def open(self, *, can_scale: bool) -> None:
        """can_scale: whether the candidate was promoted."""
        self._can_scale = can_scale
        self.reason.clear()
        self._show()
        self.show()
        self.reason.setFocus()

    @Slot()
    def _show(self) -> None:
        self._text.setText(
            self.tr(
                "The decision is final: it closes the case and is recorded with what it rested on, the hashes of the"
                " trials, their verdicts and the rollout."
            )
            if self._can_scale
            else self.tr(
                "The candidate was not promoted in this case, so it can only be stopped. The decision is final and is"
                " recorded with what it rested on."
            )
        )
        given = bool(self.reason.text().strip())
        self.scale_button.setVisible(self._can_scale)
        self.scale_button.setEnabled(given)
        self.stop_button.setEnabled(given)

    @Slot()
    def _scale(self) -> None:
        self.hide()
        self.scaled.emit(self.reason.text().strip())

    @Slot()
    def _stop(self) -> None:
        self.hide()
        self.stopped.emit(self.reason.text().strip())
