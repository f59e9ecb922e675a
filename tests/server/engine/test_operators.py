"""Clamps, kept norms and conditions in the engine are those of the reference, and touch no other row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_server.engine.errors import InvalidRequest
from trimtab_server.engine.request import (
    GenerationRequest,
    Operator,
    Positions,
    Readouts,
    Sampling,
    SteeringTerm,
)
from trimtab_server.engine.slot_forward import Chunk, SlotForward
from trimtab_server.engine.steering_row import SteeringRow
from trimtab_server.engine.steering_table import PromptPart, SteeringTable
from trimtab_vectors import operators as reference
from trimtab_vectors.decoder import find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import Condition
from trimtab_vectors.steering import Steer, steered

NORMS = dict.fromkeys(range(4), 10.0)
Vectors = Callable[..., Any]


def _operator(term: SteeringTerm) -> reference.Operator:
    found: reference.Operator
    if term.operator is Operator.ADD:
        found = reference.Add(term.strength)
    elif term.operator is Operator.ABLATE:
        found = reference.Ablate(term.strength)
    else:
        found = reference.Clamp(term.level, term.bound, term.strength)
    kept = term.preserve_state_norm
    return found if kept is None else reference.PreserveStateNorm(found, kept)


def _condition(vector: Any, layer: int, threshold: float, opens: Any = "score_above") -> Condition:
    return Condition(layer, vector.directions[layer], threshold, opens)


def _plans(v: Vectors) -> dict[str, tuple[SteeringTerm, ...]]:
    term, reply, clamp = SteeringTerm, Positions.REPLY, Operator.CLAMP
    return {
        "clamp": (term(v(1), 1.0, (0, 2), clamp, level=0.6),),
        "clamp part of the way": (term(v(1), 0.5, (1, 3), clamp, level=-0.8),),
        "clamp at least": (term(v(2), 1.0, (0, 1, 2, 3), clamp, level=0.3, bound="at_least"),),
        "clamp at most, reply": (term(v(2), 1.0, (1, 2), clamp, reply, level=-0.3, bound="at_most"),),
        "norm kept": (term(v(3), 0.9, (1, 2), preserve_state_norm="always"),),
        "norm kept where grown": (term(v(3), -0.9, (0, 3), preserve_state_norm="grown"),),
        "norm kept of a clamp": (
            term(v(4), 1.0, (1,), clamp, reply, level=0.9, preserve_state_norm="always"),
        ),
        "much at one layer": (
            term(v(1), 0.4, (1, 2)),
            term(v(2), 0.5, (1,), positions=reply, preserve_state_norm="always"),
            term(v(3), -0.6, (1,), preserve_state_norm="grown"),
            term(v(4), 1.0, (1,), clamp, level=0.2, bound="at_least"),
        ),
        "condition": (term(v(1), 0.7, (2, 3), condition=_condition(v(5), 1, 0.12)),),
        "condition, other side": (
            term(v(1), 0.7, (2, 3), condition=_condition(v(5), 1, 0.12, "score_below")),
        ),
        "condition on the reply": (
            term(v(1), 0.7, (2,), positions=reply, condition=_condition(v(5), 0, 0.12)),
            term(v(2), 0.3, (1,)),
        ),
        # The first condition decides what the second one reads.
        "condition after condition": (
            term(v(1), 3.0, (1,), condition=_condition(v(5), 0, 0.12)),
            term(v(3), 0.8, (3,), condition=_condition(v(1), 2, 0.4)),
        ),
        "condition on a clamp": (
            term(v(1), 1.0, (2,), clamp, level=0.7, condition=_condition(v(5), 1, 0.12)),
            term(v(2), 0.4, (2,), preserve_state_norm="always", condition=_condition(v(6), 1, 0.1)),
        ),
    }


def _oracle(
    model: nn.Module, ids: Sequence[int], prompt_length: int, terms: Sequence[SteeringTerm]
) -> tuple[torch.Tensor, tuple[bool, ...]]:
    """Logits [T, V] of one plain uncached forward with a plain hook per block, and the gates decided in it."""
    gates: dict[int, bool] = {}
    here = threading.get_ident()

    def hook(layer: int) -> Callable[..., Any]:
        def steer(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            if threading.get_ident() != here:  # an engine's pass through the same module
                return None
            hidden = hidden_of(output)
            total = torch.zeros_like(hidden)
            for number, term in enumerate(terms):
                if term.condition is not None and term.condition.layer == layer:
                    gates[number] = bool(term.condition.open(hidden[0, :prompt_length].mean(0)))
                if layer in term.layers and gates.get(number, True):
                    delta = _operator(term).delta(hidden, term.vector.directions[layer], NORMS[layer]).clone()
                    if term.positions is Positions.REPLY:
                        delta[:, : prompt_length - 1] = 0
                    total = total + delta
            return with_hidden(output, hidden + total)

        return steer

    blocks = find_decoder(model).blocks
    handles = [block.register_forward_hook(hook(layer)) for layer, block in enumerate(blocks)]
    try:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return logits, tuple(gates[number] for number in sorted(gates))


PLANS = list(_plans(lambda _seed: type("V", (), {"directions": torch.ones(4, 32)})()))


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@pytest.mark.parametrize("plan", PLANS)
def test_replies_equal_an_uncached_forward_with_the_reference_operators(
    name: str, plan: str, model_of: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    """Cached, chunked and batched with other plans == one full forward per token."""
    model = model_of(name)
    plans = _plans(vector_of)
    terms = plans[plan]
    requests = [GenerationRequest(prompt, terms, Sampling(max_tokens=10)) for prompt in prompts[:5]]
    one = desk(model, prefill_chunk=5, slots=20)
    for number, other in enumerate(plans.values()):
        one.engine.submit(GenerationRequest(prompts[number % 10], other, Sampling(max_tokens=24)))
    for prompt, outcome in zip(prompts, one.run(requests), strict=False):
        ids = list(prompt) + outcome.ids
        logits, gates = _oracle(model, ids, len(prompt), terms)
        logits = logits[len(prompt) - 1 : -1]
        assert outcome.ids == logits.argmax(-1).tolist()
        assert outcome.finished.gates == gates
        expected = logits.log_softmax(-1).gather(-1, torch.tensor(outcome.ids)[:, None])[:, 0]
        got = torch.tensor([token.log_probability for token in outcome.tokens])
        torch.testing.assert_close(got, expected, rtol=2e-3, atol=2e-3)


def test_the_plans_change_replies_and_their_conditions_go_both_ways(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    """Guards the test above against comparing nothing with nothing."""
    plans = _plans(vector_of)
    one = desk(llama, slots=16)
    plain = one.run([GenerationRequest(prompt, sampling=Sampling(max_tokens=10)) for prompt in prompts[:5]])
    for name, terms in plans.items():
        found = one.run([GenerationRequest(p, terms, Sampling(max_tokens=10)) for p in prompts[:5]])
        assert [o.ids for o in found] != [o.ids for o in plain], name
        for number in range(len(found[0].finished.gates)):
            assert {outcome.finished.gates[number] for outcome in found} == {True, False}, name


@pytest.mark.parametrize("plan", ["clamp", "much at one layer", "condition", "condition after condition"])
def test_what_happens_is_what_the_librarys_own_steering_does(
    plan: str, llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    terms = [term for term in _plans(vector_of)[plan] if term.positions is Positions.ALL]
    steers = [Steer(t.vector.directions, _operator(t), t.layers, t.condition) for t in terms]
    one = desk(llama, slots=6)
    for prompt in prompts[:5]:
        outcome = one.run([GenerationRequest(prompt, tuple(terms), Sampling(max_tokens=8))])[0]
        ids = torch.tensor([prompt])
        with steered(llama, steers, NORMS) as happened, torch.inference_mode():
            expected = llama.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False
            )
        assert outcome.ids == expected[0, len(prompt) :].tolist()
        assert outcome.finished.gates == tuple(bool(gate) for gate in happened.gates.values())


@pytest.mark.parametrize("plan", PLANS)
def test_the_size_of_the_prefills_bites_changes_neither_gates_nor_replies(
    plan: str, llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    terms = _plans(vector_of)[plan]
    requests = [GenerationRequest(prompt, terms, Sampling(max_tokens=6)) for prompt in prompts[:8]]
    found = []
    for bite in (1, 7, 512):
        outcomes = desk(llama, prefill_chunk=bite).run(requests)
        found.append([(outcome.ids, outcome.finished.gates) for outcome in outcomes])
    assert found[0] == found[1] == found[2]


# Bits


def _rows(v: Vectors) -> dict[str, SteeringRow]:
    return {name: SteeringRow.of(terms, NORMS, 4, 32) for name, terms in _plans(v).items()}


@torch.inference_mode()
def _logits(
    model: nn.Module, table: bool, rows: dict[int, SteeringRow], prompts: Sequence[Sequence[int]]
) -> list[torch.Tensor]:
    """Bits of the logits of a prefill and of three decode steps with fixed tokens."""
    decoder = find_decoder(model)
    forward = SlotForward(
        model, decoder.blocks, slots=8, context=128, hidden_size=decoder.hidden_size, steering_table=table
    )
    for slot, row in rows.items():
        assert forward.table is not None
        forward.table.write(slot, row)
    forward.watch(frozenset())
    chunks = [Chunk(slot, 0, prompt, len(prompt) - 1) for slot, prompt in enumerate(prompts)]
    found = [forward.prefill(chunks).logits]
    positions = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
    for step in range(3):
        tokens = np.array([7 * slot + step for slot in range(len(prompts))], dtype=np.int64)
        found.append(forward.decode(tokens, positions + step, np.ones(len(prompts), dtype=bool)).logits)
    forward.close()
    return [one.view(torch.int32) for one in found]


@pytest.mark.parametrize("plan", PLANS)
def test_unsteered_rows_beside_it_are_bit_identical_to_an_engine_without_hooks(
    plan: str, llama: Any, prompts: Any, vector_of: Any
) -> None:
    plain = _logits(llama, False, {}, prompts[:5])
    row = _rows(vector_of)[plan]
    found = _logits(llama, True, {0: row, 2: row, 4: row}, prompts[:5])
    for one, other in zip(plain, found, strict=True):
        assert torch.equal(one[[1, 3]], other[[1, 3]])
        assert not torch.equal(one[[0, 2, 4]], other[[0, 2, 4]])


@pytest.mark.parametrize("plan", PLANS)
def test_a_rows_bits_do_not_change_when_other_rows_operators_change(
    plan: str, llama: Any, prompts: Any, vector_of: Any
) -> None:
    rows = _rows(vector_of)
    alone = _logits(llama, True, {2: rows[plan]}, prompts[:5])
    for other in ("clamp", "much at one layer", "condition on a clamp"):
        found = _logits(llama, True, {0: rows[other], 2: rows[plan], 4: rows[other]}, prompts[:5])
        assert all(torch.equal(a[2], b[2]) for a, b in zip(alone, found, strict=True))


def test_a_reply_that_its_condition_keeps_out_is_bit_identical_to_an_unsteered_one(
    llama: Any, prompts: Any, vector_of: Any
) -> None:
    plain = _logits(llama, False, {}, prompts[:5])
    closed = SteeringTerm(vector_of(1), 0.9, (1, 2), condition=_condition(vector_of(5), 0, 1.0))
    row = SteeringRow.of([closed], NORMS, 4, 32)
    found = _logits(llama, True, dict.fromkeys(range(5), row), prompts[:5])
    assert all(map(torch.equal, plain, found))


@pytest.mark.parametrize(
    "term",
    [
        {"operator": Operator.CLAMP, "level": 0.7},
        {"operator": Operator.ABLATE},
        {"preserve_state_norm": "always"},
    ],
)
def test_strength_zero_is_bit_identical_whatever_the_operator(
    term: dict[str, Any], llama: Any, prompts: Any, vector_of: Any
) -> None:
    plain = _logits(llama, False, {}, prompts[:5])
    row = SteeringRow.of([SteeringTerm(vector_of(1), 0.0, (0, 1, 2, 3), **term)], NORMS, 4, 32)
    found = _logits(llama, True, dict.fromkeys(range(5), row), prompts[:5])
    assert all(map(torch.equal, plain, found))


# The table alone


def _table(dtype: torch.dtype) -> SteeringTable:
    return SteeringTable(4, 3, 32, dtype, torch.device("cpu"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("plan", [plan for plan in PLANS if "condition" not in plan])
def test_the_table_moves_a_state_as_the_reference_does(plan: str, dtype: torch.dtype, vector_of: Any) -> None:
    terms = _plans(vector_of)[plan]
    layer = terms[0].layers[0]
    hidden = torch.randn(3, 6, 32, generator=torch.Generator().manual_seed(3)).mul(4).to(dtype)
    hidden[1, 2] = 0.0
    hidden[0, 1, 0] = float("inf")
    in_reply = torch.tensor([[False] * 4 + [True] * 2] * 3)
    table = _table(dtype)
    table.write(1, SteeringRow.of(terms, NORMS, 4, 32))
    for mask in (in_reply, None):
        found = table.steer(layer, hidden, slice(0, 3), mask)
        expected = hidden[1].float()
        for term in terms:
            if layer in term.layers:
                delta = _operator(term).delta(hidden[1].float(), term.vector.directions[layer], 10.0).clone()
                if term.positions is Positions.REPLY and mask is not None:
                    delta[:4] = 0
                expected = expected + delta
        step = torch.finfo(dtype).eps * float(hidden[1].abs().max())
        torch.testing.assert_close(found[1].float(), expected, rtol=0, atol=3 * step)
        kind = torch.int32 if dtype == torch.float32 else torch.int16
        assert torch.equal(found[[0, 2]].view(kind), hidden[[0, 2]].view(kind))


def test_a_cleared_slot_holds_nothing_and_costs_nothing(vector_of: Any) -> None:
    table = _table(torch.float32)
    hidden = torch.randn(3, 2, 32)
    for row in _rows(vector_of).values():
        table.write(1, row)
        table.read(0, hidden, [PromptPart(0, 2, False), PromptPart(1, 2, False)])
        table.clear(1)
        assert not table.hooked_layers and not table.layers_in_use and not table.read_layers
        for layer in range(4):
            assert table.steer(layer, hidden, slice(0, 3), None) is hidden
    # A mean half read by one request is not continued by the next one in the slot.
    term = SteeringTerm(vector_of(1), 0.5, (2,), condition=_condition(vector_of(5), 0, 0.2))
    u = vector_of(5).directions[0]
    table.write(1, SteeringRow.of([term], NORMS, 4, 32))
    table.read(0, (100 * u).expand(3, 2, 32), [PromptPart(0, 2, False), PromptPart(1, 2, False)])
    table.clear(1)
    table.write(1, SteeringRow.of([term], NORMS, 4, 32))
    state = torch.randn(32, generator=torch.Generator().manual_seed(8))
    state -= (state @ u + 0.01) * u
    table.read(0, state.expand(3, 2, 32), [PromptPart(0, 2, True), PromptPart(1, 2, True)])
    row = table.row(1)
    assert row is not None and term.condition is not None
    assert row.gates == (False,)
    assert bool(term.condition.open(state + 50 * u)), "or what was left over would change nothing"


def test_a_moved_slot_is_steered_as_before(vector_of: Any) -> None:
    hidden = torch.randn(3, 2, 32)
    hidden[2] = hidden[0]
    for row in _rows(vector_of).values():
        table = _table(torch.float32)
        table.write(0, row)
        parts = [PromptPart(0, 2, True)]
        for layer in range(4):
            table.read(layer, hidden, parts)
        before = [table.steer(layer, hidden, slice(0, 3), None) for layer in range(4)]
        table.copy(0, 2)
        table.clear(0)
        after = [table.steer(layer, hidden, slice(0, 3), None) for layer in range(4)]
        for one, other in zip(before, after, strict=True):
            assert torch.equal(one[0], other[2]) and torch.equal(other[0], hidden[0])


# Accounts and refusals


def test_applications_of_a_conditional_term_are_expected_only_where_it_is_let_through(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    count, length = 6, len(prompts[2])
    terms = [
        SteeringTerm(vector_of(1), 0.4, (2, 3), condition=_condition(vector_of(5), 1, threshold))
        for threshold in (-1.0, 1.0)
    ]
    always = SteeringTerm(vector_of(2), 0.2, (0,), positions=Positions.REPLY)
    requests = [
        GenerationRequest(prompts[2], steering, Sampling(max_tokens=count))
        for steering in ((terms[0],), (terms[1],), (terms[0], always), (terms[1], always))
    ]
    outcomes = desk(llama, prefill_chunk=7).run(requests)
    expected = [2 * (length - 1 + count), 0, 2 * (length - 1 + count) + count, count]
    assert [one.finished.steering_applications for one in outcomes] == expected
    assert [one.finished.steering_applications_expected for one in outcomes] == expected
    assert [one.finished.gates for one in outcomes] == [(True,), (False,), (True,), (False,)]


def test_the_kl_of_a_reply_that_is_kept_out_is_zero(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    for threshold, kept_out in ((1.0, True), (-1.0, False)):
        term = SteeringTerm(vector_of(1), 0.8, (2,), condition=_condition(vector_of(5), 1, threshold))
        request = GenerationRequest(
            prompts[1], (term,), Sampling(max_tokens=5), Readouts(kl_to_unsteered=True)
        )
        values = [token.kl_to_unsteered for token in desk(llama).run([request])[0].tokens]
        assert all(value is not None and (value < 1e-9) is kept_out for value in values)


def test_a_condition_of_a_term_at_strength_zero_is_read_and_told(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    term = SteeringTerm(vector_of(1), 0.0, (2,), condition=_condition(vector_of(5), 1, -1.0))
    outcome = desk(llama).run([GenerationRequest(prompts[1], (term,), Sampling(max_tokens=3))])[0]
    assert outcome.finished.gates == (True,)
    assert outcome.finished.steering_applications_expected == 0


def test_what_cannot_be_applied_is_refused_with_its_field(llama: Any, desk: Any, vector_of: Any) -> None:
    v, one = vector_of, desk(llama)
    clamp = Operator.CLAMP
    narrow = Condition(0, torch.ones(16), 0.1)
    cases: list[tuple[SteeringTerm, str, str]] = [
        (SteeringTerm(v(1), 1.5, (1,), clamp), "STRENGTH_OUT_OF_RANGE", "strength"),
        (SteeringTerm(v(1), -0.1, (1,), clamp), "STRENGTH_OUT_OF_RANGE", "strength"),
        (SteeringTerm(v(1), 1.0, (1,), clamp, level=float("nan")), "FIELD_INVALID", "level"),
        (
            SteeringTerm(v(1), 0.5, (1, 3), condition=_condition(v(2), 1, 0.1)),
            "LAYER_OUT_OF_RANGE",
            "condition.layer",
        ),
        (SteeringTerm(v(1), 0.5, (1,), condition=narrow), "VECTOR_SHAPE", "condition.vector"),
    ]
    for term, reason, field in cases:
        with pytest.raises(InvalidRequest) as refusal:
            one.engine.submit(GenerationRequest((1, 2), (term,)))
        assert (refusal.value.reason, refusal.value.field) == (reason, f"steering[0].{field}")
    two = (SteeringTerm(v(1), 1.0, (0, 1), clamp), SteeringTerm(v(2), 1.0, (1, 2), Operator.ABLATE))
    with pytest.raises(InvalidRequest, match=r"ablated or clamped at layer 1"):
        one.engine.submit(GenerationRequest((1, 2), two))
    with pytest.raises(InvalidRequest, match="no residual norm"):
        desk(llama, residual_norms={0: 1.0}).engine.submit(
            GenerationRequest((1, 2), (SteeringTerm(v(1), 1.0, (1,), clamp),))
        )
