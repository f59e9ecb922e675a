"""From values to coordinates, and round numbers for an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Linear; `low` is at `start` and `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def inside(self, value: float) -> bool:
        return self.low <= value <= self.high

    def held(self, value: float) -> float:
        """The coordinate, held inside the axis."""
        return self(min(self.high, max(self.low, value)))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from at most `low` to at least `high`."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"an axis from {low} to {high} cannot be drawn; finite ends are expected")
    if high <= low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def p_value(value: float) -> str:
    """Three decimals, without the zero that every p value below 1 has; a small one is never written as none."""
    if math.isnan(value):
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def figure(value: float) -> str:
    """Three significant digits or so, without an exponent where a reader can do without."""
    # Of the rounded value: 0.9996 is written as 1.00 is.
    size = abs(float(f"{value:.3g}"))
    if size and (size < 0.001 or size >= 1e6):
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e")
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0.0 else text
