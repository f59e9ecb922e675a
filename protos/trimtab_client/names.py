"""Resource names: "vectors/{sha256}", "snapshots/{sha256}", "deployments/{deployment}", ..."""

from __future__ import annotations

from typing import Final

DEFAULT_DEPLOYMENT: Final = "deployments/default"


def qualified(collection: str, name: str) -> str:
    """Put the collection before a bare id: `qualified("vectors", "ab12")` is "vectors/ab12".

    A name that has it already, and an empty one, stay as they are.
    """
    return name if not name or name.startswith(f"{collection}/") else f"{collection}/{name}"


def bare(name: str) -> str:
    """The last part of a resource name: "stage-07" of "models/desk/stages/stage-07"."""
    return name.rpartition("/")[2]


def abbreviated(name: str) -> str:
    """A short form for people: the id of a content-addressed name cut to 12 digits."""
    identity = bare(name)
    is_hash = len(identity) == 64 and all(c in "0123456789abcdef" for c in identity)
    return identity[:12] if is_hash else identity
