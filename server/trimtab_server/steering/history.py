"""Where a rollback leads, read from the revisions alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trimtab_server.store.deployments import RevisionRecord

#: A snapshot that one of the last revisions had is gone back to without an analysis: its evidence is fresh.
ROLLBACK_WINDOW: Final = 3


def within_window(history: Sequence[RevisionRecord], snapshot: str) -> bool:
    """Whether one of the last `ROLLBACK_WINDOW` revisions had this snapshot."""
    return any(revision.snapshot == snapshot for revision in history[-ROLLBACK_WINDOW:])


def in_effect(history: Sequence[RevisionRecord]) -> list[RevisionRecord]:
    """The revisions that no rollback undid, oldest first; the last one has the active snapshot.

    An activation adds to them; a rollback takes away everything that came after the revision it returned to.
    So a second rollback goes further back instead of redoing what the first one undid.
    """
    standing: list[RevisionRecord] = []
    for revision in history:
        if revision.kind == "rollback" and any(one.snapshot == revision.snapshot for one in standing):
            while standing[-1].snapshot != revision.snapshot:
                standing.pop()
        else:
            # Returning on purpose to something that was undone before is like activating it.
            standing.append(revision)
    return standing


def rollback_target(history: Sequence[RevisionRecord]) -> RevisionRecord | None:
    """The last revision that was not rolled back and whose snapshot is not the active one."""
    standing = in_effect(history)
    active = standing[-1].snapshot
    return next((revision for revision in reversed(standing) if revision.snapshot != active), None)
