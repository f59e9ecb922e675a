"""Tells watchers of cases what changed, by the head of the audit: nothing about a case changes without a record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from trimtab_server.api.workers import Workers
from trimtab_server.steering.case_reading import CaseView, case_view
from trimtab_server.store import audit, cases
from trimtab_server.store.database import Database

#: Between two looks at the head, which is one row of an index.
_SECONDS: Final = 1.0
#: Cases that are watched: the newest ones.
WATCHED: Final = 100


class CaseNews:
    """Also of what another process wrote: it is the store that is watched."""

    def __init__(self, database: Database, workers: Workers, seconds: float = _SECONDS) -> None:
        self._database = database
        self._workers = workers
        self._seconds = seconds

    async def changes(self, deployment: str) -> AsyncGenerator[Sequence[CaseView], None]:
        """First all that are watched, newest first (also if there are none); then those that look otherwise."""
        known: dict[str, CaseView] = {}
        head, first = "", True
        while True:
            now = await self._workers.read(self._head)
            if now != head:
                # Read after the head was: what came in between shows at the next look.
                views = await self._workers.read(self._views, deployment)
                changed = [view for view in views if known.get(view.record.id) != view]
                head, known = now, {view.record.id: view for view in views}
                if changed or first:
                    yield changed
                first = False
            await asyncio.sleep(self._seconds)

    def _head(self) -> str:
        with self._database.read() as connection:
            return audit.head(connection)[1]

    def _views(self, deployment: str) -> list[CaseView]:
        with self._database.read() as connection:
            found = cases.page(connection, deployment, limit=WATCHED)
            return [case_view(connection, record) for record in found]
