"""Follows the stored replies of a deployment's active revision, and keeps the evidence over restarts.

Evidence is a function of the rows in `replies`, in their order: what is looked at has been written, so a server
that is killed comes back with what it had. A checkpoint saves reading everything again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from trimtab_server.monitoring.drift import DriftMonitor, DriftSettings, Raised
from trimtab_server.steering.creation import configuration_of
from trimtab_server.store import deployments, references, replies, snapshots
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.references import DriftStateRecord, ReferenceChanged, ReferenceRecord

log = logging.getLogger("trimtab.drift")

#: Replies after which the evidence is written again.
_CHECKPOINT: Final = 500
#: How a reply ended that says something of the model: not one that a caller or a rollback cut off.
WHOLE: Final = frozenset({"stop", "length"})
_AT_A_TIME: Final = 200


@dataclass(frozen=True)
class DriftAlarm:
    """A signal no longer looks like its reference (`raised`), or a new revision cleared that."""

    deployment: str
    revision: int
    snapshot: str
    reference: str
    found: Raised
    raised: bool
    time: int

    @property
    def text(self) -> str:
        """One plain sentence."""
        name = self.found.signal.replace("_", " ")
        if not self.raised:
            return f"{name}: revision {self.revision} is no longer active, its drift alarm is over"
        return (
            f"{name} of revision {self.revision} no longer looks like its reference ({self.found.finding}, "
            f"{self.found.count} values)"
        )


@dataclass
class _Followed:
    """The revision that is followed, and how far."""

    revision: int
    snapshot: str
    stage_digest: str
    reference: ReferenceRecord | None = None
    monitor: DriftMonitor | None = None
    number: int = 0
    unsaved: int = 0


class DriftWatch:
    """The drift of one deployment. `look` blocks; call it from one thread at a time.

    stage_digest: stage name -> hash of its weights now. hear: told of each alarm, raised or over.
    """

    def __init__(
        self,
        database: Database,
        deployment: str,
        *,
        stage_digest: Callable[[str], str],
        hear: Callable[[DriftAlarm], None],
        now: Callable[[], int],
        settings: DriftSettings | None = None,
    ) -> None:
        self._database = database
        self._deployment = deployment
        self._stage_digest = stage_digest
        self._hear = hear
        self._now = now
        self._settings = settings or DriftSettings()
        self._followed: _Followed | None = None
        self._warned = ""

    @property
    def standing(self) -> tuple[DriftAlarm, ...]:
        """Alarms of the active revision."""
        followed = self._followed
        if followed is None or followed.monitor is None:
            return ()
        return tuple(self._alarm(followed, found, raised=True) for found in followed.monitor.standing)

    @property
    def monitor(self) -> DriftMonitor | None:
        """None while there is no reference for what is active."""
        return None if self._followed is None else self._followed.monitor

    def look(self) -> list[DriftAlarm]:
        """Takes the replies that were written since; returns, and tells, the alarms raised and over.

        What stood when the evidence was taken up is told too.
        """
        over = self._follow()
        raised = self._take()
        followed = self._followed
        if followed is not None and (raised or followed.unsaved >= _CHECKPOINT):
            self.save()
        for alarm in (*over, *raised):
            self._hear(alarm)
        return [*over, *raised]

    def save(self) -> None:
        """Writes the evidence. `look` does, when it matters; call it before a planned end."""
        followed = self._followed
        if followed is None or followed.monitor is None or followed.reference is None:
            return
        record = DriftStateRecord(
            self._deployment,
            followed.revision,
            followed.reference.id,
            followed.number,
            canonical_json(followed.monitor.state()),
            self._now(),
        )
        with self._database.write() as connection:
            references.save_state(connection, record)
        followed.unsaved = 0

    def _follow(self) -> list[DriftAlarm]:
        """Turns to the active revision, and to a newer reference of it unless an alarm stands."""
        with self._database.read() as connection:
            deployment = deployments.find(connection, self._deployment)
        if deployment is None:
            return []
        earlier = self._followed
        if earlier is None or earlier.revision != deployment.revision:
            over = [] if earlier is None else [self._over(alarm) for alarm in self.standing]
            self._followed = self._opened(deployment.revision)
            # Whoever listens is as new as this process: what was raised before it still stands.
            for alarm in self.standing:
                self._hear(alarm)
            return over
        if earlier.monitor is None or not earlier.monitor.standing:
            with self._database.read() as connection:
                newest = self._newest_reference(connection, earlier)
                if newest is not None and (earlier.reference is None or newest.id != earlier.reference.id):
                    self._begin(connection, earlier, newest)
        return []

    def _opened(self, number: int) -> _Followed:
        with self._database.read() as connection:
            revision = deployments.find_revision(connection, self._deployment, number)
            assert revision is not None, "the pointer names a revision"
            snapshot = snapshots.find(connection, revision.snapshot)
            assert snapshot is not None, "a revision names a snapshot"
        # Hashing weights takes its time: not while the store is held.
        digest = self._stage_digest(configuration_of(snapshot).steering.stage)
        followed = _Followed(number, snapshot.id, digest)
        with self._database.read() as connection:
            state = references.state_of(connection, self._deployment, number)
            if state is None or not self._restored(connection, followed, state):
                newest = self._newest_reference(connection, followed)
                if newest is not None:
                    self._begin(connection, followed, newest)
        return followed

    def _restored(self, connection: Connection, followed: _Followed, state: DriftStateRecord) -> bool:
        """Whether the kept evidence could be taken up. Not against new weights: they are another model."""
        try:
            reference = references.find(connection, state.reference)
            if reference is None or reference.stale(followed.snapshot, followed.stage_digest):
                return False
            followed.monitor = DriftMonitor.from_state(reference.values, json.loads(state.state))
        except (ReferenceChanged, ValueError, KeyError) as error:
            log.error("drift_evidence_lost", extra={"facts": {"error": str(error)}})
            return False
        followed.reference, followed.number = reference, state.reply_number
        return True

    def _newest_reference(self, connection: Connection, followed: _Followed) -> ReferenceRecord | None:
        try:
            return references.newest(
                connection, self._deployment, "live", followed.snapshot, followed.stage_digest
            )
        except ReferenceChanged as error:
            if self._warned != str(error):
                self._warned = str(error)
                log.error("reference_changed", extra={"facts": {"error": str(error)}})
            return None

    def _begin(self, connection: Connection, followed: _Followed, reference: ReferenceRecord) -> None:
        """From the first reply after the reference was recorded: those before it are in the reference."""
        followed.reference = reference
        followed.monitor = DriftMonitor(reference.values, self._settings)
        followed.number = replies.number_at(connection, self._deployment, reference.create_time)
        followed.unsaved = 0
        log.info(
            "drift_watched",
            extra={
                "facts": {
                    "deployment": self._deployment,
                    "revision": followed.revision,
                    "reference": reference.id,
                    "signals": list(followed.monitor.watched),
                    "unwatched": followed.monitor.unwatched,
                }
            },
        )

    def _take(self) -> list[DriftAlarm]:
        followed = self._followed
        if followed is None or followed.monitor is None:
            return []
        raised: list[DriftAlarm] = []
        while True:
            with self._database.read() as connection:
                rows = replies.after(
                    connection, self._deployment, followed.revision, followed.number, limit=_AT_A_TIME
                )
            for number, reply in rows:
                followed.number = number
                followed.unsaved += 1
                if reply.stop_reason not in WHOLE:
                    continue
                found = followed.monitor.observe(reply.id, reply.signals)
                raised += [self._alarm(followed, one, raised=True) for one in found]
            if len(rows) < _AT_A_TIME:
                return raised

    def _alarm(self, followed: _Followed, found: Raised, *, raised: bool) -> DriftAlarm:
        reference = followed.reference.id if followed.reference is not None else ""
        return DriftAlarm(
            self._deployment, followed.revision, followed.snapshot, reference, found, raised, self._now()
        )

    def _over(self, alarm: DriftAlarm) -> DriftAlarm:
        return DriftAlarm(**vars(alarm) | {"raised": False, "time": self._now()})


def look_at_all(watches: Iterable[DriftWatch]) -> None:
    """One look each; a fault of one does not keep the others from looking."""
    for watch in watches:
        try:
            watch.look()
        except Exception:
            log.exception("drift_not_looked_at")
