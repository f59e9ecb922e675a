"""The figures of one stage, as they stand in the journal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trimtab_vectors.evaluation.steerability import SpecificSlope
from trimtab_vectors.statistics import Estimate

#: Below this noise ceiling a similarity says more about the extraction than about the model (and is null).
SMALLEST_CEILING: Final = 0.5


@dataclass(frozen=True, eq=False)
class Figures:
    """One stage in figures. Strengths are relative to the residual norm, margins in nats.

    margin: unsteered, mean over the probe; margins: `[I]`, the item numbers are `items`. margin_change: since
    the first stage, paired. steerability: Tan et al. (arXiv:2407.12404, section 3) for this stage's own
    vector; first_vector_slope: the slope of the first stage's vector here, over the outermost strengths;
    random: the own slope over those strengths against vectors of no meaning. kl_to_first: KL(first || now) on
    neutral text, nats per token. layers: per layer `LayerFigures`. seconds: by part.
    """

    share: float
    items: tuple[int, ...]
    margins: NDArray[np.float64]
    margin: Estimate
    steerability: dict[str, Any]
    layers: dict[int, LayerFigures]
    margin_change: Estimate | None = None
    first_vector_slope: Estimate | None = None
    random: SpecificSlope | None = None
    kl_to_first: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return {
            "share": self.share,
            "shrunk": self.share < 1.0,
            "items": self.items,
            "margins": self.margins.tolist(),
            "margin": interval(self.margin),
            "margin_change": interval(self.margin_change),
            "steerability": self.steerability,
            "first_vector_slope": interval(self.first_vector_slope),
            "random": None if self.random is None else vars(self.random),
            "kl_to_first": self.kl_to_first,
            "layers": {str(n): vars(own) for n, own in self.layers.items()},
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class LayerFigures:
    """cosine: of this stage's direction with the first stage's. similarity: that over the root of both noise
    ceilings, at most 1; null where a ceiling is below one half. finetuning_shift: mean movement of the probe's
    last prompt token along the first stage's direction, over the first stage's residual norm (Chen et al.,
    arXiv:2507.21509). raw_norm and residual_norm as in a vector."""

    raw_norm: float
    residual_norm: float
    pair_accuracy: float | None
    noise_ceiling: float | None
    cosine: float
    similarity: float | None
    finetuning_shift: float


def corrected(cosine: float, one: float | None, other: float | None) -> float | None:
    """Similarity of two directions with the noise of either taken out: cosine / sqrt(C1 C2), at most 1, C the
    Spearman-Brown split-half ceiling; None where one is unknown or below one half."""
    if one is None or other is None or min(one, other) < SMALLEST_CEILING:
        return None
    return min(1.0, cosine / math.sqrt(one * other))


def interval(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate as it stands in the journal: 95% interval over items, clustered by statement."""
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
