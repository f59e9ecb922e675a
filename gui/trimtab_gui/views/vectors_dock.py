"""The vectors of the server, each with a switch and a dose; and what of it is active."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.types import StageState

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, label, separator, set_tone
from trimtab_gui.views.vector_import import VectorImport
from trimtab_gui.views.vector_row import VectorRow


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
        self._opened: VectorRow | None = None
        self._heading = label("heading")
        self.make_button = QPushButton()
        self.import_button = QPushButton()
        self.importer = VectorImport(workspace)
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
        self.make_button.clicked.connect(self._make)
        self.import_button.clicked.connect(self._import)
        workspace.commands.changed.connect(self._show_commands)
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
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._heading, 1)
        head.addWidget(self.make_button)
        head.addWidget(self.import_button)
        layout.addLayout(head)
        layout.addWidget(self.importer)
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
        self.make_button.setText(self.tr("Make…"))
        self.make_button.setAccessibleName(self.tr("Make a steering vector"))
        self.import_button.setText(self.tr("Import…"))
        self.import_button.setAccessibleName(self.tr("Import a vector file"))
        self._stage_label.setText(self.tr("Stage"))
        self.stage_choice.setAccessibleName(self.tr("Stage"))
        self._scroll.setAccessibleName(self.tr("Steering vectors"))
        self._empty.setText(
            self.tr(
                "No steering vectors yet. “Make…” leads from pairs of texts to a vector, page by page; “Import…” takes"
                " a vector file."
            )
        )
        self.create_button.setText(self.tr("Create a snapshot…"))
        self.revert_button.setText(self.tr("As active"))
        self.revert_button.setToolTip(self.tr("Sets the dock to what the active snapshot has"))
        self._show_stages()
        self._show_state()

    @Slot()
    def _make(self) -> None:
        self._workspace.commands.run("vectors.extract")

    @Slot()
    def _import(self) -> None:
        self._workspace.commands.run("vectors.import")

    @Slot()
    def _show_commands(self) -> None:
        commands = self._workspace.commands
        self.make_button.setEnabled(commands.is_enabled("vectors.extract"))
        self.import_button.setEnabled(commands.is_enabled("vectors.import"))

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
                self._rows[name] = VectorRow(self._workspace, self._theme, name)
                self._rows[name].opened.connect(self._reveal_soon)
                self._list_layout.insertWidget(place, self._rows[name])
        self._empty.setVisible(not names)
        self._refresh_all()

    @Slot(object)
    def _reveal_soon(self, row: VectorRow) -> None:
        """Brings details into view when they have their place."""
        self._opened = row
        QTimer.singleShot(0, self._reveal)

    @Slot()
    def _reveal(self) -> None:
        row = self._opened
        if row is not None and row in self._rows.values():
            self._scroll.verticalScrollBar().setValue(row.y())

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
