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
_SUBSET_STEPS: Final = 12
_SUBSET_TOLERANCE: Final = 1e-7
_INNER_STEPS: Final = 6
_TINY: Final = 1e-300


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
        coordinates, basis = span_coordinates(differences)
        rows, inside = coordinates / 2, subsets.to(coordinates.dtype)
        scales = ((inside @ rows.square().sum(dim=1)) / inside.sum(dim=1)).sqrt()[:, None]
        found = _fit_subsets(rows, inside, torch.where(scales > 0, scales, 1.0), 2 * self.inverse_penalty)
        return found @ basis


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
        factor = torch.linalg.cholesky(_curvature(inner, w, weight))
        step = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
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


def _fit_subsets(
    rows: torch.Tensor, inside: torch.Tensor, scales: torch.Tensor, weight: float
) -> torch.Tensor:
    """The fit of every subset's rows over its scale, divided by it again: `[P, H]`, `[K, P]` of 0 and 1,
    `[K, 1]` -> `[K, H]`, to about one part in a million.

    All at once: Newton's method from the fit of all rows, each step by conjugate gradients under the curvature
    of all rows, so that products of matrices are all there is to do. What has not settled is fitted alone.
    """
    common = float(scales.square().mean().sqrt())
    start = _fit(rows / common, weight)
    factor = torch.linalg.cholesky(_curvature(rows / common, start, weight / 2))
    w = start.repeat(len(inside), 1)
    for _ in range(_SUBSET_STEPS):
        missing = inside * torch.sigmoid(-(w @ rows.T) / scales)
        gradient = w - weight * (missing @ rows) / scales
        settled = gradient.abs().amax(dim=1) <= _SUBSET_TOLERANCE * (1.0 + w.abs().amax(dim=1))
        if bool(settled.all()):
            break
        spread = weight * missing * (1 - missing) / scales.square()
        w = w - _conjugate_gradients(rows, spread, gradient, factor)
    for index in (~settled).nonzero()[:, 0].tolist():
        w[index] = _fit(rows[inside[index].bool()] / scales[index], weight)
    return w / scales


def _curvature(rows: torch.Tensor, w: torch.Tensor, weight: float) -> torch.Tensor:
    """`[H, H]`, the loss's second derivative at w."""
    missing = torch.sigmoid(-(rows @ w))
    hessian = rows.T @ ((weight * missing * (1 - missing))[:, None] * rows)
    hessian.diagonal().add_(1.0)
    return hessian


def _conjugate_gradients(
    rows: torch.Tensor, spread: torch.Tensor, gradient: torch.Tensor, factor: torch.Tensor
) -> torch.Tensor:
    """Newton's step `[K, H]` of every subset, `(1 + rows' spread rows) step = gradient`, roughly."""
    step, left = torch.zeros_like(gradient), gradient
    towards = near = torch.cholesky_solve(left.T, factor).T
    size = (left * near).sum(dim=1, keepdim=True)
    for _ in range(_INNER_STEPS):
        bent = towards + (spread * (towards @ rows.T)) @ rows
        length = size / (towards * bent).sum(dim=1, keepdim=True).clamp(min=_TINY)
        step, left = step + length * towards, left - length * bent
        near = torch.cholesky_solve(left.T, factor).T
        before, size = size, (left * near).sum(dim=1, keepdim=True)
        towards = near + size / before.clamp(min=_TINY) * towards
    return step
