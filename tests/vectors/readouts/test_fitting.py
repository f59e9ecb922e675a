"""Directions against numpy and scipy, and on states where the injected component is the tempting one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize
from trimtab_vectors.readouts.fitting import fitted_direction, removed_basis, without

H = 12


def cases(seed: int = 0, n: int = 300) -> tuple[torch.Tensor, np.ndarray]:
    """Honest replies differ along axis 0 (a little) and axis 1 (a lot); correlated noise."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(H, H)) * 0.3 + np.eye(H)
    honest = rng.random(n) < 0.3
    rows = rng.normal(size=(n, H)) @ mixing
    rows[honest, 0] += 2.0
    rows[honest, 1] += 6.0
    return torch.from_numpy(rows).float(), honest


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_diff_mean_and_mass_mean_are_their_formulas() -> None:
    states, honest = cases()
    x = states.double().numpy()
    difference = x[honest].mean(0) - x[~honest].mean(0)
    within = np.concatenate([x[honest] - x[honest].mean(0), x[~honest] - x[~honest].mean(0)])
    covariance = within.T @ within / len(within)
    covariance += 0.05 * np.trace(covariance) / H * np.eye(H)
    for method, expected in (
        ("diff_mean", difference),
        ("mass_mean", np.linalg.inv(covariance) @ difference),
    ):
        direction, offset, scale = fitted_direction(states, honest, method, None)  # type: ignore[arg-type]
        assert direction.numpy() == pytest.approx(unit(expected), abs=1e-5)
        scores = (x @ direction.double().numpy() - offset) / scale
        # 0 lies halfway between the class means, and the classes' mean variance is 1.
        assert scores[honest].mean() == pytest.approx(-scores[~honest].mean(), abs=1e-6)
        assert (scores[honest].var(ddof=1) + scores[~honest].var(ddof=1)) / 2 == pytest.approx(1, abs=1e-5)


def test_the_logistic_probe_is_at_the_minimum_that_scipy_finds() -> None:
    states, honest = cases(1)
    x = states.double().numpy()
    inputs = (x - x.mean(0)) / x.std(0, ddof=1).mean()
    share = honest.mean()
    weight = np.where(honest, 0.5 / share, 0.5 / (1 - share))
    sign = np.where(honest, 1.0, -1.0)

    def loss(parameters: np.ndarray) -> float:
        w, b = parameters[:-1], parameters[-1]
        return float((weight * np.logaddexp(0, -sign * (inputs @ w + b))).mean() + 0.005 * w @ w)

    best = optimize.minimize(loss, np.zeros(H + 1), method="BFGS", options={"gtol": 1e-8}).x[:-1]
    direction, _, _ = fitted_direction(states, honest, "logistic", None)
    assert direction.numpy() @ unit(best) > 0.99999


def test_the_basis_spans_what_was_injected_and_what_became_of_it() -> None:
    rng = np.random.default_rng(2)
    a, b = (torch.from_numpy(unit(rng.normal(size=H))).float() for _ in range(2))
    unsteered = torch.from_numpy(rng.normal(size=(50, H))).float()
    shift = torch.from_numpy(rng.normal(size=H)).float()
    basis = removed_basis([a, b, a], unsteered + shift, unsteered).numpy()
    assert basis @ basis.T == pytest.approx(np.eye(3), abs=1e-12)
    span = np.linalg.qr(np.stack([a.numpy(), b.numpy(), shift.numpy()]).T)[0]
    assert basis.T @ basis == pytest.approx(span @ span.T, abs=1e-5)
    with pytest.raises(ValueError, match="nothing was injected"):
        removed_basis([torch.zeros(H)], unsteered, unsteered)


@pytest.mark.parametrize("method", ["diff_mean", "mass_mean", "logistic"])
def test_what_is_removed_cannot_move_the_score_and_the_rest_is_still_found(method: str) -> None:
    states, honest = cases(3, 2000)
    injected = torch.eye(H)[1]
    removed = removed_basis([injected], states, states)
    free, _, _ = fitted_direction(states, honest, method, None)  # type: ignore[arg-type]
    kept, _, _ = fitted_direction(states, honest, method, removed)  # type: ignore[arg-type]
    assert abs(float(kept @ injected)) < 1e-6 < 0.3 < abs(float(free @ injected))
    assert float(kept[0]) > 0.4
    dosed = states + 40 * injected
    assert (dosed @ kept).numpy() == pytest.approx((states @ kept).numpy(), abs=1e-4)


def test_projecting_out_is_idempotent() -> None:
    states, _ = cases(4)
    removed = removed_basis([torch.ones(H), torch.eye(H)[3]], states, states)
    once = without(states, removed)
    assert without(once, removed).numpy() == pytest.approx(once.numpy(), abs=1e-12)
    assert float((once @ removed.double().T).abs().max()) < 1e-10


def test_replies_that_cannot_be_told_apart_are_refused() -> None:
    states, honest = cases()
    with pytest.raises(ValueError, match="at least 2 of each"):
        fitted_direction(states, np.zeros_like(honest), "diff_mean", None)
    with pytest.raises(ValueError, match="same mean state"):
        fitted_direction(torch.zeros(6, H), np.array([1, 1, 1, 0, 0, 0], dtype=bool), "diff_mean", None)
