"""The button that writes a report: which form, in which language, to which file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QLocale, QStandardPaths, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton
from trimtab_client.reports import ReportFormat
from trimtab_client.trial_types import CostFigures

from trimtab_gui.models.trial_reports import ReportsModel, file_name

_LANGUAGES: Final = {"en": "English", "ja": "日本語"}


class _ChoiceMenu(QMenu):
    """Stays open while something is ticked in it: choosing a language is not yet writing a report."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._tick(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        chooses = event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if not (chooses and self._tick(self.activeAction())):
            super().keyPressEvent(event)

    def _tick(self, action: QAction | None) -> bool:
        if action is None or not action.isCheckable() or not action.isEnabled():
            return False
        action.trigger()
        return True


class ReportButton(QPushButton):
    """Offers the forms that there are; slides can be left out."""

    # A sentence about the report.
    told = Signal(str)

    def __init__(self, model: ReportsModel, *, slides: bool = True) -> None:
        super().__init__()
        self._model = model
        self._name = self._title = ""
        self._cost: CostFigures | None = None
        self._why_not = ""
        self._form = ReportFormat.PPTX
        self._dialog: QFileDialog | None = None
        self.clicked.connect(self.open_menu)
        self.menu_of_forms = _ChoiceMenu(self)
        forms = (ReportFormat.PPTX, ReportFormat.PDF, ReportFormat.HTML)
        self.forms = {form: QAction(self) for form in forms if slides or form is not ReportFormat.PPTX}
        for form, action in self.forms.items():
            action.setData(form)
            action.triggered.connect(self._ask)
            self.menu_of_forms.addAction(action)
        self.menu_of_forms.addSeparator()
        group = QActionGroup(self)
        self.languages: dict[str, QAction] = {}
        for language, title in _LANGUAGES.items():
            action = QAction(title, self)
            action.setCheckable(True)
            group.addAction(action)
            self.menu_of_forms.addAction(action)
            self.languages[language] = action
        self.menu_of_forms.addSeparator()
        self.with_costs = QAction(self)
        self.with_costs.setCheckable(True)
        self.menu_of_forms.addAction(self.with_costs)
        self._after = self.menu_of_forms.addSeparator()
        self._file: Path | None = None
        self.open_file = QAction(self)
        self.open_folder = QAction(self)
        self.open_file.triggered.connect(self._open_file)
        self.open_folder.triggered.connect(self._open_folder)
        self.menu_of_forms.addActions([self.open_file, self.open_folder])
        self._chosen_by_hand = False
        for action in self.languages.values():
            action.triggered.connect(self._language_chosen)
        model.busyChanged.connect(self._show)
        model.written.connect(self._written)
        self.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Write a report"))
        texts = {
            ReportFormat.PPTX: self.tr("Slides (PPTX)…"),
            ReportFormat.PDF: self.tr("PDF…"),
            ReportFormat.HTML: self.tr("Web page (HTML)…"),
        }
        for form, action in self.forms.items():
            action.setText(texts[form])
        self.with_costs.setText(self.tr("With costs, at the figures of the page “Costs”"))
        if not self._chosen_by_hand:
            own = "ja" if QLocale().language() == QLocale.Language.Japanese else "en"
            self.languages[own].setChecked(True)
        self._show()

    @property
    def language(self) -> str:
        return next(own for own, action in self.languages.items() if action.isChecked())

    def show_subject(self, name: str, title: str, cost: CostFigures | None = None) -> None:
        """What a report would be of: its full name, and its title for the file."""
        self._name, self._title = name, title
        if (cost is None) != (self._cost is None):
            self.with_costs.setChecked(cost is not None)
        self._cost = cost
        self._show()

    def allow(self, allowed: bool, why_not: str = "") -> None:
        """Whether there is something to report yet; `why_not` is told in its place."""
        self._why_not = "" if allowed else why_not
        self.setEnabled(allowed)
        self._show()

    @Slot()
    def open_menu(self) -> None:
        """Shows the forms below the button."""
        self.menu_of_forms.popup(self.mapToGlobal(self.rect().bottomLeft()))

    @Slot()
    def _language_chosen(self) -> None:
        self._chosen_by_hand = True

    @Slot()
    def _show(self) -> None:
        self.setText(self.tr("Writing…") if self._model.is_busy else self.tr("Write a report ▾"))
        hint = self._why_not or self.tr("The verdict with its figures, for people who decide")
        self.setToolTip(hint)
        self.setAccessibleDescription(hint)
        self.with_costs.setEnabled(self._cost is not None)
        written = self._file
        for action in (self._after, self.open_file, self.open_folder):
            action.setVisible(written is not None)
        self.open_file.setText(self.tr("Open “{0}”").format("" if written is None else written.name))
        self.open_folder.setText(self.tr("Show it in its folder"))
        for action in self.forms.values():
            action.setEnabled(bool(self._name) and not self._model.is_busy)

    @Slot()
    def _ask(self) -> None:
        action = self.sender()
        if not isinstance(action, QAction):
            return
        # Qt gives back the text of an enumeration's value.
        self._form = ReportFormat(action.data())
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self._dialog.setFileMode(QFileDialog.FileMode.AnyFile)
            self._dialog.setDirectory(str(_documents()))
            self._dialog.fileSelected.connect(self.write_to)
        patterns = {
            ReportFormat.PPTX: self.tr("Slides (*.pptx)"),
            ReportFormat.PDF: self.tr("PDF (*.pdf)"),
            ReportFormat.HTML: self.tr("Web page (*.html)"),
        }
        self._dialog.setWindowTitle(self.tr("Write a report"))
        self._dialog.setNameFilters([patterns[self._form]])
        self._dialog.setDefaultSuffix(self._form.value)
        self._dialog.selectFile(file_name(self._title, self._form))
        self._dialog.open()

    @Slot(str)
    def write_to(self, path: str) -> None:
        """Writes the form that was chosen last."""
        cost = self._cost if self.with_costs.isChecked() else None
        self._model.write(self._name, self._form, self.language, cost, Path(path))
        self.told.emit(self.tr("The server writes the report…"))

    @Slot(str)
    def _written(self, path: str) -> None:
        self._file = Path(path)
        self._show()
        self.told.emit(self.tr("✓ Written: {0}").format(self._file.name))

    @Slot()
    def _open_file(self) -> None:
        if self._file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._file)))

    @Slot()
    def _open_folder(self) -> None:
        if self._file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._file.parent)))


def _documents() -> Path:
    """Where people look for documents; their home where there is no such folder."""
    place = QStandardPaths.StandardLocation
    found = Path(QStandardPaths.writableLocation(place.DocumentsLocation))
    return found if found.is_dir() else Path(QStandardPaths.writableLocation(place.HomeLocation))
