"""Limits of counts, so that a test over random streams fails by noise as rarely as one wants."""

from __future__ import annotations

import math

from trimtab_server.sequential.finite import chance


def tail(count: int, n: int, rate: float) -> float:
    """P(Binomial(n, rate) >= count), 0 < rate < 1."""
    if count <= 0:
        return 1.0
    log = [
        math.lgamma(n + 1)
        - math.lgamma(own + 1)
        - math.lgamma(n - own + 1)
        + own * math.log(rate)
        + (n - own) * math.log1p(-rate)
        for own in range(count, n + 1)
    ]
    return min(1.0, math.fsum(math.exp(own) for own in log))


def tolerated(n: int, rate: float, noise: float = 1e-4) -> int:
    """The largest count that streams with this rate, or a lower one, exceed with chance at most `noise`."""
    chance("rate", rate)
    return next(count for count in range(n + 1) if tail(count + 1, n, rate) <= noise)


def upper_limit(count: int, n: int, confidence: float = 0.95) -> float:
    """One-sided upper limit of a rate of which `count` of `n` were seen (Clopper & Pearson 1934, Biometrika 26:404);
    about 3 / n for none."""
    if not 0 <= count <= n or n < 1:
        raise ValueError(f"{count} of {n} is no count")
    if count == n:
        return 1.0
    low, high = count / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        # The limit is the rate at which so few, or fewer, have chance 1 - confidence.
        if 1.0 - tail(count + 1, n, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high
