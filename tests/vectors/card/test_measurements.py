"""What is measured for a card, against plain transformers one prompt at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from trimtab_vectors.card.concept_pairs import CONCEPTS, concept_set
from trimtab_vectors.card.extremes import LabelledText, extremes
from trimtab_vectors.card.lens import lens
from trimtab_vectors.card.push_effect import Context, push_effect
from trimtab_vectors.card.resemblance import chance_cosine, resemblances
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction.capture import block_outputs, token_batches
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.extraction.extractor import make_directions
from trimtab_vectors.extraction.methods import named_method
from trimtab_vectors.extraction.pair_states import capture_pair_states
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer

U = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(2)), dim=0)
TEXTS = ["Good evening.", "The lamp is on the table", "雨です", "No."]


def last_log_probs(model: nn.Module, tokens: tuple[int, ...], delta: torch.Tensor, start: int) -> np.ndarray:
    def hook(_module: Any, _args: Any, output: Any) -> Any:
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[:, start - 1 :] += delta
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = model.model.layers[1].register_forward_hook(hook)  # type: ignore[union-attr,index]
    try:
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0, -1].double().log_softmax(-1).numpy()  # type: ignore[no-any-return]
    finally:
        handle.remove()


@pytest.mark.parametrize("positions", ["reply", "all"])
def test_the_change_of_the_next_token_is_that_of_each_prompt_alone(
    llama: nn.Module, tokenizer: Any, positions: Any
) -> None:
    contexts = [Context(tuple(tokenizer(text)["input_ids"]), 2 + i) for i, text in enumerate(TEXTS)]
    treatment = Treatment((Steer({1: U}, Add(0.4)),), {1: 5.0}, positions)
    readings = lens(llama, tokenizer, {1: U})
    found = push_effect(llama, tokenizer, contexts, treatment, readings, count=259)
    before = [last_log_probs(llama, c.tokens, torch.zeros(32), 1) for c in contexts]
    after = [
        last_log_probs(llama, c.tokens, 0.4 * 5.0 * U, c.start if positions == "reply" else 1)
        for c in contexts
    ]
    change = np.mean([np.exp(a) - np.exp(b) for a, b in zip(after, before, strict=True)], axis=0)
    kl = np.mean([(np.exp(b) * (b - a)).sum() for a, b in zip(after, before, strict=True)])
    logs = np.mean([a - b for a, b in zip(after, before, strict=True)], axis=0)
    assert found.kl == pytest.approx(kl, rel=1e-3) and found.kl > 1e-4
    assert found.changed == np.mean([a.argmax() != b.argmax() for a, b in zip(after, before, strict=True)])
    assert found.raised[0].score == pytest.approx(change[:259].max(), abs=1e-5)
    assert found.lowered[0].score == pytest.approx(change[:259].min(), abs=1e-5)
    rank = stats.spearmanr(readings[1].scores.numpy(), logs).statistic
    assert found.lens_agreement[1] == pytest.approx(rank, abs=1e-2)


def test_texts_are_ordered_by_their_last_tokens_projection(llama: nn.Module, tokenizer: Any) -> None:
    texts = [
        LabelledText(ContrastPrompt(messages=(Message("user", text),), reply_prefix="It is"), origin)  # type: ignore[arg-type]
        for text, origin in zip(TEXTS, ("positive", "negative", "positive", "negative"), strict=True)
    ] + [LabelledText(ContrastPrompt(text="Neutral."), "neutral")]
    found = extremes(llama, tokenizer, [*texts, texts[0]], U, 1, 4.0, count=3)
    expected = {}
    for text in texts:
        batch = next(iter(token_batches([prompt_tokens(tokenizer, text.prompt)])))
        state = block_outputs(llama, batch, [1])[1][0, -1]
        expected[text.shown] = float(state @ U) / 4.0
    order = sorted(expected, key=lambda shown: -expected[shown])
    assert found.texts == 5
    assert [own.text for own in found.highest] == order[:3]
    assert [own.text for own in found.lowest] == order[::-1][:3]
    assert found.highest[0].projection == pytest.approx(expected[order[0]], rel=1e-4)
    signs = [(expected[t.shown], t.origin == "positive") for t in texts[:4]]
    pairs = [a > b for a, up in signs for b, other in signs if up and not other]
    assert found.separation is not None and found.separation.value == pytest.approx(np.mean(pairs))
    alone = extremes(llama, tokenizer, texts[4:], U, 1, 4.0)
    assert alone.separation is None


def test_a_concepts_own_direction_resembles_it_wholly(llama: nn.Module, tokenizer: Any) -> None:
    pairs = concept_set("language", chat=True)
    states = capture_pair_states(llama, tokenizer, pairs.train, layers=[1, 2])
    own = make_directions(states, None, named_method("diff_mean"))
    found = resemblances(llama, tokenizer, own.units, own.noise_ceilings)
    assert {r.concept for r in found} == set(CONCEPTS) and {r.layer for r in found} == {1, 2}
    for one in found:
        if one.concept == "language":
            assert one.cosine == pytest.approx(1.0, abs=1e-5) and not one.weak
            assert one.ceiling == pytest.approx(own.noise_ceilings[one.layer])
            assert one.corrected == pytest.approx(min(1.0, one.cosine / own.noise_ceilings[one.layer]))
    unknown = resemblances(llama, tokenizer, own.units, {})
    assert all(one.corrected is None for one in unknown)


def test_chance_holds_the_cosines_of_random_directions() -> None:
    rng = np.random.default_rng(0)
    for size in (64, 256):
        rows = rng.normal(size=(20_000, size))
        cosines = rows[:, 0] / np.linalg.norm(rows, axis=1)
        assert (np.abs(cosines) <= chance_cosine(size)).mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_concept_sets_hold_both_languages_and_keep_statements_apart(concept: Any) -> None:
    pairs = concept_set(concept, chat=True)
    assert len(pairs.train) >= 16 and len(pairs.dev) >= 5
    assert not {p.statement_id for p in pairs.train} & {p.statement_id for p in pairs.dev}
    japanese = [any("ぁ" <= c <= "ヿ" for c in p.positive.messages[0].content) for p in pairs.pairs]
    assert all(japanese) if concept == "language" else sum(japanese) == len(japanese) // 2
    assert all(p.positive != p.negative for p in pairs.pairs)
    raw = concept_set(concept, chat=False)
    assert [p.positive.text for p in raw.pairs] == [p.positive.messages[0].content for p in pairs.pairs]
