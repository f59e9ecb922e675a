"""Slopes, ranks and specific slopes against numpy and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.margins import MarginItem
from trimtab_vectors.evaluation.steerability import margin_grid, rank_p, specific_slope, steerability
from trimtab_vectors.extraction import ContrastPrompt
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer

GRID = (-0.2, -0.05, 0.0, 0.1, 0.2)


@pytest.fixture
def margins() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    slopes = rng.normal(3.0, 4.0, size=40)
    return np.outer(GRID, slopes) + rng.normal(size=40) + rng.normal(0, 0.3, size=(5, 40))


def test_slopes_are_those_of_a_least_squares_line_of_each_item(margins: np.ndarray[Any, Any]) -> None:
    found = steerability(GRID, margins)
    expected = [np.polyfit(GRID, column, 1)[0] for column in margins.T]
    assert found.item_slopes == pytest.approx(expected)
    line = np.polyfit(GRID, margins.mean(axis=1), 1)
    assert found.slope.value == pytest.approx(line[0])
    misses = margins.mean(axis=1) - np.polyval(line, GRID)
    assert found.residual == pytest.approx(np.sqrt(np.mean(misses**2)))
    assert found.spearman == pytest.approx(stats.spearmanr(GRID, margins.mean(axis=1))[0])
    assert 0 < found.anti_steerable.value == np.mean(np.array(expected) < 0)
    t = stats.ttest_1samp(expected, 0.0).confidence_interval()
    assert (found.slope.low, found.slope.high) == pytest.approx((t.low, t.high))


def test_items_of_one_fact_widen_the_interval(margins: np.ndarray[Any, Any]) -> None:
    doubled = np.concatenate([margins, margins], axis=1)
    facts = [*range(40), *range(40)]
    assert steerability(GRID, doubled, facts).slope.low == pytest.approx(
        steerability(GRID, margins).slope.low
    )
    assert steerability(GRID, doubled).slope.low > steerability(GRID, margins).slope.low


def test_no_anti_steerable_item_among_few_is_not_taken_for_none_at_all() -> None:
    found = steerability((0.0, 1.0), np.array([[0.0] * 5, [1.0] * 5]))
    assert found.anti_steerable.value == 0.0 and found.anti_steerable.high > 0.4


def test_a_specific_slope_stands_above_random_ones_by_rank() -> None:
    others = [0.5, -0.5, 1.5, 0.1]
    found = specific_slope(1.5, others)
    assert found.specific == pytest.approx(1.5 - np.mean(others))
    assert found.z == pytest.approx(found.specific / np.std(others, ddof=1))
    assert found.p == pytest.approx(2 / 5)
    assert rank_p(9.0, others) == pytest.approx(1 / 5)
    with pytest.raises(ValueError, match="at least 2"):
        specific_slope(1.0, [0.0])


def test_one_strength_gives_no_slope() -> None:
    with pytest.raises(ValueError, match="two different"):
        steerability((0.1, 0.1), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"\[2, items\]"):
        steerability((0.0, 0.1), np.zeros((3, 2)))


def test_a_small_push_moves_margins_by_its_gradient(llama: Any, tokenizer: Any) -> None:
    """The measured slope at small strengths is the derivative that autograd gives."""
    prompt = ContrastPrompt(messages=(Message("user", "How long?"),))
    item = MarginItem("m", prompt, ("a",), ("b",))
    u = torch.randn(32, generator=torch.Generator().manual_seed(1))
    u = u / u.norm()
    norms, strengths = {2: 10.0}, (-1e-3, 0.0, 1e-3)
    grid = margin_grid(
        llama,
        tokenizer,
        [item, item],
        strengths,
        lambda strength: Treatment((Steer({2: u}, Add(strength)),), norms, "reply"),
    )
    ids = tokenizer(
        "<s><|user|>How long?<|assistant|>", add_special_tokens=False, return_tensors="pt"
    ).input_ids
    dose = torch.zeros((), requires_grad=True)

    def push(_m: nn.Module, _i: Any, out: Any) -> Any:
        hidden = (out if isinstance(out, torch.Tensor) else out[0]).clone()
        hidden[:, -1] = hidden[:, -1] + dose * norms[2] * u
        return hidden if isinstance(out, torch.Tensor) else (hidden, *out[1:])

    handle = llama.model.layers[2].register_forward_hook(push)
    logits = llama(ids).logits[0, -1]
    handle.remove()
    a, b = (tokenizer(c, add_special_tokens=False).input_ids[0] for c in "ab")
    (gradient,) = torch.autograd.grad(logits[a] - logits[b], dose)
    assert steerability(strengths, grid).slope.value == pytest.approx(float(gradient), rel=0.02)
