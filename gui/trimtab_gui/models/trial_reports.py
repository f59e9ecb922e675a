"""Reports that the server makes, written to files of the operator's choice."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from trimtab_client.reports import ReportFormat
from trimtab_client.trial_types import CostFigures

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel


class ReportsModel(TellingModel):
    """One report at a time."""

    # The path of a file that is there now.
    written = Signal(str)
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._busy = False

    @property
    def is_busy(self) -> bool:
        return self._busy

    def write(
        self, name: str, form: ReportFormat, language: str, cost: CostFigures | None, path: Path
    ) -> None:
        """Fetches the report of a trial, a rollout or a case and writes it."""
        if self._busy:
            return
        self._set_busy(True)
        target = _Target(self, path)
        self._gateway.call(
            lambda client: client.reports.write(name, form, language=language, cost=cost),
            target.came,
            self._refused,
        )

    def came(self, path: Path, content: bytes) -> None:
        """The report is here."""
        self._set_busy(False)
        try:
            path.write_bytes(content)
        except OSError as error:
            reason = error.strerror or str(error)
            self.tell(Failure("INVALID_ARGUMENT", "FILE_UNWRITABLE", f"{path}: {reason}"))
        else:
            self.written.emit(str(path))

    def _refused(self, failure: Failure) -> None:
        self._set_busy(False)
        self.tell(failure)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busyChanged.emit()


class _Target:
    """Where one report goes."""

    def __init__(self, model: ReportsModel, path: Path) -> None:
        self._model, self._path = model, path

    def came(self, content: bytes) -> None:
        self._model.came(self._path, content)


def file_name(title: str, form: ReportFormat) -> str:
    """A name for the file that no file system minds."""
    plain = " ".join(re.sub(r'[\\/:*?"<>|\x00-\x1f]+', " ", title).split()).strip(" .")[:80].strip()
    return f"{plain or 'report'}.{form.value}"
