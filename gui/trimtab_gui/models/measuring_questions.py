"""What a vector is measured on: the questions that the model carries, or a file of the operator's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from trimtab_gui.bridge import Failure
from trimtab_gui.models.hosted import HostedModel

#: Those of a trial's prompts; JSON lines may be questions, too.
SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".xlsx")
#: As the server takes it.
LARGEST_BYTES: Final = 8 * 1024 * 1024 - 64 * 1024


class MeasuringQuestions(QObject):
    """A file is kept for every vector that is measured, until the model is another one."""

    changed = Signal()

    def __init__(self, hosted: HostedModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hosted = hosted
        self._fingerprint = ""
        self._file_name = ""
        self._content = b""
        self._failure: Failure | None = None
        hosted.changed.connect(self._look_at_model)

    @property
    def file_name(self) -> str:
        """Empty for the model's own."""
        return self._file_name

    @property
    def content(self) -> bytes:
        return self._content

    @property
    def failure(self) -> Failure | None:
        """Why the file that was chosen last cannot be read."""
        return self._failure

    @property
    def has_own(self) -> bool:
        """Whether the model carries questions."""
        return self._hosted.model is not None and self._hosted.model.has_questions

    @property
    def is_missing(self) -> bool:
        """Nothing can be asked before a file is chosen."""
        return self._hosted.model is not None and not self.has_own and not self._content

    def take_file(self, path: Path) -> None:
        """What the file holds is read by the server, once something is measured on it."""
        self._failure = None
        try:
            size = path.stat().st_size
            content = path.read_bytes() if size <= LARGEST_BYTES else b""
        except OSError as error:
            self._refuse(f"{path}: {error.strerror or error}")
            return
        if size > LARGEST_BYTES:
            self._refuse(f"{path}: {size // 1024} KiB > {LARGEST_BYTES // 1024} KiB")
        elif not content.strip():
            self._refuse(f"{path}: 0 B")
        else:
            self._file_name, self._content = path.name, content
            self.changed.emit()

    @Slot()
    def use_own(self) -> None:
        """Back to what the model carries."""
        self._file_name, self._content, self._failure = "", b"", None
        self.changed.emit()

    def _refuse(self, message: str) -> None:
        self._failure = Failure("INVALID_ARGUMENT", "FILE_UNREADABLE", message)
        self.changed.emit()

    @Slot()
    def _look_at_model(self) -> None:
        model = self._hosted.model
        if model is not None and model.fingerprint != self._fingerprint:
            if self._fingerprint:
                self.use_own()
            self._fingerprint = model.fingerprint
        self.changed.emit()
