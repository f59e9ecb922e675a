"""The first page: which server, with which token; and how to start one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from trimtab_gui.bridge import Phase
from trimtab_gui.icons import application_icon
from trimtab_gui.models.messages import describe
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Panel, label, separator, set_tone
from trimtab_gui.views.lengths import fix_width


class StartPage(Panel):
    """Connects. The token is written to a file of mode 600 when it is to be remembered, and never logged."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._picture = label()
        self._picture.setPixmap(application_icon().pixmap(56, 56))
        self._title = label("title")
        self._subtitle = label("muted", wrap=True)
        self.target_field = QLineEdit()
        self.token_field = QLineEdit()
        self.token_field.setEchoMode(QLineEdit.EchoMode.Password)
        self.remember_box = QCheckBox()
        self.remember_box.setChecked(True)
        self.connect_button = QPushButton()
        set_tone(self.connect_button, "accent")
        self.connect_button.setDefault(True)
        self._state = label("muted", wrap=True)
        self._names = [label(), label()]
        self._help_title = label("heading")
        self._help = label("muted", wrap=True)
        self._command = label("code")
        self._command.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._local = workspace.local_server
        self.start_button = QPushButton()
        self._build()
        self.connect_button.clicked.connect(self.submit)
        self.target_field.returnPressed.connect(self.submit)
        self.token_field.returnPressed.connect(self.submit)
        self.target_field.editingFinished.connect(self._recall_token)
        self.target_field.textChanged.connect(self._refresh)
        workspace.connection.changed.connect(self._refresh)
        self.start_button.clicked.connect(self._local.start)
        self._local.changed.connect(self._refresh)
        self._local.ready.connect(self._use_local)
        self._local.failed.connect(self._local_failed)
        self._failure = ""
        self.retranslate()

    def _build(self) -> None:
        form = QGridLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(12)
        form.setColumnStretch(1, 1)
        for row, (name, field) in enumerate(
            zip(self._names, (self.target_field, self.token_field), strict=True)
        ):
            form.addWidget(name, row, 0)
            form.addWidget(field, row, 1)
        form.addWidget(self.remember_box, 2, 1)
        head = QHBoxLayout()
        head.setSpacing(14)
        titles = QVBoxLayout()
        titles.setSpacing(2)
        titles.addWidget(self._title)
        titles.addWidget(self._subtitle)
        head.addWidget(self._picture)
        head.addLayout(titles, 1)
        send = QHBoxLayout()
        send.addWidget(self._state, 1)
        send.addWidget(self.connect_button)
        card = Panel("card")
        fix_width(card, 560)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 28, 32, 28)
        inside.setSpacing(16)
        inside.addLayout(head)
        inside.addLayout(form)
        inside.addLayout(send)
        inside.addWidget(separator())
        inside.addWidget(self._help_title)
        inside.addWidget(self._help)
        inside.addWidget(self._command)
        inside.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Connect to Trimtab"))
        self._subtitle.setText(self.tr("Try honesty steering, release it, watch it, and roll it back."))
        self._names[0].setText(self.tr("Address"))
        self._names[1].setText(self.tr("Token"))
        self.target_field.setAccessibleName(self.tr("Address of the server"))
        self.target_field.setPlaceholderText("127.0.0.1:7460")
        self.token_field.setAccessibleName(self.tr("Token"))
        self.token_field.setPlaceholderText(self.tr("Given to you by whoever runs the server"))
        self.remember_box.setText(self.tr("Remember the token on this computer"))
        self.connect_button.setText(self.tr("Connect"))
        self._help_title.setText(self.tr("No server yet?"))
        self._command.setAccessibleName(self.tr("Command that starts a server"))
        self.start_button.setText(self.tr("Start a server here"))
        self._refresh()

    def fill(self, target: str, token: str) -> None:
        self.target_field.setText(target)
        self.token_field.setText(token)

    @Slot()
    def submit(self) -> None:
        """Connects with what is in the fields."""
        target, token = self.target_field.text().strip(), self.token_field.text().strip()
        if not target:
            self.target_field.setFocus()
            return
        files = self._workspace.files
        files.settings.target = target
        files.save()
        if self.remember_box.isChecked() and token:
            files.remember_token(target, token)
        else:
            files.forget_token(target)
        self._workspace.connection.connect_to(target, token)

    @Slot(str, str)
    def _use_local(self, address: str, token: str) -> None:
        self._failure = ""
        self.fill(address, token)
        self._workspace.connection.connect_to(address, token)

    @Slot(str)
    def _local_failed(self, said: str) -> None:
        self._failure = said
        self._refresh()

    @Slot()
    def _recall_token(self) -> None:
        known = self._workspace.files.token_for(self.target_field.text().strip())
        if known and not self.token_field.text():
            self.token_field.setText(known)

    @Slot()
    def _refresh(self) -> None:
        status = self._workspace.connection.status
        trying = status.phase is Phase.CONNECTING
        self.connect_button.setEnabled(bool(self.target_field.text().strip()) and not trying)
        role = "muted"
        if trying:
            text = self.tr("Connecting to {0}…").format(status.target)
        elif status.failure is not None:
            role = "error"
            text = describe(status.failure)
        else:
            text = ""
        self._show_local()
        self._state.setText(text)
        if self._state.property("role") != role:
            self._state.setProperty("role", role)
            self._state.style().unpolish(self._state)
            self._state.style().polish(self._state)

    def _show_local(self) -> None:
        """What this computer has: a button where a server is installed, else how to get one."""
        installed = self._local.installed
        self.start_button.setVisible(installed)
        self.start_button.setEnabled(not self._local.running)
        self._command.setVisible(not installed)
        self._command.setText('pip install "trimtab[all]"\ntrimtab serve')
        if self._failure:
            text = self.tr("The server did not start. It said: {0}").format(self._failure)
        elif self._local.running:
            text = self.tr(
                "Starting a server with the small model that comes with it. This takes some seconds…"
            )
        elif installed:
            text = self.tr(
                "Start one on this computer, with the small model that comes with it. It ends with this window."
            )
        else:
            text = self.tr("A server is not installed on this computer. Get it and start it with:")
        self._help.setText(text)
