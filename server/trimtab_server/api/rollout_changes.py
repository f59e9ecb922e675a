"""Every change of a rollout on its way: into the store, then into memory, then to whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.workers import Workers
from trimtab_server.control.pointers import InForce, RolloutPointers
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.rollouts import CREATED, PROMOTED, RolloutRecord

#: A stop that the store has not confirmed by then takes effect in memory first.
_PATIENCE: Final = 0.25


class RolloutChanges:
    """Used on the event loop only. The servicer and the controller change rollouts through here."""

    def __init__(
        self,
        *,
        workers: Workers,
        active: ActivePointers,
        pointers: RolloutPointers,
        activated: Callable[[Active], None],
    ) -> None:
        self._workers = workers
        self._active = active
        self._pointers = pointers
        self._activated = activated
        self._news = asyncio.Event()
        self._versions: dict[str, int] = {}

    async def make(self, change: Callable[[], RolloutRecord]) -> RolloutRecord:
        """Runs a step of `steering.rollout_steps` or a look, to its end also if the caller goes away.

        Raises:
            Refusal, StorageFailure: as the step does; nothing was changed.
        """
        return await self._workers.to_the_end(self._through(self._workers.change(change)))

    async def hold(self, change: Callable[[], RolloutRecord]) -> RolloutRecord:
        """The same on the thread of rollbacks, which nothing else delays: for a pause."""
        return await self._workers.to_the_end(self._through(self._workers.control(change)))

    async def stop(self, deployment: str, rollout: str, change: Callable[[], RolloutRecord]) -> RolloutRecord:
        """The same for an abort: nobody gets the candidate any more after a quarter of a second, whatever the
        store does, and if it fails.

        Raises:
            Refusal: as the step does.
            StorageFailure: the candidate gets nothing until the next start of the server; the abort has to be
                repeated to last.
        """
        return await self._workers.to_the_end(self._stop(deployment, rollout, change))

    async def refresh(self, deployment: str) -> None:
        """Takes over what the store has in force. Raises: StorageFailure."""
        held = self._pointers.current(deployment)
        self.take_over(deployment, held, await self._workers.read(self._pointers.read, deployment))

    def take_over(self, deployment: str, held: InForce | None, stored: InForce | None) -> None:
        """Makes memory say what the store said after `held` was looked at, as a rollback leaves it."""
        if stored is not None and (held is None or stored.record != held.record):
            self._pointers.take(stored)
            self.announce(stored.record.id)
        if held is not None and (stored is None or stored.record.id != held.record.id):
            self._pointers.withdraw(deployment, held.record.id)
            self.announce(held.record.id)

    def announce(self, rollout: str) -> None:
        """Wakes whoever watches it."""
        self._versions[rollout] = self._versions.get(rollout, 0) + 1
        self._news.set()
        self._news = asyncio.Event()

    async def watch(self, rollout: str) -> AsyncGenerator[None, None]:
        """Yields at once, then after every announcement; what came while nobody asked is one."""
        seen = -1
        while True:
            news = self._news
            version = self._versions.get(rollout, 0)
            if version != seen:
                seen = version
                yield
            else:
                await news.wait()

    async def _through(self, changing: Awaitable[RolloutRecord]) -> RolloutRecord:
        record = await changing
        if record.state == PROMOTED:
            active = await self._workers.control(self._active.read, record.deployment)
            # No await between the two: no request sees a candidate's share of what is active already.
            moved = self._active.replace(active)
            self._pointers.withdraw(record.deployment, record.id)
            if moved:
                self._activated(active)
        elif record.in_force and not self._pointers.follow(record):
            in_force = await self._workers.control(self._pointers.read, record.deployment)
            if in_force is not None:
                self._pointers.take(in_force)
        elif not record.in_force and record.state != CREATED:
            self._pointers.withdraw(record.deployment, record.id)
        self.announce(record.id)
        return record

    async def _stop(
        self, deployment: str, rollout: str, change: Callable[[], RolloutRecord]
    ) -> RolloutRecord:
        task = asyncio.ensure_future(self._through(self._workers.control(change)))
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        if not done:
            self._pointers.withdraw(deployment, rollout)
        try:
            return await task
        except StorageFailure:
            self._pointers.withdraw(deployment, rollout)
            raise
