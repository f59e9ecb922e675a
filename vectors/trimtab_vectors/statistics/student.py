"""Intervals and p values from an estimate, its standard error and Student's t."""

from __future__ import annotations

import math

from scipy import stats

from trimtab_vectors.statistics.estimate import Alternative, Estimate
from trimtab_vectors.statistics.samples import share


def t_estimate(
    value: float,
    standard_error: float,
    df: float,
    *,
    null: float,
    alternative: Alternative,
    confidence: float,
    n: int,
    clusters: int | None,
    method: str,
) -> Estimate:
    """`value` with its t interval and the p value against `null`.

    A standard error of 0 (no variation at all) leaves p undefined: NaN, with a note.
    """
    share("confidence", confidence)
    tail = 1.0 - confidence
    reach = float(stats.t.ppf(1.0 - (tail / 2 if alternative == "two-sided" else tail), df)) * standard_error
    low = -math.inf if alternative == "less" else value - reach
    high = math.inf if alternative == "greater" else value + reach
    p, note = math.nan, "no variation between units: the test is undefined"
    if standard_error > 0.0:
        t, note = (value - null) / standard_error, ""
        p = {
            "two-sided": 2.0 * float(stats.t.sf(abs(t), df)),
            "greater": float(stats.t.sf(t, df)),
            "less": float(stats.t.cdf(t, df)),
        }[alternative]
    return Estimate(
        value, low, high, confidence, alternative, p, n, clusters, method, standard_error, note=note
    )
