"""Takes alerts from anywhere at once, tells each of them once, and sees to it that they arrive."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from trimtab_server.alerts.alert import Alert, Identity, Kind, State
from trimtab_server.alerts.message import message
from trimtab_server.alerts.receiver import DeliveryFailed

log = logging.getLogger("trimtab.alerts")

#: Alerts that may wait for one receiver.
_QUEUE: Final = 256
#: Identities of events that are remembered.
_REMEMBERED: Final = 4_096


class Webhook(Protocol):
    """What `Receiver` is to the sender."""

    @property
    def name(self) -> str: ...

    def deliver(self, body: Mapping[str, Any]) -> int: ...


@dataclass(frozen=True)
class Retry:
    """Seconds: the first pause, twice as long after each failure up to the longest; then given up."""

    first: float = 1.0
    longest: float = 60.0
    give_up: float = 3_600.0

    def pause(self, failures: int, asked: float) -> float:
        """After so many failures in a row, where the receiver asked for `asked` seconds (0: it did not)."""
        return min(self.longest, max(asked, self.first * 2.0 ** min(failures - 1, 32)))


@dataclass(frozen=True)
class Tally:
    """Counts since the start: alerts by kind; deliveries, failed attempts and lost alerts by receiver."""

    sent: Mapping[Kind, int]
    delivered: Mapping[str, int]
    failed_attempts: Mapping[str, int]
    lost: Mapping[str, int]
    waiting: Mapping[str, int]


class AlertSender:
    """Every alert is logged, and posted to every receiver by a thread of that receiver's own.

    `send` may be called from any thread, returns at once and never raises: an alert must not hold up the
    rollback that it tells of. An alert whose identity stands already, or was told already, is dropped; one that
    still stands after `repeat_seconds` is told again when it is raised again. What a receiver does not take is
    tried again with growing pauses; when that is given up, or more wait than the queue holds, the loss is
    logged and said in the next message that arrives.
    """

    def __init__(
        self,
        receivers: Sequence[Webhook] = (),
        *,
        server: str = "trimtab",
        retry: Retry = Retry(),
        repeat_seconds: float = 4 * 3_600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repeat_seconds = repeat_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._standing: dict[Identity, tuple[Alert, float]] = {}
        self._told: OrderedDict[Identity, None] = OrderedDict()
        self._sent: Counter[Kind] = Counter()
        self._lines = [
            _Line(receiver, name, server, retry, clock)
            for receiver, name in zip(receivers, _names(receivers), strict=True)
        ]

    def send(self, alert: Alert) -> bool:
        """Whether it was news; a duplicate is dropped."""
        with self._lock:
            if not self._is_news(alert):
                return False
            self._sent[alert.kind] += 1
        level = logging.INFO if alert.state is State.RECOVERED else logging.WARNING
        log.log(level, "alert", extra={"facts": facts_of(alert)})
        for line in self._lines:
            line.put(alert)
        return True

    @property
    def standing(self) -> tuple[Alert, ...]:
        """What was raised and has not recovered."""
        with self._lock:
            return tuple(alert for alert, _ in self._standing.values())

    @property
    def undelivered(self) -> frozenset[Identity]:
        """Of alerts that some receiver has not taken yet and that are not given up."""
        return frozenset(identity for line in self._lines for identity in line.waiting())

    @property
    def tally(self) -> Tally:
        with self._lock:
            sent = Counter(self._sent)
        return Tally(
            sent,
            {line.name: line.delivered for line in self._lines},
            {line.name: line.failed_attempts for line in self._lines},
            {line.name: line.lost for line in self._lines},
            {line.name: len(line.waiting()) for line in self._lines},
        )

    def close(self, seconds: float = 2.0) -> None:
        """Gives what waits that long to arrive; what does not is logged as lost."""
        until = self._clock() + seconds
        for line in self._lines:
            line.end(until)

    def _is_news(self, alert: Alert) -> bool:
        identity, now = alert.identity, self._clock()
        if alert.state is State.EVENT:
            if identity in self._told:
                return False
            self._told[identity] = None
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
            return True
        if alert.state is State.RECOVERED:
            return self._standing.pop(identity, None) is not None
        stood = self._standing.get(identity)
        if stood is not None and now - stood[1] < self._repeat_seconds:
            return False
        self._standing[identity] = (alert, now)
        return True


class _Line:
    """One receiver's queue and thread."""

    def __init__(
        self, receiver: Webhook, name: str, server: str, retry: Retry, clock: Callable[[], float]
    ) -> None:
        self.name = name
        self.delivered = 0
        self.failed_attempts = 0
        self.lost = 0
        self._receiver = receiver
        self._server = server
        self._retry = retry
        self._clock = clock
        self._unsaid = 0  # losses that no message has told of
        self._queue: queue.Queue[Alert | None] = queue.Queue()
        self._waiting: Counter[Identity] = Counter()
        self._lock = threading.Lock()
        self._ends_at: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trimtab-alerts", daemon=True)
        self._thread.start()

    def put(self, alert: Alert) -> None:
        with self._lock:
            full = self._waiting.total() >= _QUEUE
            if not full:
                self._waiting[alert.identity] += 1
        if full:
            self._lose(alert, f"{_QUEUE} alerts wait already")
        else:
            self._queue.put(alert)

    def waiting(self) -> list[Identity]:
        with self._lock:
            return list(self._waiting.elements())

    def end(self, until: float) -> None:
        self._ends_at = until
        self._ending.set()
        self._queue.put(None)
        self._thread.join(max(0.0, until - self._clock()) + 0.1)
        for _ in self.waiting():
            self.lost += 1
        if self.waiting():
            log.error("alerts_lost", extra={"facts": {"receiver": self.name, "alerts": len(self.waiting())}})

    def _run(self) -> None:
        while (alert := self._queue.get()) is not None:
            try:
                self._deliver(alert)
            except Exception as error:
                log.exception("alert_delivery_defect", extra={"facts": {"receiver": self.name}})
                self._lose(alert, f"{type(error).__name__}: {error}")
            with self._lock:
                self._waiting -= Counter((alert.identity,))

    def _deliver(self, alert: Alert) -> None:
        begun, failures = self._clock(), 0
        while True:
            unsaid = self._unsaid
            try:
                self._receiver.deliver(message(alert, self._server, unsaid))
            except DeliveryFailed as failure:
                failures += 1
                self.failed_attempts += 1
                facts = {"receiver": self.name, "kind": alert.kind.value, "error": str(failure)}
                log.warning("alert_not_delivered", extra={"facts": facts | {"attempt": failures}})
                pause = self._retry.pause(failures, failure.retry_after)
                spent = self._clock() - begun + pause
                if failure.final or spent > self._retry.give_up or not self._wait(pause):
                    self._lose(alert, str(failure))
                    return
            else:
                with self._lock:
                    self.delivered += 1
                    self._unsaid -= unsaid
                return

    def _wait(self, seconds: float) -> bool:
        """Whether there is time for another attempt after the pause."""
        if not self._ending.wait(seconds):
            return True
        # Ending: what time is left is spent on short pauses.
        left = (self._ends_at or 0.0) - self._clock()
        time.sleep(max(0.0, min(left, self._retry.first)))
        return left > 0

    def _lose(self, alert: Alert, why: str) -> None:
        with self._lock:
            self.lost += 1
            self._unsaid += 1
        log.error(
            "alert_lost", extra={"facts": {"receiver": self.name, "why": why, "alert": facts_of(alert)}}
        )


def _names(receivers: Sequence[Webhook]) -> list[str]:
    """Two webhooks may be on one host; their names tell them apart."""
    names: list[str] = []
    for receiver in receivers:
        earlier = sum(name.partition(" ")[0] == receiver.name for name in names)
        names.append(f"{receiver.name} {earlier + 1}" if earlier else receiver.name)
    return names


def facts_of(alert: Alert) -> dict[str, object]:
    """The alert as fields of a log line."""
    return {
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "deployment": alert.deployment,
        "subject": alert.subject,
        "title": alert.title,
        "text": alert.text,
        "facts": dict(alert.facts),
    }
