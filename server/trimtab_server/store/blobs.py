"""Immutable files named by the hash of their content."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from trimtab_server.store.canonical_json import sha256_hex

_TEMPORARY = ".tmp-"


class BlobDamaged(Exception):
    """A blob is missing or its content no longer has the hash that names it."""

    reason = "BLOB_DAMAGED"

    def __init__(self, digest: str, found: str) -> None:
        self.metadata = {"blob": digest, "found": found}
        super().__init__(
            f"blob {digest} is {found}: restore it from a backup of the data directory, "
            "or import the vector again"
        )


class BlobStore:
    """`ROOT/sha256/ab/<hex>`, mode 0444.

    A blob is complete or absent, whatever the moment of a crash: its bytes go to a temporary file that is
    flushed to disk before it gets its name, and the directory is flushed before `put` returns. Callers write
    the database row after that, so a row never names a blob that a crash can take away.
    """

    def __init__(self, root: Path) -> None:
        self._root = root / "sha256"
        self._root.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the blob lies. Only digests become paths; anything else is refused."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError(f"{digest!r} is no SHA-256 digest: expected 64 lower-case hexadecimal digits")
        return self._root / digest[:2] / digest

    def put(self, content: bytes) -> str:
        """Stores the content durably and returns its digest; content already held is not written again."""
        digest = sha256_hex(content)
        path = self.path(digest)
        if path.exists() and _digest_of(path) == digest:
            return digest
        directory = path.parent
        if not directory.exists():
            directory.mkdir(exist_ok=True)
            _flush_directory(self._root)
        temporary = directory / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            _write_durably(temporary, content)
            os.replace(temporary, path)  # noqa: PTH105 (the tests fail each system call in turn)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_directory(directory)
        return digest

    def get(self, digest: str) -> bytes:
        """The content, checked against its name.

        Raises:
            BlobDamaged: the file is missing or was changed.
        """
        try:
            content = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise BlobDamaged(digest, "missing") from None
        if sha256_hex(content) != digest:
            raise BlobDamaged(digest, "changed")
        return content

    def delete(self, digest: str) -> None:
        """Removes the blob; deleting what is not there is no error."""
        path = self.path(digest)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _flush_directory(path.parent)

    def remove_leftovers(self) -> int:
        """Removes the temporary files of writes that never ended; returns how many there were."""
        leftovers = list(self._root.glob(f"*/{_TEMPORARY}*"))
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)


def _digest_of(path: Path) -> str:
    return sha256_hex(path.read_bytes())


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
