"""The residual norm of a stage, against numpy on states that no hook has read."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.extraction import NEUTRAL_TEXTS, median_residual_norms

TEXTS = ("The kettle is on.", "二階です。", "A much longer sentence about a garden, a wall and a cat.", "ab")


def test_it_is_the_median_over_all_tokens_but_each_texts_first(llama: Any, tokenizer: Any) -> None:
    per_layer: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for text in TEXTS:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = llama(input_ids=ids, output_hidden_states=True).hidden_states
        for layer, norms in per_layer.items():
            norms.extend(np.linalg.norm(states[layer + 1][0, 1:].double().numpy(), axis=-1))
    measured = median_residual_norms(llama, tokenizer, TEXTS)
    assert sorted(measured) == [0, 1, 2, 3]
    for layer, norms in per_layer.items():
        assert measured[layer] == pytest.approx(float(np.median(norms)), rel=1e-4)


def test_an_enormous_first_token_does_not_count(llama: nn.Module, tokenizer: Any) -> None:
    texts = ["a", "b", "c"]  # One token each behind the text's first, <s>.
    first = tokenizer(texts[0])["input_ids"][0]
    usual = median_residual_norms(llama, tokenizer, texts, layers=[0])[0]
    massive = copy.deepcopy(llama)
    with torch.no_grad():
        massive.get_submodule("model.embed_tokens").weight[first] *= 1e4
    assert median_residual_norms(massive, tokenizer, texts, layers=[0])[0] == pytest.approx(usual, rel=0.2)


def test_half_precision_norms_are_finite_where_the_naive_sum_is_not(llama: nn.Module, tokenizer: Any) -> None:
    large = copy.deepcopy(llama)
    with torch.no_grad():
        large.get_submodule("model.embed_tokens").weight *= 400.0
    expected = median_residual_norms(large, tokenizer, TEXTS, layers=[0])[0]
    assert expected**2 > torch.finfo(torch.float16).max
    assert median_residual_norms(large.half(), tokenizer, TEXTS, layers=[0])[0] == pytest.approx(
        expected, 0.01
    )


def test_states_beyond_the_dtype_are_refused_with_the_remedy(llama: nn.Module, tokenizer: Any) -> None:
    broken = copy.deepcopy(llama)
    with torch.no_grad():
        broken.get_submodule("model.layers.2.mlp.down_proj").weight *= torch.inf
    assert sorted(median_residual_norms(broken, tokenizer, TEXTS, layers=[0, 1])) == [0, 1]
    with pytest.raises(ValueError, match=r"after block 2 is not finite.*bfloat16"):
        median_residual_norms(broken, tokenizer, TEXTS)


def test_texts_without_a_second_token_are_refused(llama: nn.Module, tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="no neutral text"):
        median_residual_norms(llama, tokenizer, [""])


def test_the_built_in_texts_are_measured_one_by_one_to_the_end(llama: nn.Module, tokenizer: Any) -> None:
    seen: list[tuple[int, int]] = []
    norms = median_residual_norms(llama, tokenizer, progress=lambda done, total: seen.append((done, total)))
    assert all(0 < norm < float("inf") for norm in norms.values())
    assert seen[-1] == (len(NEUTRAL_TEXTS), len(NEUTRAL_TEXTS))


def test_extraction_works_where_pydantic_is_not_installed() -> None:
    """GPU images often hold torch and transformers alone; only files need the manifest's schema."""
    script = (
        "import sys; sys.modules['pydantic'] = None\n"
        "import trimtab_vectors.extraction, trimtab_vectors.steering_vector, trimtab_vectors.fingerprint\n"
        "import trimtab_vectors.decoder, trimtab_vectors.operators\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
