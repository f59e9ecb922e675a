"""Not worse by more than a margin that was fixed beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from trimtab_vectors.statistics.clustered import clustered_mean
from trimtab_vectors.statistics.estimate import Estimate
from trimtab_vectors.statistics.samples import Clusters


@dataclass(frozen=True)
class NonInferiority:
    """loss: mean loss with its upper one-sided bound; p is that the loss is the margin or more.
    holds: the bound is at most the margin."""

    loss: Estimate
    margin: float
    holds: bool


def non_inferiority(
    losses: ArrayLike, margin: float, clusters: Clusters | None = None, *, confidence: float = 0.95
) -> NonInferiority:
    """Whether the mean of paired losses `[n]` (before minus after, larger is worse) stays within `margin`.

    A result that is not significant is no evidence of harmlessness; this bound is. margin > 0, in the
    unit of the losses.
    """
    if not (math.isfinite(margin) and margin > 0.0):
        raise ValueError(f"margin is {margin}; a positive loss that would still be acceptable is expected")
    loss = clustered_mean(losses, clusters, null=margin, alternative="less", confidence=confidence)
    return NonInferiority(loss, margin, loss.high <= margin)
