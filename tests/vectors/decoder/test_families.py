"""What capture and steering promise holds in every architecture, not in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.decoder import find_decoder, hidden_of
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import ContrastPair, ContrastPrompt, ContrastSet, extract
from trimtab_vectors.operators import Ablate, Add, Clamp, Operator, PreserveStateNorm
from trimtab_vectors.steering import Steer, steered
from trimtab_vectors.steering_vector import ModelFingerprint

IDS = torch.tensor([[5, 9, 3, 7, 200, 31], [80, 81, 9, 9, 14, 2]])
FAMILIES_WITH_ADAPTERS = {"llama", "gpt2", "gpt_neox", "qwen2_moe", "falcon"}


def directions(model: Any, seed: int = 3) -> dict[int, torch.Tensor]:
    decoder = find_decoder(model)
    generator = torch.Generator().manual_seed(seed)
    return {
        layer: nn.functional.normalize(torch.randn(decoder.hidden_size, generator=generator), dim=0)
        for layer in range(len(decoder.blocks))
    }


@torch.no_grad()
def logits(model: Any, *steers: Steer) -> torch.Tensor:
    norms = dict.fromkeys(range(len(find_decoder(model).blocks)), 5.0)
    with steered(model, steers, norms):
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


def test_block_outputs_are_the_residual_stream_up_to_the_final_norm(family: Any) -> None:
    model = family.model
    decoder = find_decoder(model)
    assert decoder.path == family.path
    assert decoder.blocks == tuple(model.get_submodule(family.path).children())
    assert decoder.final_norm is model.get_submodule(family.norm)
    outputs: list[torch.Tensor] = []
    inputs: list[torch.Tensor] = []
    handles = [
        block.register_forward_hook(lambda _m, _i, output: outputs.append(hidden_of(output)))
        for block in decoder.blocks
    ]
    handles.append(decoder.final_norm.register_forward_pre_hook(lambda _m, i: inputs.append(i[0])))
    try:
        with torch.no_grad():
            states = model(input_ids=IDS, output_hidden_states=True).hidden_states
    finally:
        for handle in handles:
            handle.remove()
    assert len(outputs) == len(decoder.blocks)
    for layer in range(len(outputs) - 1):
        torch.testing.assert_close(outputs[layer], states[layer + 1])
    assert torch.equal(inputs[-1], outputs[-1])
    assert not torch.allclose(outputs[-1], states[-1]), "the last block's output is before the final norm"


@pytest.mark.parametrize(
    "operator", [Add(0.0), Ablate(0.0), Clamp(0.3, share=0.0), PreserveStateNorm(Add(0.0))], ids=str
)
def test_strength_zero_at_every_layer_is_bit_identical(family: Any, operator: Operator) -> None:
    plain = logits(family.model)
    assert torch.equal(plain, logits(family.model, Steer(directions(family.model), operator)))


def test_a_steered_state_is_what_the_next_block_gets(family: Any) -> None:
    """Read at the next block's door: what the model itself records may be from before our hook."""
    decoder, u = find_decoder(family.model), directions(family.model)
    received: list[torch.Tensor] = []

    def read(_block: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        received.append(arguments[0] if arguments else keywords["hidden_states"])

    handle = decoder.blocks[2].register_forward_pre_hook(read, with_kwargs=True)
    try:
        logits(family.model)
        logits(family.model, Steer(u, Add(0.5), (1,)))
    finally:
        handle.remove()
    plain, moved = received
    torch.testing.assert_close(moved, plain + 2.5 * u[1])


@pytest.mark.parametrize("layer", [0, 3])
def test_the_effect_is_linear_at_small_strength(family: Any, layer: int) -> None:
    """Twice the dose, twice the response; the opposite dose, the opposite response."""
    plain, u = logits(family.model), directions(family.model)

    def response(strength: float) -> torch.Tensor:
        return (logits(family.model, Steer(u, Add(strength), (layer,))) - plain) / strength

    once, twice, opposite = response(2e-3), response(4e-3), response(-2e-3)
    scale = float(once.norm())
    assert scale > 1.0, "no effect at all"
    assert float((twice - once).norm()) < 0.05 * scale
    assert float((opposite - once).norm()) < 0.1 * scale


def contrast_set() -> ContrastSet:
    sides = ("Say what is true.", "Sell, sell, sell!")
    return ContrastSet(
        tuple(
            ContrastPair(
                f"p{n}",
                f"s{n}",
                "train" if n < 4 else "dev",
                *(
                    ContrastPrompt((Message("system", s), Message("user", f"How long{'?' * n}")), "It is")
                    for s in sides
                ),
            )
            for n in range(6)
        )
    )


def test_extraction_is_the_difference_of_plain_unbatched_states(family: Any, tokenizer: Any) -> None:
    model, decoder = family.model, find_decoder(family.model)
    pairs = contrast_set()
    fingerprint = ModelFingerprint(type(model).__name__, decoder.hidden_size, len(decoder.blocks), "a" * 64)
    vector = extract(
        model, tokenizer, pairs, stage="base", fingerprint=fingerprint, concept="honesty",
        neutral_texts=["The sky is clear.", "Water boils."],
    )  # fmt: skip

    def states(prompt: ContrastPrompt) -> list[np.ndarray[Any, Any]]:
        turns = "".join(f"<|{m.role}|>{m.content}" for m in prompt.messages)
        ids = tokenizer(f"<s>{turns}<|assistant|>It is", add_special_tokens=False, return_tensors="pt")
        with torch.no_grad():
            found = model(input_ids=ids["input_ids"], output_hidden_states=True).hidden_states
        return [state[0, -1].double().numpy() for state in found[1:-1]]

    for layer in range(len(decoder.blocks) - 1):
        difference = np.mean(
            [states(p.positive)[layer] - states(p.negative)[layer] for p in pairs.train], axis=0
        )
        cosine = vector.directions[layer].double().numpy() @ difference / np.linalg.norm(difference)
        assert cosine > 0.9999
        assert vector.raw_norms[layer] == pytest.approx(np.linalg.norm(difference), rel=1e-3)
    assert set(vector.layers) == set(range(len(decoder.blocks)))


@pytest.mark.parametrize("family", sorted(FAMILIES_WITH_ADAPTERS), indirect=True)
def test_an_adapters_wrapper_is_steered_like_the_model_it_wraps(family: Any) -> None:
    import peft

    plain = logits(family.model)
    steers = (Steer(directions(family.model), Add(0.3), (0, 2)),)
    expected = logits(family.model, *steers)
    assert not torch.allclose(plain, expected)
    wrapped = peft.get_peft_model(
        family.model, peft.LoraConfig(target_modules="all-linear", r=2, init_lora_weights=True)
    ).eval()
    try:
        # A fresh adapter adds nothing yet, so that the wrapped model is the model.
        torch.testing.assert_close(logits(wrapped), plain)
        torch.testing.assert_close(logits(wrapped, *steers), expected)
        zero = logits(wrapped, Steer(directions(family.model), Add(0.0)))
        assert torch.equal(zero, logits(wrapped))
    finally:
        wrapped.unload()


def test_generation_under_an_adapters_wrapper_is_steered(llama_with: Callable[..., nn.Module]) -> None:
    """PEFT's `generate` goes past the wrapper's own forward."""
    import peft

    model: Any = llama_with()
    options = {"max_new_tokens": 6, "do_sample": False, "attention_mask": torch.ones_like(IDS)}
    where = torch.zeros_like(IDS)
    where[:, -1] = 1
    steers = [Steer(directions(model), Add(2.0), (1,))]
    plain = model.generate(IDS, **options)
    with steered(model, steers, {1: 5.0}, where=where):
        expected = model.generate(IDS, **options)
    assert not torch.equal(plain, expected)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], r=2)).eval()
    with steered(wrapped, steers, {1: 5.0}, where=where) as happened:
        assert torch.equal(wrapped.generate(input_ids=IDS, **options), expected)
    assert happened.passes == {1: 6}
