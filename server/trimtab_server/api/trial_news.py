"""Who watches trials, and what they are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trimtab_server.store.trials import NumberedRow

#: Rows that a watcher may leave unread; one that is slower reads all of them from the store again.
_LONGEST_BACKLOG: Final = 4_096


@dataclass
class Watch:
    """What one watcher has not heard yet. `lost`: rows were dropped for it."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    rows: list[NumberedRow] = field(default_factory=list)
    changed: bool = False
    lost: bool = False

    def take(self) -> News:
        news = News(tuple(self.rows), self.changed, self.lost)
        self.rows, self.changed, self.lost = [], False, False
        self.ready.clear()
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


async def hear(watch: Watch) -> AsyncGenerator[News, None]:
    """What comes, together if it comes while nobody asks."""
    while True:
        await watch.ready.wait()
        yield watch.take()
