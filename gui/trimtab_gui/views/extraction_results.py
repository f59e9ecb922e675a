"""Fifth and sixth page of the wizard: what the vector does, and where to go from here."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QPushButton, QWidget
from trimtab_client.types import Positions

from trimtab_gui.models.extraction import ExtractionModel
from trimtab_gui.models.extraction_words import number, spans
from trimtab_gui.models.measurements import best_layer
from trimtab_gui.models.steering import STRENGTH_LIMIT
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import label, set_tone
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.measure_panel import MeasurePanel
from trimtab_gui.views.wizard_page import WizardPage

#: Where nothing is recommended: small enough to look at.
_FIRST_STRENGTH = 0.2


class SweepPage(WizardPage):
    """The dose: may be skipped, and done later from the dock."""

    def __init__(self, workspace: Workspace, theme: Theme, model: ExtractionModel) -> None:
        super().__init__()
        self._model = model
        self._intro = label("muted", wrap=True)
        self.panel = MeasurePanel(workspace, theme)
        self.body.addWidget(self._intro)
        self.body.addWidget(self.panel)
        self.body.addStretch(1)
        model.runChanged.connect(self._show)
        self.retranslate()

    @property
    def title(self) -> str:
        return self.tr("How strong")

    @property
    def first_field(self) -> QWidget:
        return self.panel.first_button

    def retranslate(self) -> None:
        self._intro.setText(
            self.tr(
                "Telling two sides apart is reading; whether it steers is found by trying strengths. You can skip this"
                " and measure later from the vectors beside the chat."
            )
        )

    def enter(self) -> None:
        self._show()

    @Slot()
    def _show(self) -> None:
        draft = self._model.draft
        vector = None if self._model.is_running else self._model.vector
        self.panel.show_vector(vector, (draft.content, draft.seed))


class DonePage(WizardPage):
    """Strength and layers, and what to do with them."""

    useRequested = Signal()
    snapshotRequested = Signal()
    againRequested = Signal()

    def __init__(self, workspace: Workspace, model: ExtractionModel) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._layers: tuple[int, ...] = ()
        self._positions = Positions.REPLY
        self._offered = ""
        self.text = label(wrap=True)
        self._strength_label = label("muted")
        self.strength = QDoubleSpinBox()
        self.strength.setRange(-STRENGTH_LIMIT, STRENGTH_LIMIT)
        self.strength.setSingleStep(0.01)
        self.strength.setDecimals(2)
        self.strength.lineEdit().setTextMargins(6, 0, 0, 0)
        fix_width(self.strength, 110)
        self._layers_label = label("muted")
        self.use_button = QPushButton()
        self.snapshot_button = QPushButton()
        self.again_button = QPushButton()
        set_tone(self.use_button, "accent")
        self._notes = {name: label("caption", wrap=True) for name in ("use", "snapshot", "again")}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.addWidget(self._strength_label, 0, 0)
        grid.addWidget(self.strength, 0, 1)
        grid.addWidget(self._layers_label, 0, 2)
        grid.setColumnStretch(2, 1)
        actions = QGridLayout()
        actions.setHorizontalSpacing(12)
        actions.setVerticalSpacing(8)
        for place, (name, button) in enumerate(
            (("use", self.use_button), ("snapshot", self.snapshot_button), ("again", self.again_button))
        ):
            actions.addWidget(button, place, 0)
            actions.addWidget(self._notes[name], place, 1)
        actions.setColumnStretch(1, 1)
        self.body.addWidget(self.text)
        self.body.addLayout(grid)
        self.body.addSpacing(8)
        self.body.addLayout(actions)
        self.body.addStretch(1)
        self.use_button.clicked.connect(self._use)
        self.snapshot_button.clicked.connect(self._make_snapshot)
        self.again_button.clicked.connect(self.againRequested)
        workspace.steering.vectorsChanged.connect(self._show)
        workspace.measurements.changed.connect(self._show)
        model.runChanged.connect(self._show)
        self.retranslate()

    @property
    def title(self) -> str:
        return self.tr("Use it")

    @property
    def first_field(self) -> QWidget:
        return self.use_button

    @property
    def can_go_on(self) -> bool:
        return False

    @property
    def positions(self) -> Positions:
        """Where the vector is added."""
        return self._positions

    def retranslate(self) -> None:
        self._strength_label.setText(self.tr("Strength"))
        self.strength.setAccessibleName(self.tr("Strength"))
        self.use_button.setText(self.tr("Use it in the chat"))
        self.snapshot_button.setText(self.tr("Create a snapshot…"))
        self.again_button.setText(self.tr("Make another vector"))
        self._notes["use"].setText(
            self.tr("Sets the vectors beside the chat to this one alone; nothing is released.")
        )
        self._notes["snapshot"].setText(
            self.tr("The same, with a name: what can be tried, released and rolled back.")
        )
        self._notes["again"].setText(self.tr("Begins again with an empty first page."))
        self._show()

    def enter(self) -> None:
        self._show()

    @Slot()
    def _show(self) -> None:
        vector = None if self._model.is_running else self._model.vector
        there = vector is not None and self._workspace.steering.vector(vector.name) is not None
        self.use_button.setEnabled(there)
        self.snapshot_button.setEnabled(there)
        if vector is None:
            self.text.setText(self.tr("There is no vector yet."))
            self._layers_label.setText("")
            return
        measured = self._workspace.measurements.find(vector.name)
        own = None if measured is None else measured.recommended
        title = vector.display_name or vector.concept
        if own is not None:
            self._layers, self._positions = own.layers, Positions(own.positions)
            text = self.tr("“{0}” is ready, with the strength that the sweep recommends.")
        else:
            self._layers, self._positions = (best_layer(vector),), Positions.REPLY
            text = self.tr(
                "“{0}” is ready. No strength is recommended: begin with a small one at the layer that reads best, look"
                " at the replies, and do not release it unmeasured."
            )
        self.text.setText(text.format(title))
        self._layers_label.setText(self.tr("at layers {0}").format(spans(self._layers)))
        self._offer(vector.name, own.strength if own is not None else _FIRST_STRENGTH)

    def _offer(self, vector: str, strength: float) -> None:
        """A strength is offered once; what the operator then sets stays."""
        offer = f"{vector} {number(strength, 3)}"
        if offer != self._offered:
            self._offered = offer
            self.strength.setValue(strength)

    def _apply(self) -> None:
        vector = self._model.vector
        if vector is not None:
            self._workspace.steering.use(vector.name, self.strength.value(), self._layers, self._positions)

    @Slot()
    def _use(self) -> None:
        self._apply()
        self.useRequested.emit()

    @Slot()
    def _make_snapshot(self) -> None:
        self._apply()
        self.snapshotRequested.emit()
