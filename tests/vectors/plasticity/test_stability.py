"""Representation stability: the noise ceiling recovers the true cosine, and hides what it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from trimtab_vectors.plasticity import (
    fine_tuning_shift,
    linear_cka,
    mean_shift,
    representation_stability,
    split_half,
)


def pairs(direction: np.ndarray, noise: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return direction + noise * rng.normal(size=(n, len(direction)))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


def test_reliability_is_the_squared_cosine_with_the_true_direction() -> None:
    rng = np.random.default_rng(0)
    truth = unit(rng.normal(size=64))
    found, squared = [], []
    for _ in range(40):
        d = pairs(truth, 0.8, 60, rng)
        found.append(split_half(d).reliability)
        squared.append(float(unit(d.mean(axis=0)) @ truth) ** 2)
    assert np.mean(found) == pytest.approx(np.mean(squared), abs=0.03)
    assert np.mean(found) < 0.75


def test_correction_removes_the_noise_of_extraction() -> None:
    rng = np.random.default_rng(1)
    first = unit(rng.normal(size=64))
    second = unit(0.8 * first + 0.6 * unit(rng.normal(size=64)))
    truth = float(first @ second)
    plain, corrected = [], []
    for _ in range(40):
        a, b = pairs(first, 0.8, 120, rng), pairs(second, 0.8, 120, rng)
        v = np.stack([a.mean(axis=0), b.mean(axis=0)])[:, None]
        c = np.array([[split_half(a).reliability], [split_half(b).reliability]])
        found = representation_stability(v, c)
        plain.append(found.plain[0, 1, 0])
        corrected.append(found.corrected[0, 1, 0])
    assert np.mean(plain) < truth - 0.1
    assert np.mean(corrected) == pytest.approx(truth, abs=0.04)


def test_a_noisy_layer_is_hidden_and_no_cosine_exceeds_one() -> None:
    v = np.random.default_rng(2).normal(size=(3, 2, 16))
    v[1] = v[0]
    c = np.array([[0.9, 0.8], [0.9, 0.8], [0.9, 0.4]])
    found = representation_stability(v, c)
    assert found.corrected[0, 1] == pytest.approx([1.0, 1.0])
    assert np.isnan(found.corrected[0, 2, 1]) and np.isfinite(found.corrected[0, 2, 0])
    assert np.isnan(found.band[0, 2])
    assert np.isfinite(representation_stability(v, c, layers=[0]).band).all()
    own = v[0, 0] @ v[2, 0] / np.linalg.norm(v[0, 0]) / np.linalg.norm(v[2, 0])
    assert found.corrected[0, 2, 0] == pytest.approx(own / 0.9)


def test_indices_read_the_first_row_and_the_steps_from_stage_to_stage() -> None:
    angles = np.array([0.0, 0.1, 0.5])
    v = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None]
    found = representation_stability(v, np.ones((3, 1)))
    assert found.cumulative == pytest.approx(np.cos(angles))
    assert found.local[1:] == pytest.approx(np.cos([0.1, 0.4]))
    assert np.isnan(found.local[0])
    steps = [0, 15, 63]
    assert found.local_loss(steps)[1:] == pytest.approx((1 - np.cos([0.1, 0.4])) / np.log([16.0, 4.0]))
    with pytest.raises(ValueError, match="increasing"):
        found.local_loss([0, 15, 15])


def test_halves_keep_clusters_whole() -> None:
    # Two facts of opposite direction: split whole, the halves always disagree.
    d = np.repeat([[1.0, 0.2], [-1.0, 0.2]], 10, axis=0)
    clusters = np.repeat([0, 1], 10)
    assert split_half(d, clusters).cosine == pytest.approx((0.04 - 1) / 1.04)
    assert split_half(d, clusters, seed=3) == split_half(d, clusters, seed=3)
    with pytest.raises(ValueError, match="at least 2 clusters"):
        split_half(d, np.zeros(20, dtype=int))


def test_alignment_ignores_rotation_and_scale_and_sees_independence() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 8))
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    assert linear_cka(x, 3.0 * x @ rotation + 5.0) == pytest.approx(1.0)
    assert linear_cka(x, rng.normal(size=(400, 8))) < 0.1
    y = x + rng.normal(size=x.shape)
    centre = np.eye(400) - 1 / 400
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    assert linear_cka(x, y) == pytest.approx(np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m)))


def test_shifts_are_projections_of_the_moved_mean() -> None:
    before = np.random.default_rng(4).normal(size=(50, 3))
    after = before + np.array([3.0, 4.0, 0.0])
    assert mean_shift(before, after, 10.0) == pytest.approx(0.5)
    assert fine_tuning_shift(before, after, [0.0, 2.0, 0.0]) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="same inputs"):
        linear_cka(before, after[:-1])
