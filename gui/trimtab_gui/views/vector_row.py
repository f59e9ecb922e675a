"""One vector of the dock: a switch, a dose, and what is known of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout
from trimtab_client import bare
from trimtab_client.types import Vector

from trimtab_gui.models.extraction_words import quality
from trimtab_gui.models.vector_files import FORMATS
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, label, number, set_tone
from trimtab_gui.views.findings import Findings
from trimtab_gui.views.measure_panel import MeasurePanel
from trimtab_gui.views.strength_slider import StrengthEditor


class VectorDetails(Panel):
    """What a vector reads, what it does at which strength, what it is; and its file."""

    def __init__(self, workspace: Workspace, theme: Theme, name: str) -> None:
        super().__init__()
        self._workspace = workspace
        self._name = name
        self._dialog: QFileDialog | None = None
        self.findings = Findings()
        self.panel = MeasurePanel(workspace, theme)
        self.export_button = QPushButton()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(8)
        layout.addWidget(self.panel)
        layout.addWidget(self.findings)
        layout.addWidget(self.export_button)
        self.panel.useRequested.connect(self._use)
        self.export_button.clicked.connect(self._ask_where)
        self.retranslate()

    def retranslate(self) -> None:
        self.export_button.setText(self.tr("Export…"))
        self.refresh()

    def refresh(self) -> None:
        vector = self._workspace.steering.vector(self._name)
        if vector is None:
            return
        title = vector.display_name or vector.concept
        self.export_button.setAccessibleName(self.tr("Export {0}").format(title))
        self.findings.show_findings(quality(vector, 0))
        self.panel.show_vector(vector)

    @Slot(object, float)
    def _use(self, layers: tuple[int, ...], strength: float) -> None:
        self._workspace.steering.set_dose(self._name, strength, layers)

    @Slot()
    def _ask_where(self) -> None:
        vector = self._workspace.steering.vector(self._name)
        if vector is None:
            return
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self._dialog.fileSelected.connect(self.export)
        self._dialog.setWindowTitle(self.tr("Export a vector"))
        self._dialog.setNameFilters(
            [f"{form} (*{suffix})" for suffix, form in FORMATS.items() if suffix != ".pt"]
        )
        self._dialog.setDefaultSuffix("safetensors")
        self._dialog.selectFile(f"{vector.display_name or vector.concept}.safetensors".replace("/", "-"))
        self._dialog.open()

    @Slot(str)
    def export(self, path: str) -> None:
        """Writes it to a file of the format that the suffix stands for."""
        vector = self._workspace.steering.vector(self._name)
        if vector is not None:
            self._workspace.vector_files.export(vector, Path(path))


class VectorRow(Panel):
    """One vector: on or off, how strong, and how that compares with the active snapshot."""

    # The details were opened.
    opened = Signal(object)

    def __init__(self, workspace: Workspace, theme: Theme, name: str) -> None:
        super().__init__()
        self._workspace = workspace
        self._steering = workspace.steering
        self._theme = theme
        self._name = name
        self.switch = QCheckBox()
        self.switch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.force = QCheckBox()
        self.editor = StrengthEditor(theme)
        self._card = ElidedLabel("caption")
        self._note = label("caption", wrap=True)
        self.details_button = QPushButton()
        self.details_button.setCheckable(True)
        set_tone(self.details_button, "flat")
        self.details: VectorDetails | None = None
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.switch, 1)
        top.addWidget(self.details_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 10)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self._card)
        layout.addWidget(self.editor)
        layout.addWidget(self._note)
        layout.addWidget(self.force)
        self.switch.toggled.connect(self._toggled)
        self.force.toggled.connect(self._forced)
        self.details_button.toggled.connect(self._show_details)
        self.editor.strengthChanged.connect(self._dosed)
        self.editor.resetRequested.connect(self._reset)
        self.retranslate()

    def retranslate(self) -> None:
        self.force.setText(self.tr("Use it all the same (goes on record)"))
        self._name_details()
        self.refresh()

    def refresh(self) -> None:
        """Shows the draft, the active strength, and every warning there is."""
        vector = self._steering.vector(self._name)
        if vector is None:
            return
        draft = self._steering.draft(self._name)
        active = self._steering.active_strength(self._name)
        title = vector.display_name or vector.concept
        self.switch.setText(title)
        self.switch.setAccessibleName(self.tr("Use {0}").format(title))
        self.force.setAccessibleName(self.tr("Use {0} all the same").format(title))
        self.details_button.setAccessibleName(self.tr("Details of {0}").format(title))
        self.editor.name(title)
        self._card.setText(self._describe(vector))
        with QSignalBlocker(self.switch), QSignalBlocker(self.force):
            self.switch.setChecked(draft.enabled)
            self.force.setChecked(draft.force)
        self.editor.show_strength(draft.strength)
        self.editor.slider.set_marks(vector.safe_strength, active)
        foreign = bool(self._steering.stage) and bare(vector.stage) != bare(self._steering.stage)
        misfit = foreign or not vector.compatible
        self.force.setVisible(misfit)
        usable = vector.compatible or draft.force
        self.editor.setEnabled(usable)
        self.switch.setEnabled(usable)
        note, warns = self._note_for(vector, foreign)
        self._note.setText(note)
        self._note.setProperty("role", "caption")
        self._note.setVisible(bool(note))
        self._note.setStyleSheet("font-weight: 600;" if warns else "")
        if self.details is not None:
            self.details.refresh()

    def _describe(self, vector: Vector) -> str:
        parts = [vector.concept, bare(vector.stage)]
        if vector.pair_accuracies:
            accuracy = number(100 * max(vector.pair_accuracies), 0)
            parts.append(self.tr("pairs told apart {0}%").format(accuracy))
        return " · ".join(parts)

    def _note_for(self, vector: Vector, foreign: bool) -> tuple[str, bool]:
        draft = self._steering.draft(self._name)
        active = self._steering.active_strength(self._name)
        notes = []
        warns = False
        if not vector.compatible:
            notes.append(self.tr("Made for another model."))
            warns = True
        elif foreign:
            notes.append(self.tr("Extracted at another stage ({0}).").format(bare(vector.stage)))
            warns = draft.enabled and not draft.force
        if vector.safe_strength > 0 and draft.enabled and abs(draft.strength) > vector.safe_strength + 1e-9:
            notes.append(
                self.tr("⚠ Above the safe range (up to {0}).").format(number(vector.safe_strength, 2))
            )
            warns = True
        elif vector.safe_strength > 0:
            notes.append(self.tr("Safe up to {0}.").format(number(vector.safe_strength, 2)))
        set_here = draft.strength if draft.enabled else None
        if active is not None:
            notes.append(self.tr("Active: {0}.").format(number(active, 2)))
        if set_here is not None and (active is None or abs(set_here - active) > 1e-9):
            notes.append(self.tr("Here: {0}, not released.").format(number(set_here, 2)))
        elif set_here is None and active is not None:
            notes.append(self.tr("Here: off."))
        return " ".join(notes), warns

    def _name_details(self) -> None:
        arrow = "▾" if self.details_button.isChecked() else "▸"
        self.details_button.setText(f"{self.tr('Details')} {arrow}")

    @Slot(bool)
    def _show_details(self, on: bool) -> None:
        if on and self.details is None:
            self.details = VectorDetails(self._workspace, self._theme, self._name)
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self.details)
        self._name_details()
        if self.details is not None:
            self.details.setVisible(on)
            if on:
                self.opened.emit(self)

    @Slot(bool)
    def _toggled(self, on: bool) -> None:
        self._steering.set_enabled(self._name, on)

    @Slot(bool)
    def _forced(self, on: bool) -> None:
        self._steering.set_force(self._name, on)

    @Slot(float)
    def _dosed(self, strength: float) -> None:
        self._steering.set_strength(self._name, strength)

    @Slot()
    def _reset(self) -> None:
        self._steering.reset_strength(self._name)
