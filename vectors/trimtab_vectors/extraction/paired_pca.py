"""Paired PCA: the axis along which the two sides of a pair differ most.

Paired differences all lean to one side, and centring them, as a plain PCA does, takes away that very lean: on
pairs that differ by a constant along the concept it finds the noise. So each difference counts in both
directions, d and -d. The mean of that is zero, and its first principal component is the first right singular
vector of the uncentred differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from trimtab_vectors.extraction.span import span_coordinates


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
        return torch.stack([first_component(rows[subset]) for subset in subsets]) @ basis


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
