"""Vector files on this side of the wire: read what the user names, write where the user says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trimtab_server.cli.failure import CommandFailed

_FORMATS: Final[Mapping[str, str]] = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".svec": "svec",
    ".zip": "layer_pt",
}


def format_of(file: Path | None) -> str:
    """The format that a file's suffix stands for; safetensors without one. Raises CommandFailed."""
    suffix = "" if file is None else file.suffix.lower()
    if not suffix:
        return "safetensors"
    if suffix not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise CommandFailed(
            "FORMAT_UNKNOWN", f"{suffix} stands for no format, {known} do; say which with --format"
        )
    return _FORMATS[suffix]


def read_file(path: Path) -> bytes:
    """A file the user named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed("FILE_UNREADABLE", f"cannot read {path}: {error.strerror}") from error


def read_vector_file(path: Path) -> bytes:
    """A file the user named; one layer_N.pt, or a folder of them, as the archive that the server takes."""
    if not path.is_dir() and path.suffix != ".pt":
        return read_file(path)
    from trimtab_vectors.formats.layer_pt import LAYER_FILE, pack_layer_files
    from trimtab_vectors.steering_vector import VectorError

    if not path.is_dir() and LAYER_FILE.fullmatch(path.name) is None:
        return read_file(path)
    try:
        return pack_layer_files(path)
    except VectorError as error:
        raise CommandFailed(error.reason, str(error)) from error
    except OSError as error:
        raise CommandFailed("FILE_UNREADABLE", f"cannot read {path}: {error.strerror}") from error


def write_file(path: Path, content: bytes, *, overwrite: bool) -> None:
    """A file the user asked for; an existing one is replaced only when told to."""
    try:
        with path.open("wb" if overwrite else "xb") as target:
            target.write(content)
    except FileExistsError as error:
        raise CommandFailed(
            "FILE_EXISTS", f"{path} is already there; add --overwrite to replace it"
        ) from error
    except OSError as error:
        raise CommandFailed("FILE_UNWRITABLE", f"cannot write {path}: {error.strerror}") from error
