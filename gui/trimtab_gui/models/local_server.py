"""A server on this computer, started from the first page where one is installed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QProcess, Signal, Slot
from trimtab_client import TrimtabError, discover

READY: Final = "listening on "
#: What is kept of standard error: its last lines say why a server did not start.
LAST_LINES: Final = 5


def server_command() -> list[str] | None:
    """What starts `trimtab`; None where only the client is installed.

    Looks without importing: the server's packages would take seconds and hundreds of megabytes.
    """
    if not getattr(sys, "frozen", False) and all(
        importlib.util.find_spec(name) is not None for name in ("trimtab_server", "torch", "sqlalchemy")
    ):
        return [sys.executable, "-m", "trimtab_server.cli.main"]
    # The packaged client brings no server, but there may be one beside it.
    found = shutil.which("trimtab")
    return None if found is None else [str(Path(found))]


class LocalServer(QObject):
    """Starts `trimtab serve` on the embedded model and this user's data directory; it ends with the client.

    `ready` brings the address and the administrator's token, `failed` the last lines the server said.
    """

    changed = Signal()
    ready = Signal(str, str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = server_command()
        self._said: list[str] = []
        self._stopping = False
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._heard)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._ended)

    @property
    def installed(self) -> bool:
        return self._command is not None

    @property
    def running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Nothing happens where one runs already, or none is installed."""
        if self._command is None or self.running:
            return
        self._said, self._stopping = [], False
        self._process.start(self._command[0], [*self._command[1:], "serve"])
        self.changed.emit()

    def stop(self) -> None:
        """Lets it drain for some seconds; a server that does not end then is killed."""
        if self.running:
            self._stopping = True
            self._process.terminate()
            if not self._process.waitForFinished(12_000):
                self._process.kill()
                self._process.waitForFinished(2_000)

    @Slot()
    def _heard(self) -> None:
        for line in bytes(self._process.readAllStandardOutput().data()).decode(errors="replace").splitlines():
            if line.startswith(READY):
                self._tell(line.removeprefix(READY).strip())

    def _tell(self, address: str) -> None:
        try:
            found = discover(address)
        except TrimtabError as error:
            self.failed.emit(error.message)
            return
        self.changed.emit()
        self.ready.emit(address, found.token)

    @Slot()
    def _read_errors(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._said = [*self._said, *text.splitlines()][-LAST_LINES:]

    @Slot()
    def _ended(self) -> None:
        self._read_errors()
        self.changed.emit()
        if not self._stopping and not self.running:
            self._stopping = True
            said = [line for line in self._said if not line.startswith("{")] or self._said
            self.failed.emit("\n".join(said) or self._process.errorString())
