"""States of the server that somebody should know of while they last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trimtab_server.alerts.alert import Alert, Kind, Severity, State
from trimtab_server.steering.evidence import evidence_time
from trimtab_server.store import deployments
from trimtab_server.store.database import Database

_MIB: Final = 1 << 20
_HOUR: Final = 3_600 * 1_000_000_000
#: More free space than the limit by this factor before the alert recovers: no message at every file.
_CALM: Final = 1.25


@dataclass(frozen=True)
class DiskSpace:
    """Free space where the data directory is. Rolling back works on a full disk; trials and vectors do not."""

    directory: Path
    limit_mib: int
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free

    def __call__(self, now: int) -> Iterator[Alert]:
        free = self.free(self.directory) // _MIB
        if self.limit_mib <= free < self.limit_mib * _CALM:
            return
        low = free < self.limit_mib
        yield Alert(
            kind=Kind.DISK_NEARLY_FULL,
            severity=Severity.CRITICAL,
            deployment="",
            title="the disk is nearly full" if low else "the disk has room again",
            text=f"{free} MiB are free where the data directory is; the limit is {self.limit_mib} MiB. "
            "Rolling back and aborting work on a full disk; whatever writes more is refused.",
            facts={"free MiB": free, "limit MiB": self.limit_mib},
            time=now,
            state=State.RAISED if low else State.RECOVERED,
        )


@dataclass(frozen=True)
class EvidenceAge:
    """How long ago the canary set was last run through what is active."""

    database: Database
    limit_hours: float

    def __call__(self, now: int) -> Iterator[Alert]:
        with self.database.read() as connection:
            known = [
                (deployment, evidence_time(connection, deployment))
                for deployment in deployments.all_of(connection)
            ]
        for deployment, time in known:
            hours = (now - time) / _HOUR
            stale = hours > self.limit_hours
            yield Alert(
                kind=Kind.STALENESS,
                severity=Severity.WARNING,
                deployment=deployment.name,
                title="the evidence is stale" if stale else "the evidence is fresh again",
                text=f"The canary set was not run through the active snapshot for {hours:.0f} hours; the limit is "
                f"{self.limit_hours:g}. Run it: trimtab canary run"
                if stale
                else "The canary set was run through the active snapshot.",
                facts={"hours": round(hours, 1), "limit hours": self.limit_hours},
                time=now,
                state=State.RAISED if stale else State.RECOVERED,
            )
