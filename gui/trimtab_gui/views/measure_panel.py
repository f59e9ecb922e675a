"""Measuring one vector: how much, the run, and what it came to. The dock and the wizard both show it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout
from trimtab_client import VectorMeasurement
from trimtab_client.types import Vector

from trimtab_gui.models.measurements import MeasurementsModel, Scope
from trimtab_gui.models.messages import describe
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.card_view import CardView
from trimtab_gui.views.elements import Panel, label
from trimtab_gui.views.question_source import QuestionSource
from trimtab_gui.views.sweep_view import SweepView
from trimtab_gui.views.wizard_page import ProgressLine


class MeasurePanel(Panel):
    """The sweep and the card of one vector in tabs, and below them what measures it."""

    # Layers and strength that are to be used.
    useRequested = Signal(object, float)
    # The set that it was made from, where that is a file of the operator's: content and seed.
    SOURCE = (b"", 0)

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._model: MeasurementsModel = workspace.measurements
        self._vector: Vector | None = None
        self._source = self.SOURCE
        self.tabs = QTabWidget()
        self.sweep = SweepView(theme)
        self.card = CardView()
        self.empty = label("muted", wrap=True)
        self.questions = QuestionSource(self._model.questions)
        self.scope_choice = QComboBox()
        self._scope_note = label("caption", wrap=True)
        self.measure_button = QPushButton()
        self.cancel_button = QPushButton()
        self.progress = ProgressLine()
        self.fault = label("error", wrap=True)
        self._build()
        self.scope_choice.currentIndexChanged.connect(self._show_scope)
        self.measure_button.clicked.connect(self.measure)
        self.cancel_button.clicked.connect(self._model.cancel)
        self.sweep.useRequested.connect(self.useRequested)
        self._model.changed.connect(self._show_of)
        self._model.runChanged.connect(self._show)
        self._model.questions.changed.connect(self._show)
        workspace.connection.changed.connect(self._show)
        self.retranslate()

    def _build(self) -> None:
        self.tabs.addTab(self.sweep, "")
        self.tabs.addTab(self.card, "")
        buttons = QHBoxLayout()
        buttons.addWidget(self.scope_choice, 1)
        buttons.addWidget(self.measure_button)
        buttons.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.empty)
        layout.addWidget(self.tabs)
        layout.addWidget(self.progress)
        layout.addWidget(self.questions)
        layout.addLayout(buttons)
        layout.addWidget(self._scope_note)
        layout.addWidget(self.fault)

    def retranslate(self) -> None:
        self.tabs.setTabText(0, self.tr("Sweep"))
        self.tabs.setTabText(1, self.tr("Card"))
        self.tabs.setAccessibleName(self.tr("Sweep and card"))
        self.tabs.tabBar().setAccessibleName(self.tr("Sweep and card"))
        self.empty.setText(
            self.tr(
                "Not measured yet: nobody knows at which strength it works, and up to which it is safe. Measuring asks"
                " the stage questions with known answers at several strengths, in the time that replies leave."
            )
        )
        chosen = max(0, self.scope_choice.currentIndex())
        self.scope_choice.blockSignals(True)
        self.scope_choice.clear()
        for scope, text in (
            (Scope.USUAL, self.tr("Usual: the likeliest layers")),
            (Scope.GLANCE, self.tr("First look: a few questions")),
            (Scope.THOROUGH, self.tr("Thorough: every layer")),
        ):
            self.scope_choice.addItem(text, scope)
        self.scope_choice.setCurrentIndex(chosen)
        self.scope_choice.blockSignals(False)
        self.scope_choice.setAccessibleName(self.tr("How much to measure"))
        self.cancel_button.setText(self.tr("Stop"))
        self._show_scope()
        self._show()

    def show_vector(self, vector: Vector | None, source: tuple[bytes, int] = SOURCE) -> None:
        """Shows what is known of a vector, and asks the server for it."""
        self._vector, self._source = vector, source
        if vector is not None and vector.compatible:
            self._model.read(vector.name)
        self._show()

    @property
    def measurement(self) -> VectorMeasurement | None:
        return None if self._vector is None else self._model.find(self._vector.name)

    @property
    def first_button(self) -> QPushButton:
        """What to press next."""
        return self.questions.file_button if self._model.questions.is_missing else self.measure_button

    @property
    def scope(self) -> Scope:
        return Scope(self.scope_choice.currentData() or Scope.USUAL)

    @Slot()
    def measure(self) -> None:
        """Begins, where it can."""
        if self._vector is not None and self.measure_button.isEnabled():
            self._model.measure(self._vector, self.scope, *self._source)

    @Slot()
    def _show_scope(self) -> None:
        self._scope_note.setText(
            {
                Scope.GLANCE: self.tr(
                    "The quickest. Shows where it begins to work, and cannot show that it is safe."
                ),
                Scope.USUAL: self.tr("Takes longer. Finds a strength, and shows up to which it is safe."),
                Scope.THOROUGH: self.tr("Takes longest. Compares all layers."),
            }[self.scope]
        )

    def _show_buttons(self, runs: bool) -> None:
        """One in the place of the other; the focus goes along."""
        there, gone = (
            (self.cancel_button, self.measure_button) if runs else (self.measure_button, self.cancel_button)
        )
        focused = gone.hasFocus()
        there.setVisible(True)
        if focused:
            there.setFocus()
        gone.setVisible(False)

    @Slot(str)
    def _show_of(self, vector: str) -> None:
        if self._vector is not None and vector == self._vector.name:
            self._show()

    @Slot()
    def _show(self) -> None:
        vector, found = self._vector, self.measurement
        self.setEnabled(vector is not None)
        name = "" if vector is None else vector.name
        runs_here = bool(name) and self._model.running == name
        self.empty.setVisible(found is None and not runs_here)
        self.tabs.setVisible(found is not None)
        self.sweep.show_measurement(found)
        self.card.show_card(None if found is None else found.card)
        self.progress.setVisible(runs_here)
        if runs_here:
            self.progress.show_progress(self._model.progress)
        self._show_buttons(runs_here)
        self.scope_choice.setEnabled(not runs_here)
        self.questions.setEnabled(not self._model.running)
        self.measure_button.setText(self.tr("Measure") if found is None else self.tr("Measure again"))
        fits = vector is not None and vector.compatible
        missing = self._model.questions.is_missing
        # While it runs here the button is hidden, and gets the focus back when it ends.
        free = runs_here or not self._model.running
        self.measure_button.setEnabled(fits and self._workspace.connection.is_live and free and not missing)
        hint = self.tr("Choose a file of questions first") if missing else ""
        if self._model.running and not runs_here:
            hint = self.tr("Another vector is being measured")
        self.measure_button.setToolTip(hint)
        failure = self._model.failure(name)
        self.fault.setVisible(failure is not None and not runs_here)
        self.fault.setText("" if failure is None else describe(failure))
