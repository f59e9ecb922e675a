"""Steering inside a `with`: the same deltas whatever the cache, the padding and the batch, and no trace after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import Ablate, Add, Clamp, Condition, Operator, PreserveStateNorm
from trimtab_vectors.steering import Steer, steered

Directions = Mapping[int, Tensor]
Norms = Mapping[int, float]

OPERATORS: list[Operator] = [
    Add(0.6),
    Ablate(),
    Clamp(0.4, "at_least"),
    PreserveStateNorm(Add(0.6)),
    PreserveStateNorm(Clamp(-0.3), "grown"),
]


def padded(prompts: Sequence[Sequence[int]], left: bool = True) -> tuple[Tensor, Tensor]:
    width = max(map(len, prompts))
    ids, mask = (
        torch.zeros(len(prompts), width, dtype=torch.long),
        torch.zeros(len(prompts), width, dtype=torch.long),
    )
    for row, prompt in enumerate(prompts):
        place = slice(width - len(prompt), width) if left else slice(0, len(prompt))
        ids[row, place], mask[row, place] = torch.tensor(prompt), 1
    return ids, mask


def generated(model: Any, ids: Tensor, mask: Tensor | None = None, count: int = 8, **options: Any) -> Any:
    """Greedy tokens `[B, count]` and the logits behind each, `[B, count, V]`."""
    found = model.generate(
        ids,
        attention_mask=torch.ones_like(ids) if mask is None else mask,
        max_new_tokens=count,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
        **options,
    )
    return found.sequences[:, ids.shape[1] :], torch.stack(found.logits, dim=1)


@torch.no_grad()
def forced(model: Any, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    mask = torch.ones_like(ids) if mask is None else mask
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    found: Tensor = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
    return found


def last_only(ids: Tensor) -> Tensor:
    where = torch.zeros_like(ids)
    where[:, -1] = 1
    return where


@torch.no_grad()
def by_hand(
    model: Any, ids: Tensor, delta: Callable[[int, Tensor], Tensor | None]
) -> tuple[Tensor, dict[int, Tensor]]:
    """An uncached forward with hooks of the test's own: logits, and each block's steered output."""
    states: dict[int, Tensor] = {}

    def hook(layer: int) -> Callable[..., Any]:
        def on_output(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = hidden_of(output)
            change = delta(layer, hidden)
            states[layer] = hidden if change is None else hidden + change
            return with_hidden(output, states[layer])

        return on_output

    blocks = find_decoder(model).blocks
    handles = [block.register_forward_hook(hook(layer)) for layer, block in enumerate(blocks)]
    try:
        return model(input_ids=ids, use_cache=False).logits, states
    finally:
        for handle in handles:
            handle.remove()


# The cache


@pytest.mark.parametrize("operator", OPERATORS, ids=str)
@pytest.mark.parametrize("reply_only", [True, False])
def test_generation_with_the_cache_equals_generation_without(
    operator: Operator, reply_only: bool, llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids, mask = padded(prompts)
    where = last_only(ids) if reply_only else None
    steers = [Steer(u, operator, (1, 2))]
    with steered(llama, steers, norms, where=where):
        cached, logits = generated(llama, ids, mask)
    with steered(llama, steers, norms, where=where):
        uncached, other = generated(llama, ids, mask, use_cache=False)
    assert torch.equal(cached, uncached)
    torch.testing.assert_close(logits, other, rtol=1e-4, atol=1e-4)
    plain, _ = generated(llama, ids, mask)
    assert not torch.equal(plain, cached)


def test_every_generated_token_is_steered_under_the_cache(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    """With the mask of a seven-token prompt, a tool that applied it to slices of length one would steer nothing."""
    ids = torch.tensor([prompts[0]])
    with steered(llama, [Steer(u, Add(0.6), (1,))], norms, where=last_only(ids)) as happened:
        tokens, logits = generated(llama, ids, count=6)
    assert happened.passes == {1: 6}
    text = torch.cat((ids, tokens), dim=1)

    def delta(layer: int, hidden: Tensor) -> Tensor | None:
        if layer != 1:
            return None
        change = torch.zeros_like(hidden)
        change[:, len(prompts[0]) - 1 :] = 6.0 * u[1]
        return change

    expected, _ = by_hand(llama, text[:, :-1], delta)
    torch.testing.assert_close(logits, expected[:, len(prompts[0]) - 1 :], rtol=1e-4, atol=1e-4)
    first_only = torch.zeros_like(text[:, :-1])
    first_only[:, len(prompts[0]) - 1] = 1
    with steered(llama, [Steer(u, Add(0.6), (1,))], norms, where=first_only):
        once = forced(llama, text[:, :-1])
    assert not torch.allclose(once[:, -1], logits[:, -1], atol=1e-2), "or steering later tokens shows nothing"


def test_a_text_in_several_cached_passes_is_steered_as_in_one(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[2]])
    steers = [Steer(u, Add(0.5), (0, 2))]
    where = last_only(ids[:, :5])
    with torch.no_grad():
        with steered(llama, steers, norms, where=where):
            first = llama(input_ids=ids[:, :5], use_cache=True)
            rest = llama(input_ids=ids[:, 5:], past_key_values=first.past_key_values, use_cache=True)
        whole = torch.ones_like(ids)
        whole[:, :4] = 0
        with steered(llama, steers, norms, where=whole):
            expected = llama(input_ids=ids, use_cache=False).logits
    torch.testing.assert_close(torch.cat((first.logits, rest.logits), 1), expected, rtol=1e-4, atol=1e-4)


def test_a_context_already_in_the_cache_is_not_part_of_the_masks(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    context, ids = torch.tensor([prompts[2][:6]]), torch.tensor([prompts[0]])
    steers = [Steer(u, Add(0.5), (1,))]
    with torch.no_grad():
        cache = llama(input_ids=context, use_cache=True).past_key_values
        with steered(llama, steers, norms, where=last_only(ids)):
            found = llama(input_ids=ids, past_key_values=cache, use_cache=True).logits
        together = torch.cat((context, ids), 1)
        with steered(llama, steers, norms, where=last_only(together)):
            expected = llama(input_ids=together, use_cache=False).logits[:, 6:]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


# Padding and rows


@pytest.mark.parametrize("operator", OPERATORS, ids=str)
def test_left_and_right_padding_and_no_padding_agree(
    operator: Operator, llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    steers = [Steer(u, operator, (0, 3)), Steer(u, Add(0.4), (2,), Condition(0, u[3], 0.1))]
    found = {}
    for left in (True, False):
        ids, mask = padded(prompts, left)
        with steered(llama, steers, norms, where=mask) as happened:
            logits = forced(llama, ids, mask)
        found[left] = [logits[row][mask[row].bool()] for row in range(len(prompts))]
        found[left].append(happened.gates[1].float())
    for row, prompt in enumerate(prompts):
        with steered(llama, steers, norms):
            alone = forced(llama, torch.tensor([prompt]))[0]
        torch.testing.assert_close(found[True][row], alone, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found[False][row], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(found[True][-1], found[False][-1])


def test_a_direction_for_each_row_is_that_row_alone_and_no_other(
    llama: Any, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[0]] * 5)
    generator = torch.Generator().manual_seed(9)
    rows = nn.functional.normalize(torch.randn(5, 32, generator=generator), dim=-1)
    with steered(llama, [Steer({1: rows}, Add(0.5))], norms):
        together = forced(llama, ids)
    for row in range(5):
        with steered(llama, [Steer({1: rows[row]}, Add(0.5))], norms):
            alone = forced(llama, ids[:1])
        torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-4)
    changed = rows.clone()
    changed[3] = -rows[3]
    with steered(llama, [Steer({1: changed}, Add(0.5))], norms):
        other = forced(llama, ids)
    assert torch.equal(other[[0, 1, 2, 4]], together[[0, 1, 2, 4]])
    assert not torch.equal(other[3], together[3])


def test_a_row_left_out_is_bit_identical_to_an_unsteered_one(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids, mask = padded(prompts)
    plain = forced(llama, ids, mask)
    where = mask.clone()
    where[1] = 0
    with steered(llama, [Steer(u, operator) for operator in OPERATORS], norms, where=where):
        found = forced(llama, ids, mask)
    assert torch.equal(found[1], plain[1])
    assert not torch.allclose(found[[0, 2, 3]], plain[[0, 2, 3]])


# Nothing before, nothing after, and several at once


@pytest.mark.parametrize(
    "operator", [Add(0.0), Ablate(0.0), Clamp(0.5, share=0.0), PreserveStateNorm(Add(0.0))], ids=str
)
def test_strength_zero_is_bit_identical(
    operator: Operator, llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids, mask = padded(prompts)
    plain, logits = generated(llama, ids, mask)
    with steered(llama, [Steer(u, operator)], norms):
        found, other = generated(llama, ids, mask)
    assert torch.equal(plain, found) and torch.equal(logits, other)


def test_after_the_with_every_bit_is_as_before(llama: Any, u: Directions, norms: Norms, prompts: Any) -> None:
    ids = torch.tensor([prompts[0]])
    plain = forced(llama, ids)
    with steered(llama, [Steer(u, Add(0.5))], norms):
        assert not torch.allclose(forced(llama, ids), plain)
    assert torch.equal(forced(llama, ids), plain)
    with pytest.raises(RuntimeError, match="mine"), steered(llama, [Steer(u, Add(0.5))], norms):
        forced(llama, ids)
        raise RuntimeError("mine")
    assert torch.equal(forced(llama, ids), plain)
    broken = llama.model.layers[3].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), steered(llama, [Steer(u, Add(0.5))], norms):
        forced(llama, ids)
    broken.remove()
    assert torch.equal(forced(llama, ids), plain)
    for module in llama.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_a_refusal_leaves_no_hook(llama: Any, u: Directions) -> None:
    with pytest.raises(ValueError, match="residual norm"), steered(llama, [Steer(u, Add(0.5))], {0: 1.0}):
        pass
    for module in llama.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_two_steers_at_one_layer_add_up_in_any_order(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[2]])
    steers = [
        Steer(u, Add(0.3), (1, 2)),
        Steer({1: u[2], 2: u[3]}, Ablate(), (1, 2)),
        Steer({1: u[2], 2: u[3]}, PreserveStateNorm(Add(-0.4)), (2,)),
    ]

    def delta(layer: int, hidden: Tensor) -> Tensor | None:
        found = [s.operator.delta(hidden, s.directions[layer], 10.0) for s in steers if layer in s.at]
        return torch.stack(found).sum(0) if found else None

    expected, _ = by_hand(llama, ids, delta)
    for order in (steers, steers[::-1]):
        with steered(llama, order, norms):
            torch.testing.assert_close(forced(llama, ids), expected, rtol=1e-4, atol=1e-4)
    with steered(llama, [Steer(u, Add(0.2), (1,)), Steer(u, Add(0.3), (1,))], norms):
        twice = forced(llama, ids)
    with steered(llama, [Steer(u, Add(0.5), (1,))], norms):
        torch.testing.assert_close(twice, forced(llama, ids), rtol=1e-4, atol=1e-4)


def test_an_inner_with_reads_what_the_outer_one_left(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[2]])
    outer, inner = Steer(u, Add(0.5), (1,)), Steer(u, Ablate(), (1,))

    def delta(layer: int, hidden: Tensor) -> Tensor | None:
        if layer != 1:
            return None
        moved = hidden + outer.operator.delta(hidden, u[1], 10.0)
        return moved + inner.operator.delta(moved, u[1], 10.0) - hidden

    expected, _ = by_hand(llama, ids, delta)
    with steered(llama, [outer], norms):
        alone = forced(llama, ids)
        with steered(llama, [inner], norms):
            torch.testing.assert_close(forced(llama, ids), expected, rtol=1e-4, atol=1e-4)
        assert torch.equal(forced(llama, ids), alone)


class Block(nn.Module):
    """Returns what some architectures return: the state first, other things after it."""

    def __init__(self, as_tuple: bool) -> None:
        super().__init__()
        self.as_tuple = as_tuple

    def forward(self, hidden: Tensor) -> Any:
        return (hidden * 1.5, "kept") if self.as_tuple else hidden * 1.5


class Stack(nn.Module):
    def __init__(self, as_tuple: bool) -> None:
        super().__init__()
        self.config = type("Config", (), {"num_hidden_layers": 2, "hidden_size": 32})()
        self.layers = nn.ModuleList(Block(as_tuple) for _ in range(2))
        self.seen: list[Any] = []

    def forward(self, input_ids: Tensor, past_key_values: Any = None) -> Tensor:
        hidden: Tensor = input_ids[..., None].float().expand(*input_ids.shape, 32)
        for block in self.layers:
            output = block(hidden)
            self.seen.append(output)
            hidden = hidden_of(output)
        return hidden


def test_blocks_that_return_a_tensor_and_blocks_that_return_a_tuple_are_steered_alike(
    u: Directions, norms: Norms
) -> None:
    ids = torch.tensor([[3, 4, 5]])
    expected = (ids[..., None] * 1.5 + 5.0 * u[0]) * 1.5
    for as_tuple in (True, False):
        model = Stack(as_tuple)
        with steered(model, [Steer(u, Add(0.5), (0,))], norms):
            torch.testing.assert_close(model(ids), expected)
        if as_tuple:
            assert [output[1] for output in model.seen] == ["kept", "kept"]


# Conditions


def scores(model: Any, prompts: Sequence[Sequence[int]], condition: Condition) -> list[float]:
    found = []
    for prompt in prompts:
        _, states = by_hand(model, torch.tensor([prompt]), lambda *_: None)
        found.append(float(condition.score(states[condition.layer][0].mean(0))))
    return found


def middle(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[1] + ordered[2]) / 2


def test_a_condition_is_decided_at_prefill_row_by_row_and_stays(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    found = scores(llama, prompts, Condition(1, u[1], 0.0))
    condition = Condition(1, u[1], middle(found))
    expected = [score > condition.threshold for score in found]
    assert sum(expected) == 2
    ids, mask = padded(prompts)
    where = last_only(ids)
    plain, plain_logits = generated(llama, ids, mask, count=10)
    with steered(llama, [Steer(u, Add(0.8), (2, 3))], norms, where=where):
        everyone, all_logits = generated(llama, ids, mask, count=10)
    for prompt_mask in (mask, None):
        steers = [Steer(u, Add(0.8), (2, 3), condition)]
        with steered(llama, steers, norms, where=where, prompt=prompt_mask) as happened:
            tokens, logits = generated(llama, ids, mask, count=10)
        assert happened.gates[0].tolist() == expected
        for row, is_open in enumerate(expected):
            assert torch.equal(tokens[row], (everyone if is_open else plain)[row])
            assert torch.equal(logits[row], (all_logits if is_open else plain_logits)[row])


@pytest.mark.parametrize("left", [True, False])
def test_a_condition_reads_no_padding(
    left: bool, llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids, mask = padded(prompts, left)
    for row, score in enumerate(scores(llama, prompts, Condition(1, u[1], 0.0))):
        for threshold, is_open in ((score - 1e-4, True), (score + 1e-4, False)):
            steers = [Steer(u, Add(0.5), (2,), Condition(1, u[1], threshold))]
            for prompt_mask in (mask, None):
                with steered(llama, steers, norms, prompt=prompt_mask) as happened:
                    forced(llama, ids, mask)
                assert bool(happened.gates[0][row]) is is_open


def test_gates_do_not_change_when_what_is_generated_would_score_otherwise(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[0]])
    found = scores(llama, [prompts[0]], Condition(0, u[0], 0.0))[0]
    tokens = list(range(1, 128))
    with torch.no_grad():
        _, states = by_hand(llama, torch.tensor([tokens]), lambda *_: None)
    single = Condition(0, u[0], 0.0).score(states[0][0])
    assert bool((single < found - 0.05).any()), "or no later token could close the gate"
    condition = Condition(0, u[0], found - 0.01)
    with torch.no_grad(), steered(llama, [Steer(u, Add(0.8), (2,), condition)], norms) as happened:
        cache = llama(input_ids=ids, use_cache=True).past_key_values
        low = torch.tensor([[tokens[int(single.argmin())]]])
        moved = llama(input_ids=low, past_key_values=cache, use_cache=True).logits
    assert happened.gates[0].tolist() == [True]
    with torch.no_grad(), steered(llama, [Steer(u, Add(0.8), (2,))], norms):
        expected = forced(llama, torch.cat((ids, low), 1))[:, -1:]
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-4)


def test_a_condition_reads_its_block_before_that_block_is_steered(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[2]])
    found = scores(llama, [prompts[2]], Condition(1, u[1], 0.0))[0]
    for threshold, is_open in ((found - 1e-4, True), (found + 1e-4, False)):
        conditional = Steer(u, Add(0.5), (2,), Condition(1, u[1], threshold))
        with steered(llama, [Steer(u, Add(3.0), (1,)), conditional], norms) as happened:
            forced(llama, ids)
        assert happened.gates == {1: torch.tensor([is_open])}


# One batch to a `with`


def test_a_second_batch_is_refused_where_rows_have_a_steering_of_their_own(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[0], prompts[0][::-1]])
    other = torch.tensor([prompts[0][::-1], prompts[0]])
    by_row = Steer({1: torch.stack((u[1], u[2]))}, Add(0.5))
    conditional = Steer(u, Add(0.5), (2,), Condition(1, u[1], 0.2))
    cases: list[tuple[Steer, Tensor | None]] = [
        (by_row, None),
        (conditional, None),
        (Steer(u, Add(0.5)), last_only(ids)),
    ]
    for steer, where in cases:
        with steered(llama, [steer], norms, where=where):
            first = forced(llama, ids)
            with pytest.raises(ValueError, match="a second batch"):
                forced(llama, other)
            with pytest.raises(ValueError, match="a second batch"):
                forced(llama, ids[:1])
            assert torch.equal(forced(llama, ids), first), "the same batch may pass again"


def test_any_number_of_batches_may_pass_where_all_are_steered_alike(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    steers = [Steer(u, Add(0.5), (1, 3))]
    with steered(llama, steers, norms) as happened:
        found = [forced(llama, torch.tensor([prompt])) for prompt in prompts]
    assert happened.passes == {1: 4, 3: 4}
    for prompt, logits in zip(prompts, found, strict=True):
        with steered(llama, steers, norms):
            assert torch.equal(forced(llama, torch.tensor([prompt])), logits)


def test_masks_and_rows_of_another_shape_than_the_batch_are_refused(
    llama: Any, u: Directions, norms: Norms, prompts: Any
) -> None:
    ids = torch.tensor([prompts[0]] * 2)
    short = torch.ones(2, 5)
    with pytest.raises(ValueError, match=r"`where` has shape \(2, 5\)"):  # noqa: SIM117
        with steered(llama, [Steer(u, Add(0.5))], norms, where=short):
            forced(llama, ids)
    conditional = Steer(u, Add(0.5), (2,), Condition(1, u[1], 0.2))
    with pytest.raises(ValueError, match=r"`prompt` has shape \(2, 5\)"):  # noqa: SIM117
        with steered(llama, [conditional], norms, prompt=short):
            forced(llama, ids)
    three = Steer({1: torch.stack((u[1], u[2], u[3]))}, Add(0.5))
    with pytest.raises(ValueError, match="3 directions at layer 1 for 2 rows"):  # noqa: SIM117
        with steered(llama, [three], norms):
            forced(llama, ids)
    mask = torch.zeros(2, 1, 7, 7)
    with pytest.raises(ValueError, match="say with `prompt`"):  # noqa: SIM117
        with steered(llama, [conditional], norms), torch.no_grad():
            llama(input_ids=ids, attention_mask=mask)


@pytest.mark.parametrize(
    ("steer", "message"),
    [
        (lambda u: Steer(u, Add(0.1), ()), "names no layer"),
        (lambda u: Steer(u, Add(0.1), (4,)), "layers 0 to 3"),
        (lambda u: Steer({0: u[0]}, Add(0.1), (1,)), "layer 1 has no direction"),
        (lambda u: Steer({0: u[0][:8]}, Add(0.1)), "has 8 components"),
        (lambda u: Steer({0: u[0][None, None]}, Add(0.1)), r"\[H\] or \[B, H\]"),
        (lambda u: Steer(u, Add(0.1), (1,), Condition(1, u[1], 0.0)), "would gate block 1"),
        (lambda u: Steer(u, Add(0.1), (1,), Condition(-1, u[1], 0.0)), "would gate block 1"),
        (lambda u: Steer(u, Add(0.1), (1,), Condition(0, u[1][:8], 0.0)), "condition's direction has 8"),
    ],
)
def test_what_cannot_be_steered_is_refused_by_name(
    steer: Callable[[Directions], Steer], message: str, llama: Any, u: Directions, norms: Norms
) -> None:
    with pytest.raises(ValueError, match=message), steered(llama, [steer(u)], norms):
        pass


def test_gradients_reach_the_directions(llama: Any, norms: Norms, prompts: Any) -> None:
    direction = torch.full((32,), 0.1, requires_grad=True)
    with steered(llama, [Steer({1: direction}, Add(0.5))], norms):
        llama(input_ids=torch.tensor([prompts[0]]), use_cache=False).logits.sum().backward()
    assert direction.grad is not None and bool(direction.grad.ne(0).any())
