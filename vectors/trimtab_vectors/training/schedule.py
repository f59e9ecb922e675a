"""When a running fine-tune is looked at, and what that may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Below this share of its items a measurement is too noisy to be worth its time.
SMALLEST_SHARE: Final = 0.25


@dataclass(frozen=True)
class LogSpaced:
    """`count` steps from `first` to the last step, each the same factor after the one before: most things
    happen early. The state before the first step is always a stage, and so is the last step."""

    count: int = 10
    first: int = 1

    def __post_init__(self) -> None:
        if self.count < 2 or self.first < 1:
            raise ValueError(f"count is {self.count} and first {self.first}; at least 2 and 1 are expected")

    def steps(self, last: int) -> tuple[int, ...]:
        """Ascending, each once, all of them at most `last`; fewer than `count` where they coincide."""
        start = min(self.first, last)
        factor = (last / start) ** (1 / (self.count - 1)) if last else 1.0
        return tuple(sorted({0, last, *(min(last, round(start * factor**i)) for i in range(self.count))}))


@dataclass(frozen=True)
class GivenSteps:
    """These steps, and the state before the first. Those beyond the end of training are never reached."""

    at: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.at or min(self.at) < 0:
            raise ValueError(f"steps are {list(self.at)}; at least one step of at least 0 is expected")

    def steps(self, last: int) -> tuple[int, ...]:
        return tuple(sorted({0, *(step for step in self.at if step <= last)}))


@dataclass(frozen=True)
class TimeBudget:
    """What measuring may cost; None is no limit.

    seconds: of one measurement. share: of the time the whole training takes without them, estimated from the
    steps so far; the first measurement, which all others are compared with, is not held to it. A measurement
    that would cost more is made on fewer items, or skipped below a quarter of them; the journal says so.
    """

    seconds: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "share"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}; a positive number, or None for no limit, is expected")


@dataclass
class Clock:
    """What was spent, in seconds: on training, on measuring (with writing stages), on acting."""

    budget: TimeBudget
    training: float = 0.0
    measuring: float = 0.0
    acting: float = 0.0
    #: Seconds of a measurement on all items, as the latest one suggests.
    full_cost: float | None = None

    def allowed(self, step: int, last: int, remaining: int) -> float | None:
        """Seconds the next of `remaining` measurements may take; None is no limit.

        Training is extrapolated from `step` steps done to `last`; what is left of the share is spread evenly
        over the measurements to come.
        """
        limits = [] if self.budget.seconds is None else [self.budget.seconds]
        if self.budget.share is not None and step > 0:
            whole = self.training / step * last
            limits.append(max(0.0, self.budget.share * whole - self.measuring) / max(1, remaining))
        return min(limits) if limits else None

    def share(self, allowed: float | None) -> float:
        """Share of the items that fits, 0 if too few do. Before anything was measured all of them."""
        if allowed is None or self.full_cost is None or self.full_cost <= allowed:
            return 1.0
        fits = allowed / self.full_cost
        return fits if fits >= SMALLEST_SHARE else 0.0

    def measured(self, seconds: float, share: float) -> None:
        self.measuring += seconds
        self.full_cost = seconds / share
