"""Steering operators against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trimtab_vectors.operators import Ablate, Add, projection


@pytest.fixture
def h() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((2, 3, 16))).float() * 5


@pytest.fixture
def u() -> torch.Tensor:
    raw = torch.from_numpy(np.random.default_rng(2).standard_normal(16)).float()
    return raw / raw.norm()


def test_add_is_strength_times_residual_norm_times_direction(h: torch.Tensor, u: torch.Tensor) -> None:
    expected = h.numpy() + 0.3 * 20.0 * u.numpy()
    np.testing.assert_allclose((h + Add(0.3).delta(h, u, 20.0)).numpy(), expected, rtol=1e-6)


def test_doses_add_up_and_change_sign(h: torch.Tensor, u: torch.Tensor) -> None:
    two = Add(0.2).delta(h, u, 7.0) + Add(0.3).delta(h, u, 7.0)
    torch.testing.assert_close(two, Add(0.5).delta(h, u, 7.0))
    assert torch.equal(Add(-0.3).delta(h, u, 7.0), -Add(0.3).delta(h, u, 7.0))


def test_strength_zero_leaves_every_bit(h: torch.Tensor, u: torch.Tensor) -> None:
    assert torch.equal(h + Add(0.0).delta(h, u, 20.0), h)
    assert torch.equal(h + Ablate(0.0).delta(h, u, 1.0), h)


def test_ablation_removes_the_component_and_nothing_else(h: torch.Tensor, u: torch.Tensor) -> None:
    direction = u.numpy().astype(np.float64)
    states = h.numpy().astype(np.float64)
    expected = states - (states @ direction)[..., None] * direction
    ablated = h + Ablate().delta(h, u, 1.0)
    np.testing.assert_allclose(ablated.numpy(), expected, atol=1e-5)
    assert float(projection(ablated, u).abs().max()) < 1e-5
    half = h + Ablate(0.5).delta(h, u, 1.0)
    np.testing.assert_allclose(projection(half, u).numpy(), states @ direction / 2, rtol=1e-4, atol=1e-5)


def test_half_precision_states_of_large_norm_stay_finite() -> None:
    h = torch.full((1, 1, 4096), 2000.0, dtype=torch.float16)
    assert not torch.isfinite((h * h).sum()), "the naive sum must overflow, or this test shows nothing"
    u = torch.ones(4096) / 64
    # 2000 * 4096 / 64 = 128000 is beyond fp16, its share of the state is not.
    assert float(projection(h, u)) == pytest.approx(128000.0)
    assert torch.isfinite(Ablate().delta(h, u, 1.0)).all()
    assert Ablate().delta(h, u, 1.0).dtype == torch.float16
    assert float((h + Ablate().delta(h, u, 1.0)).abs().max()) == 0.0
