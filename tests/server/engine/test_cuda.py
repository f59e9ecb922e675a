"""The same code on CUDA. Skipped where there is none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from trimtab_server.engine.request import GenerationRequest, Operator, Readouts, Sampling, SteeringTerm
from trimtab_vectors.operators import Condition

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("name", ["llama", "gpt2", "neox", "gemma2-sliding"])
def test_greedy_tokens_on_cuda_equal_generate_on_the_cpu(
    name: str, model_of: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    model = model_of(name)
    outcomes = desk(copy.deepcopy(model), device="cuda", slots=6).run(
        [GenerationRequest(prompt, sampling=Sampling(max_tokens=20)) for prompt in prompts]
    )
    assert [outcome.ids for outcome in outcomes] == [greedy(model, prompt, 20) for prompt in prompts]


def test_steered_sampled_and_read_replies_on_cuda_equal_those_on_the_cpu(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    requests = [
        GenerationRequest(
            prompt,
            (SteeringTerm(vector_of(1), 0.5, (1, 2)),),
            Sampling(temperature=0.8, top_p=0.9, top_k=40, seed=i, max_tokens=15),
            Readouts(watched=vector_of(2), entropy=True, kl_to_unsteered=True, residual_norm_ratio=True),
        )
        for i, prompt in enumerate(prompts)
    ]
    here = desk(llama).run(requests)
    there = desk(copy.deepcopy(llama), device="cuda").run(requests)
    assert [outcome.ids for outcome in here] == [outcome.ids for outcome in there]
    for one, other in zip(here, there, strict=True):
        for name in ("projection", "entropy", "kl_to_unsteered", "residual_norm_ratio"):
            ours = [getattr(token, name) for token in one.tokens]
            theirs = [getattr(token, name) for token in other.tokens]
            assert ours == pytest.approx(theirs, abs=2e-3)


def test_operators_and_conditions_on_cuda_do_what_they_do_on_the_cpu(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    v = vector_of
    gate = Condition(1, v(5).directions[1], 0.12)
    plans: list[tuple[SteeringTerm, ...]] = [
        (SteeringTerm(v(1), 1.0, (0, 2), Operator.CLAMP, level=0.6, bound="at_least"),),
        (SteeringTerm(v(1), 0.9, (1, 2), preserve_state_norm="always"), SteeringTerm(v(2), 0.3, (1,))),
        (SteeringTerm(v(1), 0.7, (2, 3), condition=gate),),
    ]
    requests = [
        GenerationRequest(prompt, plans[i % 3], Sampling(max_tokens=12)) for i, prompt in enumerate(prompts)
    ]
    here = desk(llama).run(requests)
    there = desk(copy.deepcopy(llama), device="cuda").run(requests)
    for one, other in zip(here, there, strict=True):
        assert (one.ids, one.finished.gates) == (other.ids, other.finished.gates)


def test_a_bfloat16_model_is_served_on_cuda(llama: Any, desk: Any, prompts: Any, vector_of: Any) -> None:
    half = copy.deepcopy(llama).to(torch.bfloat16)
    request = GenerationRequest(prompts[1], (SteeringTerm(vector_of(1), 0.5, (1,)),), Sampling(max_tokens=10))
    outcome = desk(half, device="cuda").run([request])[0]
    assert outcome.finished.steering_applications == outcome.finished.steering_applications_expected > 0
