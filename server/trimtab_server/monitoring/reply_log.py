"""Writes what is kept of replies, in batches, and never while somebody waits for a reply."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from trimtab_server.store import replies, retention, rollouts
from trimtab_server.store.database import Database
from trimtab_server.store.replies import DAY, ReplyRecord

log = logging.getLogger("trimtab.monitoring")

_FLUSH_SECONDS: Final = 0.5
#: Replies that may wait for a disk that does not write; older ones are let go, and counted.
LONGEST_BACKLOG: Final = 10_000
_AT_ONCE: Final = 500

#: Writes replies to the store, in this order.
ReplyKeeper = Callable[[Sequence[ReplyRecord]], Awaitable[None]]


class ReplyLog:
    """Replies that wait to be written. Used on the event loop."""

    def __init__(
        self,
        keep: ReplyKeeper,
        *,
        written: Callable[[], Awaitable[None]] | None = None,
        backlog: int = LONGEST_BACKLOG,
    ) -> None:
        """`written`: awaited after each batch; what follows the stored replies looks at them then."""
        self._keep = keep
        self._written = written
        self._waiting: deque[ReplyRecord] = deque()
        self._backlog = backlog
        self._writing = asyncio.Lock()
        #: Replies that were never written.
        self.lost = 0

    def add(self, reply: ReplyRecord) -> None:
        """Takes no time: it only joins the queue."""
        self._waiting.append(reply)
        while len(self._waiting) > self._backlog:
            self._waiting.popleft()
            self.lost += 1

    async def flush(self) -> None:
        """Writes what waits; nothing is forgotten if that fails, and nothing is written twice if it is cancelled:
        what is under way goes on, and the next flush waits for it."""
        await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                try:
                    await self._keep(batch)
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise

    async def run(self) -> None:
        """Writes every half second until cancelled. A failing disk stops the writing, never the replies."""
        told = 0
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
                if self._written is not None:
                    await self._written()
            except Exception:
                log.exception("replies_not_written")
            if self.lost > told:
                log.error("replies_lost", extra={"facts": {"lost": self.lost}})
                told = self.lost


def keep_replies(database: Database, new: Sequence[ReplyRecord]) -> None:
    """Writes replies, with their text only where their deployment keeps it. Blocks."""
    with database.write() as connection:
        keeps_text = {
            deployment: retention.of(connection, deployment).text_days > 0
            for deployment in {reply.deployment for reply in new}
        }
        replies.add(
            connection, [reply if keeps_text[reply.deployment] else reply.without_text() for reply in new]
        )


def purge_old(database: Database, deployments: Sequence[str], time: int) -> None:
    """Deletes what each deployment has kept long enough, with an audit event for each purge. Blocks."""
    for deployment in deployments:
        with database.write() as connection:
            kept = retention.of(connection, deployment)
            replies.purge(connection, deployment, time - kept.reply_days * DAY, time)
            replies.purge_texts(connection, deployment, time - kept.text_days * DAY, time)
            rollouts.purge_observations(connection, deployment, time - kept.reply_days * DAY, time)
