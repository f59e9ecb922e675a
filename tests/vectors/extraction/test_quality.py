"""The figures of a direction against their formulas in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trimtab_vectors.extraction import METHODS, named_method
from trimtab_vectors.extraction.quality import (
    agreement,
    explained_variance,
    noise_ceiling,
    pair_accuracy,
    separation,
)

RNG = np.random.default_rng(17)
POSITIVE = RNG.normal(0.6, 1.0, (30, 8))
NEGATIVE = RNG.normal(0.0, 1.5, (30, 8))
UNIT = np.ones(8) / np.sqrt(8)
DIFFERENCES = torch.from_numpy(POSITIVE - NEGATIVE)
STATEMENTS = tuple(f"s{i // 2}" for i in range(30))


def test_every_figure_equals_its_formula() -> None:
    d, u = POSITIVE - NEGATIVE, torch.from_numpy(UNIT)
    assert pair_accuracy(DIFFERENCES, u) == np.mean(d @ UNIT > 0)
    cosines = (d @ UNIT) / np.linalg.norm(d, axis=1)
    assert agreement(DIFFERENCES, u) == pytest.approx(cosines.mean())
    assert explained_variance(DIFFERENCES, u) == pytest.approx(((d @ UNIT) ** 2).sum() / (d**2).sum())
    above, below = POSITIVE @ UNIT, NEGATIVE @ UNIT
    spread = np.sqrt((above.var(ddof=1) + below.var(ddof=1)) / 2)
    found = separation(torch.from_numpy(POSITIVE), torch.from_numpy(NEGATIVE), u)
    assert found == pytest.approx((above.mean() - below.mean()) / spread)


def test_no_direction_explains_more_of_the_differences_than_paired_pcas() -> None:
    component = named_method("paired_pca").direction(DIFFERENCES, 0)
    best = explained_variance(DIFFERENCES, component / component.norm())
    values = np.linalg.svd(DIFFERENCES.numpy(), compute_uv=False)
    assert best == pytest.approx(values[0] ** 2 / (values**2).sum())
    assert best > explained_variance(DIFFERENCES, torch.from_numpy(UNIT))


def test_what_is_not_defined_is_none_or_nothing_at_all() -> None:
    one = torch.ones((1, 3))
    assert separation(one, -one, torch.tensor([1.0, 0, 0], dtype=torch.float64)) is None
    same = torch.ones((4, 3))
    assert separation(same, -same, torch.tensor([1.0, 0, 0], dtype=torch.float64)) is None
    equal = torch.zeros((4, 3), dtype=torch.float64)
    unit = torch.tensor([1.0, 0, 0], dtype=torch.float64)
    assert agreement(equal, unit) == 0.0
    assert explained_variance(equal, unit) == 0.0
    assert pair_accuracy(equal, unit) == 0.0


def test_the_noise_ceiling_is_spearman_browns_of_the_mean_split_half_cosine() -> None:
    """Recomputed from scratch: the halves are drawn from sorted statements by torch's generator."""
    d = DIFFERENCES.numpy()
    names = sorted(set(STATEMENTS))
    generator = torch.Generator().manual_seed(21)
    cosines = []
    for _ in range(60):
        first = {
            names[i] for i in torch.randperm(len(names), generator=generator)[: len(names) // 2].tolist()
        }
        inside = np.array([s in first for s in STATEMENTS])
        a, b = d[inside].mean(0), d[~inside].mean(0)
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    mean = float(np.mean(cosines))
    assert mean > 0
    found = noise_ceiling(DIFFERENCES, STATEMENTS, named_method("diff_mean"), seed=21, splits=60)
    assert found == pytest.approx(2 * mean / (1 + mean))


@pytest.mark.parametrize("method", METHODS)
def test_the_ceiling_is_near_one_for_a_clear_concept_and_near_zero_for_noise(method: str) -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, (60, 40))
    clear = noise + 8 * np.eye(40)[0]
    statements = [f"s{i}" for i in range(60)]
    way = named_method(method)
    high = noise_ceiling(torch.from_numpy(clear), statements, way, seed=0)
    low = noise_ceiling(torch.from_numpy(noise), statements, way, seed=0)
    assert high is not None and high > 0.95
    assert low is not None and 0.0 <= low < 0.6


def test_two_wordings_of_a_statement_are_never_on_both_sides_of_a_halving() -> None:
    """Each statement has its own direction, in many wordings: halves by pair would agree perfectly."""
    own = np.random.default_rng(6).normal(0, 1, (8, 64))
    differences = torch.from_numpy(np.repeat(own, 20, axis=0))
    statements = [f"s{i}" for i in range(8) for _ in range(20)]
    by_pair = [f"p{i}" for i in range(160)]
    way = named_method("diff_mean")
    honest = noise_ceiling(differences, statements, way, seed=0)
    leaking = noise_ceiling(differences, by_pair, way, seed=0)
    assert honest is not None and leaking is not None
    assert leaking > 0.9 > 0.5 > honest


def test_too_few_statements_have_no_ceiling_however_many_pairs() -> None:
    way = named_method("diff_mean")
    assert noise_ceiling(DIFFERENCES, ["a", "b", "c"] * 10, way, seed=0) is None
    assert noise_ceiling(DIFFERENCES[:4], ["a", "b", "c", "d"], way, seed=0) is not None
    with pytest.raises(ValueError, match="splits is 0"):
        noise_ceiling(DIFFERENCES, STATEMENTS, way, seed=0, splits=0)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_halves_alike_to_the_bit(method: str) -> None:
    way = named_method(method)
    torch.manual_seed(1)
    first = noise_ceiling(DIFFERENCES, STATEMENTS, way, seed=8)
    torch.manual_seed(2)
    assert noise_ceiling(DIFFERENCES, STATEMENTS, way, seed=8) == first
    assert noise_ceiling(DIFFERENCES, STATEMENTS, way, seed=9) != first
