"""Read-outs equal what separate plain forward passes give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import AffineReadout, GenerationRequest, Readouts, Sampling, SteeringTerm
from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden

NORM = 10.0


def _plain(
    model: nn.Module, ids: list[int], direction: torch.Tensor | None, at: int, read: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [T, V] and block `read`'s output [T, H], with `direction` added after block `at`."""
    states = []

    def steer(_block: nn.Module, _inputs: Any, output: Any) -> Any:
        return output if direction is None else with_hidden(output, hidden_of(output) + direction)

    blocks = find_decoder(model).blocks
    handles = [
        blocks[at].register_forward_hook(steer),
        blocks[read].register_forward_hook(lambda _b, _i, output: states.append(hidden_of(output)[0])),
    ]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    for handle in handles:
        handle.remove()
    return logits, states[0]


@pytest.mark.parametrize("chunk", [5, 64])
def test_read_outs_equal_two_plain_forward_passes(
    chunk: int, llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    steering, watched = vector_of(1), vector_of(2, pair_accuracies={1: 0.7, 2: 0.95, 3: 0.95})
    request = GenerationRequest(
        prompts[2],
        (SteeringTerm(steering, 0.5, (2,)),),
        Sampling(temperature=1.0, seed=3, max_tokens=20),
        Readouts(
            watched=watched,
            entropy=True,
            kl_to_unsteered=True,
            residual_norm_ratio=True,
            probe=AffineReadout(3, vector_of(5).directions[3], 0.75, 2.5),
        ),
    )
    others = [GenerationRequest(prompt, sampling=Sampling(max_tokens=15)) for prompt in prompts[:5]]
    one = desk(llama, prefill_chunk=chunk, slots=5)
    for other in others:
        one.engine.submit(other)
    outcome = one.run([request])[0]
    one.engine.drain(60)

    ids = list(prompts[2]) + outcome.ids
    decided = slice(len(prompts[2]) - 1, -1)
    logits, states = _plain(llama, ids, steering.directions[2] * 0.5 * NORM, at=2, read=2)
    unsteered, _ = _plain(llama, ids, None, at=2, read=2)
    steered_log = logits[decided].double().log_softmax(-1)
    unsteered_log = unsteered[decided].double().log_softmax(-1)
    _, deeper = _plain(llama, ids, steering.directions[2] * 0.5 * NORM, at=2, read=3)
    drawn = torch.tensor(outcome.ids)[:, None]
    expected = {
        "honesty": (deeper[decided] @ vector_of(5).directions[3] - 0.75) / 2.5,
        "unsteered_log_probability": unsteered_log.gather(1, drawn)[:, 0],
        "projection": states[decided] @ watched.directions[2] / NORM,
        "residual_norm_ratio": states[decided].norm(dim=-1) / NORM,
        "entropy": -(steered_log.exp() * steered_log).sum(-1),
        "kl_to_unsteered": (steered_log.exp() * (steered_log - unsteered_log)).sum(-1),
    }
    for name, values in expected.items():
        got = torch.tensor([getattr(token, name) for token in outcome.tokens], dtype=torch.float64)
        torch.testing.assert_close(got, values.double(), rtol=1e-3, atol=1e-3, msg=name)
    assert expected["kl_to_unsteered"].max() > 0.01


def test_read_outs_do_not_change_tokens(llama: Any, desk: Any, prompts: Any, vector_of: Any) -> None:
    terms = (SteeringTerm(vector_of(1), 0.4, (1,)),)
    wishes = [
        Readouts(),
        Readouts(entropy=True, kl_to_unsteered=True),
        Readouts(
            watched=vector_of(2),
            residual_norm_ratio=True,
            probe=AffineReadout(0, vector_of(3).directions[0], 0.0, 1.0),
        ),
    ]
    replies = [
        outcome.ids
        for outcome in desk(llama).run(
            [GenerationRequest(prompts[1], terms, Sampling(max_tokens=20), wish) for wish in wishes]
        )
    ]
    assert replies[0] == replies[1] == replies[2]


def test_only_what_is_asked_is_given(llama: Any, desk: Any, prompts: Any) -> None:
    outcome = desk(llama).run(
        [GenerationRequest(prompts[0], (), Sampling(max_tokens=3), Readouts(entropy=True))]
    )[0]
    for token in outcome.tokens:
        assert token.entropy is not None
        assert token.projection is token.kl_to_unsteered is token.residual_norm_ratio is None
        assert token.honesty is token.unsteered_log_probability is None


def test_an_unsteered_reply_has_kl_zero_and_takes_one_slot(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama, slots=1)
    outcome = one.run(
        [GenerationRequest(prompts[0], (), Sampling(max_tokens=5), Readouts(kl_to_unsteered=True))]
    )[0]
    assert {token.kl_to_unsteered for token in outcome.tokens} == {0.0}
    for token in outcome.tokens:
        assert token.unsteered_log_probability == pytest.approx(token.log_probability, abs=1e-5)


@pytest.mark.parametrize(("layer", "width"), [(4, 32), (-1, 32), (1, 31)])
def test_a_probe_of_another_shape_is_refused(
    layer: int, width: int, llama: Any, desk: Any, prompts: Any
) -> None:
    probe = AffineReadout(layer, torch.ones(width) / width**0.5, 0.0, 1.0)
    with pytest.raises(InvalidRequest, match="fitted on this model"):
        desk(llama).engine.submit(GenerationRequest(prompts[0], readouts=Readouts(probe=probe)))


def test_a_shadow_that_could_never_have_a_slot_is_refused(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    request = GenerationRequest(
        prompts[0], (SteeringTerm(vector_of(1), 0.4, (1,)),), readouts=Readouts(kl_to_unsteered=True)
    )
    with pytest.raises(InvalidRequest, match="2 slots"):
        desk(llama, slots=1).engine.submit(request)


def test_a_layer_without_a_residual_norm_cannot_be_watched(llama: Any, desk: Any, vector_of: Any) -> None:
    one = desk(llama, residual_norms={0: 10.0})
    watched = vector_of(1, pair_accuracies={2: 1.0})
    with pytest.raises(InvalidRequest) as refusal:
        one.engine.submit(GenerationRequest((1, 2), readouts=Readouts(watched=watched)))
    assert refusal.value.reason == "LAYER_OUT_OF_RANGE"
