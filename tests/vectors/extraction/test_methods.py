"""Directions against numpy, and against what scikit-learn and repeng made of the same states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from trimtab_vectors.extraction import METHODS, ContrastSetError, named_method
from trimtab_vectors.extraction.logistic import Logistic
from trimtab_vectors.extraction.methods import Method, make_direction, signed

ORACLES = Path(__file__).parents[2] / "oracles" / "extraction"

Array = npt.NDArray[np.float64]


def stored(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text())


def stored_differences(layer: int) -> torch.Tensor:
    states = np.load(ORACLES / "activations.npz", allow_pickle=False)
    difference = states["positive"][layer].astype(np.float64) - states["negative"][layer].astype(np.float64)
    return torch.from_numpy(difference)


def cosine(a: Any, b: Any) -> float:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def unit(method: Method | str, differences: torch.Tensor, seed: int = 0) -> Array:
    way = named_method(method) if isinstance(method, str) else method
    made: Array = make_direction(way, differences, seed).unit.numpy()
    return made


def shifted(pairs: int = 256, width: int = 32, shift: float = 3.0) -> torch.Tensor:
    """Differences with one and the same shift along axis 0 and noise along axis 1: what centring destroys."""
    rng = np.random.default_rng(7)
    differences = np.zeros((pairs, width))
    differences[:, 0] = shift
    differences[:, 1] = rng.normal(0, 1, pairs)
    return torch.from_numpy(differences)


@pytest.mark.parametrize("layer", [0, 1])
def test_diff_mean_is_numpys_difference_of_means(layer: int) -> None:
    states = np.load(ORACLES / "activations.npz", allow_pickle=False)
    expected = states["positive"][layer].astype(float).mean(0) - states["negative"][layer].astype(float).mean(
        0
    )
    made = make_direction(named_method("diff_mean"), stored_differences(layer), 0)
    np.testing.assert_allclose(made.unit.numpy() * made.norm, expected, rtol=1e-12)


@pytest.mark.parametrize("layer", [0, 1])
def test_paired_pca_is_sklearns_pca_of_the_differences_in_both_directions(layer: int) -> None:
    ours = unit("paired_pca", stored_differences(layer))
    theirs = np.array(stored("sklearn")["layers"][layer]["pca_of_both_signs"])
    assert abs(cosine(ours, theirs)) > 1 - 1e-10


@pytest.mark.parametrize("layer", [0, 1])
def test_paired_pca_is_repengs_pca_center_sign_included(layer: int) -> None:
    assert (
        cosine(unit("paired_pca", stored_differences(layer)), stored("repeng")["pca_center"][layer]) > 0.9999
    )


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("penalty", [1.0, 20.0])
def test_the_logistic_weight_is_sklearns_in_raw_space(layer: int, penalty: float) -> None:
    ours = Logistic(penalty).direction(stored_differences(layer), 0).numpy()
    theirs = stored("sklearn")["layers"][layer]["logistic"][str(penalty)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_a_concept_that_is_the_same_in_every_pair_is_found(method: str) -> None:
    differences = shifted()
    centred = differences.numpy() - differences.numpy().mean(0)
    lost = np.linalg.svd(centred, full_matrices=False)[2][0]
    assert abs(lost[0]) < 0.01, "the constructed case no longer defeats a centred PCA"
    assert unit(method, differences)[0] > 0.99


@pytest.mark.parametrize("method", METHODS)
def test_the_positive_mean_projects_above_the_negative(method: str) -> None:
    for layer in (0, 1):
        differences = stored_differences(layer)
        for turned in (differences, -differences):
            assert float(turned.mean(0).numpy() @ unit(method, turned)) > 0


@pytest.mark.parametrize("method", METHODS)
def test_swapped_sides_make_the_opposite_direction_of_the_same_norm(method: str) -> None:
    differences = stored_differences(0)
    there = make_direction(named_method(method), differences, 5)
    back = make_direction(named_method(method), -differences, 5)
    torch.testing.assert_close(back.unit, -there.unit, rtol=1e-8, atol=1e-9)
    assert back.norm == pytest.approx(there.norm)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits(method: str) -> None:
    differences = stored_differences(1)
    torch.manual_seed(1)
    first = make_direction(named_method(method), differences, 3)
    torch.manual_seed(2)
    second = make_direction(named_method(method), differences, 3)
    assert torch.equal(first.unit, second.unit) and first.norm == second.norm


def test_lat_depends_on_its_seed_with_few_pairs_and_nears_paired_pca_with_many() -> None:
    rng = np.random.default_rng(3)
    many = torch.from_numpy(rng.normal(0, 1, (8000, 12)) * np.geomspace(0.3, 2, 12) + np.eye(12)[5] * 3)
    few = many[:12]
    assert cosine(unit("lat", few, seed=0), unit("lat", few, seed=1)) < 0.9999
    assert cosine(unit("lat", few, seed=0), unit("paired_pca", few)) < 0.9999
    assert cosine(unit("lat", many, seed=0), unit("paired_pca", many)) > 0.9999


def test_lat_is_the_centred_pca_of_pairs_with_random_signs() -> None:
    differences = stored_differences(0)
    generator = torch.Generator().manual_seed(9)
    drawn = (torch.randint(0, 2, (24,), generator=generator) * 2 - 1).numpy()
    rows = differences.numpy() * drawn[:, None]
    expected = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][0]
    assert abs(cosine(unit("lat", differences, seed=9), expected)) > 1 - 1e-10


def test_the_logistic_direction_is_the_normal_in_the_space_of_the_states() -> None:
    """Two features, equally telling, one ten times the size: in raw space its weight is a tenth."""
    rng = np.random.default_rng(11)
    differences = torch.from_numpy(rng.normal(1.0, 1.0, (4000, 2)) * np.array([1.0, 10.0]))
    weight = Logistic(100.0).direction(differences, 0)
    assert float(weight[0] / weight[1]) == pytest.approx(10.0, rel=0.1)


def test_the_logistic_probe_converges_on_sides_told_apart_without_fault_and_on_dead_features() -> None:
    differences = torch.from_numpy(np.abs(np.random.default_rng(0).normal(3, 1, (40, 6))))
    differences[:, 2] = 0.0
    weight = Logistic().direction(differences * 1e4, 0)
    assert bool(torch.isfinite(weight).all())
    assert abs(float(weight[2])) < 1e-12 * float(weight.norm())
    assert bool((differences @ weight > 0).all())
    with pytest.raises(ValueError, match="inverse_penalty is 0"):
        Logistic(0.0)


def test_more_components_than_pairs_and_more_pairs_than_components_agree_with_numpy() -> None:
    rng = np.random.default_rng(5)
    for pairs, width in ((6, 40), (40, 6)):
        rows = rng.normal(0.5, 1, (pairs, width))
        _, values, vectors = np.linalg.svd(rows, full_matrices=False)
        made = make_direction(named_method("paired_pca"), torch.from_numpy(rows), 0)
        assert abs(cosine(made.unit.numpy(), vectors[0])) > 1 - 1e-10
        assert made.norm == pytest.approx(values[0] / np.sqrt(pairs))


@pytest.mark.parametrize("method", METHODS)
def test_subsets_of_the_pairs_are_what_the_pairs_alone_would_be(method: str) -> None:
    differences = stored_differences(0)
    subsets = torch.zeros((2, 24), dtype=torch.bool)
    subsets[0, ::2], subsets[1, 5:] = True, True
    way = named_method(method)
    made = way.directions(differences, subsets, 4)
    for index, subset in enumerate(subsets):
        mean = differences[subset].mean(0)[None]
        alone = signed(way.direction(differences[subset], 4 + index)[None], mean)
        torch.testing.assert_close(signed(made[index][None], mean), alone, rtol=1e-5, atol=1e-5)


def test_a_subset_whose_longest_axis_is_not_the_whole_sets_is_not_left_on_it() -> None:
    """On exact axes an iteration that begins on the wrong one would stay there."""
    differences = torch.zeros((40, 3), dtype=torch.float64)
    differences[:30, 0], differences[30:, 1] = 2.0, 3.0
    subsets = torch.zeros((2, 40), dtype=torch.bool)
    subsets[0, :], subsets[1, 22:] = True, True
    whole, part = named_method("paired_pca").directions(differences, subsets, 0).abs()
    assert float(whole[0]) == pytest.approx(2 * (30 / 40) ** 0.5) and float(whole[1]) < 1e-5
    assert float(part[1]) == pytest.approx(3 * (10 / 18) ** 0.5) and float(part[0]) < 1e-5


def test_subsets_without_a_longest_axis_are_decomposed_and_not_guessed() -> None:
    rng = np.random.default_rng(12)
    differences = torch.from_numpy(rng.normal(0, 1, (60, 50)))
    subsets = torch.from_numpy(rng.random((8, 60)) < 0.5)
    made = named_method("paired_pca").directions(differences, subsets, 0)
    for component, subset in zip(made, subsets, strict=True):
        values = np.linalg.svd(differences[subset].numpy())[1]
        assert float(component.norm()) == pytest.approx(values[0] / np.sqrt(int(subset.sum())), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_sides_without_a_difference_have_no_direction(method: str) -> None:
    with pytest.raises(ContrastSetError, match="same mean state"):
        make_direction(named_method(method), torch.zeros((4, 3), dtype=torch.float64), 0)


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match="'pca_diff' is unknown; use one of diff_mean, paired_pca, lat, logistic"
    ):
        named_method("pca_diff")


def test_logistic_fits_that_do_not_settle_together_are_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    differences = torch.from_numpy(rng.normal(0.4, 1, (40, 12)))
    subsets = torch.from_numpy(rng.random((5, 40)) < 0.4)
    alone = torch.stack([Logistic().direction(differences[subset], 0) for subset in subsets])
    for steps in (12, 1):
        monkeypatch.setattr("trimtab_vectors.extraction.logistic._SUBSET_STEPS", steps)
        made = Logistic().directions(differences, subsets, 0)
        torch.testing.assert_close(made, alone, rtol=1e-5, atol=1e-6)
