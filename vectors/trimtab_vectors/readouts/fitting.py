"""Fitting a read-out: what is removed first, and three ways to tell honest from lying replies in the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trimtab_vectors.readouts.probe import ProbeMethod

#: Share of the mean variance added to the diagonal of a covariance; without it few replies fit any plane.
_SHRINKAGE: Final = 0.05
_PENALTY: Final = 1e-2
#: A direction that others explain up to this share of its length adds nothing to a basis.
_SMALLEST_PART: Final = 1e-6


def removed_basis(injected: Sequence[Tensor], steered: Tensor, unsteered: Tensor) -> Tensor:
    """Orthonormal `[K, H]` of what a vector puts into the states of one layer and place.

    injected: the directions `[H]` added at the steered layers (a residual stream carries them on) and the
    vector's own at the layer that is read. steered, unsteered: states `[N, H]` of replies to the same questions;
    the mean of their difference is what the injection has become downstream.
    """
    rows = [direction.double() for direction in injected]
    rows.append((steered.double() - unsteered.double()).mean(dim=0))
    basis: list[Tensor] = []
    for row in rows:
        length = float(row.norm())
        left = row
        # Twice: what the first pass leaves over by rounding, the second takes away.
        for _ in range(2):
            for known in basis:
                left = left - (left @ known) * known
        if length > 0 and float(left.norm()) > _SMALLEST_PART * length:
            basis.append(left / left.norm())
    if not basis:
        raise ValueError("nothing was injected: the directions are zero and the states do not differ")
    return torch.stack(basis)


def without(states: Tensor, removed: Tensor | None) -> Tensor:
    """`[N, H]` float64, the part orthogonal to `removed [K, H]`."""
    rows = states.double()
    if removed is None:
        return rows
    basis = removed.double()
    return rows - (rows @ basis.T) @ basis


def fitted_direction(
    states: Tensor, honest: NDArray[np.bool_], method: ProbeMethod, removed: Tensor | None
) -> tuple[Tensor, float, float]:
    """Unit direction `[H]`, offset and scale (see `Probe`) from states `[N, H]` of honest and lying replies.

    diff_mean: difference of the class means. mass_mean: that times the inverse of the covariance within classes,
    shrunk (Marks and Tegmark, arXiv:2310.06824, section 5). logistic: L2-penalised regression, both classes
    weighing the same. All in the space orthogonal to `removed` (None: in the whole space).

    Raises ValueError for fewer than two replies of a class, or if the classes do not differ.
    """
    flags = torch.from_numpy(np.asarray(honest, dtype=np.bool_))
    if int(flags.sum()) < 2 or int((~flags).sum()) < 2:
        raise ValueError(
            f"{int(flags.sum())} honest and {int((~flags).sum())} lying replies; at least 2 of each are needed"
        )
    rows = without(states, removed)
    up, down = rows[flags].mean(0), rows[~flags].mean(0)
    found = up - down
    if method == "mass_mean":
        found = _mass_mean(rows, flags, found)
    elif method == "logistic":
        found = _logistic(rows, flags)
    found = without(found[None], removed)[0]
    if float(found.norm()) == 0.0:
        raise ValueError("honest and lying replies have the same mean state in what is left")
    direction = found / found.norm()
    scores = rows @ direction
    spread = torch.stack([scores[flags].var(), scores[~flags].var()]).mean().sqrt()
    if float(spread) == 0.0:
        raise ValueError("all replies of a class have the same state; give more questions")
    return direction.float(), float((up + down) @ direction / 2), float(spread)


def _mass_mean(rows: Tensor, flags: Tensor, difference: Tensor) -> Tensor:
    centred = torch.cat([rows[flags] - rows[flags].mean(0), rows[~flags] - rows[~flags].mean(0)])
    covariance = centred.T @ centred / len(centred)
    covariance.diagonal().add_(_SHRINKAGE * covariance.diagonal().mean())
    found: Tensor = torch.linalg.solve(covariance, difference)
    return found


def _logistic(rows: Tensor, flags: Tensor) -> Tensor:
    """In units of the states' mean standard deviation, so that the penalty means the same in any model."""
    unit = rows.std(dim=0).mean().clamp(min=1e-12)
    inputs = (rows - rows.mean(0)) / unit
    target = flags.double()
    weight = torch.where(flags, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    w = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([w, b], max_iter=500, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        cross = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ w + b, target, weight=weight)
        value = cross + _PENALTY * (w @ w) / 2
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return w.detach()
