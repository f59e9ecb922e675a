"""The vectors of the server, each with a switch and a dose; and what of it is active."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import bare
from trimtab_client.types import StageState, Vector

from trimtab_gui.models.steering import SteeringModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, label, number, separator, set_tone
from trimtab_gui.views.strength_slider import StrengthEditor


class VectorRow(Panel):
    """One vector: on or off, how strong, and how that compares with the active snapshot."""

    def __init__(self, steering: SteeringModel, theme: Theme, name: str) -> None:
        super().__init__()
        self._steering = steering
        self._name = name
        self.switch = QCheckBox()
        self.switch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.force = QCheckBox()
        self.editor = StrengthEditor(theme)
        self._card = ElidedLabel("caption")
        self._note = label("caption", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 10)
        layout.setSpacing(3)
        layout.addWidget(self.switch)
        layout.addWidget(self._card)
        layout.addWidget(self.editor)
        layout.addWidget(self._note)
        layout.addWidget(self.force)
        self.switch.toggled.connect(self._toggled)
        self.force.toggled.connect(self._forced)
        self.editor.strengthChanged.connect(self._dosed)
        self.editor.resetRequested.connect(self._reset)
        self.retranslate()

    def retranslate(self) -> None:
        self.force.setText(self.tr("Use it all the same (goes on record)"))
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


class SnapshotForm(Panel):
    """Names a new snapshot of the dock, inline."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.name_field = QLineEdit()
        self.description_field = QLineEdit()
        self.create_button = QPushButton()
        self.cancel_button = QPushButton()
        set_tone(self.create_button, "accent")
        set_tone(self.cancel_button, "flat")
        buttons = QHBoxLayout()
        buttons.addWidget(self.create_button, 1)
        buttons.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.name_field)
        layout.addWidget(self.description_field)
        layout.addLayout(buttons)
        self.create_button.clicked.connect(self.submit)
        self.name_field.returnPressed.connect(self.submit)
        self.description_field.returnPressed.connect(self.submit)
        self.cancel_button.clicked.connect(self.hide)
        self.name_field.textChanged.connect(self._refresh)
        workspace.release.busyChanged.connect(self._refresh)
        self.retranslate()
        self._refresh()

    def retranslate(self) -> None:
        self.name_field.setPlaceholderText(self.tr("Name of the snapshot"))
        self.name_field.setAccessibleName(self.tr("Name of the snapshot"))
        self.description_field.setPlaceholderText(self.tr("What it is for (optional)"))
        self.description_field.setAccessibleName(self.tr("What it is for (optional)"))
        self.create_button.setText(self.tr("Create"))
        self.cancel_button.setText(self.tr("Cancel"))

    def open(self) -> None:
        """Shows the form with a name that says what is in it."""
        steering = self._workspace.steering
        parts = []
        for term in steering.steering().terms:
            vector = steering.vector(term.vector)
            if vector is not None:
                parts.append(f"{vector.display_name or vector.concept} {term.strength:.2f}")
        self.name_field.setText(" + ".join(parts))
        self.show()
        self.name_field.setFocus()
        self.name_field.selectAll()

    @Slot()
    def submit(self) -> None:
        if not self.create_button.isEnabled():
            return
        self._workspace.release.create(
            self._workspace.steering.steering(),
            self._workspace.conversation.sampling,
            self.name_field.text().strip(),
            self.description_field.text().strip(),
        )
        self.hide()

    @Slot()
    def _refresh(self) -> None:
        self.create_button.setEnabled(
            bool(self.name_field.text().strip()) and not self._workspace.release.is_busy
        )


class VectorsDock(Panel):
    """Stage, vectors, and the way from here to a snapshot."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__("card")
        self._workspace = workspace
        self._steering = workspace.steering
        self._theme = theme
        self._rows: dict[str, VectorRow] = {}
        self._heading = label("heading")
        self._stage_label = label("muted")
        self.stage_choice = QComboBox()
        self.stage_choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.stage_choice.setMinimumContentsLength(8)
        self._empty = label("muted", wrap=True)
        self._list = QWidget()
        self._list_layout = QVBoxLayout(self._list)
        self._list_layout.setContentsMargins(0, 0, 6, 0)
        self._list_layout.setSpacing(0)
        self._list_layout.addWidget(self._empty)
        self._list_layout.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._list)
        self._state = label("caption", wrap=True)
        self.create_button = QPushButton()
        set_tone(self.create_button, "accent")
        self.revert_button = QPushButton()
        self.form = SnapshotForm(workspace)
        self.form.hide()
        self._build()
        self._steering.vectorsChanged.connect(self._rebuild)
        self._steering.stagesChanged.connect(self._show_stages)
        self._steering.draftChanged.connect(self._refresh)
        self._steering.activeChanged.connect(self._refresh_all)
        self._steering.stageLoading.connect(self._show_loading)
        self.stage_choice.activated.connect(self._choose_stage)
        self.create_button.clicked.connect(self.open_form)
        self.revert_button.clicked.connect(self._steering.reset_to_active)
        workspace.connection.changed.connect(self._show_state)
        self.retranslate()

    def _build(self) -> None:
        stage_row = QHBoxLayout()
        stage_row.addWidget(self._stage_label)
        stage_row.addWidget(self.stage_choice, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.create_button, 1)
        buttons.addWidget(self.revert_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 10, 12)
        layout.setSpacing(8)
        layout.addWidget(self._heading)
        layout.addLayout(stage_row)
        layout.addWidget(separator())
        layout.addWidget(self._scroll, 1)
        layout.addWidget(separator())
        layout.addWidget(self._state)
        layout.addLayout(buttons)
        layout.addWidget(self.form)

    def sizeHint(self) -> QSize:
        return QSize(360, 480)

    def row(self, name: str) -> VectorRow:
        return self._rows[name]

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Steering vectors"))
        self._stage_label.setText(self.tr("Stage"))
        self.stage_choice.setAccessibleName(self.tr("Stage"))
        self._scroll.setAccessibleName(self.tr("Steering vectors"))
        self._empty.setText(
            self.tr(
                "No steering vectors yet. Extract one from a contrast set with “trimtab vectors extract”, or import"
                " a file with “trimtab vectors import”."
            )
        )
        self.create_button.setText(self.tr("Create a snapshot…"))
        self.revert_button.setText(self.tr("As active"))
        self.revert_button.setToolTip(self.tr("Sets the dock to what the active snapshot has"))
        self._show_stages()
        self._show_state()

    @Slot()
    def open_form(self) -> None:
        if self.create_button.isEnabled():
            self.form.open()

    @Slot()
    def _rebuild(self) -> None:
        names = [vector.name for vector in self._steering.vectors]
        if names != list(self._rows):
            for row in self._rows.values():
                self._list_layout.removeWidget(row)
                row.hide()
                row.deleteLater()
            self._rows = {}
            for place, name in enumerate(names):
                self._rows[name] = VectorRow(self._steering, self._theme, name)
                self._list_layout.insertWidget(place, self._rows[name])
        self._empty.setVisible(not names)
        self._refresh_all()

    @Slot(str)
    def _refresh(self, name: str) -> None:
        if name in self._rows:
            self._rows[name].refresh()
        elif not name:
            self._refresh_all()
        self._show_state()

    @Slot()
    def _refresh_all(self) -> None:
        for row in self._rows.values():
            row.refresh()
        self._show_state()

    @Slot()
    def _show_stages(self) -> None:
        stages = self._steering.stages
        with QSignalBlocker(self.stage_choice):
            self.stage_choice.clear()
            for stage in stages:
                text = stage.short_name
                if stage.state is StageState.LOADING:
                    text = self.tr("{0} (loading)").format(text)
                elif stage.state is StageState.AVAILABLE:
                    text = self.tr("{0} (not loaded)").format(text)
                self.stage_choice.addItem(text, stage.name)
            self.stage_choice.setCurrentIndex(self.stage_choice.findData(self._steering.stage))
        self.stage_choice.setEnabled(bool(stages))
        self._refresh_all()

    @Slot(int)
    def _choose_stage(self, index: int) -> None:
        self._steering.choose_stage(str(self.stage_choice.itemData(index)))

    @Slot(str)
    def _show_loading(self, phase: str) -> None:
        if phase:
            self._state.setText(self.tr("Loading the stage: {0}").format(phase))
        else:
            self._show_state()

    @Slot()
    def _show_state(self) -> None:
        live = self._workspace.connection.is_live
        active = self._steering.active
        differs = self._steering.differs_from_active
        if active is None:
            text = ""
        elif differs:
            text = self.tr("Set here, not released: differs from the active snapshot “{0}”.")
            text = text.format(active.display_name)
        else:
            text = self.tr("The same as the active snapshot “{0}”.").format(active.display_name)
        self._state.setText(text)
        self._state.setVisible(bool(text))
        self.create_button.setEnabled(live and bool(self._steering.enabled_names()))
        self.revert_button.setEnabled(active is not None and differs)
