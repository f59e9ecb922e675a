"""Vector files on this side of the wire: weights only, of a format that the server reads."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from trimtab_client.types import Vector, VectorFile

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel

LARGEST_BYTES: Final = 64 * 1024 * 1024
#: Suffix -> what the server calls the format.
FORMATS: Final = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".svec": "svec",
    ".pt": "layer_pt",
    ".zip": "layer_pt",
}
_LAYER_FILE: Final = re.compile(r"layer_\d+\.pt")


@dataclass(frozen=True)
class Upload:
    """A file that was read. is_ours: its manifest says what it stands for; another tool's does not."""

    name: str
    content: bytes
    format: str

    @property
    def is_ours(self) -> bool:
        return self.format == "safetensors"


class VectorFiles(TellingModel):
    """Brings vectors in and hands them out."""

    # Vector.
    imported = Signal(object)
    # The file, and the layers that its format has no place for.
    exported = Signal(str, object)
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._busy = False

    @property
    def is_busy(self) -> bool:
        return self._busy

    def read(self, path: Path) -> Upload | None:
        """The file, as the server takes it; None where `failed` says why not."""
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            self._refuse_suffix(path)
            return None
        try:
            if path.stat().st_size > LARGEST_BYTES:
                self._refuse("VECTOR_TOO_LARGE", f"{path.name}: {path.stat().st_size >> 20} MiB > 64 MiB")
                return None
            content = path.read_bytes()
        except OSError as error:
            self._refuse("FILE_UNREADABLE", f"{path}: {error.strerror or error}")
            return None
        if _LAYER_FILE.fullmatch(path.name):
            content = _packed(path.name, content)
        return Upload(path.name, content, form)

    def send(
        self,
        upload: Upload,
        *,
        concept: str = "",
        display_name: str = "",
        stage: str = "",
        layer_convention: str = "",
    ) -> None:
        """Imports a file; what its manifest says need not be given, and what it does not say must be."""
        if self._busy:
            return
        self._set_busy(True)
        self._gateway.call(
            lambda client: client.import_vector(
                upload.content,
                display_name=display_name,
                format=upload.format,
                concept=concept,
                stage=stage,
                layer_convention=layer_convention,
            ),
            self._arrived,
            self._refused,
        )

    def export(self, vector: Vector, path: Path) -> None:
        """Writes a vector to a file of the format that its suffix stands for, at the length it was extracted with."""
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            self._refuse_suffix(path)
            return
        if self._busy:
            return
        self._set_busy(True)
        writing = _Writing(self, path)
        scale = "" if form == "safetensors" else "raw_norm"
        name, drop = vector.name, form == "gguf"
        self._gateway.call(
            lambda client: client.export_vector(name, format=form, scale=scale, drop_layer_zero=drop),
            writing.done,
            self._refused,
        )

    def write(self, path: Path, file: VectorFile) -> None:
        """What the server made of it, on its way to the disk."""
        self._set_busy(False)
        try:
            path.write_bytes(file.content)
        except OSError as error:
            self._refuse("FILE_UNWRITABLE", f"{path}: {error.strerror or error}")
            return
        self.exported.emit(str(path), file.dropped_layers)

    def _arrived(self, vector: Vector) -> None:
        self._set_busy(False)
        self.imported.emit(vector)

    def _refused(self, failure: Failure) -> None:
        self._set_busy(False)
        self.tell(failure)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busyChanged.emit()

    def _refuse_suffix(self, path: Path) -> None:
        text = self.tr("{0} has no suffix of a vector file; there are {1}.")
        self._refuse("VECTOR_FORMAT_UNKNOWN", text.format(path.name, ", ".join(FORMATS)))

    def _refuse(self, reason: str, message: str) -> None:
        self.tell(Failure("INVALID_ARGUMENT", reason, message, {"detail": message}))


class _Writing:
    """Where an exported file goes."""

    def __init__(self, model: VectorFiles, path: Path) -> None:
        self._model, self._path = model, path

    def done(self, file: VectorFile) -> None:
        self._model.write(self._path, file)


def _packed(name: str, content: bytes) -> bytes:
    """One layer's file as the archive that the server takes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()
