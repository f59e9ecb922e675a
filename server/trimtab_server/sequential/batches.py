"""Neighbouring replies resemble each other: averaging them into batches, and how large batches should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from trimtab_server.sequential.finite import finite

#: Below this lag-1 correlation single replies keep their false-alarm rate (measured: `check`).
_SMALL: Final = 0.05


class Batches:
    """Means of `size` values in a row, in order of arrival.

    With AR(1) correlation phi the means of batches of m are correlated by about `phi / (m (1 - phi^2))` only.
    Values of an unfinished batch wait.
    """

    def __init__(self, size: int = 1) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; 1 or more is expected")
        self.size = size
        self._waiting: list[float] = []

    def update(self, value: float) -> float | None:
        """The batch's mean if this value completes it."""
        self._waiting.append(finite("value", value))
        if len(self._waiting) < self.size:
            return None
        mean = math.fsum(self._waiting) / self.size
        self._waiting.clear()
        return mean

    def state(self) -> dict[str, Any]:
        return {"size": self.size, "waiting": list(self._waiting)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Batches:
        own = cls(state["size"])
        own._waiting = list(state["waiting"])
        return own


def lag1_correlation(values: Sequence[float]) -> float:
    """Correlation of each value with the next one; 0 if they do not vary."""
    n = len(values)
    if n < 3:
        raise ValueError(f"{n} values; at least 3 are expected")
    mean = math.fsum(values) / n
    centred = [value - mean for value in values]
    total = math.fsum(own * own for own in centred)
    if total == 0.0:
        return 0.0
    return math.fsum(a * b for a, b in pairwise(centred)) / total


def batch_size(values: Sequence[float]) -> int:
    """The batch that a reference with this lag-1 correlation asks for: 1 below 0.05, 5 up to 0.15, then 10, and
    20 above 0.4.

    A correlation that n uncorrelated values would show by chance (1.96 / sqrt(n)) counts as none.
    """
    correlation = lag1_correlation(values)
    if correlation < max(_SMALL, 1.96 / math.sqrt(len(values))):
        return 1
    return 5 if correlation <= 0.15 else 10 if correlation <= 0.4 else 20
