"""Which rollout is in force, in memory: read by every request, changed after each commit and before it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from trimtab_server.steering.creation import configuration_of, find
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store import rollouts
from trimtab_server.store.database import Database
from trimtab_server.store.rollouts import RolloutRecord


@dataclass(frozen=True)
class InForce:
    """One immutable view of a running or paused rollout."""

    record: RolloutRecord
    stable: Configuration
    candidate: Configuration


class RolloutPointers:
    """The rollout in force of each deployment. Used on the event loop only, `read` apart.

    Nothing here can give a rollout that ended its traffic back: an end is final, in whatever order news of it
    and of earlier changes arrive.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_force: dict[str, InForce] = {}
        self._ended: set[str] = set()
        self._changed = asyncio.Event()

    def read(self, deployment: str) -> InForce | None:
        """From the store. Blocks."""
        with self._database.read() as connection:
            record = rollouts.running(connection, deployment)
            if record is None:
                return None
            stable = configuration_of(find(connection, record.stable_snapshot))
            candidate = configuration_of(find(connection, record.candidate_snapshot))
        return InForce(record, stable, candidate)

    def current(self, deployment: str) -> InForce | None:
        """What requests of this deployment go by now."""
        return self._in_force.get(deployment)

    def take(self, news: InForce) -> bool:
        """A rollout as the store has it; whether it was taken: what is older than what is held is refused."""
        record = news.record
        if not record.in_force:
            return self.withdraw(record.deployment, record.id)
        if record.id in self._ended:
            return False
        held = self._in_force.get(record.deployment)
        if held is not None and held.record.id == record.id and _age(held.record) > _age(record):
            return False
        self._in_force[record.deployment] = news
        self._tell()
        return True

    def follow(self, record: RolloutRecord) -> bool:
        """As `take`, for a rollout whose snapshots are held already; False if they are not."""
        held = self._in_force.get(record.deployment)
        if not record.in_force:
            return self.withdraw(record.deployment, record.id)
        if held is None or held.record.id != record.id:
            return False
        return self.take(replace(held, record=record))

    def withdraw(self, deployment: str, rollout: str = "") -> bool:
        """From now on nobody gets its candidate, whatever the store says; "" for the one in force.

        Waits for nothing: no store, no lock, no queue. Returns whether it was in force here.
        """
        held = self._in_force.get(deployment)
        if rollout:
            self._ended.add(rollout)
        if held is None or (rollout and held.record.id != rollout):
            return False
        self._ended.add(held.record.id)
        del self._in_force[deployment]
        self._tell()
        return True

    @property
    def news(self) -> asyncio.Event:
        """Set with the next change. Take it before looking at what is current, so that none is missed."""
        return self._changed

    async def changed(self) -> None:
        """Until something changes."""
        await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _age(record: RolloutRecord) -> tuple[int, int, int]:
    """Grows with every change that matters here: steps never go back, nor do the times of changes."""
    return record.step, record.step_time, record.look_count
