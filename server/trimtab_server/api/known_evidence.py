"""How fresh the evidence is, in memory, so that asking for a deployment waits for no store and no hash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from trimtab_server.api.active import ActivePointers
from trimtab_server.api.workers import Workers
from trimtab_server.engine.errors import EngineError
from trimtab_server.steering.creation import SnapshotDamaged
from trimtab_server.steering.freshness import Freshness, freshness
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure

log = logging.getLogger("trimtab.monitoring")

_EVERY: Final = 30.0
_UNKNOWN: Final = Freshness(0, 0, ("the evidence has not been looked at yet",))


class KnownEvidence:
    """Used on the event loop. stage_digest: stage name -> hash of its weights; may take its time."""

    def __init__(
        self,
        deployments: Iterable[str],
        *,
        database: Database,
        workers: Workers,
        active: ActivePointers,
        stage_digest: Callable[[str], str],
        has_canary_set: bool,
        stale_after_hours: float,
        now: Callable[[], int],
    ) -> None:
        self._known = dict.fromkeys(deployments, _UNKNOWN)
        self._database = database
        self._workers = workers
        self._active = active
        self._stage_digest = stage_digest
        self._has_canary_set = has_canary_set
        self._stale_after_hours = stale_after_hours
        self._now = now
        self._wake = asyncio.Event()

    def current(self, deployment: str) -> Freshness:
        """As it was known at the last look."""
        return self._known.get(deployment, _UNKNOWN)

    def look_again(self) -> None:
        """Soon: something has changed."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            for deployment in self._known:
                await self._look(deployment)
            try:
                async with asyncio.timeout(_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self, deployment: str) -> None:
        try:
            stage = self._active.current(deployment).configuration.steering.stage
            self._known[deployment] = await self._workers.read(self._read, deployment, stage)
        except (StorageFailure, EngineError, SnapshotDamaged) as error:
            log.error("evidence_not_read", extra={"facts": {"error": str(error)}})
            self._known[deployment] = Freshness(0, 0, (f"the evidence could not be read: {error}",))

    def _read(self, deployment: str, stage: str) -> Freshness:
        # Hashing weights takes its time: not while the store is held.
        digest = self._stage_digest(stage)
        with self._database.read() as connection:
            return freshness(
                connection,
                deployment,
                stage_digest=digest,
                has_canary_set=self._has_canary_set,
                stale_after_hours=self._stale_after_hours,
                now=self._now(),
            )
