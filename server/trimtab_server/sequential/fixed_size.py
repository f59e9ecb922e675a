"""Tests of one size fixed beforehand, for paired yes/no outcomes: more power than a sequence, but only one look."""

from __future__ import annotations

import math
from statistics import NormalDist


def mcnemar_p(lost: int, gained: int) -> float:
    """One-sided exact p of "no more questions are lost than gained": P(Binomial(lost + gained, 1/2) >= lost).

    McNemar 1947 (Psychometrika 12:153), conditional on the questions whose outcome differs.
    """
    changed = lost + gained
    tail: int = sum(math.comb(changed, own) for own in range(lost, changed + 1))
    return tail / (1 << changed)


def paired_score_p(gained: float, lost: float, n: float, null: float) -> float:
    """One-sided p of "the difference (gained - lost) / n is at most `null`", -1 < null < 1: score test.

    `z = (gained - lost - n null) / sqrt(n (2 q + null - null^2))` with q the maximum-likelihood chance of a loss
    under the null: Tango 1998 (Statistics in Medicine 17:891), which keeps its level at the sizes of a canary set.
    Counts need not be whole: clustered questions amount to so many independent ones.
    """
    if not (-1.0 < null < 1.0 and min(gained, lost) >= 0 and gained + lost <= n and n > 0):
        raise ValueError(f"{gained} gained and {lost} lost of {n} against {null}: not a paired comparison")
    a, b, c = 2.0 * n, (gained + lost) * (1.0 - null) - 2.0 * null * (n - gained), lost * null * (1.0 - null)
    q = (b + math.sqrt(max(0.0, b * b + 4.0 * a * c))) / (2.0 * a)
    q = min(max(q, -null, 0.0), (1.0 - null) / 2.0)
    variance = n * (2.0 * q + null - null * null)
    shift = gained - lost - n * null
    if variance <= 0.0:
        return 0.0 if shift > 0 else 1.0
    return NormalDist().cdf(-shift / math.sqrt(variance))
