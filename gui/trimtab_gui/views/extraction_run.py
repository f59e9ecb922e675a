"""Fourth page of the wizard: the run, and what the vector reads."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QWidget
from trimtab_client import bare
from trimtab_client.types import Vector

from trimtab_gui.models.extraction import ExtractionModel
from trimtab_gui.models.extraction_words import METHODS, POSITIONS, Finding, quality, set_title, words
from trimtab_gui.models.messages import describe
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import label, set_tone
from trimtab_gui.views.extraction_choices import layers_text
from trimtab_gui.views.findings import Findings
from trimtab_gui.views.wizard_page import ProgressLine, WizardPage

_FACTS = ("concept", "pairs", "stage", "position", "layers", "method")


class RunPage(WizardPage):
    """Begins when the operator says so; goes on while the window is closed."""

    def __init__(self, workspace: Workspace, model: ExtractionModel) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._names = {fact: label("muted") for fact in _FACTS}
        self._values = {fact: label(wrap=True) for fact in _FACTS}
        self.start_button = QPushButton()
        self.cancel_button = QPushButton()
        set_tone(self.start_button, "accent")
        self.progress = ProgressLine()
        self.fault = label("error", wrap=True)
        self._heading = label("heading")
        self.findings = Findings()
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        for place, fact in enumerate(_FACTS):
            grid.addWidget(self._names[fact], place, 0)
            grid.addWidget(self._values[fact], place, 1)
        grid.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        self.body.addLayout(grid)
        self.body.addSpacing(6)
        self.body.addLayout(buttons)
        for widget in (self.progress, self.fault, self._heading, self.findings):
            self.body.addWidget(widget)
        self.body.addStretch(1)
        self.start_button.clicked.connect(model.start)
        self.cancel_button.clicked.connect(model.cancel)
        model.draftChanged.connect(self._show)
        model.reviewChanged.connect(self._show)
        model.runChanged.connect(self._show)
        workspace.connection.changed.connect(self._show)
        self.retranslate()

    @property
    def title(self) -> str:
        return self.tr("Make it")

    @property
    def first_field(self) -> QWidget:
        return self.start_button if self.start_button.isVisibleTo(self) else self.cancel_button

    @property
    def can_go_on(self) -> bool:
        return self._model.vector is not None and not self._model.is_running

    def retranslate(self) -> None:
        titles = {
            "concept": self.tr("It stands for"),
            "pairs": self.tr("Pairs"),
            "stage": self.tr("Stage"),
            "position": self.tr("Read"),
            "layers": self.tr("Layers"),
            "method": self.tr("Method"),
        }
        for fact, text in titles.items():
            self._names[fact].setText(text)
        self.cancel_button.setText(self.tr("Stop"))
        self._heading.setText(self.tr("How well it reads"))
        self._show()

    def enter(self) -> None:
        self._show()

    @Slot()
    def _show(self) -> None:
        model, draft = self._model, self._model.draft
        review = model.review
        pairs = set_title(draft.set_name) if draft.set_name else draft.file_name
        if review is not None:
            pairs = self.tr("{0} ({1} pairs)").format(pairs, review.pair_count)
        values = {
            "concept": draft.concept.strip(),
            "pairs": pairs,
            "stage": bare(draft.stage).rpartition("/")[2],
            "position": words(POSITIONS[draft.position][0]),
            "layers": layers_text(draft.layers, self.tr("all")),
            "method": words(METHODS[draft.method][0]),
        }
        for fact, text in values.items():
            self._values[fact].setText(text)
        self._show_run()
        self.changed.emit()

    def _known_before(self, made: Vector) -> tuple[Finding, ...]:
        """A vector is its content: made a second time it keeps the name that it has."""
        if made.display_name == self._model.draft.title:
            return ()
        text = self.tr("The server has had this vector already, under the name “{0}”.")
        return (Finding(text.format(made.display_name)),)

    def _show_run(self) -> None:
        model = self._model
        self.start_button.setEnabled(model.can_start() and self._workspace.connection.is_live)
        made = model.vector
        self.start_button.setText(
            self.tr("Make it again") if made is not None else self.tr("Make the vector")
        )
        focused = self.start_button.hasFocus()
        self.cancel_button.setVisible(model.is_running)
        if focused and model.is_running:
            self.cancel_button.setFocus()
        self.start_button.setVisible(not model.is_running)
        self.progress.setVisible(model.is_running)
        self.progress.show_progress(model.progress)
        failure = model.failure
        self.fault.setVisible(failure is not None)
        self.fault.setText("" if failure is None else describe(failure))
        done = made is not None and not model.is_running
        self._heading.setVisible(done)
        if made is not None and done:
            found = quality(made, model.review.dev_count if model.review else 0)
            self.findings.show_findings((*self._known_before(made), *found))
        else:
            self.findings.show_findings(())
