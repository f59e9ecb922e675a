"""Refusing what no statistic may take in."""

from __future__ import annotations

import math


class NonFinite(ValueError):
    """NaN or an infinity was offered as a value. It is a fault of the candidate or of the measurement, to be
    reported as such; dropping it would hide exactly what a guardrail is for."""


def finite(name: str, value: float) -> float:
    """The value as a float.

    Raises:
        NonFinite: it is NaN or infinite.
    """
    if not math.isfinite(value):
        raise NonFinite(
            f"{name} is {value}; a finite number is expected (non-finite values are a hard fault)"
        )
    return float(value)


def chance(name: str, value: float) -> float:
    """The value as a float strictly between 0 and 1, else ValueError."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} is {value}; a number between 0 and 1 is expected")
    return float(value)


def log_mean_exp(logs: list[float]) -> float:
    """`log(mean(exp(x)))` without overflow."""
    top = max(logs)
    if top == -math.inf:
        return -math.inf
    return top + math.log(math.fsum(math.exp(own - top) for own in logs) / len(logs))


def log1p_exp(x: float) -> float:
    """`log(1 + exp(x))` without overflow."""
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))
