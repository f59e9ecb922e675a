"""Immutable files named by the hash of their content."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.durable import flush_directory, write_durably
from trimtab_server.store.failure import StorageFailure

_TEMPORARY: Final = ".tmp-"

#: Age in seconds from which a blob that no row names may be removed: far longer than any write takes.
ORPHAN_SECONDS: Final = 24 * 3_600.0


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
        # Held while a blob is put and while an orphan is removed, so that no put relies on what goes away.
        self._lock = threading.Lock()

    def path(self, digest: str) -> Path:
        """Where the blob lies. Only digests become paths; anything else is refused."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError(f"{digest!r} is no SHA-256 digest: expected 64 lower-case hexadecimal digits")
        return self._root / digest[:2] / digest

    def put(self, content: bytes) -> str:
        """Stores the content durably and returns its digest; content already held is not written again.

        Raises:
            StorageFailure: it could not be written; the blob is absent, or was there before.
        """
        digest = sha256_hex(content)
        try:
            with self._lock:
                self._put(self.path(digest), content)
        except OSError as error:
            raise StorageFailure.of_file(error) from error
        return digest

    def _put(self, path: Path, content: bytes) -> None:
        directory = path.parent
        directory.mkdir(exist_ok=True)
        if not path.exists() or _digest_of(path) != path.name:
            temporary = directory / f"{_TEMPORARY}{secrets.token_hex(8)}"
            try:
                write_durably(temporary, content, 0o444)
                os.replace(temporary, path)  # noqa: PTH105 (the tests fail each system call in turn)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        else:
            # Young again, so that it is not taken for an orphan before its row is written.
            os.utime(path)
        # Also for what was there before: whoever put it may have failed between the name and this.
        flush_directory(directory)
        flush_directory(self._root)

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
            flush_directory(path.parent)

    def digests(self) -> Iterator[str]:
        """Of every blob on disk."""
        for path in sorted(self._root.glob("??/*")):
            if not path.name.startswith("."):
                yield path.name

    def remove_leftovers(self) -> int:
        """Removes the temporary files of writes that never ended; returns how many there were.

        To be called before the first `put`: it cannot tell them from those of a write that goes on.
        """
        leftovers = list(self._root.glob(f"*/{_TEMPORARY}*"))
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)

    def collect_orphans(
        self, is_named: Callable[[str], bool], now: float, older_than: float = ORPHAN_SECONDS
    ) -> list[str]:
        """Removes blobs that no row names and nobody has put for a day; returns their digests.

        Args:
            is_named: whether the store has a row of this digest.
            now, older_than: seconds.
        """
        removed = []
        for digest in list(self.digests()):
            path = self.path(digest)
            # Asked first: whoever puts it after that makes it young, and then its row.
            if is_named(digest):
                continue
            with self._lock:
                if path.exists() and now - path.stat().st_mtime >= older_than:
                    path.unlink()
                    removed.append(digest)
        return removed


def _digest_of(path: Path) -> str:
    return sha256_hex(path.read_bytes())
