"""The directory a server keeps everything in, and the lock that keeps a second server out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

DATABASE: Final = "trimtab.db"
BLOBS: Final = "blobs"
AUDIT_KEY: Final = "audit.key"
AUDIT_HEADS: Final = "audit-heads.jsonl"


class DataDirectoryInUse(Exception):
    """Another server runs on this directory."""


class DataDirectory:
    """`trimtab.db`, `blobs/`, `token` (mode 600), `address` ("HOST:PORT" while a server runs), `lock`,
    `reserve` (space for rollbacks), and unless they are kept elsewhere `audit.key` and `audit-heads.jsonl`.

    Raises:
        DataDirectoryInUse: another process holds the lock.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 64, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise DataDirectoryInUse(
                f"{root} is used by another server (process {holder or 'unknown'}): "
                "stop that one, or give this one its own --data-dir"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    @property
    def database(self) -> Path:
        return self.root / DATABASE

    @property
    def blobs(self) -> Path:
        return self.root / BLOBS

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def reserve(self) -> Path:
        return self.root / "reserve"

    @property
    def audit_key(self) -> Path:
        return self.root / AUDIT_KEY

    @property
    def audit_heads(self) -> Path:
        return self.root / AUDIT_HEADS

    def write_token(self, secret: str) -> None:
        """The admin token of the first start, readable by its owner alone."""
        self._write_private("token", secret + "\n")

    def write_address(self, address: str) -> None:
        """Where the running server listens, so that local clients find it."""
        self._write_private("address", address + "\n")

    def release(self) -> None:
        """Takes the address away and gives the lock back."""
        (self.root / "address").unlink(missing_ok=True)
        os.close(self._lock)

    def _write_private(self, name: str, content: str) -> None:
        temporary = self.root / f".{name}.tmp"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.root / name)
