"""Steering operators against plain numpy in float64."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from trimtab_vectors.operators import (
    Ablate,
    Add,
    Bound,
    Clamp,
    Condition,
    NormKept,
    Operator,
    PreserveStateNorm,
    projection,
)

Array = npt.NDArray[np.float64]
R = 7.0

ALL: dict[str, Operator] = {
    "add": Add(0.4),
    "subtract": Add(-0.9),
    "ablate": Ablate(),
    "ablate half": Ablate(0.5),
    "clamp": Clamp(-0.3),
    "clamp part": Clamp(0.5, share=0.25),
    "at least": Clamp(0.2, "at_least"),
    "at most": Clamp(0.1, "at_most"),
    "preserve": PreserveStateNorm(Add(0.8)),
    "preserve grown": PreserveStateNorm(Add(-0.8), "grown"),
    "preserve clamp": PreserveStateNorm(Clamp(0.5, "at_most")),
}


def unit(seed: int, *shape: int) -> torch.Tensor:
    raw = torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).float()
    return raw / raw.norm(dim=-1, keepdim=True)


@pytest.fixture
def h() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((2, 9, 16))).float() * 5


@pytest.fixture
def u() -> torch.Tensor:
    return unit(2, 16)


def exact(tensor: torch.Tensor) -> Array:
    return tensor.numpy().astype(np.float64)


def steered(operator: Operator, states: Array, direction: Array, r: float) -> Array:
    """What each operator's definition says, one state at a time."""
    out = np.empty_like(states)
    for index in np.ndindex(states.shape[:-1]):
        state = states[index]
        u = np.broadcast_to(direction, states.shape)[index]
        out[index] = _steered(operator, state, u, r)
    return out


def _steered(operator: Operator, state: Array, u: Array, r: float) -> Array:
    along = float(state @ u)
    if isinstance(operator, Add):
        return state + operator.strength * r * u
    if isinstance(operator, Ablate):
        return state - operator.share * along * u
    if isinstance(operator, Clamp):
        target = operator.level * r
        held = {"exactly": target, "at_least": max(along, target), "at_most": min(along, target)}
        return state + operator.share * (held[operator.bound] - along) * u
    assert isinstance(operator, PreserveStateNorm)
    moved = _steered(operator.inner, state, u, r)
    before, after = math.sqrt(state @ state), math.sqrt(moved @ moved)
    if operator.when == "grown" and after <= before:
        return moved
    return moved * before / after


@pytest.mark.parametrize("name", ALL)
def test_an_operator_is_its_formula(name: str, h: torch.Tensor, u: torch.Tensor) -> None:
    expected = steered(ALL[name], exact(h), exact(u), R)
    found = h + ALL[name].delta(h, u, R)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)
    assert np.abs(expected - exact(h)).max() > 0.1, "the case must change something"


@pytest.mark.parametrize("name", ALL)
def test_one_direction_a_row_is_each_row_alone(name: str, h: torch.Tensor) -> None:
    rows = unit(3, 2, 1, 16)
    together = ALL[name].delta(h, rows, R)
    for row in range(2):
        alone = ALL[name].delta(h[row], rows[row, 0], R)
        torch.testing.assert_close(together[row], alone, rtol=0, atol=1e-6)
    assert not torch.allclose(together[0], ALL[name].delta(h, rows[1, 0], R)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ALL)
def test_half_precision_gives_the_rounded_formula(
    name: str, dtype: torch.dtype, h: torch.Tensor, u: torch.Tensor
) -> None:
    states = h.to(dtype)
    delta = ALL[name].delta(states, u, R)
    assert delta.dtype == dtype and delta.shape == h.shape
    expected = steered(ALL[name], exact(states.float()), exact(u), R)
    step = torch.finfo(dtype).eps * float(h.abs().max())
    np.testing.assert_allclose((states + delta).float().numpy(), expected, atol=2 * step)


def test_doses_add_up_and_change_sign(h: torch.Tensor, u: torch.Tensor) -> None:
    two = Add(0.2).delta(h, u, R) + Add(0.3).delta(h, u, R)
    torch.testing.assert_close(two, Add(0.5).delta(h, u, R))
    assert torch.equal(Add(-0.3).delta(h, u, R), -Add(0.3).delta(h, u, R))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "operator",
    [
        Add(0.0),
        Add(-0.0),
        Ablate(0.0),
        Clamp(0.7, share=0.0),
        Clamp(-1e6, "at_least"),
        Clamp(1e6, "at_most"),
        PreserveStateNorm(Add(0.0)),
        PreserveStateNorm(Clamp(1e6, "at_most"), "grown"),
    ],
    ids=str,
)
def test_what_changes_nothing_leaves_every_bit(
    operator: Operator, dtype: torch.dtype, h: torch.Tensor, u: torch.Tensor
) -> None:
    states = h.to(dtype)
    states[0, 0], states[0, 1], states[1, :, 3] = -0.0, 0.0, -0.0
    kind = torch.int32 if dtype == torch.float32 else torch.int16
    after = states + operator.delta(states, u, R)
    assert torch.equal(after.view(kind), states.view(kind))


def test_ablation_leaves_nothing_along_u_and_everything_across_it(h: torch.Tensor, u: torch.Tensor) -> None:
    ablated = h + Ablate().delta(h, u, R)
    assert float(projection(ablated, u).abs().max()) < 1e-5
    across = unit(9, 16)
    across = across - (across @ u) * u
    torch.testing.assert_close(ablated @ across, h @ across, rtol=1e-4, atol=1e-5)


def test_a_clamp_holds_the_component_at_its_bound(h: torch.Tensor, u: torch.Tensor) -> None:
    before = projection(h, u)
    target = 0.2 * R
    assert bool((before < target).any()) and bool((before > target).any()), "the case must show both sides"
    expected: dict[Bound, torch.Tensor] = {
        "exactly": torch.full_like(before, target),
        "at_least": before.clamp(min=target),
        "at_most": before.clamp(max=target),
    }
    for bound, component in expected.items():
        after = projection(h + Clamp(0.2, bound).delta(h, u, R), u)
        torch.testing.assert_close(after, component, rtol=1e-4, atol=1e-5)
    assert torch.equal(Clamp(0.0, share=0.5).delta(h, u, R), Ablate(0.5).delta(h, u, R))


def test_keeping_the_norm_differs_where_the_addition_shrinks_the_state(u: torch.Tensor) -> None:
    """A state that points along -u, and one along u: the same addition shortens one and lengthens the other."""
    across = unit(9, 16)
    across = across - (across @ u) * u
    states = torch.stack((-3.0 * u + 4 * across / across.norm(), 3.0 * u + 4 * across / across.norm()))
    norms = states.norm(dim=-1)
    plain = (states + Add(0.2).delta(states, u, 10.0)).norm(dim=-1)
    assert plain[0] < norms[0] and plain[1] > norms[1]
    kept: dict[NormKept, torch.Tensor] = {"always": norms, "grown": torch.stack((plain[0], norms[1]))}
    for when, expected in kept.items():
        after = states + PreserveStateNorm(Add(0.2), when).delta(states, u, 10.0)
        torch.testing.assert_close(after.norm(dim=-1), expected)
    # Scaled back up, the state's component along u is not what the addition put there.
    always = projection(states + PreserveStateNorm(Add(0.2)).delta(states, u, 10.0), u)
    grown = projection(states + PreserveStateNorm(Add(0.2), "grown").delta(states, u, 10.0), u)
    assert float(grown[0]) == pytest.approx(-1.0, abs=1e-5)
    assert float(always[0]) == pytest.approx(-1.0 * 5 / math.sqrt(17), abs=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_states_of_zero_stay_finite(name: str, u: torch.Tensor) -> None:
    h = torch.zeros(2, 3, 16)
    after = h + ALL[name].delta(h, u, R)
    expected = torch.zeros_like(h)
    if isinstance(ALL[name], Add | Clamp):
        expected = torch.from_numpy(steered(ALL[name], exact(h), exact(u), R)).float()
    torch.testing.assert_close(after, expected)


def test_a_state_that_is_ablated_whole_is_not_blown_up_from_rounding() -> None:
    directions = unit(4, 50, 16)
    states = 37.3 * directions
    left = states + Ablate().delta(states, directions, R)
    assert bool(left.norm(dim=-1).ne(0).any()), "some rounding must be left, or this test shows nothing"
    after = states + PreserveStateNorm(Ablate()).delta(states, directions, R)
    assert float(after.norm(dim=-1).max()) < 1e-4


@pytest.mark.parametrize("name", ["ablate", "clamp", "preserve", "preserve clamp"])
def test_half_precision_states_of_large_norm_stay_finite(name: str) -> None:
    h = torch.full((1, 2, 4096), 2000.0, dtype=torch.float16)
    h[0, 1, ::2] *= -1
    assert not torch.isfinite(torch.linalg.vector_norm(h, dim=-1)).any(), "or this test shows nothing"
    u = torch.ones(4096) / 64
    # 2000 * 4096 / 64 = 128000 is beyond fp16, its share of each component is not.
    assert projection(h, u)[0].tolist() == pytest.approx([128000.0, 0.0])
    after = h + ALL[name].delta(h, u, 5000.0)
    assert after.dtype == torch.float16 and bool(torch.isfinite(after).all())
    expected = steered(ALL[name], exact(h.float()), exact(u), 5000.0)
    np.testing.assert_allclose(after.float().numpy(), expected, atol=2.0)


# Conditions


def cast_score(state: Array, condition: Array) -> float:
    """The paper's formula, with the projection as a matrix."""
    matrix = np.outer(condition, condition) / (condition @ condition)
    projected = np.tanh(matrix @ state)
    return float(state @ projected / (np.linalg.norm(state) * np.linalg.norm(projected)))


@pytest.mark.parametrize("scale", [0.05, 1.0, 40.0])
def test_a_conditions_score_is_the_formula_whatever_the_directions_norm(
    scale: float, h: torch.Tensor, u: torch.Tensor
) -> None:
    states = h[0] * scale
    expected = [cast_score(exact(state), exact(u)) for state in states]
    for norm in (1.0, 0.01, 300.0):
        found = Condition(1, u * norm, 0.0).score(states)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    assert max(expected) - min(expected) > 0.2, "the case must tell states apart"


def test_the_gate_opens_on_its_own_side_of_the_threshold_only(h: torch.Tensor, u: torch.Tensor) -> None:
    scores = Condition(0, u, 0.0).score(h[0])
    at = int(scores.argsort()[4])
    middle = float(scores[at])
    above = Condition(0, u, middle, "score_above").open(h[0])
    below = Condition(0, u, middle, "score_below").open(h[0])
    assert above.tolist() == [score > middle for score in scores.tolist()]
    assert below.tolist() == [score < middle for score in scores.tolist()]
    assert not above[at] and not below[at], "a score that equals the threshold opens neither"
    assert above.any() and below.any()


def test_a_state_without_any_component_scores_nothing(u: torch.Tensor) -> None:
    assert Condition(0, u, 0.0).score(torch.zeros(2, 16)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Add(float("nan")), "strength is nan"),
        (lambda: Ablate(1.5), "share is 1.5"),
        (lambda: Clamp(float("inf")), "level is inf"),
        (lambda: Clamp(0.1, share=-0.1), "share is -0.1"),
        (lambda: Clamp(0.1, "below"), "bound is 'below'"),  # type: ignore[arg-type]
        (lambda: PreserveStateNorm(Add(1.0), "never"), "when is 'never'"),  # type: ignore[arg-type]
        (lambda: Condition(0, torch.zeros(4), 0.1), "direction is zero"),
        (lambda: Condition(0, torch.ones(2, 4), 0.1), "finite vector"),
        (lambda: Condition(0, torch.tensor([1.0, math.nan]), 0.1), "finite vector"),
        (lambda: Condition(0, torch.ones(4), math.nan), "threshold is nan"),
        (lambda: Condition(0, torch.ones(4), 0.1, "larger"), "opens is 'larger'"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_operator_is_refused_by_name(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
