"""Spare replies: they take only what nobody wants, and give it back at once."""

from __future__ import annotations

from typing import Any

import pytest
from trimtab_server.engine.errors import QueueFull
from trimtab_server.engine.request import FinishReason, GenerationRequest, Readouts, Sampling, SteeringTerm

LONG = Sampling(max_tokens=10_000)


def _endless(desk: Any, llama: Any, slots: int) -> Any:
    one = desk(llama, context=256, slots=slots)
    one.engine._stops = frozenset()
    return one


def test_a_spare_reply_says_what_the_same_request_says_otherwise(
    llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    one = desk(llama)
    sampling = Sampling(max_tokens=20)
    [spare] = one.run([GenerationRequest(prompts[0], sampling=sampling, spare=True)])
    assert spare.ids == greedy(llama, prompts[0], 20)
    assert spare.finished.reason in (FinishReason.LENGTH, FinishReason.STOP)


def test_a_request_that_would_wait_takes_the_slot_of_the_newest_spare_reply(
    llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    one = _endless(desk, llama, slots=2)
    old, new = (one.engine.submit(GenerationRequest(prompts[n], sampling=LONG, spare=True)) for n in (0, 1))
    one.until(lambda: one.count(old) >= 3 and one.count(new) >= 3)
    asked = one.engine.submit(GenerationRequest(prompts[2], sampling=Sampling(max_tokens=10)))
    assert one.outcome(new).finished.reason is FinishReason.CANCELLED
    assert one.outcome(asked).ids == greedy(llama, prompts[2], 10)
    assert not one.ended(old), "one slot was enough"
    one.engine.cancel(old)
    one.outcome(old)
    assert one.engine.load.slots_in_use == 0


def test_a_comparison_takes_back_as_many_slots_as_it_needs(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=4)
    spares = [one.engine.submit(GenerationRequest(prompts[n], sampling=LONG, spare=True)) for n in range(4)]
    one.until(lambda: all(one.count(spare) for spare in spares))
    lanes = one.engine.submit_group(
        [GenerationRequest(prompts[n], sampling=Sampling(max_tokens=4)) for n in (5, 6, 7)]
    )
    for ticket in lanes:
        assert one.outcome(ticket).finished.reason is FinishReason.LENGTH
    assert [one.ended(spare) for spare in spares] == [False, True, True, True]


def test_a_spare_reply_with_a_shadow_row_gives_both_slots_back(
    llama: Any, desk: Any, prompts: Any, vector_of: Any
) -> None:
    one = _endless(desk, llama, slots=2)
    steering = (SteeringTerm(vector_of(1), 0.2, (1,)),)
    request = GenerationRequest(
        prompts[0], steering, LONG, readouts=Readouts(kl_to_unsteered=True), spare=True
    )
    spare = one.engine.submit(request)
    one.until(lambda: one.count(spare) >= 2)
    asked = [
        one.engine.submit(GenerationRequest(prompts[n], sampling=Sampling(max_tokens=3))) for n in (1, 2)
    ]
    assert one.outcome(spare).finished.reason is FinishReason.CANCELLED
    assert all(one.outcome(ticket).finished.reason is FinishReason.LENGTH for ticket in asked)


def test_a_spare_request_is_refused_where_no_slot_is_free(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=1)
    busy = one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    one.until(lambda: one.count(busy) >= 1)
    with pytest.raises(QueueFull):
        one.engine.submit(GenerationRequest(prompts[1], sampling=LONG, spare=True))
    assert one.engine.load.queued_requests == 0
    assert not one.ended(busy), "a request that was asked for is never ended for another"


def test_requests_that_were_asked_for_never_end_each_other(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=2)
    first = [one.engine.submit(GenerationRequest(prompts[n], sampling=LONG)) for n in (0, 1)]
    one.until(lambda: all(one.count(ticket) >= 1 for ticket in first))
    third = one.engine.submit(GenerationRequest(prompts[2], sampling=Sampling(max_tokens=2)))
    before = one.engine.steps
    one.until(lambda: one.engine.steps > before + 5)
    assert not one.count(third) and not any(one.ended(ticket) for ticket in first)
    one.engine.cancel(first[0])
    assert one.outcome(third).finished.reason is FinishReason.LENGTH
