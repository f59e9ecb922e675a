"""Paired PCA: the axis along which the two sides of a pair differ most.

Paired differences all lean to one side, and centring them, as a plain PCA does, takes away that very lean: on
pairs that differ by a constant along the concept it finds the noise. So each difference counts in both
directions, d and -d. The mean of that is zero, and its first principal component is the first right singular
vector of the uncentred differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from trimtab_vectors.extraction.span import span_coordinates

_STEPS: Final = 60
_SETTLED: Final = 1e-7


@dataclass(frozen=True)
class PairedPca:
    """The unit vector u that maximises `sum of (d . u)^2`, times the root mean square of `d . u`.

    The same component as the PCA of every state about its pair's midpoint (repeng's `pca_center`).
    """

    name: ClassVar[str] = "paired_pca"

    def direction(self, differences: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]` -> `[H]`."""
        return first_component(differences)

    def directions(self, differences: torch.Tensor, subsets: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]`, `[K, P]` bool -> `[K, H]`: of every subset of the pairs."""
        rows, basis = span_coordinates(differences)
        weights = subsets.to(rows.dtype)
        return (
            first_components(rows, weights, torch.zeros((len(subsets), rows.shape[1]), dtype=rows.dtype))
            @ basis
        )


def first_component(rows: torch.Tensor) -> torch.Tensor:
    """`[N, H]` -> `[H]`: first right singular vector, times the root mean square of the rows along it.

    From the eigenvectors of the smaller of the two Gram matrices; zero if the rows are. The sign is open.
    """
    count, width = rows.shape
    if count <= width:
        _, vectors = torch.linalg.eigh(rows @ rows.T)
        component = vectors[:, -1] @ rows
    else:
        _, vectors = torch.linalg.eigh(rows.T @ rows)
        component = vectors[:, -1]
    norm = torch.linalg.vector_norm(component)
    if float(norm) == 0.0:
        return torch.zeros_like(component)
    unit: torch.Tensor = component / norm
    return unit * (rows @ unit).square().mean().sqrt()


def first_components(rows: torch.Tensor, weights: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """`first_component` of many sets at once: set k holds `weights[k, p] * rows[p] - centres[k]` for every p
    whose weight is not 0. `[P, H]`, `[K, P]`, `[K, H]` -> `[K, H]`, to about one part in a million.

    By power iteration, which needs two products a step for all sets together; a set whose first two components
    are so near that it does not settle is decomposed.
    """
    vectors = _start(rows, len(weights))
    inside = weights.ne(0).to(rows.dtype)
    settled = torch.zeros(len(weights), dtype=torch.bool)
    for _ in range(_STEPS):
        along = inside * (weights * (vectors @ rows.T) - (vectors * centres).sum(dim=1, keepdim=True))
        moved = (along * weights) @ rows - along.sum(dim=1, keepdim=True) * centres
        sizes = (vectors * moved).sum(dim=1, keepdim=True)
        settled = torch.linalg.vector_norm(moved - sizes * vectors, dim=1) <= _SETTLED * sizes[:, 0]
        if bool(settled.all()):
            break
        vectors = torch.nn.functional.normalize(moved, dim=1)
    along = inside * (weights * (vectors @ rows.T) - (vectors * centres).sum(dim=1, keepdim=True))
    found = vectors * (along.square().sum(dim=1) / inside.sum(dim=1).clamp(min=1)).sqrt()[:, None]
    for index in (~settled).nonzero()[:, 0].tolist():
        chosen = inside[index].bool()
        own = weights[index, chosen, None] * rows[chosen] - centres[index]
        found[index] = first_component(own)
    return found


def _start(rows: torch.Tensor, count: int) -> torch.Tensor:
    """`[count, H]`: the component of all rows, and a little of everything else. Exactly on one axis, an iteration
    would stay there even where another one is the longer."""
    common = torch.nn.functional.normalize(first_component(rows), dim=0)
    stray = torch.randn((count, rows.shape[1]), generator=torch.Generator().manual_seed(0), dtype=rows.dtype)
    return torch.nn.functional.normalize(common + 0.1 * torch.nn.functional.normalize(stray, dim=1), dim=1)
