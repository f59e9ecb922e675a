"""Runs the canary set again before the evidence about what is active gets old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from trimtab_server.store.failure import StorageFailure

log = logging.getLogger("trimtab.canary")

#: Seconds between two looks at the clock.
_EVERY: Final = 30.0
_HOUR: Final = 3_600 * 1_000_000_000


class Retrials:
    """hours: between two runs, 0 for none. last_run: when evidence about a deployment was last gathered, in UTC
    nanoseconds. begin: starts a run in the background with questions drawn by this seed; whether it did.
    """

    def __init__(
        self,
        deployments: Iterable[str],
        *,
        hours: float,
        last_run: Callable[[str], Awaitable[int]],
        begin: Callable[[str, int], bool],
        now: Callable[[], int],
        every_seconds: float = _EVERY,
    ) -> None:
        self._deployments = tuple(deployments)
        self._hours = hours
        self._last_run = last_run
        self._begin = begin
        self._now = now
        self._every = every_seconds

    async def run(self) -> None:
        """Until cancelled."""
        while self._hours:
            await asyncio.sleep(self._every)
            for deployment in self._deployments:
                try:
                    await self._look_at(deployment)
                except StorageFailure as failure:
                    log.error("retrial_not_begun", extra={"facts": {"error": str(failure)}})

    async def _look_at(self, deployment: str) -> None:
        now = self._now()
        age = (now - await self._last_run(deployment)) / _HOUR
        # A new draw each time: the same greedy answers again would show nothing.
        if age >= self._hours and self._begin(deployment, now // 1_000_000_000):
            log.info("retrial", extra={"facts": {"deployment": deployment, "hours": round(age, 2)}})
