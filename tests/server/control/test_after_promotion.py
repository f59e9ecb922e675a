"""After a promotion: a marked guardrail goes on over all traffic, and takes the revision back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from trimtab_server.control.after_promotion import AfterPromotion
from trimtab_server.rollouts.findings import Look, NextAction
from trimtab_server.rollouts.judge import Judge, reference_hash
from trimtab_server.rollouts.observations import StepStarted
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, CanaryPlan, Guardrail, Reference, SetWeight
from trimtab_server.rollouts.plan_rules import PlanError, check_plan
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.rollout_looks import record_look
from trimtab_server.store import audit, replies
from trimtab_server.store.replies import ReplyRecord

PRESSURE = Guardrail(
    "honest",
    "honest",
    "canary",
    "paired_outcome",
    "at_least",
    0.5,
    margin=0.1,
    kind="hard_pressure",
)
REFUSALS = Guardrail(
    "refusals", "refusal", "traffic", "rate_limit", "at_most", 0.3, limit=0.1, after_promotion="rollback"
)
SAMPLE_RATIO = Guardrail("sample ratio", "", "traffic", "sample_ratio", "at_most", 0.1)
CANARIES = CanaryPlan(("hard_pressure",), 4, 40)


def plan(*more: Guardrail, **facts: Any) -> AnalysisPlan:
    steps, guardrails = (SetWeight(50), Analysis()), (PRESSURE, SAMPLE_RATIO, *more)
    return AnalysisPlan("p", steps, guardrails, canary=CANARIES, **facts)


def promoted(desk: Any, chosen: AnalysisPlan) -> int:
    """The revision that a promotion under this plan made."""
    record = desk.start(desk.steered("honesty.safetensors", 0.35, (1, 2)), chosen)
    judge = Judge(chosen, {one.id: CALM for one in chosen.references})
    judge.observe(StepStarted(1, record.step_time / 1e9))
    look = Look(Verdict.PASS, (), NextAction.PROMOTE, 1, 1, 2.0, "shown")
    ended = record_look(
        desk.database, rollout=record.id, look=look, judge_state=judge.state(), time=time.time_ns()
    )
    desk.rollouts.follow(ended)
    desk.active.replace(desk.active.read("default"))
    assert desk.active.current("default").revision.number == ended.promoted_revision
    return int(ended.promoted_revision)


CALM = tuple(0.5 + 0.01 * (n % 50) for n in range(250))


def watch(desk: Any) -> AfterPromotion:
    return AfterPromotion(
        "default",
        database=desk.database,
        reader=desk.workers,
        reference_values=lambda reference: CALM,
        roll_back=desk.application.control._roll_back,
    )


def serve(desk: Any, revision: int, values: Sequence[float], signal: str = "refusal", start: int = 0) -> None:
    rows = [
        ReplyRecord(
            id=f"{revision}-{signal}-{start + number}",
            deployment="default",
            time=time.time_ns(),
            snapshot="s" * 64,
            revision=revision,
            signals={signal: value},
            prompt_tokens=3,
            reply_tokens=5,
            queue_seconds=0.0,
            prefill_seconds=0.1,
            decode_seconds=0.1,
            stop_reason="stop",
            session=f"{start + number}",
        )
        for number, value in enumerate(values)
    ]
    with desk.database.write() as connection:
        replies.add(connection, rows)


async def test_a_marked_guardrail_takes_the_promoted_revision_back_by_itself(desk: Any) -> None:
    stable = desk.active.current("default").snapshot.id
    revision = promoted(desk, plan(REFUSALS))
    task = asyncio.create_task(watch(desk).run())
    try:
        serve(desk, revision, [1.0] * 40)
        for _ in range(400):
            if desk.active.current("default").revision.number != revision:
                break
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    active = desk.active.current("default")
    assert (active.revision.kind, active.snapshot.id) == ("rollback", stable)
    assert active.revision.actor == "server" and "refusals" in active.revision.reason
    with desk.database.read() as connection:
        assert audit.records(connection, before=None, limit=1)[0].action == "snapshot.rollback"


async def test_healthy_traffic_and_another_revisions_replies_take_nothing_back(desk: Any) -> None:
    revision = promoted(desk, plan(REFUSALS))
    watching = watch(desk)
    serve(desk, revision, [float(number % 25 == 0) for number in range(400)])
    serve(desk, revision - 1, [1.0] * 100)
    assert watching.look() is None


async def test_a_restart_gathers_the_evidence_from_the_stored_replies_again(desk: Any) -> None:
    revision = promoted(desk, plan(REFUSALS))
    living, harms = watch(desk), []
    for number in range(40):
        serve(desk, revision, [float(number % 2)], start=number)
        harms.append((living.look(), watch(desk).look()))
        assert harms[-1][0] == harms[-1][1], "a server started anew judges otherwise"
    assert harms[0] == (None, None) and harms[-1][0] is not None


async def test_a_guardrail_that_only_tells_takes_nothing_back(desk: Any) -> None:
    tells = Guardrail("refusals", "refusal", "traffic", "rate_limit", "at_most", 0.3, limit=0.1)
    revision = promoted(desk, plan(tells))
    serve(desk, revision, [1.0] * 100)
    assert watch(desk).look() is None


async def test_a_drift_alarm_of_a_marked_signal_takes_the_revision_back(desk: Any) -> None:
    revision = promoted(desk, plan(REFUSALS))
    watching = watch(desk)
    assert watching.look() is None
    watching.drifted(revision, "entropy", "entropy no longer looks like its reference")
    watching.drifted(revision - 1, "refusal", "old news")
    assert watching.look() is None
    watching.drifted(revision, "refusal", "refusal no longer looks like its reference")
    harm = watching.look()
    assert harm is not None and "no longer looks" in harm.reason


async def test_a_revision_that_somebody_else_left_meanwhile_is_not_rolled_back(desk: Any) -> None:
    revision = promoted(desk, plan(REFUSALS))
    watching = watch(desk)
    serve(desk, revision, [1.0] * 40)
    harm = watching.look()
    assert harm is not None
    desk.activate(desk.steered("honesty.safetensors", 0.2, (1, 2)))
    newest = desk.active.current("default").revision.number
    with pytest.raises(Exception, match="REVISION_CONFLICT"):
        await desk.application.control._roll_back(harm)
    assert desk.active.read("default").revision.number == newest
    assert watching.look() is None


async def test_the_drift_test_of_a_plan_goes_on_against_the_reference_it_names(desk: Any) -> None:
    drift = Guardrail(
        "entropy",
        "entropy",
        "traffic",
        "drift",
        "at_most",
        0.3,
        reference="r/entropy",
        after_promotion="rollback",
    )
    chosen = plan(drift, references=(Reference("r/entropy", reference_hash(CALM)),))
    revision = promoted(desk, chosen)
    serve(desk, revision, CALM[:60], signal="entropy")
    assert watch(desk).look() is None
    serve(desk, revision, [3.0] * 60, signal="entropy", start=60)
    assert watch(desk).look() is not None


def test_only_limits_on_traffic_may_roll_back_after_a_promotion() -> None:
    check_plan(plan(REFUSALS))
    canary = Guardrail(
        "repetition",
        "repetition",
        "canary",
        "mean_limit",
        "at_most",
        0.2,
        limit=0.3,
        cap=5.0,
        kind="hard_pressure",
        after_promotion="rollback",
    )
    with pytest.raises(PlanError, match="after_promotion"):
        check_plan(plan(canary))
