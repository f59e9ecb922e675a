"""Sampling is per row, reproducible from (seed, position) alone, and cuts as transformers does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.random_numbers import uniforms
from trimtab_server.engine.request import GenerationRequest, Sampling, SteeringTerm
from trimtab_server.engine.sampling import choose, log_probabilities

VOCABULARY = 50


def _logits(rows: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed))


def test_random_numbers_are_uniform_and_unrelated_between_neighbours() -> None:
    count = 20_000
    along_positions = uniforms([7] * count, range(count))
    along_seeds = uniforms(range(count), [3] * count)
    for numbers in (along_positions, along_seeds):
        assert numbers.min() >= 0 and numbers.max() < 1
        histogram, _ = np.histogram(numbers, bins=20, range=(0, 1))
        chi_square = float(((histogram - count / 20) ** 2 / (count / 20)).sum())
        assert chi_square < 45.0  # 19 degrees of freedom: 0.999 quantile 43.8
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03
    assert abs(np.corrcoef(along_positions, along_seeds)[0, 1]) < 0.03


def test_random_numbers_take_any_64_bit_seed() -> None:
    seeds = [0, 1, 2**63, 2**64 - 1, -1]
    numbers = uniforms(seeds, [0] * len(seeds))
    assert len(set(numbers[:4])) == 4
    assert numbers[3] == numbers[4]  # the same bits


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.7),
        Sampling(temperature=1.3, top_k=5),
        Sampling(temperature=1.0, top_p=0.6),
        Sampling(temperature=0.9, top_k=8, top_p=0.5),
        Sampling(temperature=1.0, top_p=1e-6),
        Sampling(temperature=1.0, top_k=1),
    ],
)
def test_draws_follow_the_distribution_that_transformers_cuts(sampling: Sampling) -> None:
    logits = _logits(1)
    warped = TemperatureLogitsWarper(sampling.temperature)(None, logits)
    if sampling.top_k:
        warped = TopKLogitsWarper(sampling.top_k)(None, warped)
    if sampling.top_p < 1:
        warped = TopPLogitsWarper(sampling.top_p)(None, warped)
    expected = warped.softmax(-1)[0]
    draws = 20_000
    rows = [
        Sampling(sampling.temperature, sampling.top_p, sampling.top_k, seed=seed) for seed in range(draws)
    ]
    tokens = choose(logits.expand(draws, -1), rows, [0] * draws)
    frequency = torch.bincount(tokens, minlength=VOCABULARY) / draws
    assert bool((frequency[expected == 0] == 0).all()), "a token that is cut was drawn"
    torch.testing.assert_close(frequency, expected, atol=0.015, rtol=0)


def test_a_rows_draw_depends_on_its_own_logits_and_settings_only() -> None:
    logits = _logits(4)
    own = Sampling(temperature=0.8, seed=11)
    alone = int(choose(logits[2:3], [own], [5])[0])
    neighbours = [Sampling(), Sampling(temperature=1.0, top_p=0.5, seed=1), own, Sampling(1.5, top_k=3)]
    assert int(choose(logits, neighbours, [0, 9, 5, 2])[2]) == alone


def test_greedy_is_the_largest_logit_and_log_probability_is_before_temperature() -> None:
    logits = _logits(3)
    tokens = choose(logits, [Sampling()] * 3, [0, 1, 2])
    assert tokens.tolist() == logits.argmax(-1).tolist()
    expected = logits.log_softmax(-1)[range(3), tokens]
    torch.testing.assert_close(log_probabilities(logits, tokens), expected)


def test_the_token_at_an_index_is_drawn_with_the_number_of_that_index(
    llama: Any, desk: Any, prompts: Any
) -> None:
    """By hand: the first token whose cumulative probability exceeds the number of (seed, index)."""
    outcome = desk(llama).run(
        [GenerationRequest(prompts[0], sampling=Sampling(temperature=1.4, seed=21, max_tokens=25))]
    )[0]
    with torch.inference_mode():
        logits = llama(input_ids=torch.tensor([list(prompts[0]) + outcome.ids]), use_cache=False).logits[0]
    probabilities = (logits[len(prompts[0]) - 1 : -1] / 1.4).double().softmax(-1)
    for index, number in enumerate(uniforms([21] * len(outcome.ids), range(len(outcome.ids)))):
        below = np.cumsum(probabilities[index].numpy())
        assert outcome.ids[index] == int(np.argmax(below > number))


def test_seeds_reproduce_a_reply_whatever_else_runs(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    terms = (SteeringTerm(vector_of(1), 0.4, (1,)),)
    own = GenerationRequest(prompts[1], terms, Sampling(temperature=1.0, top_p=0.95, seed=5, max_tokens=30))
    alone = desk(llama).run([own])[0].ids
    crowd = [
        GenerationRequest(prompts[i], (), Sampling(temperature=1.2, seed=i, max_tokens=10 + 5 * i))
        for i in range(7)
    ]
    busy = desk(llama)
    for request in crowd:
        busy.engine.submit(request)
    assert busy.run([own])[0].ids == alone
    other = GenerationRequest(prompts[1], terms, Sampling(temperature=1.0, top_p=0.95, seed=6, max_tokens=30))
    assert busy.run([other])[0].ids != alone


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=0),
        Sampling(temperature=-1.0),
        Sampling(temperature=float("nan")),
        Sampling(top_p=0.0),
        Sampling(top_p=1.5),
        Sampling(top_k=-1),
        Sampling(stop=("",)),
    ],
)
def test_sampling_that_means_nothing_is_refused(sampling: Sampling, llama: Any, desk: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        desk(llama).engine.submit(GenerationRequest((1, 2), sampling=sampling))
    assert refusal.value.field.startswith("sampling.")
