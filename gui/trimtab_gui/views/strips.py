"""What appears under the bar when something has to be said or asked: never a dialog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from trimtab_gui.bridge import Phase
from trimtab_gui.models.messages import describe
from trimtab_gui.models.workspace import Tone, Workspace
from trimtab_gui.views.announcement import announce
from trimtab_gui.views.elements import Panel, clock, label, set_tone


class ConnectionStrip(Panel):
    """Shown while the server is gone: since when, and when it is tried again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("strip")
        self._workspace = workspace
        self._text = label(wrap=True)
        self.retry_button = QPushButton()
        self.change_button = QPushButton()
        set_tone(self.change_button, "flat")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 6)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.retry_button)
        layout.addWidget(self.change_button)
        self.retry_button.clicked.connect(workspace.connection.retry_now)
        self.change_button.clicked.connect(self._change)
        workspace.connection.changed.connect(self._show)
        self.retranslate()

    def retranslate(self) -> None:
        self.retry_button.setText(self.tr("Try now"))
        self.change_button.setText(self.tr("Another server…"))
        self._show()

    @property
    def text(self) -> str:
        return self._text.text()

    @Slot()
    def _change(self) -> None:
        self._workspace.commands.run("connection.change")

    @Slot()
    def _show(self) -> None:
        status = self._workspace.connection.status
        since = clock(status.since)
        match status.phase:
            case Phase.LOST:
                self._text.setText(
                    self.tr(
                        "Server gone since {0}. What you see is what was last known. It is tried again by itself."
                    ).format(since)
                )
                set_tone(self, "danger")
            case Phase.STALE:
                self._text.setText(
                    self.tr("No answer from the server since {0}. What you see may be old.").format(since)
                )
                set_tone(self, "warning")
            case Phase.REFUSED if status.failure is not None:
                self._text.setText(describe(status.failure))
                set_tone(self, "danger")
        wanted = status.phase in (Phase.LOST, Phase.STALE, Phase.REFUSED)
        shown = wanted and self._workspace.connection.ever_connected
        if shown and self.accessibleDescription() != self._text.text():
            announce(self, self._text.text(), at_once=True)
        self.setAccessibleDescription(self._text.text() if shown else "")
        self.setVisible(shown)


# A notice that offered something comes back when the one that came over it is closed, unless it is older.
OFFERED_SECONDS: Final = 90.0
OFFERS_KEPT: Final = 3


@dataclass(frozen=True)
class _Notice:
    """What the strip says; `moment` is of the monotonic clock."""

    text: str
    tone: Tone
    action: str
    run: Callable[[], None] | None
    moment: float
    detail: str


class NoticeStrip(Panel):
    """Says what has happened, with at most one thing to do about it; good news goes by itself.

    A later notice comes over an earlier one; what the earlier one offered is not lost by that.
    """

    def __init__(self) -> None:
        super().__init__("strip")
        self._text = label(wrap=True)
        self._shown: _Notice | None = None
        self._covered: list[_Notice] = []
        self.action_button = QPushButton()
        self.close_button = QPushButton()
        set_tone(self.close_button, "flat")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 6)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.action_button)
        layout.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(8000)
        self._timer.timeout.connect(self.close_notice)
        self.close_button.clicked.connect(self.close_notice)
        self.action_button.clicked.connect(self._act)
        self.retranslate()
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def retranslate(self) -> None:
        self.close_button.setText(self.tr("Close"))

    def tell(
        self,
        text: str,
        tone: Tone,
        action: str = "",
        run: Callable[[], None] | None = None,
        *,
        detail: str = "",
    ) -> None:
        """Shows a text; `action` names the button that calls `run`, `detail` is for whoever rests on the text."""
        before = self._shown
        if before is not None and before.run is not None and before.text != text:
            self._covered = [*self._covered, before][-OFFERS_KEPT:]
        self._show(_Notice(text, tone, action, run, monotonic(), detail))

    def _show(self, notice: _Notice) -> None:
        self._shown = notice
        self._text.setText(notice.text)
        self._text.setToolTip(notice.detail)
        self.setAccessibleDescription(notice.text)
        announce(self, notice.text, at_once=notice.tone is Tone.DANGER)
        self.action_button.setText(notice.action)
        self.action_button.setVisible(notice.run is not None)
        set_tone(self, notice.tone.value)
        self.show()
        if notice.tone is Tone.GOOD and notice.run is None:
            self._timer.start()
        else:
            self._timer.stop()

    @Slot()
    def close_notice(self) -> None:
        """Takes the notice away; what it had covered comes back if it still offers something."""
        self._shown = None
        self.hide()
        while self._covered:
            covered = self._covered.pop()
            if monotonic() - covered.moment < OFFERED_SECONDS:
                self._show(covered)
                return

    @Slot()
    def _act(self) -> None:
        run = None if self._shown is None else self._shown.run
        # Whoever takes up one offer has looked: the others are in the way of what it leads to.
        self._shown, self._covered = None, []
        self.hide()
        if run is not None:
            run()


class ReasonStrip(Panel):
    """Asks for the reason of one change, right under the bar, while everything else goes on."""

    def __init__(self) -> None:
        super().__init__("strip")
        self._question = label(wrap=True)
        self._question.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.reason_field = QLineEdit()
        self.option_box = QCheckBox()
        self.confirm_button = QPushButton()
        self.cancel_button = QPushButton()
        set_tone(self.cancel_button, "flat")
        self._run: Callable[[str, bool], None] | None = None
        self._focus_before: QWidget | None = None
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.reason_field, 1)
        row.addWidget(self.option_box)
        row.addWidget(self.confirm_button)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(6)
        layout.addWidget(self._question)
        layout.addLayout(row)
        self.confirm_button.clicked.connect(self.confirm)
        self.reason_field.returnPressed.connect(self.confirm)
        self.reason_field.textChanged.connect(self._refresh)
        self.cancel_button.clicked.connect(self.hide)
        self.retranslate()
        self.hide()

    @property
    def question(self) -> str:
        return self._question.text()

    def retranslate(self) -> None:
        self.reason_field.setPlaceholderText(self.tr("Reason: it goes into the audit"))
        self.reason_field.setAccessibleName(self.tr("Reason"))
        self.cancel_button.setText(self.tr("Cancel"))

    def ask(
        self,
        question: str,
        confirm: str,
        run: Callable[[str, bool], None],
        *,
        tone: Tone,
        option: str = "",
    ) -> None:
        """Asks; `run` gets the reason and whether `option` was ticked. `confirm` is the button's text."""
        self._question.setText(question)
        self._run = run
        self.confirm_button.setText(confirm)
        set_tone(self.confirm_button, "danger" if tone is Tone.DANGER else "accent")
        self.option_box.setText(option)
        self.option_box.setChecked(False)
        self.option_box.setVisible(bool(option))
        set_tone(self, tone.value)
        self.reason_field.clear()
        self._refresh()
        if not self.isVisible():
            self._focus_before = QApplication.focusWidget()
        self.show()
        self.reason_field.setFocus()

    @Slot()
    def confirm(self) -> None:
        reason = self.reason_field.text().strip()
        if not reason or self._run is None:
            return
        run, self._run = self._run, None
        self.hide()
        run(reason, self.option_box.isChecked())

    def hideEvent(self, event: QHideEvent) -> None:
        """The keyboard goes back to where it was."""
        before, self._focus_before = self._focus_before, None
        if before is not None and isValid(before) and before.isVisible() and before.isEnabled():
            before.setFocus()
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(event)

    @Slot()
    def _refresh(self) -> None:
        self.confirm_button.setEnabled(bool(self.reason_field.text().strip()))
