"""Notices when the wall clock is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Nanoseconds by which the wall clock may part from the monotonic one between two looks.
TOLERATED: Final = 5_000_000_000


class ClockWatch:
    """Compares the wall clock with one that nobody can set."""

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], int]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def jump(self) -> int:
        """Nanoseconds by which the wall clock was set since the last look, forwards or (negative) back; 0 for
        what drift and small corrections explain."""
        offset = self._wall() - self._monotonic()
        jump = offset - self._offset
        # Small corrections add up unnoticed only as fast as they are made: each look starts anew.
        self._offset = offset
        return jump if abs(jump) > TOLERATED else 0
