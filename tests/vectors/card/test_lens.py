"""The lens against numpy's own reading of the weights, for norms that hide what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import GemmaConfig, GPTNeoXConfig, LlamaConfig
from trimtab_vectors.card.lens import LensError, extreme_tokens, lens, lens_scores, readable_token

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 264,
}
U = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(1)), dim=0)


def standardised(logits: np.ndarray) -> np.ndarray:
    return (logits - logits.mean()) / logits.std(ddof=1)


@pytest.mark.parametrize(
    ("config", "norm", "through"),
    [
        (LlamaConfig(**SIZES), "model.norm", lambda w, u: w * u),
        (GemmaConfig(**SIZES, head_dim=8), "model.norm", lambda w, u: (1 + w) * u),
        (GPTNeoXConfig(**SIZES), "gpt_neox.final_layer_norm", lambda w, u: w * (u - u.mean())),
    ],
    ids=["rms", "rms about one", "layer norm"],
)
def test_the_lens_reads_the_unembedding_through_the_norms_weight_alone(
    config: Any, norm: str, through: Callable[..., np.ndarray], tiny: Callable[[Any], nn.Module]
) -> None:
    model = tiny(config)
    weight = model.get_submodule(norm).weight.detach().double().numpy()  # type: ignore[union-attr,operator]
    unembedding = model.get_output_embeddings().weight.detach().double().numpy()  # type: ignore[operator]
    expected = standardised(unembedding @ through(weight, U.double().numpy()))
    assert lens_scores(model, {1: U})[1].numpy() == pytest.approx(expected, abs=1e-3)


def test_the_opposite_direction_suppresses_what_the_direction_promotes(
    llama: nn.Module, tokenizer: Any
) -> None:
    up, down = (lens(llama, tokenizer, {0: sign * U}, 5)[0] for sign in (1.0, -1.0))
    assert [t.token for t in up.promoted] == [t.token for t in down.suppressed]
    assert up.promoted[0].score == pytest.approx(-down.suppressed[0].score, abs=1e-3)
    scores = [token.score for token in up.promoted]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0 > up.suppressed[0].score


def test_rows_that_belong_to_no_token_are_left_out(tokenizer: Any) -> None:
    scores = torch.arange(264.0)
    top = extreme_tokens(tokenizer, scores, 3)
    assert len(tokenizer) == 259 and [token.score for token in top] == [258.0, 257.0, 256.0]
    assert top[0].token == "<|assistant|>"


def test_a_part_of_a_character_is_shown_by_its_bytes(tokenizer: Any) -> None:
    [a] = tokenizer("a")["input_ids"]
    first = tokenizer("あ")["input_ids"][0]
    assert readable_token(tokenizer, a) == "a"
    assert "\ufffd" not in readable_token(tokenizer, first) and readable_token(tokenizer, first)


def test_a_model_without_an_unembedding_has_no_lens(llama: nn.Module) -> None:
    with pytest.raises(LensError, match="no unembedding"):
        lens_scores(llama.model, {0: U})  # type: ignore[arg-type]
