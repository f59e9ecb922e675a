"""A logistic probe: the normal of the plane that tells the two sides of a pair apart.

States are taken about their pair's midpoint, so that what a pair is about plays no part: the rows are d/2 with
label 1 and -d/2 with label 0, and no intercept is needed. All are divided by one number, their root mean square
length, so that the penalty means the same at every layer of every model; the weight is then divided by it too,
and is in the space of the states, which is what steering needs.

One number, and not the standard deviation of each component: that one grows with the concept itself, so the
components that carry it would be shrunk, and the noise of all others blown up on the way back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from trimtab_vectors.extraction.span import span_coordinates

_STEPS: Final = 200
_TOLERANCE: Final = 1e-10


@dataclass(frozen=True)
class Logistic:
    """L2-penalised logistic regression: `|w|^2 / 2 + C sum of log(1 + exp(-y w.x))` at its minimum, in raw
    space; its norm is in log-odds per unit of state.

    inverse_penalty: C, with scikit-learn's meaning and default. Raises ValueError unless positive.
    """

    name: ClassVar[str] = "logistic"
    inverse_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not self.inverse_penalty > 0:
            raise ValueError(f"inverse_penalty is {self.inverse_penalty}; a positive number is expected")

    def direction(self, differences: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]` -> `[H]`."""
        rows = differences / 2
        scale = float(rows.square().sum(dim=1).mean().sqrt()) or 1.0
        # Both members of a pair have the same loss, so each counts twice.
        return _fit(rows / scale, 2 * self.inverse_penalty) / scale

    def directions(self, differences: torch.Tensor, subsets: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]`, `[K, P]` bool -> `[K, H]`: of every subset of the pairs."""
        rows, basis = span_coordinates(differences)
        return torch.stack([self.direction(rows[subset], seed) for subset in subsets]) @ basis


def _fit(rows: torch.Tensor, weight: float) -> torch.Tensor:
    """`[P, H]` -> `[H]` that minimises `|w|^2 / 2 + weight * sum of log(1 + exp(-rows w))`.

    The minimum lies in the span of the rows, so Newton's method runs in at most P dimensions.
    """
    inner, basis = span_coordinates(rows)
    w = inner.new_zeros(inner.shape[1])
    for _ in range(_STEPS):
        margins = inner @ w
        missing = torch.sigmoid(-margins)
        gradient = w - weight * (missing @ inner)
        if float(gradient.abs().max()) <= _TOLERANCE * (1.0 + float(w.abs().max())):
            found: torch.Tensor = w @ basis
            return found
        curvature = (weight * missing * (1 - missing))[:, None] * inner
        hessian = inner.T @ curvature
        hessian.diagonal().add_(1.0)
        step = torch.cholesky_solve(gradient[:, None], torch.linalg.cholesky(hessian))[:, 0]
        w = _descended(inner, w, step, gradient, weight)
    raise ArithmeticError(
        f"the logistic probe did not converge in {_STEPS} steps; the differences of the pairs may be of absurd "
        "size"
    )


def _descended(
    rows: torch.Tensor, w: torch.Tensor, step: torch.Tensor, gradient: torch.Tensor, weight: float
) -> torch.Tensor:
    """Newton's step, halved until the loss falls as it should (Armijo); near the minimum rounding rules."""
    before, slope = _loss(rows, w, weight), float(gradient @ step)
    size = 1.0
    while size > 1e-8:
        moved = w - size * step
        if _loss(rows, moved, weight) <= before - 1e-4 * size * slope + 1e-12 * abs(before):
            return moved
        size /= 2
    return w - step


def _loss(rows: torch.Tensor, w: torch.Tensor, weight: float) -> float:
    return float(w @ w / 2 + weight * torch.nn.functional.softplus(-(rows @ w)).sum())
