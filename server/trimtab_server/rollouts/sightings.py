"""What has been counted already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


class Sightings:
    """A set of keys, kept as short digests: no session id or prompt id is stored in a judge's state."""

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._seen = set(digests)

    def is_new(self, *key: object) -> bool:
        """Whether this key is seen for the first time; it is seen from now on."""
        text = "\x1f".join(str(part) for part in key)
        digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
        new = digest not in self._seen
        self._seen.add(digest)
        return new

    def state(self) -> list[str]:
        return sorted(self._seen)
