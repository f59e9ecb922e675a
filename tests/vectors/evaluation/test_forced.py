"""Forced log-probabilities against plain passes over one text at a time, and the boundary of the answer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.forced import (
    ForcedText,
    common_start,
    forced_log_probs,
    forced_text,
    next_token_log_probs,
    score_forced,
)
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import ContrastPrompt, median_residual_norms
from trimtab_vectors.operators import Add, Condition
from trimtab_vectors.steering import Steer

CHAT = ContrastPrompt(messages=(Message("user", "How long?"),), reply_prefix="It is ")


def _plain(model: Any, ids: list[int], prompt: int) -> list[float]:
    """Step by step over prefixes: no padding, no batch, no slicing of logits."""
    values = []
    with torch.no_grad():
        for end in range(prompt, len(ids)):
            logits = model(torch.tensor([ids[:end]])).logits[0, -1].double()
            values.append(float(logits.log_softmax(-1)[ids[end]]))
    return values


def test_each_answer_gets_what_a_pass_over_every_prefix_gives_it(llama: nn.Module, tokenizer: Any) -> None:
    prompts = [CHAT, "Once upon", CHAT]
    answers = ["two years", " a time there", "no"]
    scored = forced_log_probs(llama, tokenizer, prompts, answers)
    begun = tokenizer("<s><|user|>How long?<|assistant|>It is ", add_special_tokens=False).input_ids
    raw = tokenizer("Once upon").input_ids
    for found, before, answer in zip(scored, (begun, raw, begun), answers, strict=True):
        own = tokenizer(answer, add_special_tokens=False).input_ids
        expected = _plain(llama, before + own, len(before))
        assert found.tokens == tuple(own)
        assert found.log_probs == pytest.approx(expected, abs=2e-4)
        assert found.total == pytest.approx(sum(expected), abs=1e-3)
        assert found.mean == pytest.approx(sum(expected) / len(own), abs=2e-4)
        assert not found.merged


def test_batching_changes_nothing_but_the_last_digits(llama: nn.Module, tokenizer: Any) -> None:
    prompts, answers = [CHAT] * 5, ["a", "two years", "b", "very much longer", "cc"]
    together = forced_log_probs(llama, tokenizer, prompts, answers)
    alone = forced_log_probs(llama, tokenizer, prompts, answers, batch_tokens=1)
    for one, other in zip(together, alone, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=2e-4)


@pytest.mark.parametrize("positions", ["all", "reply"])
def test_steered_scores_are_those_of_hand_made_hooks(llama: Any, tokenizer: Any, positions: Any) -> None:
    norms = median_residual_norms(llama, tokenizer, ["A plain text."])
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    rows = rows / rows.norm(dim=-1, keepdim=True)
    answers = ["two years", "no"]
    steered = forced_log_probs(
        llama,
        tokenizer,
        [CHAT, CHAT],
        answers,
        steering=[Steer({2: rows}, Add(0.8))],
        residual_norms=norms,
        positions=positions,
    )
    prompt = tokenizer("<s><|user|>How long?<|assistant|>It is ", add_special_tokens=False).input_ids
    for row, answer, found in zip(rows, answers, steered, strict=True):
        first = 0 if positions == "all" else len(prompt) - 1

        def push(_m: Any, _i: Any, out: Any, row: Any = row, first: int = first) -> Any:
            hidden = out.clone() if isinstance(out, torch.Tensor) else out[0].clone()
            hidden[:, first:] += row * (0.8 * norms[2])
            return hidden if isinstance(out, torch.Tensor) else (hidden, *out[1:])

        own = tokenizer(answer, add_special_tokens=False).input_ids
        handle = llama.model.layers[2].register_forward_hook(push)
        with torch.no_grad():
            logits = llama(torch.tensor([prompt + own])).logits[0].double().log_softmax(-1)
        handle.remove()
        expected = [float(logits[len(prompt) - 1 + i, t]) for i, t in enumerate(own)]
        assert found.log_probs == pytest.approx(expected, abs=2e-4)


def test_a_token_that_runs_across_the_boundary_belongs_to_the_answer_and_is_said(tokenizer: Any) -> None:
    clean = forced_text(tokenizer, "it is", " on")
    assert not clean.merged and tokenizer.decode(list(clean.answer)) == " on"
    merged = forced_text(tokenizer, "an is", "land")
    assert merged.merged and tokenizer.decode(list(merged.answer)) == "island"


def test_answers_to_one_prompt_are_conditioned_on_the_same_tokens(tokenizer: Any) -> None:
    merged, plain = (forced_text(tokenizer, "an is", answer) for answer in ("land", " on"))
    assert merged.start < plain.start
    fair = common_start([merged, plain])
    assert [tokenizer.decode(list(text.answer)) for text in fair] == ["island", "is on"]
    assert fair[0].tokens[: fair[0].start] == fair[1].tokens[: fair[1].start]


def test_special_tokens_that_a_tokenizer_puts_behind_a_text_are_not_scored(tokenizer: Any) -> None:
    class Closing:
        """Adds <|user|> (257) behind any raw text, as some tokenizers add an end-of-text token."""

        all_special_ids = (256, 257)

        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [*tokenizer(text).input_ids, 257]}

    text = forced_text(Closing(), "one", " two")
    assert tokenizer.decode(list(text.answer)) == " two"
    own = forced_text(tokenizer, "one<|assistant|>", "two")
    assert tokenizer.decode(list(own.answer)) == "two" and own.tokens[own.start - 1] == 259


def test_an_answer_without_tokens_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="adds no token"):
        forced_text(tokenizer, CHAT, "")
    with pytest.raises(ValueError, match="at least one token"):
        ForcedText((1, 2), 0)


def test_next_token_distributions_are_whole_and_agree_with_the_scores(
    llama: nn.Module, tokenizer: Any
) -> None:
    texts = [forced_text(tokenizer, p, a) for p, a in ((CHAT, "two years"), ("Once upon", " a time"))]
    scores = score_forced(llama, texts, Treatment())
    seen = dict(next_token_log_probs(llama, texts, Treatment()))
    assert seen.keys() == {0, 1}
    for index, text in enumerate(texts):
        assert seen[index].shape == (len(text.answer), 260)
        assert torch.allclose(seen[index].exp().sum(-1), torch.ones(len(text.answer)), atol=1e-5)
        picked = seen[index].gather(1, torch.tensor(text.answer)[:, None])[:, 0]
        assert picked.tolist() == pytest.approx(scores[index].log_probs, abs=1e-5)


def test_a_condition_reads_the_prompt_and_not_the_forced_answer(llama: Any, tokenizer: Any) -> None:
    """The gate of a forced text is that of its prompt alone, whatever the answer says."""
    norms = median_residual_norms(llama, tokenizer, ["A plain text."])
    u = torch.randn(32, generator=torch.Generator().manual_seed(5))
    u = u / u.norm()
    begun = tokenizer("<s><|user|>How long?<|assistant|>It is ", add_special_tokens=False).input_ids
    states: list[torch.Tensor] = []
    handle = llama.model.layers[0].register_forward_hook(
        lambda _m, _i, out: states.append(out if isinstance(out, torch.Tensor) else out[0])
    )
    with torch.no_grad():
        llama(torch.tensor([begun]))
    handle.remove()
    probe = Condition(0, u, 0.0)
    score = float(probe.score(states[0].mean(dim=1))[0])
    answers = ["two years", "an answer that is longer than its prompt is"]
    unsteered = forced_log_probs(llama, tokenizer, [CHAT] * 2, answers)
    for threshold, opens in ((score - 1e-4, True), (score + 1e-4, False)):
        steer = Steer({2: u}, Add(1.0), condition=Condition(0, u, threshold))
        found = forced_log_probs(
            llama, tokenizer, [CHAT] * 2, answers, steering=[steer], residual_norms=norms
        )
        for one, other in zip(found, unsteered, strict=True):
            assert (one.total != pytest.approx(other.total, abs=1e-3)) is opens
