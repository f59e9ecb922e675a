"""The way of one stream from the network thread to the GUI thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from trimtab_gui.bridge.failure import Failure

T = TypeVar("T")


@dataclass(frozen=True)
class Ended:
    """The last thing a port carries."""

    failure: Failure | None


class Port(Generic[T]):
    """A bounded queue between the threads.

    When it is full, either the oldest item is dropped (plots: only the newest matters) or the network side waits
    (chat: nothing may be lost), which gRPC's flow control passes on to the server.
    """

    def __init__(
        self,
        received: Callable[[list[T]], None],
        ended: Callable[[Failure | None], None],
        *,
        capacity: int,
        drop_oldest: bool,
        wake: Callable[[Callable[[], None]], None],
    ) -> None:
        self._received: Callable[[list[T]], None] | None = received
        self._ended: Callable[[Failure | None], None] | None = ended
        self._items: deque[T] = deque()
        self._end: Ended | None = None
        self._capacity = capacity
        self._drop_oldest = drop_oldest
        self._room = asyncio.Event()
        self._wake = wake
        self.dropped = 0

    async def put(self, item: T) -> None:
        """Network thread: hands one item over, waiting while the port is full."""
        if self._drop_oldest:
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
        else:
            while len(self._items) >= self._capacity:
                self._room.clear()
                if len(self._items) < self._capacity:
                    break
                await self._room.wait()
        self._items.append(item)

    def end(self, failure: Failure | None) -> None:
        """Network thread: nothing follows."""
        self._end = Ended(failure)

    def flush(self, limit: int) -> int:
        """GUI thread: delivers at most `limit` items in one call; returns how many."""
        # The end is read first: whatever was put before it is then already in the queue.
        end = self._end
        was_full = len(self._items) >= self._capacity
        batch: list[T] = []
        while self._items and len(batch) < limit:
            batch.append(self._items.popleft())
        if was_full and not self._drop_oldest:
            self._wake(self._room.set)
        if batch and self._received is not None:
            self._received(batch)
        if end is not None and not self._items and self._ended is not None:
            ended, self._received, self._ended = self._ended, None, None
            ended(end.failure)
        return len(batch)

    def discard(self) -> None:
        """GUI thread: delivers nothing more."""
        self._received = None
        self._ended = None
        self._items.clear()
        self._wake(self._room.set)

    @property
    def is_closed(self) -> bool:
        return self._ended is None
