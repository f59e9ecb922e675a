"""A new rollout: the candidate, the plan, what that will take, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSignalBlocker, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
)
from trimtab_client import abbreviated

from trimtab_gui.bridge import Failure
from trimtab_gui.models.rollouts import PlanChoice, busy_plan, read_plan, small_plan
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Choice, ElidedLabel, Panel, label, set_tone
from trimtab_gui.views.foresight_card import ForesightCard

# A plan is checked once nothing was typed for so long.
PAUSE_MILLISECONDS: Final = 250
MOST_REPLIES: Final = 10_000_000


class NewRolloutPanel(Panel):
    """Nothing is sent before one of the two buttons at the end is pressed, but the question what it will take."""

    closed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = workspace.rollouts
        self._plan: PlanChoice | None = small_plan()
        self._problem: Failure | None = None
        self._title = label("title")
        self._explanation = label("muted", wrap=True)
        self._labels = {name: label("muted") for name in ("candidate", "plan", "traffic", "reason")}
        self.candidate_choice = Choice()
        self.plan_choice = Choice()
        for choice in (self.candidate_choice, self.plan_choice):
            choice.setMinimumContentsLength(16)
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._file_name = ElidedLabel("caption")
        self.file_button = QPushButton()
        self.traffic_field = QSpinBox()
        self.traffic_field.setRange(0, MOST_REPLIES)
        self.traffic_field.setGroupSeparatorShown(True)
        self.traffic_field.lineEdit().setTextMargins(6, 0, 0, 0)
        self.reason_field = QLineEdit()
        self.start_button = QPushButton()
        set_tone(self.start_button, "accent")
        self.create_button = QPushButton()
        self.cancel_button = QPushButton()
        set_tone(self.cancel_button, "flat")
        self._hint = label("caption", wrap=True)
        self.card = ForesightCard()
        self._dialog: QFileDialog | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self._ask)
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        form = QVBoxLayout()
        form.setSpacing(6)
        form.addWidget(self._title)
        form.addWidget(self._explanation)
        form.addSpacing(6)
        file = QHBoxLayout()
        file.addWidget(self._file_name, 1)
        file.addWidget(self.file_button)
        fields = {
            "candidate": self.candidate_choice,
            "plan": self.plan_choice,
            "traffic": self.traffic_field,
            "reason": self.reason_field,
        }
        for name, field in fields.items():
            form.addWidget(self._labels[name])
            self._labels[name].setBuddy(field)
            form.addWidget(field)
            if name == "plan":
                form.addLayout(file)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button)
        buttons.addWidget(self.create_button)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        form.addSpacing(6)
        form.addLayout(buttons)
        form.addWidget(self._hint)
        form.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(form, 2)
        layout.addWidget(self.card, 3)

    def _wire(self) -> None:
        workspace = self._workspace
        workspace.release.snapshotsChanged.connect(self._fill_candidates)
        workspace.release.activeChanged.connect(self._fill_candidates)
        workspace.connection.changed.connect(self._show_buttons)
        self._model.busyChanged.connect(self._show_buttons)
        self._model.changed.connect(self._show_buttons)
        self._model.checked.connect(self._show_check)
        self.candidate_choice.activated.connect(self._show_buttons)
        self.plan_choice.activated.connect(self._choose_plan)
        self.file_button.clicked.connect(self.choose_file)
        self.traffic_field.valueChanged.connect(self._ask_soon)
        self.reason_field.textChanged.connect(self._show_buttons)
        self.reason_field.returnPressed.connect(self.start_button.click)
        self.start_button.clicked.connect(self._start)
        self.create_button.clicked.connect(self._create)
        self.cancel_button.clicked.connect(self.closed)

    def retranslate(self) -> None:
        self._title.setText(self.tr("New rollout"))
        self._explanation.setText(
            self.tr(
                "A plan says what is measured, when the candidate is stopped, and what it takes to go on. It is locked"
                " first and cannot change afterwards."
            )
        )
        texts = {
            "candidate": self.tr("Candidate"),
            "plan": self.tr("Plan"),
            "traffic": self.tr("Replies a day to expect"),
            "reason": self.tr("Reason"),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
        self.candidate_choice.setAccessibleName(texts["candidate"])
        self.plan_choice.setAccessibleName(texts["plan"])
        self.traffic_field.setAccessibleName(texts["traffic"])
        self.traffic_field.setSpecialValueText(self.tr("as over the last day"))
        self.reason_field.setAccessibleName(texts["reason"])
        self.reason_field.setPlaceholderText(self.tr("Reason: it goes into the audit"))
        with QSignalBlocker(self.plan_choice):
            index = max(0, self.plan_choice.currentIndex())
            self.plan_choice.clear()
            self.plan_choice.addItem(
                self.tr("Small desk: about 50 replies a day (the server's own)"), "small"
            )
            self.plan_choice.addItem(self.tr("Busy service: thousands of replies a day"), "busy")
            self.plan_choice.addItem(self.tr("From a plan file…"), "file")
            self.plan_choice.setCurrentIndex(index)
        self.file_button.setText(self.tr("Choose a file…"))
        self.start_button.setText(self.tr("Lock the plan and start"))
        self.create_button.setText(self.tr("Lock it only"))
        self.cancel_button.setText(self.tr("Cancel"))
        self._fill_candidates()
        self._show_plan()
        self._show_buttons()

    # Opening ----------------------------------------------------------------------------------------------

    def open(self, candidate: str = "") -> None:
        """Starts afresh; `candidate` is a snapshot's name."""
        self.reason_field.clear()
        self._fill_candidates()
        if candidate:
            self.candidate_choice.setCurrentIndex(max(0, self.candidate_choice.findData(candidate)))
        self._show_buttons()
        self._ask()
        self.candidate_choice.setFocus()

    @Slot()
    def _fill_candidates(self, _change: object = None) -> None:
        """Every snapshot but the active one."""
        release = self._workspace.release
        active = "" if release.active is None else release.active.snapshot.name
        chosen = self.candidate_choice.currentData()
        with QSignalBlocker(self.candidate_choice):
            self.candidate_choice.clear()
            for snapshot in release.snapshots:
                if snapshot.name != active:
                    self.candidate_choice.addItem(
                        snapshot.display_name or abbreviated(snapshot.name), snapshot.name
                    )
            self.candidate_choice.setCurrentIndex(max(0, self.candidate_choice.findData(chosen)))
        self._show_buttons()

    # The plan ---------------------------------------------------------------------------------------------

    @Slot()
    def _choose_plan(self, _index: int = 0) -> None:
        match self.plan_choice.currentData():
            case "small":
                self._take_plan(small_plan())
            case "busy":
                self._take_plan(busy_plan())
            case _:
                self._take_plan(None)
                self.choose_file()

    @Slot()
    def choose_file(self) -> None:
        """Opens the desktop's own dialog; the window goes on meanwhile."""
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._dialog.fileSelected.connect(self.take_file)
        self._dialog.setWindowTitle(self.tr("Choose a plan file"))
        self._dialog.setNameFilter(self.tr("Plans ({0})").format("*.yaml *.yml *.toml *.json"))
        self._dialog.open()

    @Slot(str)
    def take_file(self, path: str) -> None:
        """Uses a plan file; one that cannot be read is said at once."""
        with QSignalBlocker(self.plan_choice):
            self.plan_choice.setCurrentIndex(self.plan_choice.findData("file"))
        found = read_plan(Path(path))
        self._take_plan(None if isinstance(found, Failure) else found)
        if isinstance(found, Failure):
            self._problem = found
            self.card.show_check(None, found)

    def _take_plan(self, plan: PlanChoice | None) -> None:
        self._plan, self._problem = plan, None
        self.card.show_check(None, None)
        self._show_plan()
        self._show_buttons()
        self._ask()

    def _show_plan(self) -> None:
        from_file = self.plan_choice.currentData() == "file"
        self.file_button.setVisible(from_file)
        self._file_name.setVisible(from_file)
        title = "" if self._plan is None else self._plan.title
        self._file_name.setText(title or self.tr("No file chosen"))

    @Slot()
    def _ask_soon(self) -> None:
        self._timer.start()

    @Slot()
    def _ask(self) -> None:
        if self._plan is not None and self._workspace.connection.is_live:
            self._model.ask_check(self._plan.file, float(self.traffic_field.value()))

    @Slot()
    def _show_check(self) -> None:
        # While the answer is on its way, the one before stays: an empty card would flicker.
        answered = self._model.check is not None or self._model.refusal is not None
        if self._plan is not None and answered:
            self.card.show_check(self._model.check, self._model.refusal)
        self._show_buttons()

    # Sending ----------------------------------------------------------------------------------------------

    @Slot()
    def _show_buttons(self, _change: object = None) -> None:
        missing = self._missing()
        self._hint.setText(missing)
        usable = not missing and self._workspace.connection.is_live and not self._model.is_busy
        self.start_button.setEnabled(usable)
        self.create_button.setEnabled(usable)

    def _missing(self) -> str:
        if self._model.open is not None:
            return self.tr("Another rollout has not ended yet: let it end, or abort it.")
        if not self.candidate_choice.count():
            return self.tr(
                "There is no snapshot but the active one. Create one from the vectors in the Chat room first."
            )
        if self._plan is None:
            return self.tr("Choose a plan file.")
        if self._model.refusal is not None:
            return self.tr("The plan cannot be used; see at the right why.")
        if self._model.check is None:
            return self.tr("The server is checking the plan…")
        if not self.reason_field.text().strip():
            return self.tr("Say why: the reason goes into the audit.")
        return ""

    @Slot()
    def _start(self) -> None:
        self._send(start=True)

    @Slot()
    def _create(self) -> None:
        self._send(start=False)

    def _send(self, *, start: bool) -> None:
        active = self._workspace.release.active
        if self._plan is None or active is None:
            return
        self._model.create(
            str(self.candidate_choice.currentData()),
            self._plan.file,
            self.reason_field.text().strip(),
            active.revision.number,
            start=start,
        )
