"""Several tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import FloatArray, sample


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusted p values `[k]`, in the order given: rejecting those <= alpha keeps the chance of any false
    rejection among all k at alpha, whatever their dependence (Holm 1979, Scand. J. Stat. 6:65)."""
    p = sample("p_values", p_values)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("p_values must lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted
