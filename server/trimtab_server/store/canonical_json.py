"""One byte sequence per value, so that hashes over it can be repeated by anybody."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces, UTF-8 text unescaped, floats as Python's shortest repr.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON has no form for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_hex(text: str | bytes) -> str:
    """64 lower-case hexadecimal digits; text is hashed as UTF-8."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()
