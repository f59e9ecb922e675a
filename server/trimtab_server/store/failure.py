"""A disk or database that could not do what it was asked: one exception, with a reason that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

_FULL: Final = "STORE_FULL"
_LOCKED: Final = "STORE_LOCKED"
_IO_FAILED: Final = "STORE_IO_FAILED"
_DAMAGED: Final = "STORE_DAMAGED"

#: SQLite's primary result codes (sqlite.org/rescode.html); the low byte of an extended code.
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _IO_FAILED,
    sqlite3.SQLITE_IOERR: _IO_FAILED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: _IO_FAILED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_ADVICE: Final = {
    _FULL: "free some space; rolling back and aborting go on from the space kept for them",
    _LOCKED: "another program holds the database: close it, or try again",
    _IO_FAILED: "look at the disk and at the permissions of the data directory; nothing was changed",
    _DAMAGED: "stop the server, then run `trimtab store check` and restore the newest backup",
}


class StorageFailure(Exception):
    """Nothing of the change was kept. `reason` is a key of the error catalogue."""

    def __init__(self, reason: str, what: str) -> None:
        self.reason = reason
        self.metadata = {"cause": what}
        if reason == _LOCKED:
            self.metadata["retry_after_seconds"] = "1"
        super().__init__(f"{what}: {_ADVICE[reason]}")

    @property
    def may_be_space(self) -> bool:
        """Whether more room on the disk could help: a quota and some file systems report a plain I/O error."""
        return self.reason in (_FULL, _IO_FAILED)

    @classmethod
    def of_database(cls, error: BaseException | None) -> StorageFailure | None:
        """What an error of the driver amounts to; None if it is not the disk's or the lock's."""
        code = getattr(error, "sqlite_errorcode", None)
        reason = _REASONS.get(code & 0xFF) if isinstance(code, int) else None
        return None if reason is None else cls(reason, f"the database could not be used ({error})")

    @classmethod
    def of_file(cls, error: OSError) -> StorageFailure:
        """What a failed system call on a file of the store amounts to."""
        reason = _FULL if error.errno in _NO_ROOM else _IO_FAILED
        return cls(reason, f"a file of the store could not be written ({error.strerror or error})")


def out_of_space(free: int, needed: int) -> StorageFailure:
    """The refusal of a write that would take what is kept for rollbacks."""
    return StorageFailure(_FULL, f"the disk has {free >> 10} KiB left, {needed >> 10} KiB are kept back")
