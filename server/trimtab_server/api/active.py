"""What is active now, in memory: read by every request, replaced whole after each commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cached_property

from trimtab_server.steering.creation import configuration_of
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store import deployments, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord, RevisionRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.snapshots import SnapshotRecord


@dataclass(frozen=True)
class Active:
    """One immutable view: a request that took it sees one snapshot to its end."""

    deployment: DeploymentRecord
    revision: RevisionRecord
    snapshot: SnapshotRecord

    @cached_property
    def configuration(self) -> Configuration:
        """Read when it is needed: a pointer to a damaged snapshot can still be moved away from it.

        Raises:
            SnapshotDamaged: the row no longer has the hash that names it.
        """
        return configuration_of(self.snapshot)


class ActivePointers:
    """The active revision of each deployment. Used on the event loop only, `read` apart."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._active: dict[str, Active] = {}
        self._changed = asyncio.Event()

    def read(self, deployment: str) -> Active:
        """From the store. Raises: Refusal: DEPLOYMENT_NOT_FOUND."""
        with self._database.read() as connection:
            found = deployments.find(connection, deployment)
            if found is None:
                raise _unknown(deployment)
            revision = deployments.find_revision(connection, deployment, found.revision)
            assert revision is not None, "the pointer names a revision"
            snapshot = snapshots.find(connection, revision.snapshot)
            assert snapshot is not None, "a revision names a snapshot"
        return Active(found, revision, snapshot)

    def names(self) -> list[str]:
        """Of all deployments, from the store."""
        with self._database.read() as connection:
            return [deployment.name for deployment in deployments.all_of(connection)]

    def current(self, deployment: str) -> Active:
        """Raises: Refusal: DEPLOYMENT_NOT_FOUND."""
        active = self._active.get(deployment)
        if active is None:
            raise _unknown(deployment)
        return active

    def replace(self, active: Active) -> bool:
        """Makes it what requests get; returns whether it did: an older one never replaces a newer one."""
        held = self._active.get(active.deployment.name)
        if held is not None and held.revision.number >= active.revision.number:
            return False
        self._active[active.deployment.name] = active
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    @property
    def news(self) -> asyncio.Event:
        """Set with the next change. Take it before looking at what is current, so that none is missed."""
        return self._changed

    async def watch(self, deployment: str) -> AsyncGenerator[Active, None]:
        """The current one at once, then the newest whenever there is a newer one."""
        seen = 0
        while True:
            changed = self._changed
            active = self.current(deployment)
            if active.revision.number > seen:
                seen = active.revision.number
                yield active
            else:
                await changed.wait()


def _unknown(deployment: str) -> Refusal:
    return Refusal("DEPLOYMENT_NOT_FOUND", field="deployment", deployment=f"deployments/{deployment}")
