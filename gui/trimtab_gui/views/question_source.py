"""Which questions a measurement asks, and how to choose others."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout

from trimtab_gui.models.measuring_questions import SUFFIXES, MeasuringQuestions
from trimtab_gui.models.messages import describe
from trimtab_gui.views.elements import ElidedLabel, Panel, label, set_tone


class QuestionSource(Panel):
    """One line; where the model carries no questions, also what a file of them is."""

    def __init__(self, model: MeasuringQuestions) -> None:
        super().__init__()
        self._model = model
        self._dialog: QFileDialog | None = None
        self.source = ElidedLabel("muted")
        self.file_button = QPushButton()
        self.own_button = QPushButton()
        set_tone(self.own_button, "flat")
        self.note = label(wrap=True)
        self.fault = label("error", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.source, 1)
        row.addWidget(self.own_button)
        row.addWidget(self.file_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.note)
        layout.addLayout(row)
        layout.addWidget(self.fault)
        self.file_button.clicked.connect(self._ask)
        self.own_button.clicked.connect(model.use_own)
        model.changed.connect(self._show)
        self.retranslate()

    def retranslate(self) -> None:
        self.file_button.setText(self.tr("Choose a file…"))
        self.file_button.setAccessibleName(self.tr("Choose a file of questions"))
        self.own_button.setText(self.tr("Use the model's"))
        self.own_button.setToolTip(self.tr("Asks the questions that the model carries again"))
        self.note.setText(
            self.tr(
                "This model carries no questions with known answers, and measuring needs some. Choose a file of prompts"
                " with right and wrong answers, some of them asked under pressure and some not: a trial's file will do"
                " (CSV, XLSX or JSON lines)."
            )
        )
        self._show()

    @Slot()
    def _show(self) -> None:
        model = self._model
        if model.file_name:
            text = self.tr("Questions: {0}").format(model.file_name)
        elif model.is_missing:
            text = self.tr("Questions: none yet")
        else:
            text = self.tr("Questions: those of the model")
        self.source.setText(text)
        self.note.setVisible(model.is_missing)
        set_tone(self.file_button, "accent" if model.is_missing else "")
        self.own_button.setVisible(bool(model.file_name) and model.has_own)
        failure = model.failure
        self.fault.setVisible(failure is not None)
        self.fault.setText("" if failure is None else describe(failure))

    @Slot()
    def _ask(self) -> None:
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._dialog.fileSelected.connect(self.take)
        self._dialog.setWindowTitle(self.tr("Choose a file of questions"))
        pattern = " ".join(f"*{own}" for own in SUFFIXES)
        self._dialog.setNameFilters([self.tr("Questions ({0})").format(pattern)])
        self._dialog.open()

    @Slot(str)
    def take(self, path: str) -> None:
        """A file that was chosen."""
        self._model.take_file(Path(path))
