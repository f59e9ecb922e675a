"""The span of the pairs: a basis in which a few pairs of wide states are a few short rows."""

from __future__ import annotations

import torch


def span_coordinates(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`[P, H]` -> coordinates `[P, r]` and orthonormal basis `[r, H]`, rows = coordinates @ basis, r at most P.

    A method that depends on lengths and angles alone finds the same in it, at the price of r components.
    """
    basis, triangle = torch.linalg.qr(rows.T)
    return triangle.T, basis.T
