"""Notices when the wall clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Nanoseconds by which the wall clock may part from the steady one between two looks.
TOLERATED: Final = 5_000_000_000

#: Goes on while a machine sleeps, where the system has such a clock: waking up is no jump.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_nanoseconds() -> int:
    """Nanoseconds of a clock that nobody can set, since an arbitrary moment."""
    return time.clock_gettime_ns(_STEADY)


class ClockWatch:
    """Compares the wall clock with one that nobody can set."""

    def __init__(self, wall: Callable[[], int], steady: Callable[[], int]) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()

    def jump(self) -> int:
        """Nanoseconds by which the wall clock was set since the last look, forwards or (negative) back; 0 for
        what drift and small corrections explain."""
        offset = self._wall() - self._steady()
        jump = offset - self._offset
        # Small corrections add up unnoticed only as fast as they are made: each look starts anew.
        self._offset = offset
        return jump if abs(jump) > TOLERATED else 0
