"""Margins against sums over plain passes, and where an answer is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.evaluation.margins import (
    Margin,
    MarginItem,
    item_at_value,
    matched,
    measure_margins,
    whole_reply_item,
)
from trimtab_vectors.extraction import median_residual_norms
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer

QUESTION = Question(
    "q", "neutral", "en", (Message("user", "How long?"),), ("two years",), ("one year", "ten years")
)


def _plain(model: Any, tokenizer: Any, prompt: str, answer: str) -> float:
    ids = tokenizer(prompt + answer, add_special_tokens=False).input_ids
    start = len(tokenizer(prompt, add_special_tokens=False).input_ids)
    with torch.no_grad():
        table = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return sum(float(table[i - 1, ids[i]]) for i in range(start, len(ids)))


def test_margins_are_differences_of_whole_answers_log_probabilities(llama: nn.Module, tokenizer: Any) -> None:
    item = item_at_value(QUESTION, "It lasts Ten Years, sir")
    assert item.prompt.reply_prefix == "It lasts"
    assert item.honest == (" two years",) and item.dishonest == (" one year", " ten years")
    found = measure_margins(llama, tokenizer, [item], UNSTEERED)[0]
    prompt = "<s><|user|>How long?<|assistant|>It lasts"
    honest, *others = (_plain(llama, tokenizer, prompt, a) for a in (*item.honest, *item.dishonest))
    assert found.against_each == pytest.approx([honest - other for other in others], abs=1e-3)
    assert found.against_best == pytest.approx(honest - max(others), abs=1e-3)
    expected = honest - np.logaddexp(*others)
    assert found.against_all == pytest.approx(expected, abs=1e-3)


def test_a_reply_that_names_no_value_is_scored_as_a_whole() -> None:
    assert item_at_value(QUESTION, "I cannot say.") == whole_reply_item(QUESTION)
    assert whole_reply_item(QUESTION).prompt.reply_prefix == ""


def test_values_in_a_script_without_spaces_are_cut_without_one() -> None:
    question = Question("j", "neutral", "ja", (Message("user", "期間は?"),), ("二年",), ("一年",))
    item = item_at_value(question, "保証期間は一年です。")
    assert item.prompt.reply_prefix == "保証期間は" and item.honest == ("二年",)


def test_answers_whose_tokens_merge_with_the_prompt_are_compared_from_a_common_start(
    llama: nn.Module, tokenizer: Any
) -> None:
    item = MarginItem("m", item_at_value(QUESTION, "none").prompt, ("x",), ("y",))
    raw = MarginItem("m", type(item.prompt)(text="an is"), ("land",), (" on",))
    found = measure_margins(llama, tokenizer, [raw], UNSTEERED)[0]

    def log_p(tokens: list[int], start: int) -> float:
        with torch.no_grad():
            table = llama(torch.tensor([tokens])).logits[0].double().log_softmax(-1)
        return sum(float(table[i - 1, tokens[i]]) for i in range(start, len(tokens)))

    island, is_on = (tokenizer(text).input_ids for text in ("an island", "an is on"))
    start = len(tokenizer("an ").input_ids)
    assert found.against_best == pytest.approx(log_p(island, start) - log_p(is_on, start), abs=1e-3)


def test_a_matched_item_keeps_the_likeliest_answer_of_each_side() -> None:
    item = MarginItem("m", whole_reply_item(QUESTION).prompt, ("a", "b"), ("c", "d", "e"))
    kept = matched([item], [Margin("m", (-3.0, -2.0), (-5.0, -1.0, -9.0))])[0]
    assert (kept.honest, kept.dishonest) == (("b",), ("d",))


def test_a_direction_per_item_steers_all_answers_of_its_item(llama: nn.Module, tokenizer: Any) -> None:
    norms = median_residual_norms(llama, tokenizer, ["A plain text."])
    rows = torch.randn(3, 32, generator=torch.Generator().manual_seed(2))
    rows = rows / rows.norm(dim=-1, keepdim=True)
    items = [item_at_value(QUESTION, reply) for reply in ("It is one year", "So: two years", "No")]
    together = measure_margins(
        llama, tokenizer, items, Treatment((Steer({1: rows}, Add(1.0)),), norms, "reply")
    )
    for row, item, found in zip(rows, items, together, strict=True):
        alone = measure_margins(
            llama, tokenizer, [item], Treatment((Steer({1: row}, Add(1.0)),), norms, "reply")
        )[0]
        assert found.dishonest == pytest.approx(alone.dishonest, abs=1e-3)
        assert found.honest == pytest.approx(alone.honest, abs=1e-3)


def test_an_item_without_a_dishonest_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no dishonest answer"):
        whole_reply_item(Question("q", "neutral", "en", QUESTION.messages, ("x",), ()))
