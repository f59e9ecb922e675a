"""Hands samples to whoever watches, and keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final

from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.thresholds import DEFAULT_THRESHOLDS, Alarm, AlarmBoard, Threshold
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.samples import SampleRecord

log = logging.getLogger("trimtab.monitoring")

FeedEvent = SampleRecord | Alarm | CanaryRunRecord | DriftAlarm

#: Events a watcher may fall behind before it is dropped; it can come back and read the history.
_BACKLOG: Final = 4_096
_FLUSH_SECONDS: Final = 0.5
#: Samples that a watcher can ask to begin with.
LONGEST_HISTORY: Final = 5_000

#: Writes samples to the store.
Keeper = Callable[[Sequence[SampleRecord]], Awaitable[None]]


class WatcherTooSlow(Exception):
    """A watcher did not read for thousands of events."""


class Subscription:
    """One watcher's queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[FeedEvent] = asyncio.Queue(_BACKLOG)
        self._lost = False

    def offer(self, event: FeedEvent) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._lost = True

    async def next(self, seconds: float) -> FeedEvent | None:
        """The next event, or None if there was none for that many seconds.

        Raises:
            WatcherTooSlow: events were lost; going on would show a gap as if it were calm.
        """
        if self._lost:
            raise WatcherTooSlow("the watcher fell behind; watch again to get the history")
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


class Feed:
    """The samples of one deployment. Used on the event loop; writing to the store is done in batches."""

    def __init__(
        self,
        keep: Keeper,
        history: Iterable[SampleRecord] = (),
        thresholds: Iterable[Threshold] = DEFAULT_THRESHOLDS,
    ) -> None:
        self._keep = keep
        self._recent: deque[SampleRecord] = deque(history, maxlen=LONGEST_HISTORY)
        self.board = AlarmBoard(thresholds)
        self._drift: dict[str, DriftAlarm] = {}
        self._subscriptions: set[Subscription] = set()
        self._unwritten: list[SampleRecord] = []
        self._writing = asyncio.Lock()

    def recent(self, count: int) -> list[SampleRecord]:
        """The newest samples, oldest first. Subscribe first and do not await in between: nothing is lost."""
        return list(self._recent)[-count:] if count else []

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, samples: Sequence[SampleRecord], *, judge: bool) -> None:
        """Shows the samples to every watcher; `judge` says whether they count for the alarms."""
        for sample in samples:
            # The store has no form for what is not finite; whoever watches sees it, and `replies` keeps it.
            if math.isfinite(sample.value):
                self._unwritten.append(sample)
            self._recent.append(sample)
            self._offer(sample)
            for alarm in self.board.judge(sample) if judge else ():
                log.warning("alarm", extra={"facts": _facts(alarm)})
                self._offer(alarm)

    def announce(self, run: CanaryRunRecord) -> None:
        self._offer(run)

    @property
    def drift(self) -> tuple[DriftAlarm, ...]:
        """Drift alarms that stand."""
        return tuple(self._drift.values())

    def announce_drift(self, alarm: DriftAlarm) -> None:
        """Shows that a signal drifted, or that this is over."""
        if alarm.raised:
            self._drift[alarm.found.signal] = alarm
        else:
            self._drift.pop(alarm.found.signal, None)
        log.warning(
            "drift_alarm",
            extra={
                "facts": {
                    "signal": alarm.found.signal,
                    "finding": alarm.found.finding.value,
                    "raised": alarm.raised,
                    "revision": alarm.revision,
                    "snapshot": alarm.snapshot,
                }
            },
        )
        self._offer(alarm)

    async def flush(self) -> None:
        """Writes what has not been written; nothing is forgotten if that fails."""
        async with self._writing:
            batch = self._unwritten
            if not batch:
                return
            self._unwritten = []
            try:
                await self._keep(batch)
            except Exception:
                self._unwritten = batch + self._unwritten
                raise

    async def run(self) -> None:
        """Writes every half second until cancelled. A failing disk stops the writing, never the watching."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:
                log.exception("samples_not_written")
                del self._unwritten[:-_BACKLOG]

    def _offer(self, event: FeedEvent) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)


def _facts(alarm: Alarm) -> dict[str, object]:
    return {
        "signal": alarm.threshold.signal.value,
        "value": alarm.sample.value,
        "raised": alarm.raised,
        "snapshot": alarm.sample.snapshot,
    }
