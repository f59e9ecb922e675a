"""Strength zero changes no bit, a row's bits do not depend on another row's steering, steering is what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import (
    FinishReason,
    GenerationRequest,
    Operator,
    Positions,
    Sampling,
    SteeringTerm,
)
from trimtab_server.engine.slot_forward import Chunk, SlotForward
from trimtab_server.engine.steering_row import SteeringRow
from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import Ablate, Add

NORMS = dict.fromkeys(range(4), 10.0)
ROWS = 5


def _forward(model: nn.Module, steering_table: bool) -> SlotForward:
    decoder = find_decoder(model)
    return SlotForward(
        model,
        decoder.blocks,
        slots=8,
        context=128,
        hidden_size=decoder.hidden_size,
        steering_table=steering_table,
    )


def _bits(logits: list[torch.Tensor]) -> list[torch.Tensor]:
    return [one.view(torch.int32) for one in logits]


@torch.inference_mode()
def _logits(
    model: nn.Module, table: bool, rows: dict[int, SteeringRow], prompts: Sequence[Sequence[int]]
) -> list[torch.Tensor]:
    """Logits of a prefill in two chunks and of four decode steps with fixed tokens."""
    forward = _forward(model, table)
    for slot, row in rows.items():
        forward.table.write(slot, row)
    forward.watch(frozenset())
    found = []
    for start, end in ((0, 2), (2, 100)):
        chunks = [
            Chunk(slot, start, prompt[start:end], len(prompt) - 1) for slot, prompt in enumerate(prompts)
        ]
        found.append(forward.prefill([chunk for chunk in chunks if chunk.tokens]).logits)
    positions = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
    for step in range(4):
        tokens = np.array([7 * slot + step for slot in range(len(prompts))], dtype=np.int64)
        found.append(forward.decode(tokens, positions + step, np.ones(len(prompts), dtype=bool)).logits)
    forward.close()
    return found


@pytest.mark.parametrize("name", ["llama", "gpt2", "neox"])
def test_strength_zero_and_no_terms_are_bit_identical_to_an_engine_without_hooks(
    name: str, model_of: Any, prompts: Any, vector_of: Any
) -> None:
    model = model_of(name)
    zero = SteeringRow.of([SteeringTerm(vector_of(1), 0.0, (0, 1, 2, 3))], NORMS, 4, 32)
    plain = _bits(_logits(model, False, {}, prompts[:ROWS]))
    for rows in ({}, dict.fromkeys(range(ROWS), zero), {1: SteeringRow.of([], NORMS, 4, 32)}):
        assert all(map(torch.equal, plain, _bits(_logits(model, True, rows, prompts[:ROWS]))))


@pytest.mark.parametrize("operator", list(Operator))
def test_an_unsteered_row_beside_steered_ones_is_bit_identical_to_an_engine_without_hooks(
    operator: Operator, llama: Any, prompts: Any, vector_of: Any
) -> None:
    term = SteeringTerm(vector_of(2), 0.7, (0, 2, 3), operator)
    row = SteeringRow.of([term], NORMS, 4, 32)
    plain = _logits(llama, False, {}, prompts[:ROWS])
    mixed = _logits(llama, True, {0: row, 3: row}, prompts[:ROWS])
    for one, other in zip(_bits(plain)[1:], _bits(mixed)[1:], strict=True):
        assert torch.equal(one[[1, 2, 4]], other[[1, 2, 4]])
        assert not torch.equal(one[[0, 3]], other[[0, 3]])


def test_negative_zeros_of_an_unsteered_row_survive(llama: Any, vector_of: Any) -> None:
    with torch.inference_mode():
        table = _forward(llama, True).table
        table.write(0, SteeringRow.of([SteeringTerm(vector_of(1), 0.5, (1,))], NORMS, 4, 32))
        hidden = torch.full((3, 1, 32), -0.0)
        steered = table.steer(1, hidden, slice(0, 3), None)
    assert torch.signbit(steered[1:]).all()


def test_row_bits_do_not_change_when_other_rows_steering_changes(
    llama: Any, prompts: Any, vector_of: Any
) -> None:
    own = SteeringRow.of([SteeringTerm(vector_of(3), 0.4, (1, 2))], NORMS, 4, 32)
    others = [
        SteeringRow.of([SteeringTerm(vector_of(seed), strength, (layer,))], NORMS, 4, 32)
        for seed, strength, layer in ((4, 0.9, 0), (5, -1.0, 3))
    ]
    alone = _bits(_logits(llama, True, {2: own}, prompts[:ROWS]))
    for other in others:
        rows = {0: other, 1: other, 2: own, 4: other}
        crowd = _bits(_logits(llama, True, rows, prompts[:ROWS]))
        # In the second chunk row 3 has ended: rows 0, 1, 2, 4 are left.
        assert all(torch.equal(a[2], b[2]) for a, b in zip(alone, crowd, strict=True))


def _oracle(
    model: nn.Module, ids: Sequence[int], prompt_length: int, terms: Sequence[SteeringTerm]
) -> torch.Tensor:
    """Logits [T, V] of a plain uncached forward with a plain hook per block."""

    def hook(layer: int) -> Callable[..., Any]:
        def steer(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = hidden_of(output)
            delta = torch.zeros_like(hidden)
            for term in terms:
                if layer not in term.layers:
                    continue
                direction = term.vector.directions[layer]
                if term.operator is Operator.ADD:
                    one = Add(term.strength).delta(hidden, direction, NORMS[layer]).clone()
                else:
                    one = Ablate(term.strength).delta(hidden, direction, 1.0)
                if term.positions is Positions.REPLY:
                    one[:, : prompt_length - 1] = 0
                delta += one
            return with_hidden(output, hidden + delta)

        return steer

    blocks = find_decoder(model).blocks
    handles = [block.register_forward_hook(hook(layer)) for layer, block in enumerate(blocks)]
    try:
        with torch.inference_mode():
            return model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()


def _plans(vector_of: Any) -> dict[str, tuple[SteeringTerm, ...]]:
    return {
        "add": (SteeringTerm(vector_of(1), 0.6, (1,)),),
        "two vectors": (
            SteeringTerm(vector_of(1), 0.6, (1, 2)),
            SteeringTerm(vector_of(2), -0.5, (2, 3)),
        ),
        "reply": (SteeringTerm(vector_of(1), 0.8, (0, 2), positions=Positions.REPLY),),
        "ablate": (SteeringTerm(vector_of(3), 1.0, (0, 1, 2, 3), Operator.ABLATE),),
        "mixed": (
            SteeringTerm(vector_of(1), 0.5, (1,)),
            SteeringTerm(vector_of(2), 0.7, (1,), positions=Positions.REPLY),
            SteeringTerm(vector_of(3), 0.5, (1, 3), Operator.ABLATE, Positions.REPLY),
        ),
    }


@pytest.mark.parametrize("name", ["llama", "gpt2", "neox"])
@pytest.mark.parametrize("plan", ["add", "two vectors", "reply", "ablate", "mixed"])
def test_steered_replies_equal_an_uncached_forward_with_plain_hooks(
    name: str, plan: str, model_of: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    """Cached, chunked and batched with other plans == one full forward per token: tokens and log-probs."""
    model = model_of(name)
    plans = _plans(vector_of)
    terms = plans[plan]
    requests = [GenerationRequest(prompt, terms, Sampling(max_tokens=14)) for prompt in prompts[:4]]
    noise = [GenerationRequest(prompts[i], other) for i, other in enumerate(plans.values())]
    one = desk(model, prefill_chunk=5, slots=10)
    for request in noise:
        one.engine.submit(request)
    for prompt, outcome in zip(prompts, one.run(requests), strict=False):
        ids = list(prompt) + outcome.ids
        logits = _oracle(model, ids, len(prompt), terms)[len(prompt) - 1 : -1]
        assert outcome.ids == logits.argmax(-1).tolist()
        expected = logits.log_softmax(-1).gather(-1, torch.tensor(outcome.ids)[:, None])[:, 0]
        got = torch.tensor([token.log_probability for token in outcome.tokens])
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_another_threads_forward_pass_through_the_module_is_not_steered(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    expected = _oracle(llama, prompts[2], len(prompts[2]), ())
    one = desk(llama)
    term = SteeringTerm(vector_of(1), 1.0, (0, 1, 2, 3))
    running = one.engine.submit(GenerationRequest(prompts[0], (term,), Sampling(max_tokens=100)))
    compared = 0
    while not one.ended(running):
        assert torch.equal(_oracle(llama, prompts[2], len(prompts[2]), ()), expected)
        compared += 1
    assert compared >= 5


def test_steering_changes_replies(llama: Any, desk: Any, prompts: Any, vector_of: Any) -> None:
    """Guards the tests above against comparing nothing with nothing."""
    plain = GenerationRequest(prompts[1], sampling=Sampling(max_tokens=16))
    outcomes = desk(llama).run(
        [
            plain,
            *(GenerationRequest(prompts[1], terms, plain.sampling) for terms in _plans(vector_of).values()),
        ]
    )
    replies = [tuple(outcome.ids) for outcome in outcomes]
    assert len(set(replies)) == len(replies)


def test_applications_are_counted_and_equal_what_was_asked(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    reply_only = SteeringTerm(vector_of(1), 0.3, (2,), positions=Positions.REPLY)
    everywhere = SteeringTerm(vector_of(2), 0.3, (0, 1))
    length, count = len(prompts[2]), 9
    requests = [
        GenerationRequest(prompts[2], terms, Sampling(max_tokens=count))
        for terms in ((), (reply_only,), (everywhere,), (everywhere, reply_only))
    ]
    outcomes = desk(llama, prefill_chunk=7).run(requests)
    # The last sampled token never goes through the model: the reply part is the last prompt token and
    # all sampled tokens but one.
    expected = [0, count, 2 * (length - 1 + count), 2 * (length - 1 + count) + count]
    assert [one.finished.steering_applications for one in outcomes] == expected
    assert [one.finished.steering_applications_expected for one in outcomes] == expected


def test_swapping_vectors_while_sixteen_streams_run_changes_no_running_stream(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    """Same batch, same tokens, while other requests with ever new vectors come and go."""
    own = (SteeringTerm(vector_of(1), 0.5, (1, 2)),)
    streams = [
        GenerationRequest(prompts[i % len(prompts)], own if i % 2 else (), Sampling(max_tokens=60))
        for i in range(16)
    ]
    quiet = [outcome.ids for outcome in desk(llama, slots=20).run(streams)]

    busy = desk(llama, slots=20)
    tickets = [busy.engine.submit(stream) for stream in streams]
    swaps = 0
    while not all(busy.ended(ticket) for ticket in tickets):
        term = SteeringTerm(vector_of(100 + swaps), 0.9, (swaps % 4,))
        passing = busy.engine.submit(GenerationRequest(prompts[3], (term,), Sampling(max_tokens=2)))
        busy.outcome(passing)
        swaps += 1
    assert swaps >= 5
    assert [busy.outcome(ticket).ids for ticket in tickets] == quiet


def test_a_freed_slot_keeps_nothing_of_its_last_steering(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    one = desk(llama, slots=1)
    plain = GenerationRequest(prompts[1], sampling=Sampling(max_tokens=10))
    before = one.run([plain])[0].ids
    one.run([GenerationRequest(prompts[1], (SteeringTerm(vector_of(1), 1.0, (0, 1, 2, 3)),))])
    assert one.run([plain])[0].ids == before


def test_numbers_that_overflow_end_their_reply_only_and_poison_no_slot(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    one = desk(llama, slots=2, residual_norms=dict.fromkeys(range(4), 3e38))
    plain = GenerationRequest(prompts[1], sampling=Sampling(max_tokens=10))
    expected = one.run([plain])[0].ids
    blown = GenerationRequest(prompts[2], (SteeringTerm(vector_of(1), 100.0, (1,)),))
    outcomes = one.run([blown, plain])
    assert outcomes[0].finished.reason is FinishReason.ERROR
    assert "lower the strength" in outcomes[0].finished.error
    assert outcomes[1].ids == expected
    assert [outcome.ids for outcome in one.run([plain, plain])] == [expected, expected]


def test_a_released_slot_holds_nothing_of_what_was_written(llama: Any, prompts: Any) -> None:
    """Not even of a pass that failed half-way: 0 x NaN would reach the next reply in the slot."""
    with torch.inference_mode():
        forward = _forward(llama, True)
        forward.prefill([Chunk(slot, 0, prompts[slot], 99) for slot in range(2)])
        lengths = np.array([len(prompts[0]), len(prompts[1])], dtype=np.int64)
        forward.decode(np.array([3, 4]), lengths, np.ones(2, dtype=bool))
        forward.move(0, 5)
        unembed = llama.lm_head.register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forward.prefill([Chunk(2, 0, prompts[2], 99)])
        unembed.remove()
        heads = llama.config.num_key_value_heads
        of_heads = forward.cache.layers[0].keys[:-1].abs().sum(-1).view(8, heads, -1)
        assert (of_heads != 0).all(1).equal((of_heads != 0).any(1))
        written = of_heads.sum(1)
        assert written.count_nonzero(-1).tolist() == [
            *[0, len(prompts[1]) + 1, len(prompts[2]), 0, 0],
            *[len(prompts[0]) + 1, 0, 0],
        ]
        for slot in (1, 2, 5):
            forward.release(slot)
        for layer in forward.cache.layers:
            assert not layer.keys[:-1].any() and not layer.values[:-1].any()


def test_what_cannot_be_applied_is_refused_with_its_field(llama: Any, desk: Any, vector_of: Any) -> None:
    one = desk(llama)
    cases = {
        "LAYER_OUT_OF_RANGE": SteeringTerm(vector_of(1), 0.5, (4,)),
        "VECTOR_SHAPE": SteeringTerm(vector_of(1, hidden=16), 0.5, (1,)),
        "STRENGTH_OUT_OF_RANGE": SteeringTerm(vector_of(1), float("nan"), (1,)),
    }
    for reason, term in cases.items():
        with pytest.raises(InvalidRequest) as refusal:
            one.engine.submit(GenerationRequest((1, 2), (term,)))
        assert refusal.value.reason == reason
        assert refusal.value.field.startswith("steering[0].")
    with pytest.raises(InvalidRequest, match="share of the component"):
        one.engine.submit(
            GenerationRequest((1, 2), (SteeringTerm(vector_of(1), 1.5, (1,), Operator.ABLATE),))
        )
    two = (SteeringTerm(vector_of(1), 1.0, (1,), Operator.ABLATE),) * 2
    with pytest.raises(InvalidRequest, match="two vectors"):
        one.engine.submit(GenerationRequest((1, 2), two))
    with pytest.raises(InvalidRequest, match="without a steering table"):
        desk(llama, steering_table=False).engine.submit(
            GenerationRequest((1, 2), (SteeringTerm(vector_of(1), 0.1, (1,)),))
        )
