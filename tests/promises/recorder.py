"""Sees every call by which the store reaches the disk: SQLite's through a VFS, the blobs' through `os`.

It tells a `Disk` model of each, and can make the n-th of them fail.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import apsw

from promises.disk import Disk
from promises.sqlite_driver import Driver

_numbers = itertools.count(1)

_JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class Failing:
    """Lets the n-th call fail (1 is the first), and every later one too if `persistent`. 0: none."""

    def __init__(self, at: int = 0, persistent: bool = False, number: int = errno.EIO) -> None:
        self.at = at
        self.persistent = persistent
        self.number = number
        self.made = 0
        self.failed: list[str] = []

    def fails(self, what: str) -> bool:
        """Counts one call; whether it must fail."""
        self.made += 1
        hit = bool(self.at) and (self.made == self.at or (self.persistent and self.made > self.at))
        if hit:
            self.failed.append(what)
        return hit


class Recorder:
    """One process's view of a disk, with a driver that goes through it."""

    def __init__(self, disk: Disk, failing: Failing | None = None) -> None:
        self.disk = disk
        self.failing = failing or Failing()
        self._vfs = _Vfs(f"recorder-{next(_numbers)}", self)
        self.driver = Driver(self._vfs.name)
        self._open: dict[int, Path] = {}

    def close(self) -> None:
        self._vfs.unregister()

    @contextmanager
    def system_calls(self) -> Iterator[None]:
        """While it lasts, calls of `os` on paths below the disk's root pass through here."""
        with (
            patch("os.open", self._opened(os.open)),
            patch("os.close", self._closed(os.close)),
            patch("os.write", self._written(os.write)),
            patch("os.fsync", self._synced(os.fsync)),
            patch("os.replace", self._moved(os.replace)),
            patch("os.mkdir", self._made(os.mkdir)),
            patch("os.unlink", self._removed(os.unlink)),
        ):
            yield

    def _opened(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, mode: int = 0o777, **named: Any) -> int:
            ours = not named and isinstance(path, str | Path) and self.disk.covers(path)
            if ours:
                self._may_fail(f"open {Path(path).name}")
            descriptor = real(path, flags, mode, **named)
            if ours:
                self._open[descriptor] = Path(path)
                if flags & os.O_CREAT:
                    self.disk.create(Path(path))
            return descriptor

        return call

    def _closed(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            self._open.pop(descriptor, None)
            real(descriptor)

        return call

    def _written(self, real: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def call(descriptor: int, data: Any) -> int:
            path = self._open.get(descriptor)
            if path is None:
                return real(descriptor, data)
            self._may_fail(f"write {path.name}")
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
            written = real(descriptor, data)
            self.disk.write(path, offset, bytes(data[:written]))
            return written

        return call

    def _synced(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            path = self._open.get(descriptor)
            if path is None:
                return real(descriptor)
            directory = path.is_dir()
            if self.failing.fails(f"fsync {path.name}"):
                if not directory:
                    self.disk.lose(path)
                raise OSError(self.failing.number, os.strerror(self.failing.number))
            # The real disk is not waited for: what counts is the model.
            (self.disk.sync_directory if directory else self.disk.sync)(path)

        return call

    def _moved(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(source: Any, target: Any, **named: Any) -> None:
            if self.disk.covers(source):
                self._may_fail(f"rename {Path(target).name}")
            real(source, target, **named)
            if self.disk.covers(source):
                self.disk.move(Path(source), Path(target))

        return call

    def _made(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Any, mode: int = 0o777, **named: Any) -> None:
            real(path, mode, **named)
            if self.disk.covers(path):
                self.disk.make_directory(Path(path))

        return call

    def _removed(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Any, **named: Any) -> None:
            real(path, **named)
            if self.disk.covers(path):
                self.disk.remove(Path(path))

        return call

    def _may_fail(self, what: str) -> None:
        if self.failing.fails(what):
            raise OSError(self.failing.number, os.strerror(self.failing.number))


class _Vfs(apsw.VFS):
    """The system's VFS, seen."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name = name
        self._recorder = recorder
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _VfsFile:
        path = None if name is None else Path(name.filename() if hasattr(name, "filename") else name)
        if path is not None and self._recorder.failing.fails(f"open {path.name}"):
            raise _refused(apsw.CantOpenError, apsw.SQLITE_CANTOPEN)
        return _VfsFile(self._recorder, path, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        super().xDelete(name, syncdir)
        path = Path(name)
        self._recorder.disk.remove(path)
        if syncdir:
            self._recorder.disk.sync_directory(path.parent)


class _VfsFile(apsw.VFSFile):
    """One file of SQLite's; temporary ones without a name are not followed."""

    def __init__(self, recorder: Recorder, path: Path | None, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._recorder = recorder
        self._path = path
        self._journal = bool(flags[0] & _JOURNALS)
        if path is not None and flags[0] & apsw.SQLITE_OPEN_CREATE:
            recorder.disk.create(path)

    def xWrite(self, data: bytes, offset: int) -> None:
        path = self._path
        if path is not None and self._recorder.failing.fails(f"write {path.name}"):
            if self._recorder.failing.number == errno.ENOSPC:
                raise _refused(apsw.FullError, apsw.SQLITE_FULL)
            raise _refused(apsw.IOError, apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)
        if path is not None:
            self._recorder.disk.write(path, offset, data)

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        if self._path is not None:
            self._recorder.disk.truncate(self._path, size)

    def xSync(self, flags: int) -> None:
        path = self._path
        if path is None:
            return
        disk = self._recorder.disk
        if self._recorder.failing.fails(f"fsync {path.name}"):
            disk.lose(path)
            raise _refused(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
        disk.sync(path)
        if self._journal:
            # SQLite flushes the directory with the first flush of a journal or log (os_unix.c, unixSync).
            disk.sync_directory(path.parent)
            self._journal = False


def _refused(kind: type[apsw.Error], code: int) -> apsw.Error:
    error = kind("made to fail")
    error.extendedresult = code  # type: ignore[misc]
    error.result = code & 0xFF  # type: ignore[misc]
    return error
