"""What becomes a reference, and what may not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping

import pytest
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.monitoring.recording import Answered, Recorded, from_canaries, from_live
from trimtab_server.store.references import ReferenceRecord, values_text
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.replies import ReplyRecord
from trimtab_vectors.evaluation.honesty import KINDS, Message, Question


def reply(number: int, arm: str = "", stop_reason: str = "stop", **signals: float) -> ReplyRecord:
    return ReplyRecord(
        id=str(number),
        deployment="default",
        time=number,
        snapshot="s",
        revision=1,
        signals={"entropy": float(number)} | signals,
        prompt_tokens=1,
        reply_tokens=1,
        queue_seconds=0.0,
        prefill_seconds=0.0,
        decode_seconds=0.0,
        stop_reason=stop_reason,
        arm=arm,
    )


def pool(count: int) -> CanarySet:
    return CanarySet(
        Question(f"{kind}-{number}", kind, "en", (Message("user", f"{kind} {number}?"),), ("yes",), ("no",))
        for kind in KINDS
        for number in range(count)
    )


def test_the_newest_whole_replies_of_the_stable_arm_are_taken() -> None:
    replies = [reply(n) for n in range(300)]
    replies[299] = reply(299, arm="candidate")
    replies[298] = reply(298, stop_reason="cancelled")
    replies[297] = reply(297, arm="stable", stop_reason="length", kl_to_unsteered=0.5)
    recorded = from_live(replies, 250)
    assert recorded.reply_count == 250
    assert recorded.values["entropy"] == tuple(float(n) for n in range(48, 298))
    assert recorded.values["kl_to_unsteered"] == (0.5,)


def test_too_few_replies_are_no_reference() -> None:
    with pytest.raises(Refusal) as refusal:
        from_live([reply(n) for n in range(199)], 500)
    assert refusal.value.reason == "REFERENCE_TOO_SHORT"


def test_replies_with_a_figure_that_is_not_finite_are_no_reference() -> None:
    replies = [reply(n) for n in range(250)]
    replies[100] = reply(100, kl_largest=math.inf)
    with pytest.raises(Refusal) as refusal:
        from_live(replies, 250)
    assert refusal.value.reason == "REFERENCE_NOT_FINITE"


async def test_every_canary_question_is_asked_once_and_values_keep_their_order() -> None:
    asked: list[str] = []

    async def ask(question: Question) -> Mapping[str, float]:
        place = len(asked)
        asked.append(question.id)
        await asyncio.sleep(0.002 * (place % 3))  # who asks first is not who answers first
        return {"entropy": float(place)}

    steps = [step async for step in from_canaries(pool(60), 220, 7, ask)]
    recorded = steps[-1]
    assert isinstance(recorded, Recorded) and recorded.values["entropy"] == tuple(map(float, range(220)))
    assert [step.done for step in steps if isinstance(step, Answered)] == list(range(1, 221))
    assert len(set(asked)) == 220
    assert {kind: sum(name.startswith(kind) for name in asked) for kind in KINDS} == dict.fromkeys(KINDS, 55)


async def test_a_small_pool_and_a_question_without_an_answer_end_the_recording() -> None:
    async def ask(question: Question) -> Mapping[str, float]:
        raise Refusal("REFERENCE_NOT_ANSWERED", question=question.id, detail="gone")

    for questions, reason in ((49, "REFERENCE_TOO_SHORT"), (60, "REFERENCE_NOT_ANSWERED")):
        with pytest.raises(Refusal) as refusal:
            async for _ in from_canaries(pool(questions), 220, 7, ask):
                pass
        assert refusal.value.reason == reason


def test_the_hash_of_a_signal_is_over_its_values_as_plain_json() -> None:
    record = ReferenceRecord(
        "r", "default", "live", "s", 1, "stage", "d", 2, values_text({"entropy": [0.5, 1.0]}), "me", 1
    )
    own = hashlib.sha256(json.dumps([0.5, 1.0], separators=(",", ":")).encode()).hexdigest()
    assert record.signal_hash("entropy") == own and record.signal_id("entropy") == "r/entropy"


def test_the_judge_takes_a_reference_by_the_hash_it_is_listed_with() -> None:
    from trimtab_server.rollouts.judge import reference_hash

    values = [0.1 * n for n in range(200)] + [1.0, 2.0]
    record = ReferenceRecord(
        "r", "default", "live", "s", 1, "x", "d", 202, values_text({"a": values}), "me", 1
    )
    assert reference_hash(record.values["a"]) == record.signal_hash("a")
