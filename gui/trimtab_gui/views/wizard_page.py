"""What every page of the extraction wizard is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QVBoxLayout, QWidget
from trimtab_client import Progress

from trimtab_gui.models.extraction_words import phase_text
from trimtab_gui.models.trial_words import duration
from trimtab_gui.views.elements import Panel, label


class WizardPage(Panel):
    """Its content scrolls where it has to. `changed`: whether one may go on may be another now."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(2, 2, 10, 2)
        self.body.setSpacing(8)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    @property
    def title(self) -> str:
        """In the list of steps, and above the page."""
        raise NotImplementedError

    @property
    def can_go_on(self) -> bool:
        return True

    @property
    def first_field(self) -> QWidget:
        """What takes the focus when the page is opened."""
        raise NotImplementedError

    def enter(self) -> None:
        """The page is shown."""


class ProgressLine(Panel):
    """What a job is doing, how far it is, and the time left."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self._text = label("muted", wrap=True)
        self._progress: Progress | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self._text)

    @property
    def text(self) -> str:
        return self._text.text()

    def retranslate(self) -> None:
        self.show_progress(self._progress)

    def show_progress(self, progress: Progress | None) -> None:
        """A bar that only moves to and fro while nothing can be counted."""
        self._progress = progress
        counted = progress is not None and progress.total > 1
        self.bar.setRange(0, progress.total if progress is not None and counted else 0)
        text = phase_text(progress)
        if progress is not None and counted:
            self.bar.setValue(progress.done)
            text = self.tr("{0}: {1} of {2}").format(text, progress.done, progress.total)
            if progress.seconds_left > 0:
                text = self.tr("{0}, about {1} left").format(text, duration(progress.seconds_left))
        self._text.setText(text)
        self.bar.setAccessibleName(text)
