"""The members of a small zip archive, read from memory within stated bounds."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

#: Constant, so that the same members are the same archive to the byte.
_DATE: Final = (1980, 1, 1, 0, 0, 0)

_ENCRYPTED: Final = 0x1


class ZipError(ValueError):
    """The bytes are no archive of the kind expected. too_large: refused for its size alone."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


def read_members(content: bytes, max_members: int, max_bytes: int) -> dict[str, bytes]:
    """Every member by its full name, folders left out; at most `max_bytes` unpacked in all. Raises ZipError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _members(archive, max_members, max_bytes)
    except ZipError:
        raise
    # The standard library meets a directory that contradicts itself with whatever it stumbles over.
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        LookupError,
        ArithmeticError,
        TypeError,
    ) as error:
        raise ZipError(f"it is no whole zip archive ({str(error)[:200]})") from error


def write_members(members: Mapping[str, bytes]) -> bytes:
    """An uncompressed archive in the order given; the same members make the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return target.getvalue()


def _members(archive: zipfile.ZipFile, max_members: int, max_bytes: int) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > max_members:
        raise ZipError(f"it holds {len(entries)} files; at most {max_members} are accepted", too_large=True)
    claimed = sum(entry.file_size for entry in entries)
    if claimed > max_bytes:
        raise ZipError(
            f"it claims {claimed} bytes unpacked; at most {max_bytes} are accepted", too_large=True
        )
    members: dict[str, bytes] = {}
    for entry in entries:
        if entry.filename in members:
            raise ZipError(f"it holds {entry.filename[:80]!r} twice; which one is meant cannot be known")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or (
            entry.flag_bits & _ENCRYPTED
        ):
            raise ZipError(
                f"{entry.filename[:80]!r} is encrypted or compressed in a way that is not read here"
            )
        with archive.open(entry) as member:
            # A member may unpack to more than its entry claims, so the reading itself is bounded.
            unpacked = member.read(entry.file_size + 1)
        if len(unpacked) != entry.file_size:
            raise ZipError(f"{entry.filename[:80]!r} is not as long as its entry claims")
        members[entry.filename] = unpacked
    return members
