"""First page of the wizard: what the vector stands for, and the pairs that say so."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)
from trimtab_client import ContrastPairPreview

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.contrast_faults import fault_text
from trimtab_gui.models.extraction import PAIR_SUFFIXES, ExtractionModel
from trimtab_gui.models.extraction_template import FILE_NAME, template
from trimtab_gui.models.extraction_words import languages_text, set_title, words
from trimtab_gui.models.messages import describe
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.views.elements import Table, label
from trimtab_gui.views.wizard_page import WizardPage


def _split(row: ContrastPairPreview) -> str:
    if row.split == "dev":
        return words(QT_TRANSLATE_NOOP("Extraction", "held out"))
    return words(QT_TRANSLATE_NOOP("Extraction", "makes it"))


_COLUMNS = (
    Column[ContrastPairPreview](QT_TRANSLATE_NOOP("Tables", "Pair"), lambda row: row.id),
    Column[ContrastPairPreview](QT_TRANSLATE_NOOP("Tables", "Used"), _split),
    Column[ContrastPairPreview](QT_TRANSLATE_NOOP("Tables", "Towards"), lambda row: row.positive),
    Column[ContrastPairPreview](QT_TRANSLATE_NOOP("Tables", "Away from"), lambda row: row.negative),
)


class ConceptPage(WizardPage):
    """A set of the model's or a file; the server reads it at once, and says what it holds or what is wrong."""

    def __init__(self, model: ExtractionModel) -> None:
        super().__init__()
        self._model = model
        self._open_dialog: QFileDialog | None = None
        self._save_dialog: QFileDialog | None = None
        self._saved = ""
        self._intro = label("muted", wrap=True)
        self._labels = {name: label("muted") for name in ("pairs", "concept", "name")}
        self.set_choice = QComboBox()
        self.file_button = QPushButton()
        self.template_button = QPushButton()
        self._template_note = label("caption", wrap=True)
        self.concept_field = QLineEdit()
        self.name_field = QLineEdit()
        self.protected_note = label(wrap=True)
        self.fault = label("error", wrap=True)
        self.summary = label(wrap=True)
        self.table = Table()
        self._rows: RowsModel[ContrastPairPreview] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._rows)
        self.setAcceptDrops(True)
        self._build()
        model.setsChanged.connect(self._show_sets)
        model.draftChanged.connect(self._show)
        model.reviewChanged.connect(self._show_review)
        self.set_choice.activated.connect(self._choose_set)
        self.file_button.clicked.connect(self._ask_for_file)
        self.template_button.clicked.connect(self._ask_where_to_save)
        self.concept_field.textEdited.connect(self._choose_concept)
        self.name_field.textEdited.connect(self._choose_name)
        self.retranslate()

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.set_choice, 1)
        buttons.addWidget(self.file_button)
        buttons.addWidget(self.template_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.addWidget(self._labels["pairs"], 0, 0)
        grid.addLayout(buttons, 0, 1)
        grid.addWidget(self._labels["concept"], 1, 0)
        grid.addWidget(self.concept_field, 1, 1)
        grid.addWidget(self._labels["name"], 2, 0)
        grid.addWidget(self.name_field, 2, 1)
        grid.setColumnStretch(1, 1)
        self.body.addWidget(self._intro)
        self.body.addLayout(grid)
        for widget in (self._template_note, self.protected_note, self.fault, self.summary):
            self.body.addWidget(widget)
        self.body.addWidget(self.table, 1)
        self.body.addStretch(0)

    @property
    def title(self) -> str:
        return self.tr("What it stands for")

    @property
    def first_field(self) -> QWidget:
        return self.set_choice

    @property
    def can_go_on(self) -> bool:
        model = self._model
        ready = model.review is not None and not model.is_reviewing
        return ready and bool(model.draft.concept.strip())

    def retranslate(self) -> None:
        self._intro.setText(
            self.tr(
                "A steering vector is made from pairs of texts that differ in one thing: one side shows what you want"
                " more of, the other side the opposite. Take a set that comes with the model, or a file of your own"
                " (CSV or JSON lines); you can drop it here."
            )
        )
        self._labels["pairs"].setText(self.tr("Pairs"))
        self._labels["concept"].setText(self.tr("It stands for"))
        self._labels["name"].setText(self.tr("Name"))
        self.file_button.setText(self.tr("Choose a file…"))
        self.template_button.setText(self.tr("Save a template…"))
        self.template_button.setToolTip(self.tr("A table with a few pairs, to fill in with a spreadsheet"))
        self.concept_field.setPlaceholderText(self.tr("One word, such as honesty"))
        self.concept_field.setAccessibleName(self.tr("What the vector stands for"))
        self.name_field.setPlaceholderText(self.tr("As it will be listed (optional)"))
        self.name_field.setAccessibleName(self.tr("Name of the vector"))
        self.set_choice.setAccessibleName(self.tr("Pairs"))
        self.table.setAccessibleName(self.tr("The first pairs, as the server reads them"))
        self._rows.retranslate()
        self._show_sets()
        self._show_review()

    # Choosing ---------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and Path(urls[0].toLocalFile()).suffix.lower() in PAIR_SUFFIXES:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._model.take_file(Path(event.mimeData().urls()[0].toLocalFile()))
        event.acceptProposedAction()

    @Slot(int)
    def _choose_set(self, index: int) -> None:
        name = str(self.set_choice.itemData(index) or "")
        if name:
            self._model.choose_set(name)
        else:
            self._show_sets()

    @Slot()
    def _ask_for_file(self) -> None:
        if self._open_dialog is None:
            self._open_dialog = QFileDialog(self)
            self._open_dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._open_dialog.fileSelected.connect(self._take_file)
        self._open_dialog.setWindowTitle(self.tr("Choose a file of pairs"))
        pattern = " ".join(f"*{own}" for own in PAIR_SUFFIXES)
        self._open_dialog.setNameFilters([self.tr("Pairs ({0})").format(pattern)])
        self._open_dialog.open()

    @Slot(str)
    def _take_file(self, path: str) -> None:
        self._model.take_file(Path(path))

    @Slot()
    def _ask_where_to_save(self) -> None:
        if self._save_dialog is None:
            self._save_dialog = QFileDialog(self)
            self._save_dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self._save_dialog.fileSelected.connect(self.save_template)
        self._save_dialog.setWindowTitle(self.tr("Save a template"))
        self._save_dialog.setNameFilters(["CSV (*.csv)"])
        self._save_dialog.setDefaultSuffix("csv")
        self._save_dialog.selectFile(FILE_NAME)
        self._save_dialog.open()

    @Slot(str)
    def save_template(self, path: str) -> None:
        """Writes the template, and says where, or why not."""
        try:
            Path(path).write_bytes(template())
        except OSError as error:
            failure = Failure("INTERNAL", "FILE_UNWRITABLE", f"{path}: {error.strerror or error}")
            self._saved = describe(failure)
        else:
            self._saved = self.tr(
                "Saved as {0}: replace its rows with your own, then choose the file here."
            ).format(path)
        self._show_review()

    @Slot(str)
    def _choose_concept(self, text: str) -> None:
        self._model.change(concept=text)

    @Slot(str)
    def _choose_name(self, text: str) -> None:
        self._model.change(display_name=text)

    # What the server says ---------------------------------------------------------------------------------

    @Slot()
    def _show_sets(self) -> None:
        draft = self._model.draft
        with QSignalBlocker(self.set_choice):
            self.set_choice.clear()
            self.set_choice.addItem(draft.file_name or self.tr("Choose a set that comes with the model…"), "")
            for own in self._model.sets:
                self.set_choice.addItem(set_title(own.name), own.name)
            self.set_choice.setCurrentIndex(max(0, self.set_choice.findData(draft.set_name)))

    @Slot()
    def _show(self) -> None:
        draft = self._model.draft
        for field, text in ((self.concept_field, draft.concept), (self.name_field, draft.display_name)):
            if field.text() != text:
                with QSignalBlocker(field):
                    field.setText(text)
        protected = self._model.is_protected(draft.concept)
        self.protected_note.setVisible(protected)
        if protected:
            text = self.tr(
                "“{0}” is protected here: steering towards it is as free as ever, and steering against it takes two"
                " admins."
            )
            self.protected_note.setText(text.format(draft.concept.strip()))
        self._show_sets()
        self.changed.emit()

    @Slot()
    def _show_review(self) -> None:
        model = self._model
        found, failure = model.review, model.review_failure
        self._template_note.setText(self._saved)
        self._template_note.setVisible(bool(self._saved))
        self.fault.setVisible(failure is not None)
        self.fault.setText("" if failure is None else self._fault(failure))
        self.table.setVisible(found is not None)
        if found is None:
            self.summary.setText(self.tr("The server reads the pairs…") if model.is_reviewing else "")
        else:
            text = self.tr(
                "✓ {0} pairs about {1} statements ({2}): {3} make the vector, {4} are held out to measure it."
            )
            self.summary.setText(
                text.format(
                    found.pair_count,
                    found.statement_count,
                    languages_text(dict(found.languages)),
                    found.train_count,
                    found.dev_count,
                )
            )
            self._rows.replace(found.pairs)
            self.table.fit_columns(230)
            self.table.fit_rows(6)
        self.summary.setVisible(bool(self.summary.text()))
        self.changed.emit()

    def _fault(self, failure: Failure) -> str:
        line = failure.metadata.get("line")
        if line is not None:
            return self.tr("Line {0}: {1}").format(line, fault_text(_without_place(failure.message)))
        if failure.reason == "FIELD_INVALID" and failure.metadata.get("field") == "contrast_set":
            return fault_text(_without_place(failure.message))
        return describe(failure)


def _without_place(message: str) -> str:
    """What the server says behind "contrast set: " or "contrast set, line N: "."""
    return message.partition(": ")[2] or message
