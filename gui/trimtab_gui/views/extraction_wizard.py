"""Making a steering vector, page by page, in a window of its own beside the client's."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Panel, label, separator, set_tone
from trimtab_gui.views.extraction_choices import HowPage, WherePage
from trimtab_gui.views.extraction_concept import ConceptPage
from trimtab_gui.views.extraction_results import DonePage, SweepPage
from trimtab_gui.views.extraction_run import RunPage
from trimtab_gui.views.lengths import fix_width, scaled
from trimtab_gui.views.wizard_page import WizardPage

_SIZE = (900, 680)


class _ClosingStrip(Panel):
    """Asks, in the window itself, what becomes of what runs."""

    keepRequested = Signal()
    stopRequested = Signal()

    def __init__(self) -> None:
        super().__init__("strip")
        set_tone(self, "warning")
        self._text = label(wrap=True)
        self.keep_button = QPushButton()
        self.stop_button = QPushButton()
        self.stay_button = QPushButton()
        set_tone(self.stop_button, "danger")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.addWidget(self._text, 1)
        for button in (self.keep_button, self.stop_button, self.stay_button):
            layout.addWidget(button)
        self.keep_button.clicked.connect(self.keepRequested)
        self.stop_button.clicked.connect(self.stopRequested)
        self.stay_button.clicked.connect(self.hide)
        self.retranslate()

    def retranslate(self) -> None:
        self._text.setText(self.tr("It is still running. When this window is closed:"))
        self.keep_button.setText(self.tr("Let it run"))
        self.stop_button.setText(self.tr("Stop it"))
        self.stay_button.setText(self.tr("Do not close"))


class ExtractionWizard(QDialog):
    """Shown, never executed. What runs belongs to the models: closing the window stops nothing unasked."""

    chatRequested = Signal()
    snapshotRequested = Signal()

    def __init__(self, workspace: Workspace, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Window, True)
        self.setModal(False)
        self._workspace = workspace
        self.model = workspace.extraction
        self._closes = False
        self.concept = ConceptPage(self.model)
        self.where = WherePage(workspace, self.model)
        self.how = HowPage(self.model)
        self.run = RunPage(workspace, self.model)
        self.sweep = SweepPage(workspace, theme, self.model)
        self.done_page = DonePage(workspace, self.model)
        self.pages: tuple[WizardPage, ...] = (
            self.concept,
            self.where,
            self.how,
            self.run,
            self.sweep,
            self.done_page,
        )
        self.stack = QStackedWidget()
        self._steps = [QLabel() for _ in self.pages]
        self._title = label("title")
        self.strip = _ClosingStrip()
        self.strip.hide()
        self.close_button = QPushButton()
        self.back_button = QPushButton()
        self.next_button = QPushButton()
        set_tone(self.next_button, "accent")
        self._build()
        self._wire()
        # Wider for larger text, as far as the screen goes.
        widest = max(_SIZE[0], self.screen().availableGeometry().width())
        self.resize(min(scaled(_SIZE[0]), widest), _SIZE[1])
        self.retranslate()
        self.show_page(0)

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        side = Panel("rail")
        fix_width(side, 190)
        steps = QVBoxLayout(side)
        steps.setContentsMargins(16, 18, 12, 12)
        steps.setSpacing(12)
        for step in self._steps:
            step.setWordWrap(True)
            step.setTextFormat(Qt.TextFormat.PlainText)
            steps.addWidget(step)
        steps.addStretch(1)
        for page in self.pages:
            self.stack.addWidget(page)
        buttons = QHBoxLayout()
        buttons.addWidget(self.close_button)
        buttons.addStretch(1)
        buttons.addWidget(self.back_button)
        buttons.addWidget(self.next_button)
        column = QVBoxLayout()
        column.setContentsMargins(20, 16, 16, 14)
        column.setSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self.stack, 1)
        column.addWidget(separator())
        column.addLayout(buttons)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(side)
        row.addLayout(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.strip)
        layout.addLayout(row, 1)
        for button in (self.close_button, self.back_button):
            button.setAutoDefault(False)
        self.next_button.setDefault(True)

    def _wire(self) -> None:
        for page in self.pages:
            page.changed.connect(self._show_buttons)
        self.back_button.clicked.connect(self.back)
        self.next_button.clicked.connect(self.go_on)
        self.close_button.clicked.connect(self.close)
        self.strip.keepRequested.connect(self._close_now)
        self.strip.stopRequested.connect(self._stop_and_close)
        self.done_page.useRequested.connect(self.chatRequested)
        self.done_page.snapshotRequested.connect(self.snapshotRequested)
        self.done_page.againRequested.connect(self.start_afresh)
        self.model.extracted.connect(self._lead_on)
        self.sweep.panel.useRequested.connect(self._take_point)
        self._workspace.measurements.runChanged.connect(self._show_buttons)
        self._workspace.measurements.measured.connect(self._lead_on_from_sweep)

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Make a steering vector"))
        self.close_button.setText(self.tr("Close"))
        self.back_button.setText(self.tr("Back"))
        self._show_steps()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    # Pages ------------------------------------------------------------------------------------------------

    @property
    def page(self) -> WizardPage:
        return self.pages[self.stack.currentIndex()]

    def open(self) -> None:
        """Shows the window where it was left; one that has nothing yet begins at the stage in use."""
        if not self.model.draft.stage:
            self.model.change(stage=self._workspace.steering.stage)
        self.model.refresh()
        self.show()
        self.activateWindow()
        self.page.enter()
        self.page.first_field.setFocus()

    def show_page(self, place: int) -> None:
        self.stack.setCurrentIndex(place)
        self.page.enter()
        self._show_steps()
        if self.isVisible():
            self.page.first_field.setFocus()

    @Slot()
    def back(self) -> None:
        self.show_page(max(0, self.stack.currentIndex() - 1))

    @Slot()
    def go_on(self) -> None:
        if self.next_button.isEnabled():
            self.show_page(min(len(self.pages) - 1, self.stack.currentIndex() + 1))

    @Slot()
    def _lead_on(self) -> None:
        """The vector is there: Enter goes on."""
        if self.isVisible() and self.page is self.run:
            self._show_buttons()
            self.next_button.setFocus()

    @Slot(str)
    def _lead_on_from_sweep(self, vector: str) -> None:
        """The measurement is there: Enter goes on, if what runs was looked at."""
        made = self.model.vector
        if made is not None and made.name == vector and self.sweep.panel.cancel_button.hasFocus():
            self.next_button.setFocus()

    @Slot()
    def start_afresh(self) -> None:
        self.model.start_afresh(self._workspace.steering.stage)
        self.show_page(0)

    @Slot(object, float)
    def _take_point(self, layers: tuple[int, ...], strength: float) -> None:
        """A point that was chosen on the curve, whatever is recommended."""
        vector = self.model.vector
        if vector is not None:
            self._workspace.steering.use(vector.name, strength, layers, self.done_page.positions)
            self.chatRequested.emit()

    def _show_steps(self) -> None:
        here = self.stack.currentIndex()
        for place, (step, page) in enumerate(zip(self._steps, self.pages, strict=True)):
            mark = "✓" if place < here else "●" if place == here else "○"
            step.setText(f"{mark}  {place + 1}  {page.title}")
            step.setStyleSheet("font-weight: 600;" if place == here else "")
        self._title.setText(self.page.title)
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        here = self.stack.currentIndex()
        last = here == len(self.pages) - 1
        self.back_button.setEnabled(here > 0)
        self.next_button.setVisible(not last)
        self.next_button.setEnabled(self.page.can_go_on)
        measured = self.sweep.panel.measurement is not None
        skips = self.page is self.sweep and not measured
        self.next_button.setText(self.tr("Skip") if skips else self.tr("Next"))
        if self.strip.isVisible() and not self._is_running():
            self.strip.hide()

    # Closing ----------------------------------------------------------------------------------------------

    def _is_running(self) -> bool:
        vector = self.model.vector
        measuring = self._workspace.measurements.running
        return self.model.is_running or (vector is not None and measuring == vector.name)

    def reject(self) -> None:
        """Escape closes the window the way its button does."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._is_running() and not self._closes and self._workspace.connection.is_live:
            self.strip.show()
            self.strip.keep_button.setFocus()
            event.ignore()
            return
        self.strip.hide()
        # Not QDialog's, which would call `reject` and with it `close` again.
        event.accept()

    @Slot()
    def _close_now(self) -> None:
        self._closes = True
        self.close()
        self._closes = False

    @Slot()
    def _stop_and_close(self) -> None:
        if self.model.is_running:
            self.model.cancel()
        else:
            self._workspace.measurements.cancel()
        self._close_now()

    def close_with_the_client(self) -> None:
        """The client ends, and with it what runs: nothing is asked."""
        self._close_now()
