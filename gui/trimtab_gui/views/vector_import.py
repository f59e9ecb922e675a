"""Bringing a vector file in: a dialog for the file, and a form for what another tool's file does not say."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout
from trimtab_client.types import Vector

from trimtab_gui.bridge import Failure
from trimtab_gui.models.messages import describe
from trimtab_gui.models.vector_files import FORMATS, Upload
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import ElidedLabel, Panel, label, set_tone


class VectorImport(Panel):
    """Hidden until there is something to ask or to say."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._files = workspace.vector_files
        self._upload: Upload | None = None
        self._dialog: QFileDialog | None = None
        self._file = ElidedLabel()
        self._intro = label("caption", wrap=True)
        self.concept_field = QLineEdit()
        self.name_field = QLineEdit()
        self.stage_choice = QComboBox()
        self.convention_choice = QComboBox()
        self.import_button = QPushButton()
        self.cancel_button = QPushButton()
        set_tone(self.import_button, "accent")
        set_tone(self.cancel_button, "flat")
        self.message = label(wrap=True)
        self._form = Panel()
        self._build()
        self.concept_field.textChanged.connect(self._refresh)
        self.import_button.clicked.connect(self.submit)
        self.cancel_button.clicked.connect(self._close)
        self._files.imported.connect(self._arrived)
        self._files.exported.connect(self._saved)
        self._files.failed.connect(self._refused)
        self._files.busyChanged.connect(self._refresh)
        workspace.steering.stagesChanged.connect(self._show_stages)
        self.retranslate()
        self._form.hide()
        self.hide()

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.import_button, 1)
        buttons.addWidget(self.cancel_button)
        form = QVBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(6)
        for widget in (
            self._file,
            self._intro,
            self.concept_field,
            self.name_field,
            self.stage_choice,
            self.convention_choice,
        ):
            form.addWidget(widget)
        form.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._form)
        layout.addWidget(self.message)

    def retranslate(self) -> None:
        self._intro.setText(
            self.tr("Another tool's file does not say what it stands for, nor where it belongs.")
        )
        self.concept_field.setPlaceholderText(self.tr("It stands for, such as honesty"))
        self.concept_field.setAccessibleName(self.tr("What the vector stands for"))
        self.name_field.setPlaceholderText(self.tr("Name (optional)"))
        self.name_field.setAccessibleName(self.tr("Name of the vector"))
        self.stage_choice.setAccessibleName(self.tr("Stage it may steer"))
        self.convention_choice.setAccessibleName(self.tr("What its layer numbers mean"))
        with QSignalBlocker(self.convention_choice):
            chosen = max(0, self.convention_choice.currentIndex())
            self.convention_choice.clear()
            self.convention_choice.addItem(self.tr("Layer numbers: as usual"), "")
            self.convention_choice.addItem(
                self.tr("Layer numbers: the block that is steered"), "block_output"
            )
            self.convention_choice.addItem(
                self.tr("Layer numbers: one more (cvector-generator)"), "cvector_generator"
            )
            self.convention_choice.setCurrentIndex(chosen)
        self.import_button.setText(self.tr("Import"))
        self.cancel_button.setText(self.tr("Cancel"))
        self._show_stages()

    def ask(self) -> None:
        """Asks for the file."""
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._dialog.fileSelected.connect(self.take)
        pattern = " ".join(f"*{suffix}" for suffix in FORMATS)
        self._dialog.setWindowTitle(self.tr("Import a vector file"))
        self._dialog.setNameFilters([self.tr("Steering vectors ({0})").format(pattern)])
        self._dialog.open()

    @Slot(str)
    def take(self, path: str) -> None:
        """A file: our own is sent at once, of another tool's the rest is asked."""
        self._say("")
        upload = self._files.read(Path(path))
        if upload is None:
            return
        if upload.is_ours:
            self._files.send(upload)
            return
        self._upload = upload
        self._file.setText(upload.name)
        self.convention_choice.setVisible(upload.format == "gguf")
        self.show()
        self._form.show()
        self._refresh()
        self.concept_field.setFocus()

    @Slot()
    def submit(self) -> None:
        if self._upload is None or not self.import_button.isEnabled():
            return
        self._files.send(
            self._upload,
            concept=self.concept_field.text().strip(),
            display_name=self.name_field.text().strip(),
            stage=str(self.stage_choice.currentData() or ""),
            layer_convention=str(self.convention_choice.currentData() or "") if self._is_gguf else "",
        )
        self._refresh()

    @property
    def _is_gguf(self) -> bool:
        return self._upload is not None and self._upload.format == "gguf"

    @Slot()
    def _close(self) -> None:
        self._upload = None
        self._form.hide()
        self.setVisible(bool(self.message.text()))

    @Slot()
    def _refresh(self) -> None:
        self.import_button.setEnabled(bool(self.concept_field.text().strip()) and not self._files.is_busy)

    @Slot()
    def _show_stages(self) -> None:
        chosen = self.stage_choice.currentData() or self._workspace.steering.stage
        with QSignalBlocker(self.stage_choice):
            self.stage_choice.clear()
            for stage in self._workspace.steering.stages:
                self.stage_choice.addItem(self.tr("Belongs to {0}").format(stage.short_name), stage.name)
            self.stage_choice.setCurrentIndex(self.stage_choice.findData(chosen))

    @Slot(object)
    def _arrived(self, vector: Vector) -> None:
        self._close()
        self._say(self.tr("✓ Imported “{0}”.").format(vector.display_name or vector.concept))
        self._workspace.refresh_vectors()

    @Slot(str, object)
    def _saved(self, path: str, dropped: tuple[int, ...]) -> None:
        text = self.tr("✓ Saved as {0}.").format(path)
        if dropped:
            layers = ", ".join(map(str, dropped))
            text += " " + self.tr("Left out, as the format has no place for it: layer {0}.").format(layers)
        self._say(text)

    @Slot(object)
    def _refused(self, failure: Failure) -> None:
        self._say("✗ " + describe(failure))
        self._refresh()

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.setVisible(bool(text) or not self._form.isHidden())
