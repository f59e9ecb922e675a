"""LAT: the reading vectors of Representation Engineering, kept so that its figures can be repeated.

Each pair's difference gets a random sign, the mean is taken away, and the first principal component is left.
The random signs save the concept from the centring: what the mean still takes away shrinks with the number of
pairs. So LAT is paired PCA with noise, of the order of one over the root of the number of pairs, that depends
on the seed; with few pairs the two differ, with many they agree. Prefer paired PCA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from trimtab_vectors.extraction.paired_pca import first_component, first_components
from trimtab_vectors.extraction.span import span_coordinates


@dataclass(frozen=True)
class Lat:
    """First component of `s d - mean(s d)`, s = +-1 drawn for each pair (Zou et al., arXiv:2310.01405,
    section 3.1), times the root mean square along it.

    The sign is that of every method here, the positive mean above the negative; theirs is the side on which
    more positives than negatives are their pair's larger one.
    """

    name: ClassVar[str] = "lat"

    def direction(self, differences: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]` -> `[H]`. With one pair there is nothing left after centring: zero."""
        signs = _signs(len(differences), seed)
        shuffled = differences * signs[:, None]
        return first_component(shuffled - shuffled.mean(dim=0))

    def directions(self, differences: torch.Tensor, subsets: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]`, `[K, P]` bool -> `[K, H]`: of every subset of the pairs, each with signs of its own."""
        rows, basis = span_coordinates(differences)
        weights = torch.zeros(subsets.shape, dtype=rows.dtype)
        for index, subset in enumerate(subsets):
            weights[index, subset] = _signs(int(subset.sum()), seed + index).to(rows.dtype)
        centres = weights @ rows / subsets.sum(dim=1, keepdim=True)
        return first_components(rows, weights, centres) @ basis


def _signs(count: int, seed: int) -> torch.Tensor:
    return torch.randint(0, 2, (count,), generator=torch.Generator().manual_seed(seed)) * 2 - 1
