"""A history of compare-and-set, reads and watches of one pointer, and what must hold of it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate, pairwise


@dataclass(frozen=True)
class Write:
    """A compare-and-set from `expected`, which succeeded as revision `number`."""

    begin: float
    end: float
    expected: int
    number: int
    snapshot: str


@dataclass(frozen=True)
class Read:
    """What one look, or one reply, named as active."""

    begin: float
    end: float
    number: int
    snapshot: str


@dataclass
class History:
    """Filled by many threads; times are of one monotonic clock, in seconds. `first` is active at the begin."""

    first: int
    writes: list[Write] = field(default_factory=list)
    refused: int = 0
    reads: list[Read] = field(default_factory=list)
    watches: list[list[int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def attempts(self) -> int:
        return len(self.writes) + self.refused

    def wrote(self, write: Write) -> None:
        with self.lock:
            self.writes.append(write)

    def was_refused(self) -> None:
        with self.lock:
            self.refused += 1

    def read(self, begin: float, number: int, snapshot: str) -> None:
        with self.lock:
            self.reads.append(Read(begin, time.monotonic(), number, snapshot))

    def failed(self, what: str) -> None:
        with self.lock:
            self.errors.append(what)


def violations(history: History) -> list[str]:
    """What a single pointer moved by compare-and-set cannot have done:

    (a) two writes with one number, a hole, or a success from another revision than was expected;
    (b) a write that ended before another began, with a later number;
    (c) a read older than what was acknowledged before it began, or newer than what had begun when it ended, or
        of another snapshot than that revision's;
    (d) a watch that goes back.
    """
    found = [*history.errors]
    writes = sorted(history.writes, key=lambda write: write.number)
    numbers = [write.number for write in writes]
    if numbers != list(range(history.first + 1, history.first + 1 + len(numbers))):
        found.append("(a) numbers are not unique and without a hole")
    found += [
        f"(a) revision {write.number} followed {write.expected}"
        for write in writes
        if write.number != write.expected + 1
    ]
    found += _out_of_order(writes)
    found += _impossible_reads(history, writes)
    for watch in history.watches:
        if any(later <= earlier for earlier, later in pairwise(watch)):
            found.append("(d) a watch went back, or told a revision twice")
    return found


def _out_of_order(by_number: list[Write]) -> list[str]:
    """By falling number: each must have begun before the first of the later ones had ended."""
    found, earliest_end = [], float("inf")
    for write in reversed(by_number):
        if write.begin > earliest_end:
            found.append(f"(b) revision {write.number} began after a later one had ended")
        earliest_end = min(earliest_end, write.end)
    return found


def _impossible_reads(history: History, by_number: list[Write]) -> list[str]:
    snapshots = {write.number: write.snapshot for write in by_number}
    acknowledged = _Newest([(write.end, write.number) for write in by_number], history.first)
    begun = _Newest([(write.begin, write.number) for write in by_number], history.first)
    found = []
    for read in history.reads:
        oldest, newest = acknowledged.before(read.begin), begun.before(read.end)
        if not oldest <= read.number <= newest:
            found.append(f"(c) a read told {read.number}, it must be within {oldest} and {newest}")
        elif snapshots.get(read.number, read.snapshot) != read.snapshot:
            found.append(f"(c) revision {read.number} was read with the snapshot of another")
    return found


class _Newest:
    """The greatest number among the events before a moment."""

    def __init__(self, events: list[tuple[float, int]], first: int) -> None:
        events.sort()
        self._times = [time for time, _ in events]
        self._greatest = list(accumulate((number for _, number in events), max, initial=first))

    def before(self, moment: float) -> int:
        return self._greatest[bisect_left(self._times, moment)]
