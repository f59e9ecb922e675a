"""Replies: what plain `generate` says of each conversation alone, steered where and as asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.replies import Sampling, greedy_replies, sampled_replies
from trimtab_vectors.extraction import ContrastPrompt, ContrastSetError, median_residual_norms
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer

TALKS = [
    (Message("user", "How long?"),),
    (Message("system", "Be brief."), Message("user", "What does the pump cost in Japan, please?")),
    (Message("user", "a"), Message("assistant", "b"), Message("user", "c")),
]


def _alone(
    model: Any, tokenizer: Any, messages: Any, length: int, delta: Any = None, all_of: bool = True
) -> str:
    """One conversation, unpadded, without a cache, hooks of its own: the long way round."""
    chat = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    prompt = ids.shape[1]

    def push(_module: Any, _inputs: Any, output: Any) -> Any:
        hidden = output if isinstance(output, torch.Tensor) else output[0]
        hidden = hidden.clone()
        hidden[:, 0 if all_of else prompt - 1 :] += delta
        return hidden if isinstance(output, torch.Tensor) else (hidden, *output[1:])

    handles = [] if delta is None else [model.model.layers[1].register_forward_hook(push)]
    with torch.no_grad():
        for _ in range(length):
            token = model(ids, use_cache=False).logits[0, -1].argmax()
            if int(token) == model.generation_config.eos_token_id:
                break
            ids = torch.cat([ids, token.view(1, 1)], dim=1)
    for handle in handles:
        handle.remove()
    text = tokenizer.decode(ids[0, prompt:], skip_special_tokens=True)
    return str(text)


@pytest.fixture(scope="module")
def norms(llama: nn.Module, tokenizer: Any) -> dict[int, float]:
    return median_residual_norms(llama, tokenizer, ["A plain text.", "And another one."])


def _direction(seed: int) -> torch.Tensor:
    vector = torch.randn(32, generator=torch.Generator().manual_seed(seed))
    return vector / vector.norm()


def test_a_batch_says_what_each_conversation_says_alone(llama: nn.Module, tokenizer: Any) -> None:
    alone = [_alone(llama, tokenizer, talk, 12) for talk in TALKS]
    assert greedy_replies(llama, tokenizer, TALKS, max_new_tokens=12) == alone
    assert greedy_replies(llama, tokenizer, TALKS, max_new_tokens=12, batch_tokens=1) == alone


@pytest.mark.parametrize("positions", ["all", "reply"])
def test_steering_reaches_the_positions_asked_for_and_every_generated_token(
    llama: nn.Module, tokenizer: Any, norms: dict[int, float], positions: Any
) -> None:
    u, strength = _direction(1), 1.5
    steer = Steer({1: u}, Add(strength))
    delta = u * strength * norms[1]
    alone = [_alone(llama, tokenizer, t, 12, delta, positions == "all") for t in TALKS]
    unsteered = greedy_replies(llama, tokenizer, TALKS, max_new_tokens=12)
    made = greedy_replies(
        llama,
        tokenizer,
        TALKS,
        steering=[steer],
        residual_norms=norms,
        positions=positions,
        max_new_tokens=12,
    )
    assert made == alone != unsteered


def test_a_direction_per_conversation_follows_it_through_the_sorting_into_batches(
    llama: nn.Module, tokenizer: Any, norms: dict[int, float]
) -> None:
    rows = torch.stack([_direction(seed) for seed in (1, 2, 3)])
    options: dict[str, Any] = {"residual_norms": norms, "positions": "reply", "max_new_tokens": 8}
    together = greedy_replies(
        llama, tokenizer, TALKS, steering=[Steer({1: rows}, Add(2.0))], batch_tokens=60, **options
    )
    alone = [
        greedy_replies(llama, tokenizer, [talk], steering=[Steer({1: row}, Add(2.0))], **options)[0]
        for talk, row in zip(TALKS, rows, strict=True)
    ]
    assert together == alone
    assert len(set(together)) == 3


def test_directions_for_another_number_of_conversations_are_refused(
    llama: nn.Module, tokenizer: Any, norms: dict[int, float]
) -> None:
    steer = Steer({1: torch.stack([_direction(1), _direction(2)])}, Add(1.0))
    with pytest.raises(ValueError, match="2 directions at layer 1 for 3 prompts"):
        greedy_replies(llama, tokenizer, TALKS, steering=[steer], residual_norms=norms)


def test_a_reply_goes_on_from_its_given_beginning(llama: Any, tokenizer: Any) -> None:
    begun = ContrastPrompt(messages=TALKS[0], reply_prefix="It")
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": TALKS[0][0].content}], tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(chat + "It", add_special_tokens=False, return_tensors="pt").input_ids
    made = llama.generate(ids, do_sample=False, max_new_tokens=6)[0, ids.shape[1] :]
    expected = tokenizer.decode(made, skip_special_tokens=True)
    assert greedy_replies(llama, tokenizer, [begun], max_new_tokens=6) == [expected]
    assert greedy_replies(llama, tokenizer, TALKS[:1], max_new_tokens=6) != [expected]


def test_what_the_model_directory_says_about_sampling_does_not_change_greedy_replies(
    llama: Any, tokenizer: Any
) -> None:
    before = greedy_replies(llama, tokenizer, TALKS, max_new_tokens=12)
    config = llama.generation_config
    saved = (config.do_sample, config.temperature, config.repetition_penalty)
    config.do_sample, config.temperature, config.repetition_penalty = True, 5.0, 3.0
    try:
        assert greedy_replies(llama, tokenizer, TALKS, max_new_tokens=12) == before
    finally:
        config.do_sample, config.temperature, config.repetition_penalty = saved


def test_samples_repeat_with_their_seed_whatever_shares_the_batch(llama: nn.Module, tokenizer: Any) -> None:
    def draw(seed: int, **more: Any) -> list[str]:
        return sampled_replies(llama, tokenizer, TALKS, Sampling(seed), max_new_tokens=10, **more)

    assert draw(1) == draw(1) == draw(1, batch_tokens=1)
    assert draw(1) != draw(2)


def test_samples_follow_the_models_distribution(llama: Any, tokenizer: Any) -> None:
    count, temperature = 4000, 2.0
    ids = tokenizer("<s><|user|>x<|assistant|>", add_special_tokens=False, return_tensors="pt").input_ids
    with torch.no_grad():
        expected = (llama(ids).logits[0, -1].double() / temperature).softmax(-1)
    drawn = sampled_replies(
        llama,
        tokenizer,
        [(Message("user", "x"),)] * count,
        Sampling(3, temperature),
        max_new_tokens=1,
        batch_tokens=1 << 16,
    )
    shares: dict[str, float] = {}
    for token, p in enumerate(expected.tolist()):
        text = "" if token == llama.generation_config.eos_token_id else tokenizer.decode([token])
        shares[text] = shares.get(text, 0.0) + p
    common = [text for text, p in shares.items() if p > 0.01]
    assert len(common) > 5
    for text in common:
        p = shares[text]
        assert abs(drawn.count(text) / count - p) < 4.5 * (p * (1 - p) / count) ** 0.5


def test_a_conversation_that_ends_with_the_assistant_is_refused(llama: nn.Module, tokenizer: Any) -> None:
    with pytest.raises(ContrastSetError, match="end with a user message"):
        greedy_replies(llama, tokenizer, [(Message("user", "x"), Message("assistant", "y"))])
