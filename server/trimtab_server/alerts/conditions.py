"""States of the server that somebody should know of while they last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trimtab_server.alerts.alert import Alert, Kind, Severity, State

_MIB: Final = 1 << 20
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


class StaleEvidence:
    """What is known of a deployment is not, or no longer, about what it serves.

    Told when it has been so for `grace_seconds`: right after an activation nothing is known of the new snapshot,
    and the canary run that changes this is under way.

    Args:
        stale: of a deployment: sentences that say what is not fresh; none if all of it is.
    """

    def __init__(
        self,
        deployments: Iterable[str],
        stale: Callable[[str], Sequence[str]],
        grace_seconds: float = 3_600.0,
    ) -> None:
        self._since: dict[str, int | None] = dict.fromkeys(deployments)
        self._stale = stale
        self._grace = round(grace_seconds * 1e9)

    def __call__(self, now: int) -> Iterator[Alert]:
        for deployment, since in self._since.items():
            why = self._stale(deployment)
            if not why:
                self._since[deployment] = None
                yield self._alert(
                    deployment, "Evidence and what is served belong together.", now, State.RECOVERED
                )
                continue
            since = now if since is None else since
            self._since[deployment] = since
            if now - since >= self._grace:
                text = f"{'; '.join(why)}. Run the canary set: trimtab canary run"
                yield self._alert(deployment, text, now, State.RAISED)

    def _alert(self, deployment: str, text: str, now: int, state: State) -> Alert:
        return Alert(
            kind=Kind.STALENESS,
            severity=Severity.WARNING,
            deployment=deployment,
            title="the evidence is stale" if state is State.RAISED else "the evidence is fresh again",
            text=text[:1].upper() + text[1:],
            time=now,
            state=state,
        )
