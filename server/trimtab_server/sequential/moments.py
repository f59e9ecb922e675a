"""Count, mean and spread of a stream."""

from __future__ import annotations

import math
from typing import Any

from trimtab_server.sequential.finite import finite


class Moments:
    """Welford's running mean and sum of squares about it (Welford 1962, Technometrics 4:419)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def update(self, value: float) -> None:
        """Raises NonFinite for NaN and infinities."""
        step = finite("value", value) - self.mean
        self.count += 1
        self.mean += step / self.count
        self.squares += step * (value - self.mean)

    @property
    def sd(self) -> float:
        """With n - 1; 0 for fewer than two values."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Moments:
        own = cls()
        own.count, own.mean, own.squares = state["count"], state["mean"], state["squares"]
        return own
