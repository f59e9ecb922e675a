"""Disk space held back, so that a rollback can be written when the disk is full."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

log = logging.getLogger("trimtab.store")

#: A rollback writes some 60 KiB to the log and the database: room for more than a hundred of them.
RESERVED_BYTES: Final = 8 << 20


class Reserve:
    """A file of zeros that is given up when a change must not fail, and taken again when there is room."""

    def __init__(self, path: Path, size: int = RESERVED_BYTES) -> None:
        self._path = path
        self.size = size

    @property
    def held(self) -> bool:
        try:
            return self._path.stat().st_size >= self.size
        except FileNotFoundError:
            return False

    def free(self) -> int:
        """Bytes that this user may still write on the file system of the data directory."""
        found = os.statvfs(self._path.parent)
        return found.f_bavail * found.f_frsize

    def hold(self) -> bool:
        """Takes the space if at least twice as much is free; whether it is held now."""
        if self.held:
            return True
        if self.free() < 2 * self.size:
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.size)
            os.fsync(descriptor)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            log.warning("no_space_reserved", extra={"facts": {"error": str(error), "bytes": self.size}})
            return False
        finally:
            os.close(descriptor)
        return True

    def give_up(self) -> bool:
        """Frees the space for the change that is about to be written; whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        log.warning("reserved_space_given_up", extra={"facts": {"bytes": self.size}})
        return True
