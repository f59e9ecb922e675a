"""The key under which session ids are hashed before they are kept: without it, a stored hash leads nowhere.

It stands in the data directory and not in the database, so that a copied database does not hold both.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from trimtab_server.store.durable import flush_directory

_NAME: Final = "session.key"
_BYTES: Final = 32


class SessionKey:
    """Hashes session ids: the same session gives the same hash, in this data directory alone."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _BYTES:
            raise ValueError(f"the session key has {len(key)} bytes; {_BYTES} are expected")
        self._key = key

    @classmethod
    def at(cls, data_directory: Path) -> SessionKey:
        """Reads the key, or makes one for its owner alone."""
        path = data_directory / _NAME
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            flush_directory(data_directory)
        return cls(path.read_bytes())

    def hash(self, session: str) -> str:
        """32 hexadecimal digits of HMAC-SHA256; "" for no session."""
        return hmac.digest(self._key, session.encode(), "sha256").hex()[:32] if session else ""
