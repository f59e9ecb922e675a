"""Sentences about a result, one a line, each with a mark where it is good or bad news."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QLabel, QVBoxLayout

from trimtab_gui.models.extraction_words import Finding
from trimtab_gui.views.elements import Panel, label


class Findings(Panel):
    """As many labels as there are findings."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[QLabel] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)

    @property
    def text(self) -> str:
        return "\n".join(line.text() for line in self._lines if not line.isHidden())

    def show_findings(self, findings: Sequence[Finding]) -> None:
        while len(self._lines) < len(findings):
            line = label(wrap=True)
            self._lines.append(line)
            self._layout.addWidget(line)
        for place, line in enumerate(self._lines):
            line.setVisible(place < len(findings))
            if place < len(findings):
                found = findings[place]
                line.setText(found.marked)
                line.setStyleSheet("font-weight: 600;" if found.tone in ("warning", "danger") else "")
        self.setVisible(bool(findings))
