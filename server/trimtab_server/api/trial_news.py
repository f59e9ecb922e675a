"""Who watches trials, and what they are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trimtab_server.store.trials import NumberedRow

#: Rows that a watcher may leave unread; one that is slower reads all of them from the store again.
_LONGEST_BACKLOG: Final = 4_096


@dataclass
class Watch:
    """What one watcher has not heard yet; what comes while nobody asks is taken together."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    rows: list[NumberedRow] = field(default_factory=list)
    changed: bool = False
    lost: bool = False

    async def news(self) -> None:
        """Waits for something to be said after the last wait ended."""
        await self.ready.wait()
        self.ready.clear()

    def take(self) -> News:
        news = News(tuple(self.rows), self.changed, self.lost)
        self.rows, self.changed, self.lost = [], False, False
        return news


@dataclass(frozen=True)
class News:
    """rows: new ones. changed: the trial itself. lost: rows are missing among these."""

    rows: tuple[NumberedRow, ...]
    changed: bool
    lost: bool


class TrialNews:
    """Used on the event loop only."""

    def __init__(self) -> None:
        self._watches: dict[str, list[Watch]] = {}

    def announce(self, trial: str, rows: Sequence[NumberedRow] = (), *, changed: bool = False) -> None:
        """Rows that were kept, or a change of the trial's own state."""
        for watch in self._watches.get(trial, ()):
            watch.rows += rows
            watch.changed |= changed
            if len(watch.rows) > _LONGEST_BACKLOG:
                watch.rows, watch.lost = [], True
            watch.ready.set()

    @contextlib.contextmanager
    def watch(self, trial: str) -> Iterator[Watch]:
        watch = Watch()
        self._watches.setdefault(trial, []).append(watch)
        try:
            yield watch
        finally:
            self._watches[trial].remove(watch)
            if not self._watches[trial]:
                del self._watches[trial]
