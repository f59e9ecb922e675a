"""Queue, groups, cancels, deadlines, failures, drain: slots are always given back and every reply ends once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from trimtab_server.engine.errors import (
    DeadlineImpossible,
    Draining,
    InvalidRequest,
    PromptTooLong,
    QueueFull,
)
from trimtab_server.engine.request import FinishReason, GenerationRequest, Readouts, Sampling, SteeringTerm

LONG = Sampling(max_tokens=10_000)


def _endless(desk: Any, llama: Any, **settings: Any) -> Any:
    """An engine whose replies do not stop by themselves for a while."""
    one = desk(llama, context=256, **settings)
    one.engine._stops = frozenset()
    return one


def test_a_hundred_cancels_free_their_slots_within_two_steps(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=16)
    for turn in range(100):
        ticket = one.engine.submit(GenerationRequest(prompts[turn % 10], sampling=LONG))
        one.until(lambda ticket=ticket, least=turn % 3: one.count(ticket) >= least)
        before = one.engine.steps
        one.engine.cancel(ticket)
        ended = one.outcome(ticket).finished
        assert ended.reason is FinishReason.CANCELLED
        assert one.engine.steps - before <= 2
        assert one.engine.load.slots_in_use == 0


def test_cancelling_one_of_many_changes_no_other_reply(
    llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    one = desk(llama, slots=10)
    tickets = [
        one.engine.submit(GenerationRequest(prompt, sampling=Sampling(max_tokens=40))) for prompt in prompts
    ]
    for ticket in tickets[1::3]:
        one.engine.cancel(ticket)
    for index, ticket in enumerate(tickets):
        outcome = one.outcome(ticket)
        expected = greedy(llama, prompts[index], 40)
        if index % 3 == 1:
            assert outcome.ids == expected[: len(outcome.ids)]
        else:
            assert outcome.ids == expected


def test_cancel_tag_ends_running_and_queued_replies_of_that_tag_only(
    llama: Any, desk: Any, prompts: Any
) -> None:
    one = _endless(desk, llama, slots=2)
    short = Sampling(max_tokens=60)
    requests = [
        GenerationRequest(prompts[0], sampling=LONG if tag == "bad" else short, tag=tag)
        for tag in ("bad", "good", "bad", "good", "bad")
    ]
    tickets = [one.engine.submit(request) for request in requests]
    one.engine.cancel_tag("bad")
    reasons = [one.outcome(ticket).finished.reason for ticket in tickets]
    assert reasons == [
        FinishReason.CANCELLED if request.tag == "bad" else FinishReason.LENGTH for request in requests
    ]
    later = one.engine.submit(GenerationRequest(prompts[0], sampling=Sampling(max_tokens=2), tag="bad"))
    assert one.outcome(later).finished.reason is FinishReason.LENGTH


def test_what_is_put_off_waits_behind_what_comes_later_and_is_served_in_its_order(
    llama: Any, desk: Any, prompts: Any
) -> None:
    one = _endless(desk, llama, slots=1)
    running = one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    one.until(lambda: one.count(running) >= 1)

    def ask(tag: str) -> int:
        return one.engine.submit(GenerationRequest(prompts[1], sampling=Sampling(max_tokens=2), tag=tag))

    early = [ask("left") for _ in range(3)]
    kept = ask("kept")
    one.engine.put_off_tag("left")
    later, asked_for = ask("kept"), ask("left")
    assert one.engine.load.queued_requests == 6
    one.engine.cancel(early[1])
    one.engine.cancel(running)
    ends = {ticket: one.outcome(ticket).finished for ticket in (*early, kept, later, asked_for)}
    assert ends.pop(early[1]).reason is FinishReason.CANCELLED
    assert {end.reason for end in ends.values()} == {FinishReason.LENGTH}
    assert one.starts == [running, kept, later, asked_for, early[0], early[2]]


def test_cancelling_what_is_unknown_or_over_does_nothing(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama)
    done = one.run([GenerationRequest(prompts[0], sampling=Sampling(max_tokens=2))])
    one.engine.cancel(1)
    one.engine.cancel(999)
    again = one.run([GenerationRequest(prompts[0], sampling=Sampling(max_tokens=2))])
    assert again[0].ids == done[0].ids


def test_queue_is_bounded_by_requests_and_says_when_to_come_back(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=2, max_queued_requests=3)
    running = [one.engine.submit(GenerationRequest(prompts[0], sampling=LONG)) for _ in range(2)]
    one.until(lambda: all(one.count(ticket) for ticket in running))
    for _ in range(3):
        one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    with pytest.raises(QueueFull) as refusal:
        one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    assert refusal.value.retry_after_seconds > 0
    assert refusal.value.metadata["max_queued_requests"] == "3"
    assert one.engine.load.queued_requests == 3
    assert one.engine.load.queued_tokens == 3 * len(prompts[0])


def test_a_full_queue_refuses_before_a_request_is_made_ready(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=1, max_queued_requests=2)
    running = one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    one.until(lambda: one.count(running) >= 1)
    waiting = []
    for _ in range(2):
        one.engine.refuse_if_full()
        waiting.append(one.engine.submit(GenerationRequest(prompts[1], sampling=LONG)))
    with pytest.raises(QueueFull, match="holds 2 requests"):
        one.engine.refuse_if_full()
    one.engine.cancel(waiting[0])
    one.outcome(waiting[0])
    one.engine.refuse_if_full()


def test_queue_is_bounded_by_prompt_tokens_but_serves_a_long_prompt_when_empty(
    llama: Any, desk: Any, prompts: Any
) -> None:
    one = _endless(desk, llama, slots=1, max_queued_tokens=50)
    one.run([GenerationRequest(prompts[4], sampling=Sampling(max_tokens=1))])  # 70 tokens
    one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    while one.engine.load.queued_requests:
        time.sleep(0.001)
    one.engine.submit(GenerationRequest(prompts[2], sampling=LONG))  # 40
    with pytest.raises(QueueFull):
        one.engine.submit(GenerationRequest(prompts[1], sampling=LONG))  # 17 more


def test_a_burst_of_a_thousand_ends_every_accepted_reply_once(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama, slots=8, max_queued_requests=40)
    accepted, refused = [], 0
    for index in range(1000):
        try:
            request = GenerationRequest(prompts[index % 10], sampling=Sampling(max_tokens=2))
            accepted.append(one.engine.submit(request))
        except QueueFull:
            refused += 1
    assert refused > 0
    assert len(set(accepted)) == len(accepted) >= 40
    assert {one.outcome(ticket).finished.reason for ticket in accepted} <= {
        FinishReason.LENGTH,
        FinishReason.STOP,
    }


def test_lanes_of_a_group_start_in_the_same_step(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=3)
    blockers = [one.engine.submit(GenerationRequest(prompts[0], sampling=LONG)) for _ in range(2)]
    one.until(lambda: all(one.count(ticket) for ticket in blockers))
    lanes = one.engine.submit_group(
        [GenerationRequest(prompts[1], sampling=Sampling(max_tokens=4)) for _ in range(2)]
    )
    one.until(lambda: one.count(blockers[0]) > 8)
    assert not any(one.count(lane) for lane in lanes), "one slot is free: the group must wait for two"
    one.engine.cancel(blockers[1])
    queued = [one.outcome(lane).finished.queue_seconds for lane in lanes]
    assert queued[0] == queued[1]


def test_a_group_is_queued_whole_or_not_at_all(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=2, max_queued_requests=1)
    for _ in range(2):
        one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
        while one.engine.load.queued_requests:
            time.sleep(0.001)
    with pytest.raises(QueueFull):
        one.engine.submit_group([GenerationRequest(prompts[0]), GenerationRequest(prompts[1])])
    assert one.engine.load.queued_requests == 0
    with pytest.raises(InvalidRequest, match="needs 3 slots"):
        one.engine.submit_group([GenerationRequest(prompts[0])] * 3)


def test_deadlines_end_running_replies_and_queued_ones_and_refuse_the_impossible(
    llama: Any, desk: Any, prompts: Any
) -> None:
    one = _endless(desk, llama, slots=1)
    soon = time.monotonic() + 0.15
    running = one.engine.submit(GenerationRequest(prompts[0], sampling=LONG, deadline=soon))
    queued = one.engine.submit(GenerationRequest(prompts[0], sampling=LONG, deadline=soon))
    first, second = one.outcome(running), one.outcome(queued)
    assert first.finished.reason is second.finished.reason is FinishReason.DEADLINE
    assert first.finished.reply_tokens == len(first.ids) > 0
    assert second.finished.queue_seconds >= 0.1 or second.finished.reply_tokens > 0
    with pytest.raises(DeadlineImpossible) as refusal:
        one.engine.submit(GenerationRequest(prompts[0], deadline=time.monotonic() - 1))
    assert float(refusal.value.metadata["seconds_left"]) < 0


def test_a_deadline_shorter_than_the_usual_wait_is_refused_at_once(
    llama: Any, desk: Any, prompts: Any
) -> None:
    one = _endless(desk, llama, slots=1)
    one.run([GenerationRequest(prompts[0], sampling=Sampling(max_tokens=150))])  # how long a reply takes
    for _ in range(3):
        one.engine.submit(GenerationRequest(prompts[0], sampling=LONG))
    with pytest.raises(DeadlineImpossible):
        one.engine.submit(GenerationRequest(prompts[0], deadline=time.monotonic() + 0.01))


@pytest.mark.parametrize("kind", ["prefill", "decode"])
def test_a_failed_step_fails_its_batch_and_the_engine_serves_on(
    kind: str, llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    one = desk(llama, slots=4)
    run = getattr(one.engine._forward, kind)
    failures = iter([True])

    def failing(*arguments: Any) -> Any:
        if next(failures, False):
            raise RuntimeError("the device hiccuped")
        return run(*arguments)

    setattr(one.engine._forward, kind, failing)
    tickets = one.engine.submit_group(
        [GenerationRequest(prompt, sampling=Sampling(max_tokens=9)) for prompt in prompts[:2]]
    )
    for ticket in tickets:
        finished = one.outcome(ticket).finished
        assert finished.reason is FinishReason.ERROR
        assert "the device hiccuped" in finished.error
    assert one.engine.load.slots_in_use == 0
    again = one.run([GenerationRequest(prompt, sampling=Sampling(max_tokens=9)) for prompt in prompts])
    assert [outcome.ids for outcome in again] == [greedy(llama, prompt, 9) for prompt in prompts]


def test_a_failed_prefill_leaves_running_replies_alone(
    llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    one = desk(llama, slots=4)
    running = one.engine.submit(GenerationRequest(prompts[0], sampling=Sampling(max_tokens=60)))
    one.until(lambda: one.count(running) >= 2)
    prefill = one.engine._forward.prefill

    def failing(_chunks: Any) -> Any:
        one.engine._forward.prefill = prefill
        raise MemoryError("no room")

    one.engine._forward.prefill = failing
    victim = one.engine.submit(GenerationRequest(prompts[1]))
    assert one.outcome(victim).finished.reason is FinishReason.ERROR
    assert one.outcome(running).ids == greedy(llama, prompts[0], 60)


def test_a_listener_that_fails_does_not_stop_the_engine(
    llama: Any, desk: Any, prompts: Any, caplog: Any
) -> None:
    one = desk(llama)
    hear = one.engine._listener
    failures = iter([True])

    def failing(events: Any) -> None:
        hear(events)
        if next(failures, False):
            raise RuntimeError("the loop is closed")

    one.engine._listener = failing
    assert len(one.run([GenerationRequest(prompts[0], sampling=Sampling(max_tokens=5))])[0].ids) == 5
    assert "the loop is closed" in caplog.text


def test_drain_finishes_what_was_accepted_and_refuses_the_rest(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama, slots=2)
    tickets = [
        one.engine.submit(GenerationRequest(prompt, sampling=Sampling(max_tokens=5))) for prompt in prompts
    ]
    assert one.engine.drain(60)
    assert all(one.ended(ticket) for ticket in tickets)
    with pytest.raises(Draining):
        one.engine.submit(GenerationRequest(prompts[0]))


def test_drain_says_when_time_ran_out_and_close_cancels_the_rest(llama: Any, desk: Any, prompts: Any) -> None:
    one = _endless(desk, llama, slots=1)
    tickets = [one.engine.submit(GenerationRequest(prompts[0], sampling=LONG)) for _ in range(3)]
    assert not one.engine.drain(0.01)
    one.engine.close()
    assert {one.outcome(ticket).finished.reason for ticket in tickets} <= {
        FinishReason.CANCELLED,
        FinishReason.LENGTH,
    }
    assert one.outcome(tickets[-1]).finished.reason is FinishReason.CANCELLED


def test_a_reply_ends_where_the_context_ends(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama, context=48)
    one.engine._stops = frozenset()
    outcome = one.run([GenerationRequest(prompts[2], sampling=LONG)])[0]
    assert outcome.finished.reason is FinishReason.LENGTH
    assert len(prompts[2]) + len(outcome.ids) == 48
    with pytest.raises(PromptTooLong) as refusal:
        one.engine.submit(GenerationRequest((1,) * 48))
    assert refusal.value.metadata == {"prompt_tokens": "48", "context": "48"}
    with pytest.raises(InvalidRequest) as empty:
        one.engine.submit(GenerationRequest(()))
    assert empty.value.reason == "PROMPT_EMPTY"


def test_shadow_rows_give_their_slots_back(llama: Any, desk: Any, prompts: Any, vector_of: Any) -> None:
    one = _endless(desk, llama, slots=4)
    request = GenerationRequest(
        prompts[1],
        (SteeringTerm(vector_of(1), 0.4, (1,)),),
        LONG,
        Readouts(kl_to_unsteered=True),
    )
    tickets = one.engine.submit_group([request, request])
    one.until(lambda: all(one.count(ticket) >= 3 for ticket in tickets))
    assert one.engine.load.slots_in_use == 4
    one.engine.cancel(tickets[0])
    one.outcome(tickets[0])
    assert one.engine.load.slots_in_use == 2
    one.engine.cancel(tickets[1])
    one.outcome(tickets[1])
    assert one.engine.load.slots_in_use == 0


def test_load_counts_tokens_per_second(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama)
    assert one.engine.load.tokens_per_second == 0
    one.run([GenerationRequest(prompts[0], sampling=Sampling(max_tokens=20))])
    assert one.engine.load.tokens_per_second > 0
