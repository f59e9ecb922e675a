"""Captured states are block outputs at the last real token, however sequences are batched and padded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BloomConfig, FalconConfig, GPT2Config, GPTNeoXConfig
from trimtab_vectors.extraction.capture import TokenBatch, block_outputs, capture_last, token_batches

Tiny = Callable[[Any], nn.Module]

SEQUENCES = [
    [5, 9, 3, 7, 250, 11],
    [8],
    [4, 4, 2],
    [100, 101, 102, 103],
    [77, 6, 5],
    [1, 2, 3, 4, 5, 6, 7, 8],
]


def captured(model: nn.Module, sequences: list[list[int]], **options: Any) -> dict[int, torch.Tensor]:
    """Layer -> [N, H] in the order of `sequences`."""
    rows: dict[int, dict[int, torch.Tensor]] = {}
    for indices, states in capture_last(model, sequences, **options):
        for layer, state in states.items():
            rows.setdefault(layer, {}).update(zip(indices, state, strict=True))
    return {layer: torch.stack([found[i] for i in range(len(sequences))]) for layer, found in rows.items()}


def by_hand(model: Any, tokens: list[int]) -> list[torch.Tensor]:
    """A Llama's forward written out, block by block, with no hook: each block's output [T, H]."""
    inner = model.model
    ids = torch.tensor([tokens])
    positions = torch.arange(len(tokens))[None]
    hidden = inner.embed_tokens(ids)
    rotation = inner.rotary_emb(hidden, positions)
    mask = torch.full((1, 1, len(tokens), len(tokens)), torch.finfo(hidden.dtype).min).triu(1)
    outputs = []
    with torch.no_grad():
        for block in inner.layers:
            hidden = block(hidden, attention_mask=mask, position_ids=positions, position_embeddings=rotation)
            outputs.append(hidden[0])
    return outputs


def test_capture_equals_a_forward_through_the_blocks_by_hand(llama: nn.Module) -> None:
    states = captured(llama, SEQUENCES)
    assert sorted(states) == [0, 1, 2, 3]
    for index, tokens in enumerate(SEQUENCES):
        for layer, output in enumerate(by_hand(llama, tokens)):
            torch.testing.assert_close(states[layer][index], output[-1], rtol=1e-4, atol=1e-4)


def test_the_last_layer_is_captured_before_the_final_norm(llama: Any) -> None:
    tokens = SEQUENCES[0]
    last = captured(llama, [tokens])[3][0]
    with torch.no_grad():
        after_norm = llama(input_ids=torch.tensor([tokens]), output_hidden_states=True).hidden_states[-1]
        normed = llama.model.norm(last)
    torch.testing.assert_close(normed, after_norm[0, -1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(last, after_norm[0, -1], rtol=0.1)


CONFIGS = {
    "gpt2": GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=260, bos_token_id=0, eos_token_id=0),
    "gpt_neox": GPTNeoXConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, vocab_size=260
    ),
    # Blocks that return tuples.
    "falcon": FalconConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, vocab_size=260),
    # Positions from the mask alone, none given.
    "bloom": BloomConfig(n_embd=32, hidden_size=32, n_layer=3, n_head=4, vocab_size=260),
}


@pytest.fixture(params=["llama", *CONFIGS])
def model(request: pytest.FixtureRequest, llama: nn.Module, tiny: Tiny) -> nn.Module:
    return llama if request.param == "llama" else tiny(CONFIGS[request.param])


def test_left_padding_right_padding_and_no_padding_agree(model: nn.Module) -> None:
    right = captured(model, SEQUENCES)
    left = captured(model, SEQUENCES, left=True)
    alone = captured(model, SEQUENCES, batch_tokens=1)
    for layer in right:
        torch.testing.assert_close(right[layer], alone[layer], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(left[layer], alone[layer], rtol=1e-3, atol=1e-3)


def test_states_come_back_under_their_own_sequence(llama: nn.Module) -> None:
    forwards = captured(llama, SEQUENCES, batch_tokens=12)
    backwards = captured(llama, SEQUENCES[::-1], batch_tokens=12)
    for layer in forwards:
        torch.testing.assert_close(forwards[layer], backwards[layer].flip(0), rtol=1e-4, atol=1e-4)


def test_batches_hold_every_sequence_once_within_the_budget() -> None:
    batches = list(token_batches(SEQUENCES, batch_tokens=12))
    assert sorted(i for batch in batches for i in batch.indices) == list(range(len(SEQUENCES)))
    assert all(batch.input_ids.numel() <= 12 for batch in batches)
    for batch in batches:
        for row, index in enumerate(batch.indices):
            real = batch.attention_mask[row].bool()
            assert batch.input_ids[row][real].tolist() == SEQUENCES[index]
            assert batch.input_ids[row, batch.last[row]] == SEQUENCES[index][-1]
    with pytest.raises(ValueError, match="sequence 1 has no token"):
        list(token_batches([[1], []]))


def test_the_last_real_token_is_found_on_either_side_of_the_padding() -> None:
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]])
    batch = TokenBatch((0, 1, 2, 3), torch.zeros_like(mask), mask)
    assert batch.last.tolist() == [1, 3, 3, 2]
    assert batch.after_first.int().tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1, 0]]


def test_states_of_a_half_precision_model_are_float32(llama: nn.Module) -> None:
    full = captured(llama, SEQUENCES)
    half = captured(copy.deepcopy(llama).bfloat16(), SEQUENCES)
    for layer in full:
        assert half[layer].dtype == torch.float32
        cosine = torch.cosine_similarity(full[layer], half[layer])
        assert float(cosine.min()) > 0.99


def test_only_the_layers_asked_for_are_captured(llama: nn.Module) -> None:
    assert sorted(captured(llama, SEQUENCES, layers=[2, 0, 2])) == [0, 2]
    for wrong in ([4], [-1], []):
        with pytest.raises(ValueError, match="layers 0 to 3"):
            captured(llama, SEQUENCES, layers=wrong)


def test_nothing_is_left_on_the_model_even_after_a_failure(llama: Any) -> None:
    before = [dict(block._forward_hooks) for block in llama.model.layers]
    llama.train()
    captured(llama, SEQUENCES)
    batch = next(token_batches(SEQUENCES))

    def failing(_hidden: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        block_outputs(llama, batch, None, failing)
    assert llama.training
    llama.eval()
    assert [dict(block._forward_hooks) for block in llama.model.layers] == before


def test_dropout_plays_no_part(tiny: Tiny) -> None:
    model = tiny(GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=260, resid_pdrop=0.9))
    model.train()
    first, second = captured(model, SEQUENCES), captured(model, SEQUENCES)
    assert all(torch.equal(first[layer], second[layer]) for layer in first)


def test_progress_counts_to_the_last_sequence(llama: nn.Module) -> None:
    seen: list[tuple[int, int]] = []
    captured(llama, SEQUENCES, batch_tokens=12, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1 and seen[-1] == (6, 6) and seen == sorted(seen)


def test_an_adapter_is_captured_as_if_it_were_merged(llama: nn.Module) -> None:
    import peft

    torch.manual_seed(3)
    config = peft.LoraConfig(target_modules=["q_proj", "down_proj"], r=2, init_lora_weights=False)
    wrapped = peft.get_peft_model(copy.deepcopy(llama), config)
    adapted = captured(wrapped, SEQUENCES)
    merged = captured(wrapped.merge_and_unload(), SEQUENCES)
    plain = captured(llama, SEQUENCES)
    for layer in adapted:
        torch.testing.assert_close(adapted[layer], merged[layer], rtol=1e-3, atol=1e-3)
        assert not torch.allclose(adapted[layer], plain[layer], rtol=1e-2, atol=1e-2)
