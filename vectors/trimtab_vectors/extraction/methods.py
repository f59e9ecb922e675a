"""The ways to make a direction of paired differences, by name, and the sign they all share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol

import torch

from trimtab_vectors.extraction.contrast_set import ContrastSetError
from trimtab_vectors.extraction.diff_mean import DiffMean
from trimtab_vectors.extraction.lat import Lat
from trimtab_vectors.extraction.logistic import Logistic
from trimtab_vectors.extraction.paired_pca import PairedPca

MethodName = Literal["diff_mean", "paired_pca", "lat", "logistic"]


class Method(Protocol):
    """A direction from the paired differences of one layer, float64 `[P, H]`, positive minus negative.

    The length means something, and is kept as the vector's raw norm; the sign is settled by `signed`.
    """

    @property
    def name(self) -> str: ...

    def direction(self, differences: torch.Tensor, seed: int) -> torch.Tensor:
        """`[H]`. seed: of whatever the method draws."""
        ...

    def directions(self, differences: torch.Tensor, subsets: torch.Tensor, seed: int) -> torch.Tensor:
        """`[K, H]`, one from each subset `[K, P]` bool of the pairs."""
        ...


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {method.name: method for method in (DiffMean(), PairedPca(), Lat(), Logistic())}
)


@dataclass(frozen=True, eq=False)
class RawDirection:
    """A unit direction, float64 `[H]`, and the norm it had."""

    unit: torch.Tensor
    norm: float


def named_method(name: str) -> Method:
    """Raises ValueError that lists the names there are."""
    if name not in METHODS:
        raise ValueError(f"method {name!r} is unknown; use one of {', '.join(METHODS)}")
    return METHODS[name]


def make_direction(method: Method, differences: torch.Tensor, seed: int) -> RawDirection:
    """The method's direction with the sign that puts the positive mean above the negative one.

    Raises ContrastSetError where the sides do not differ, or not along the direction.
    """
    vector = signed(method.direction(differences, seed)[None], differences.mean(dim=0)[None])[0]
    norm = float(torch.linalg.vector_norm(vector))
    if norm == 0.0:
        raise ContrastSetError(
            "the positive and the negative side have the same mean state, so there is no direction; end the "
            "prompts where the two sides differ"
        )
    return RawDirection(vector / norm, norm)


def signed(vectors: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    """`[K, H]` turned so that each points the way of its mean difference `[K, H]`; zero if it does neither."""
    return vectors * torch.sign((vectors * means).sum(dim=1, keepdim=True))
