"""The way of one stream from the network thread to the GUI thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from trimtab_gui.bridge.failure import Failure

T = TypeVar("T")


@dataclass(frozen=True)
class Ended:
    """The last thing a port carries."""

    failure: Failure | None


@dataclass(frozen=True)
class _Place(Generic[T]):
    """An item with its number in the order of coming."""

    number: int
    item: T


class Port(Generic[T]):
    """A bounded queue between the threads.

    When it is full, the oldest item that `droppable` lets go is dropped (plots: only the newest samples matter).
    Where there is none, or `droppable` is None (chat: nothing may be lost), the network side waits, which gRPC's
    flow control passes on to the server.
    """

    def __init__(
        self,
        received: Callable[[list[T]], None],
        ended: Callable[[Failure | None], None],
        *,
        capacity: int,
        droppable: Callable[[T], bool] | None = None,
        wake: Callable[[Callable[[], None]], None],
    ) -> None:
        self._received: Callable[[list[T]], None] | None = received
        self._ended: Callable[[Failure | None], None] | None = ended
        # Apart, so that the oldest that may go is found at once; the numbers bring them back into one order.
        self._kept: deque[_Place[T]] = deque()
        self._loose: deque[_Place[T]] = deque()
        self._lock = Lock()
        self._put = 0
        self._end: Ended | None = None
        self._capacity = capacity
        self._droppable = droppable
        self._room = asyncio.Event()
        self._wake = wake
        self.dropped = 0

    async def put(self, item: T) -> None:
        """Network thread: hands one item over, waiting while the port is full of what may not be dropped."""
        loose = self._droppable is not None and self._droppable(item)
        while not self._take(item, loose):
            await self._room.wait()

    def _take(self, item: T, loose: bool) -> bool:
        """Whether there was room, or nothing lost by dropping."""
        with self._lock:
            if self._is_full:
                if not (self._loose or loose):
                    self._room.clear()
                    return False
                self.dropped += 1
                if not self._loose:
                    return True
                self._loose.popleft()
            (self._loose if loose else self._kept).append(_Place(self._put, item))
            self._put += 1
            return True

    @property
    def _is_full(self) -> bool:
        return len(self._kept) + len(self._loose) >= self._capacity

    def end(self, failure: Failure | None) -> None:
        """Network thread: nothing follows."""
        self._end = Ended(failure)

    def flush(self, limit: int) -> int:
        """GUI thread: delivers at most `limit` items in one call; returns how many."""
        # The end is read first: whatever was put before it is then already in the queue.
        end = self._end
        with self._lock:
            was_full = self._is_full
            batch = [self._pop() for _ in range(min(limit, len(self._kept) + len(self._loose)))]
            is_empty = not (self._kept or self._loose)
        if was_full:
            self._wake(self._room.set)
        if batch and self._received is not None:
            self._received(batch)
        if end is not None and is_empty and self._ended is not None:
            ended, self._received, self._ended = self._ended, None, None
            ended(end.failure)
        return len(batch)

    def _pop(self) -> T:
        """The oldest item of both kinds."""
        kept, loose = self._kept, self._loose
        from_kept = bool(kept) and (not loose or kept[0].number < loose[0].number)
        return (kept if from_kept else loose).popleft().item

    def discard(self) -> None:
        """GUI thread: delivers nothing more."""
        self._received = None
        self._ended = None
        with self._lock:
            self._kept.clear()
            self._loose.clear()
        self._wake(self._room.set)

    @property
    def is_closed(self) -> bool:
        return self._ended is None
