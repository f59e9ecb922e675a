"""Holding statements out: the split of a contrast set whose file names none.

By statement, never by pair: two wordings of one statement on both sides of the split would let a direction
be tested on what it was made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from trimtab_vectors.extraction.contrast_set import Split

#: Share of the statements that is held out.
DEV_SHARE: Final = 0.2
SPLIT_SEED: Final = 0


def splits_by_statement(
    statement_ids: Iterable[str], *, seed: int = SPLIT_SEED, dev_share: float = DEV_SHARE
) -> dict[str, Split]:
    """Statement -> its split.

    Statements are ordered by SHA-256 of "seed, zero byte, statement"; the first `dev_share` of them, rounded,
    are "dev" (one at the least where there are two statements or more, and never all). The result depends on
    the set of statements alone, not on their order, nor on any library's random numbers.
    """
    if not 0.0 <= dev_share < 1.0:
        raise ValueError(f"dev_share is {dev_share}; a share from 0 to below 1 is expected")
    statements = sorted(set(statement_ids), key=lambda statement: _draw(seed, statement))
    held_out = min(max(round(dev_share * len(statements)), int(dev_share > 0)), len(statements) - 1)
    return {s: "dev" if index < held_out else "train" for index, s in enumerate(statements)}


def _draw(seed: int, statement: str) -> str:
    return hashlib.sha256(f"{seed}\0{statement}".encode()).hexdigest()
