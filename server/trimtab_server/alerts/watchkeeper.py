"""Looks at every source of alerts again and again, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_server.alerts.alert import Alert
from trimtab_server.alerts.sender import AlertSender

log = logging.getLogger("trimtab.alerts")

_TICK: Final = 0.25

#: Told the time (UTC nanoseconds), gives what there is to tell. Raising states again is harmless.
Source = Callable[[int], Iterable[Alert]]


@dataclass(frozen=True)
class Watched:
    """A source, and how many seconds lie between two looks at it."""

    source: Source
    every: float


class Watchkeeper:
    """One source that fails does not keep the others from being looked at; it is tried again.

    It reads the store and the disk by itself, so it tells of a rollback also when the event loop, the engine
    or a monitor is dead.
    """

    def __init__(
        self, sender: AlertSender, watched: Sequence[Watched], now: Callable[[], int] = time.time_ns
    ) -> None:
        self._sender = sender
        self._watched = list(watched)
        self._due = [0.0] * len(self._watched)
        self._now = now
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trimtab-watchkeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self, clock: float) -> None:
        """At every source that is due; `clock` is on time.monotonic()'s clock."""
        for place, watched in enumerate(self._watched):
            if clock < self._due[place]:
                continue
            self._due[place] = clock + watched.every
            try:
                for alert in watched.source(self._now()):
                    self._sender.send(alert)
            except Exception:
                log.exception(
                    "alert_source_failed", extra={"facts": {"source": type(watched.source).__name__}}
                )

    def close(self) -> None:
        """After a last look at everything: what was recorded a moment ago is told too."""
        self._ending.set()
        self._thread.join()
        self.look(float("inf"))

    def _run(self) -> None:
        while not self._ending.wait(_TICK):
            self.look(time.monotonic())
