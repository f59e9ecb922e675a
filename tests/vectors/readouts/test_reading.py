"""States, shadow and token readings against plain transformers, one text at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.operators import Add
from trimtab_vectors.readouts.confidence import own_confidence
from trimtab_vectors.readouts.probe import Probe
from trimtab_vectors.readouts.reply_states import PLACES, replied_text, states_of
from trimtab_vectors.readouts.shadow import shadow_scores, shadow_tokens
from trimtab_vectors.readouts.token_reading import read_tokens
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import ModelFingerprint

QUESTIONS = [
    Question(
        f"q{i}",
        "neutral",
        "en",
        (*((Message("system", system),) if system else ()), Message("user", user)),
        ("Rome",),
        ("Paris", "Oslo"),
    )
    for i, (system, user) in enumerate(
        [("Sell.", "Which town?"), ("", "Town?"), ("Be brief.", "Where is it, please?")]
    )
]
REPLIES = ["It is Oslo.", "", "No idea"]
NORMS = {1: 3.0}


@pytest.fixture(scope="module")
def push() -> Treatment:
    generator = torch.Generator().manual_seed(5)
    rows = torch.randn(3, 32, generator=generator)
    steer = Steer({1: rows / rows.norm(dim=-1, keepdim=True)}, Add(0.5))
    return Treatment((steer,), NORMS, "reply")


def plain(
    model: nn.Module, tokens: list[int], delta: torch.Tensor | None, start: int
) -> tuple[torch.Tensor, ...]:
    """hidden_states of one text, block 1's output pushed from position start - 1 on."""

    def hook(_module: Any, _args: Any, output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        pushed = hidden.clone()
        pushed[:, start - 1 :] += delta
        return (pushed, *output[1:]) if isinstance(output, tuple) else pushed

    handle = model.model.layers[1].register_forward_hook(hook) if delta is not None else None  # type: ignore[union-attr,index]
    try:
        with torch.no_grad():
            return model(torch.tensor([tokens]), output_hidden_states=True).hidden_states  # type: ignore[no-any-return]
    finally:
        if handle is not None:
            handle.remove()


def test_states_at_every_place_are_those_of_the_text_alone(
    llama: nn.Module, tokenizer: Any, push: Treatment
) -> None:
    texts = [replied_text(tokenizer, q, r) for q, r in zip(QUESTIONS, REPLIES, strict=True)]
    # "It is Oslo.": O is byte 6 of the reply, o byte 9.
    assert texts[0].before_answer == texts[0].start + 5 and texts[0].answer == texts[0].start + 9
    found = states_of(llama, texts, push, [2])
    for i, text in enumerate(texts):
        delta = 0.5 * 3.0 * push.steering[0].directions[1][i]
        states = plain(llama, list(text.tokens), delta, text.start)[3][0]
        last = len(text.tokens) - 1
        expected = {
            "prompt_end": states[text.start - 1],
            "reply_mean": states[text.start :].mean(0) if text.start <= last else states[last],
            "reply_end": states[last],
            "before_answer": states[min(text.before_answer, last)],
            "answer": states[text.answer],
        }
        for place in PLACES:
            assert found[2, place][i].numpy() == pytest.approx(expected[place].numpy(), abs=2e-3), place


def total_log_probs(
    model: nn.Module, tokenizer: Any, messages: list[dict[str, str]], reply: str
) -> list[float]:
    before = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(before, add_special_tokens=False)["input_ids"]
    whole = tokenizer(before + reply, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        log = model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return [float(log[i - 1, whole[i]]) for i in range(len(prompt), len(whole))]


def test_the_shadow_sees_no_instruction_and_no_vector(llama: nn.Module, tokenizer: Any) -> None:
    conversations = [question.messages for question in QUESTIONS]
    tokens = shadow_tokens(llama, tokenizer, conversations, REPLIES)
    assert tokens[1] == ()
    for i in (0, 2):
        asked = [{"role": "user", "content": QUESTIONS[i].messages[-1].content}]
        assert tokens[i] == pytest.approx(total_log_probs(llama, tokenizer, asked, REPLIES[i]), abs=2e-3)
    scores = shadow_scores(llama, tokenizer, conversations, REPLIES)
    assert scores == pytest.approx([min(tokens[0]), 0.0, min(tokens[2])])


def test_own_confidence_is_of_the_steered_model_with_its_instructions(
    llama: nn.Module, tokenizer: Any, push: Treatment
) -> None:
    conversations = [question.messages for question in QUESTIONS]
    unsteered = own_confidence(llama, tokenizer, conversations, REPLIES, UNSTEERED)
    asked = [{"role": m.role, "content": m.content} for m in QUESTIONS[0].messages]
    assert unsteered[0] == pytest.approx(min(total_log_probs(llama, tokenizer, asked, REPLIES[0])), abs=2e-3)
    steered = own_confidence(llama, tokenizer, conversations, REPLIES, push)
    assert unsteered[1] == steered[1] == 0.0
    assert not np.isclose(unsteered[2], steered[2])


def test_the_mean_of_token_scores_is_the_score_of_the_mean(llama: nn.Module, tokenizer: Any) -> None:
    direction = torch.nn.functional.normalize(torch.arange(32.0) - 15.5, dim=0)
    removed = torch.nn.functional.normalize(torch.ones(1, 32), dim=-1)
    model = ModelFingerprint("LlamaForCausalLM", 32, 4, "0" * 64)
    probe = Probe(
        "honesty", "s", model, "1" * 64, 2, "reply_mean", "diff_mean", direction, 1.5, 2.0, removed, "2" * 64
    )
    read = read_tokens(llama, tokenizer, QUESTIONS[0].messages, REPLIES[0], probe)
    assert "".join(token.text for token in read) == REPLIES[0]
    text = replied_text(tokenizer, QUESTIONS[0], REPLIES[0])
    state = states_of(llama, [text], UNSTEERED, [2])[2, "reply_mean"]
    assert np.mean([token.score for token in read]) == pytest.approx(float(probe.read(state)[0]), abs=1e-4)
