"""What the gate needs now and then: tokens changed elsewhere, and refused logins put into the audit."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from trimtab_server.api.registration import Gate
from trimtab_server.api.workers import Workers
from trimtab_server.settings import ServeSettings
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER

log = logging.getLogger("trimtab.watchman")

_LONGEST_PAUSE: Final = 1.0


class Watchman:
    """One task for as long as the server runs; a store that cannot be read or written does not end it."""

    def __init__(self, gate: Gate, database: Database, workers: Workers, settings: ServeSettings) -> None:
        self._gate = gate
        self._database = database
        self._workers = workers
        self._refresh_seconds = settings.token_refresh_seconds
        self._batch_seconds = settings.refused_login_batch_seconds

    async def run(self) -> None:
        refreshed = recorded = time.monotonic()
        while True:
            await asyncio.sleep(min(self._refresh_seconds, self._batch_seconds, _LONGEST_PAUSE))
            now = time.monotonic()
            try:
                if now - refreshed >= self._refresh_seconds:
                    refreshed = now
                    await self._workers.read(self._gate.authenticator.reload)
                if now - recorded >= self._batch_seconds:
                    recorded = now
                    await self.record()
            except Exception:
                log.exception("watch_failed")

    async def record(self) -> None:
        """Writes what was refused since the last time, as one audit record."""
        now = self._gate.now()
        batch = self._gate.refused_logins.take(now)
        if batch is None:
            return
        # Said here too, in case the store does not take it.
        log.warning("logins_refused", extra={"facts": batch.details})
        await self._workers.change(self._append, now, batch.details)

    def _append(self, time: int, details: dict[str, object]) -> None:
        with self._database.write() as connection:
            audit.append(
                connection,
                time=time,
                origin=SERVER,
                action="token.refused",
                subject="tokens",
                details=details,
            )
