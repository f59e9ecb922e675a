"""Rollouts: each change one transaction with its audit record, and every refusal."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.observations import HardFault, PairObservation, StepStarted, to_dict
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, SetWeight
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.activation import activate, roll_back
from trimtab_server.store import concepts, deployments, rollouts, tokens
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import RolloutRecord
from trimtab_server.store.tokens import TokenRecord

from .rollout_world import HONEST, OPERATOR, PLAN, Rollouts

ADMIN = Origin("tokens/b055", "admin", "RolloutService/PromoteFullRollout")
SECOND = replace(ADMIN, actor="tokens/07e4")


@pytest.fixture
def world(database: Database, snapshots: Any) -> Rollouts:
    with database.write() as connection:
        for origin in (ADMIN, SECOND):
            token = origin.actor.removeprefix("tokens/")
            tokens.add(connection, TokenRecord(token, "an admin", "admin", f"{token}{'0' * 60}", 1))
    return Rollouts(database, snapshots[0], snapshots[1])


def active(world: Rollouts) -> tuple[int, str]:
    with world.database.read() as connection:
        newest = deployments.history(connection, "default")[-1]
    return newest.number, newest.snapshot


def refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value


def reason_of(call: Callable[[], object]) -> str:
    return refusal(call).reason


def act(world: Rollouts, snapshot: str, **facts: Any) -> Any:
    world.time += 1
    given = {"expected_revision": 0, "reason": "by hand", "origin": OPERATOR, "time": world.time}
    return activate(world.database, deployment="default", snapshot=snapshot, **given | facts)


def undo(world: Rollouts, **facts: Any) -> Any:
    world.time += 1
    given = {"deployment": "default", "reason": "bad", "origin": OPERATOR, "time": world.time}
    return roll_back(world.database, **given | facts)


# The way through


def test_a_created_rollout_serves_nobody_and_knows_both_arms(world: Rollouts) -> None:
    created = world.create(reason="trial passed")
    assert (created.state, created.step, created.weight) == ("created", 0, 0)
    assert (created.stable_revision, created.stable_snapshot) == (1, world.stable)
    assert (created.candidate_snapshot, created.plan_hash) == (world.candidate, PLAN.hash)
    with world.database.read() as connection:
        assert rollouts.running(connection, "default") is None
        assert rollouts.newest(connection, "default") == created
    (record,) = world.audit(1)
    assert (record.action, record.subject, record.reason) == ("rollout.create", created.name, "trial passed")
    assert json.loads(record.details)["plan_hash"] == PLAN.hash


def test_a_rollout_goes_through_its_steps_and_becomes_a_revision(world: Rollouts) -> None:
    rollout = world.started()
    assert (rollout.state, rollout.step, rollout.weight) == ("running", 0, 0)
    rollout = world.look(rollout, Verdict.NOT_ENOUGH_DATA, NextAction.CONTINUE)
    assert (rollout.step, rollout.verdict) == (0, "not enough data")
    rollout = world.look(rollout, Verdict.PASS, NextAction.ADVANCE)
    # The weight takes no time; the pause waits for a person.
    assert (rollout.state, rollout.step, rollout.weight, rollout.verdict) == ("paused", 2, 10, "")
    rollout = world.resume(rollout, reason="looks fine")
    assert (rollout.state, rollout.step, rollout.weight) == ("running", 4, 50)
    assert active(world) == (1, world.stable)
    rollout = world.look(rollout, Verdict.PASS, NextAction.PROMOTE)
    assert (rollout.state, rollout.weight, rollout.promoted_revision) == ("promoted", 100, 2)
    assert active(world) == (2, world.candidate)
    actions = [record.action for record in world.audit(9)]
    assert actions == [
        "rollout.create",
        "rollout.start",
        "rollout.verdict",
        "rollout.verdict",
        "rollout.promote",
        "rollout.resume",
        "rollout.verdict",
        "snapshot.activate",
        "rollout.promote",
    ]
    promotion = world.audit(1)[0]
    assert (promotion.from_revision, promotion.to_revision) == (1, 2)
    assert json.loads(promotion.details)["weight"] == [50, 100]
    assert undo(world).snapshot == world.stable


def test_pause_and_resume_begin_the_step_anew(world: Rollouts) -> None:
    rollout = world.started()
    begun = rollout.step_time
    rollout = world.pause(rollout, reason="lunch")
    assert (rollout.state, rollout.reason, rollout.step_time) == ("paused", "lunch", begun)
    rollout = world.resume(rollout)
    assert (rollout.state, rollout.step) == ("running", 0)
    assert rollout.step_time > begun


def test_a_person_may_leave_a_step_early_but_not_the_last(world: Rollouts) -> None:
    rollout = world.promote(world.started(), expected_step=0, reason="seen enough")
    assert (rollout.step, rollout.weight) == (2, 10)
    (record,) = world.audit(1)
    assert json.loads(record.details)["verdict"] == ""
    rollout = world.promote(rollout)
    assert rollout.step == 4
    refused = refusal(lambda: world.promote(rollout))
    assert (refused.reason, "last step" in refused.metadata["detail"]) == ("ROLLOUT_STATE", True)
    assert active(world) == (1, world.stable)


def test_abort_puts_the_weight_to_zero_and_leaves_history_alone(world: Rollouts) -> None:
    rollout = world.at_the_last_step()
    ended = world.abort(rollout, reason="complaints")
    assert (ended.state, ended.weight, ended.reason) == ("aborted", 0, "complaints")
    assert ended.end_time == world.time
    assert active(world) == (1, world.stable)
    (record,) = world.audit(1)
    assert (record.action, record.from_revision, record.to_revision) == ("rollout.abort", 1, 1)
    assert json.loads(record.details)["weight"] == [50, 0]
    # Whoever asks again has what they want, and nothing is written twice.
    assert world.abort(rollout) == ended
    assert world.audit(1) == [record]


def test_a_created_rollout_can_be_given_up(world: Rollouts) -> None:
    assert world.abort(world.create()).state == "aborted"


def test_a_failing_look_ends_the_rollout_in_the_same_transaction(world: Rollouts) -> None:
    rollout = world.at_the_last_step()
    ended = world.look(rollout, Verdict.FAIL, NextAction.ABORT, [HardFault("not a number", "r1")])
    assert (ended.state, ended.weight, ended.verdict) == ("failed", 0, "fail")
    assert active(world) == (1, world.stable)
    verdict, end = world.audit(2)
    assert (verdict.action, end.action) == ("rollout.verdict", "rollout.fail")
    assert json.loads(verdict.details)["guardrails"] == {HONEST.name: "fail"}
    for record in (verdict, end):
        assert json.loads(record.details)["circumstances"]["trigger"].startswith(
            f"guardrail {HONEST.name}: n = "
        )
    assert end.reason == "the judge says fail"


def test_a_paused_rollout_still_fails_but_does_not_advance(world: Rollouts) -> None:
    rollout = world.pause(world.started())
    rollout = world.look(rollout, Verdict.PASS, NextAction.ADVANCE)
    assert (rollout.state, rollout.step, rollout.verdict) == ("paused", 0, "pass")
    assert world.look(rollout, Verdict.FAIL, NextAction.ABORT).state == "failed"


def test_not_enough_data_pauses(world: Rollouts) -> None:
    rollout = world.look(world.started(), Verdict.NOT_ENOUGH_DATA, NextAction.PAUSE)
    assert (rollout.state, rollout.reason) == ("paused", "the judge says not enough data")


def test_a_retry_has_a_new_id_and_draws_sessions_anew(world: Rollouts) -> None:
    first = world.abort(world.started())
    again = world.retry(first, reason="was the model's fault")
    assert again.id != first.id
    assert again.secret != first.secret
    assert (again.state, again.retry_of, again.plan_hash) == ("created", first.id, first.plan_hash)
    assert world.start(again).state == "running"
    (record,) = [one for one in world.audit(2) if one.action == "rollout.retry"]
    assert json.loads(record.details)["retry_of"] == first.id


def test_the_secret_is_in_no_audit_record_and_in_no_text_of_the_rollout(world: Rollouts) -> None:
    rollout = world.started()
    assert rollout.secret not in repr(rollout)
    assert all(rollout.secret not in record.body() for record in world.audit(10))


# What is refused


def test_the_candidate_must_be_another_snapshot_that_exists(world: Rollouts) -> None:
    assert reason_of(lambda: world.create(candidate=world.stable)) == "CANDIDATE_IS_STABLE"
    assert reason_of(lambda: world.create(candidate="e" * 64)) == "SNAPSHOT_NOT_FOUND"
    assert reason_of(lambda: world.create(deployment="other")) == "DEPLOYMENT_NOT_FOUND"
    assert reason_of(lambda: world.create(expected_revision=7)) == "REVISION_CONFLICT"


STEPS: dict[str, Callable[[Rollouts, RolloutRecord], RolloutRecord]] = {
    "start": Rollouts.start,
    "pause": Rollouts.pause,
    "resume": Rollouts.resume,
    "promote": Rollouts.promote,
    "promote_full": lambda world, rollout: world.promote_full(rollout, origin=ADMIN),
    "retry": Rollouts.retry,
    "look": lambda world, rollout: world.look(rollout, Verdict.PASS, NextAction.CONTINUE),
}
POSSIBLE = {
    "created": {"start"},
    "running": {"pause", "promote", "promote_full", "look"},
    "paused": {"pause", "resume", "promote", "promote_full", "look"},
    "promoted": set[str](),
    "aborted": {"retry"},
    "failed": {"retry"},
}


def in_state(world: Rollouts, state: str) -> RolloutRecord:
    if state == "created":
        return world.create()
    if state == "promoted":
        return world.look(world.at_the_last_step(), Verdict.PASS, NextAction.PROMOTE)
    rollout = world.started()
    if state == "paused":
        return world.pause(rollout)
    if state == "aborted":
        return world.abort(rollout)
    if state == "failed":
        return world.look(rollout, Verdict.FAIL, NextAction.ABORT)
    return rollout


@pytest.mark.parametrize("state", POSSIBLE)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_in_every_state(world: Rollouts, state: str, step: str) -> None:
    rollout = in_state(world, state)
    before = world.audit(1)
    if step in POSSIBLE[state]:
        try:
            STEPS[step](world, rollout)
        except Refusal as refused:
            assert refused.reason == "SECOND_PERSON_NEEDED"
    else:
        assert reason_of(lambda: STEPS[step](world, rollout)) == "ROLLOUT_STATE"
        assert world.find(rollout) == rollout
        assert world.audit(1) == before, "a refusal leaves nothing behind"


def test_a_promoted_rollout_is_rolled_back_not_aborted(world: Rollouts) -> None:
    refused = refusal(lambda: world.abort(in_state(world, "promoted")))
    assert (refused.reason, "roll back" in refused.metadata["detail"]) == ("ROLLOUT_STATE", True)


def test_abort_needs_a_reason_and_full_promotion_too(world: Rollouts) -> None:
    rollout = world.started()
    assert reason_of(lambda: world.abort(rollout, reason=" ")) == "REASON_REQUIRED"
    assert reason_of(lambda: world.promote_full(rollout, reason="", origin=ADMIN)) == "REASON_REQUIRED"


def test_unknown_rollouts_are_refused(world: Rollouts) -> None:
    unknown = replace(world.create(), id="0" * 12)
    for step in STEPS.values():
        assert reason_of(lambda step=step: step(world, unknown)) == "ROLLOUT_NOT_FOUND"  # type: ignore[misc]
    assert reason_of(lambda: world.abort(unknown)) == "ROLLOUT_NOT_FOUND"


def test_one_rollout_in_force_per_deployment(world: Rollouts) -> None:
    first, second = world.create(), world.create()
    first = world.start(first)
    refused = refusal(lambda: world.start(second))
    assert (refused.reason, refused.metadata["rollout"]) == ("ROLLOUT_RUNNING", first.name)
    world.pause(first)
    assert reason_of(lambda: world.start(second)) == "ROLLOUT_RUNNING"
    world.abort(first)
    assert world.start(second).state == "running"


def test_the_database_itself_refuses_a_second_one_in_force(world: Rollouts) -> None:
    world.started()
    second = world.create()
    with pytest.raises(IntegrityError), world.database.write() as connection:
        connection.execute(text("UPDATE rollouts SET state = 'running' WHERE id = :id"), {"id": second.id})


def test_a_rollout_of_a_deployment_that_moved_on_is_not_started(world: Rollouts, snapshots: Any) -> None:
    rollout = world.create()
    act(world, snapshots[2])
    refused = refusal(lambda: world.start(rollout))
    assert (refused.reason, refused.metadata["active_revision"]) == ("REVISION_CONFLICT", "2")
    assert world.retry(world.abort(rollout)).stable_revision == 2


def test_a_look_of_an_earlier_step_keeps_nothing(world: Rollouts) -> None:
    rollout = world.promote(world.started())
    before = world.audit(1)
    fault = HardFault("late", "r1")
    late = refusal(lambda: world.look(rollout, Verdict.FAIL, NextAction.ABORT, [fault], step=0))
    assert late.reason == "ROLLOUT_CONFLICT"
    with world.database.read() as connection:
        assert rollouts.observations(connection, rollout.id) == []
        assert rollouts.looks(connection, rollout.id) == []
    assert (world.find(rollout), world.audit(1)) == (rollout, before)


# The lock on the plan


def test_a_start_with_another_plan_is_refused(world: Rollouts) -> None:
    rollout = world.create()
    other = replace(PLAN, false_alarm=0.2)
    assert reason_of(lambda: world.start(rollout, plan_hash=other.hash)) == "PLAN_CHANGED"
    assert world.start(rollout, plan_hash=PLAN.hash).state == "running"


def changed_behind_the_back(world: Rollouts, rollout: RolloutRecord, *, hash_too: bool) -> None:
    other = json.loads(rollout.plan) | {"false_alarm": 0.9}
    body = canonical_json(other)
    with world.database.write() as connection:
        connection.execute(text("DROP TRIGGER rollouts_locked"))
        connection.execute(
            text("UPDATE rollouts SET plan = :plan WHERE id = :id"), {"plan": body, "id": rollout.id}
        )
        if hash_too:
            connection.execute(
                text("UPDATE rollouts SET plan_hash = :hash WHERE id = :id"),
                {"hash": sha256_hex(body), "id": rollout.id},
            )


@pytest.mark.parametrize("hash_too", [False, True])
@pytest.mark.parametrize("step", ["start", "resume", "promote", "promote_full", "retry"])
def test_nothing_goes_forward_under_a_plan_that_was_changed(
    world: Rollouts, step: str, hash_too: bool
) -> None:
    """Also if its hash was changed with it: the audit chain has the one that was locked."""
    state = {"start": "created", "resume": "paused", "retry": "aborted"}.get(step, "running")
    rollout = in_state(world, state)
    changed_behind_the_back(world, rollout, hash_too=hash_too)
    assert reason_of(lambda: STEPS[step](world, rollout)) == "PLAN_CHANGED"


def test_no_look_promotes_under_a_plan_that_was_changed_but_it_still_fails(world: Rollouts) -> None:
    rollout = world.at_the_last_step()
    changed_behind_the_back(world, rollout, hash_too=True)
    assert reason_of(lambda: world.look(rollout, Verdict.PASS, NextAction.PROMOTE)) == "PLAN_CHANGED"
    assert active(world) == (1, world.stable)
    assert world.look(rollout, Verdict.FAIL, NextAction.ABORT).state == "failed"


def test_the_ways_back_need_no_plan(world: Rollouts) -> None:
    rollout = world.started()
    with world.database.write() as connection:
        connection.execute(text("DROP TRIGGER rollouts_locked"))
        connection.execute(text("UPDATE rollouts SET plan = 'gone'"))
    assert world.abort(rollout).state == "aborted"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rollouts SET plan = '{}'",
        "UPDATE rollouts SET plan_hash = 'x'",
        "UPDATE rollouts SET secret = 'x'",
        "UPDATE rollouts SET candidate_snapshot = stable_snapshot",
        "DELETE FROM rollouts",
        "UPDATE rollout_looks SET verdict = 'pass'",
        "DELETE FROM rollout_looks",
    ],
)
def test_what_is_locked_cannot_be_edited(world: Rollouts, statement: str) -> None:
    world.look(world.started(), Verdict.NOT_ENOUGH_DATA, NextAction.CONTINUE)
    with (
        pytest.raises(IntegrityError, match=r"locked|kept|append-only"),
        world.database.write() as connection,
    ):
        connection.execute(text(statement))


# Activation and rollback beside a rollout


def test_an_activation_is_refused_while_one_runs(world: Rollouts, snapshots: Any) -> None:
    rollout = world.started()
    refused = refusal(lambda: act(world, snapshots[2]))
    assert (refused.reason, refused.metadata["rollout"]) == ("ROLLOUT_RUNNING", rollout.name)
    assert active(world) == (1, world.stable)


def test_an_activation_that_replaces_keeps_stable_as_the_way_back(world: Rollouts, snapshots: Any) -> None:
    rollout = world.at_the_last_step()
    act(world, snapshots[2], replace=True)
    ended = world.find(rollout)
    assert (ended.state, ended.weight) == ("aborted", 0)
    assert f"snapshots/{snapshots[2]}" in ended.reason
    assert [record.action for record in world.audit(2)] == ["rollout.abort", "snapshot.activate"]
    assert undo(world).snapshot == world.stable


def test_a_rollback_aborts_the_rollout_in_its_own_transaction(world: Rollouts, snapshots: Any) -> None:
    act(world, snapshots[2])
    rollout = world.at_the_last_step()
    revision = undo(world, reason="answers are wrong")
    assert (revision.snapshot, revision.rolled_back) == (world.stable, 2)
    ended = world.find(rollout)
    assert (ended.state, ended.weight, ended.reason) == ("aborted", 0, "rollback: answers are wrong")
    assert [record.action for record in world.audit(2)] == ["rollout.abort", "snapshot.rollback"]


def test_a_rollback_from_the_first_revision_still_gets_rid_of_the_candidate(world: Rollouts) -> None:
    """There is nothing earlier to go to, but there is something to leave."""
    rollout = world.started()
    revision = undo(world)
    assert (revision.snapshot, revision.kind) == (world.stable, "rollback")
    assert world.find(rollout).state == "aborted"
    assert reason_of(lambda: undo(world)) == "NO_EARLIER_REVISION"


def test_a_rollback_within_the_last_revisions_needs_no_analysis(world: Rollouts, snapshots: Any) -> None:
    for snapshot in (snapshots[1], snapshots[2], snapshots[1], snapshots[2]):
        act(world, snapshot)
    assert undo(world, snapshot=snapshots[1]).snapshot == snapshots[1]
    assert json.loads(world.audit(1)[0].details)["within_rollback_window"] is True
    assert undo(world, unsteered=True).snapshot == snapshots[0]
    assert json.loads(world.audit(1)[0].details)["within_rollback_window"] is False


# Full promotion


def test_full_promotion_needs_two_admins(world: Rollouts) -> None:
    rollout = world.started()
    assert reason_of(lambda: world.promote_full(rollout)) == "ROLE_NOT_ALLOWED"
    for _ in range(2):
        assert reason_of(lambda: world.promote_full(rollout, origin=ADMIN)) == "SECOND_PERSON_NEEDED"
    assert active(world) == (1, world.stable)
    done = world.promote_full(rollout, origin=SECOND, reason="outage elsewhere")
    assert (done.state, done.weight, done.promoted_revision) == ("promoted", 100, 2)
    assert active(world) == (2, world.candidate)
    (record,) = world.audit(1)
    assert (record.action, record.actor) == ("rollout.promote_full", SECOND.actor)
    assert json.loads(record.details)["step"] == [0, 0]


def test_a_retried_full_promotion_needs_nobody_again(world: Rollouts) -> None:
    rollout = world.started()
    with pytest.raises(Refusal):
        world.promote_full(rollout, origin=ADMIN)
    origin = replace(SECOND, request_id="full-1", request_hash="h")
    first = world.promote_full(rollout, origin=origin)
    before = world.audit(1)
    assert world.promote_full(rollout, origin=origin) == first
    assert world.audit(1) == before


def test_no_proposal_is_kept_for_a_rollout_that_cannot_be_promoted(world: Rollouts) -> None:
    rollout = world.abort(world.started())
    before = world.audit(1)
    assert reason_of(lambda: world.promote_full(rollout, origin=ADMIN)) == "ROLLOUT_STATE"
    assert world.audit(1) == before


def test_a_candidate_against_a_protected_concept_takes_two_admins_to_start(
    world: Rollouts, snapshots: Any
) -> None:
    """Whoever does not see the sign of the strength must not learn of it from the customers."""
    with world.database.write() as connection:
        concepts.protect(connection, "honesty", True, 1)
    rollout = world.create(candidate=snapshots[2])
    before = world.audit(1)
    assert reason_of(lambda: world.start(rollout)) == "CONCEPT_PROTECTED"
    assert world.audit(1) == before
    admin, second = (replace(one, method="RolloutService/StartRollout") for one in (ADMIN, SECOND))
    assert reason_of(lambda: world.start(rollout, origin=admin, reason="red team")) == "SECOND_PERSON_NEEDED"
    origin = replace(second, request_id="start-1", request_hash="h")
    started = world.start(rollout, origin=origin, reason="red team")
    assert started.state == "running"
    assert world.start(rollout, origin=origin, reason="red team") == started


# Requests that come twice, and races


@pytest.mark.parametrize("step", ["create", "start", "pause", "resume", "promote", "abort", "retry"])
def test_a_retried_request_changes_the_rollout_once(world: Rollouts, step: str) -> None:
    states = {"start": "created", "resume": "paused", "retry": "aborted"}
    rollout = in_state(world, states.get(step, "running")) if step != "create" else None
    origin = replace(OPERATOR, request_id="r-1", request_hash="h")

    def call(request_hash: str = "h") -> RolloutRecord:
        facts = {"origin": replace(origin, request_hash=request_hash)}
        if step == "create":
            return world.create(**facts)
        changed: RolloutRecord = getattr(world, step)(rollout, **facts)
        return changed

    first = call()
    before = world.audit(1)
    assert call() == first
    assert world.audit(1) == before
    assert reason_of(lambda: call("another")) == "REQUEST_ID_REUSED"


def race(*calls: Callable[[], object]) -> Counter[str]:
    """Runs them at the same moment; "won", or the reason of the refusal, of each."""
    outcomes: Counter[str] = Counter()
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        gate.wait()
        try:
            call()
        except Refusal as refused:
            outcomes[refused.reason] += 1
        else:
            outcomes["won"] += 1

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_promotions_of_one_step_one_wins(world: Rollouts, attempt: int) -> None:
    rollout = world.started()

    def promote() -> RolloutRecord:
        return world.promote(rollout, expected_step=0)

    assert race(promote, promote) == {"won": 1, "ROLLOUT_CONFLICT": 1}
    assert world.find(rollout).step == 2


@pytest.mark.parametrize("attempt", range(5))
def test_abort_against_the_promotion_has_one_winner_and_one_truth(world: Rollouts, attempt: int) -> None:
    rollout = world.at_the_last_step()
    outcomes = race(
        lambda: world.abort(rollout), lambda: world.look(rollout, Verdict.PASS, NextAction.PROMOTE)
    )
    assert outcomes == {"won": 1, "ROLLOUT_STATE": 1}
    ended = world.find(rollout)
    assert active(world) == ((2, world.candidate) if ended.state == "promoted" else (1, world.stable))


@pytest.mark.parametrize("attempt", range(5))
def test_a_rollback_against_the_promotion_never_ends_on_the_candidate(world: Rollouts, attempt: int) -> None:
    rollout = world.at_the_last_step()
    outcomes = race(lambda: undo(world), lambda: world.look(rollout, Verdict.PASS, NextAction.PROMOTE))
    assert outcomes["won"] >= 1
    number, snapshot = active(world)
    assert snapshot == world.stable
    ended = world.find(rollout)
    assert (ended.state, number) in {("aborted", 2), ("promoted", 3)}
    assert not ended.in_force


def test_two_starts_have_one_winner(world: Rollouts) -> None:
    first, second = world.create(), world.create()
    outcomes = race(lambda: world.start(first), lambda: world.start(second))
    assert outcomes == {"won": 1, "ROLLOUT_RUNNING": 1}


# Looks and what is behind them


def test_looks_keep_their_evidence_and_what_the_judge_saw(world: Rollouts) -> None:
    rollout = world.started()
    seen = [
        StepStarted(0, 1.0),
        PairObservation("p1", {"kl": 0.1}, {"kl": float("nan")}),
    ]
    world.look(rollout, Verdict.NOT_ENOUGH_DATA, NextAction.CONTINUE, seen, state={"n": 1})
    later = HardFault("loop", "r2")
    world.look(rollout, Verdict.NOT_ENOUGH_DATA, NextAction.CONTINUE, [later], state={"n": 2})
    with world.database.read() as connection:
        newest, first = rollouts.looks(connection, rollout.id)
        bodies = rollouts.observations(connection, rollout.id)
    assert bodies == [to_dict(one) for one in (*seen, later)]
    assert [(look.number, look.observation_count) for look in (first, newest)] == [(1, 2), (2, 3)]
    assert newest.judge_state == '{"n":2}'
    assert first.judge_state is None
    assert first.judge_state_hash == sha256_hex('{"n":1}')
    (finding,) = newest.findings
    assert (finding["name"], finding["estimate"], finding["bar"]) == (HONEST.name, 0.01, 3.4)


def test_a_verdict_is_in_the_audit_when_it_changes_and_only_then(world: Rollouts) -> None:
    rollout = world.started()
    for verdict in (Verdict.NOT_ENOUGH_DATA, Verdict.NOT_ENOUGH_DATA, Verdict.PASS):
        rollout = world.look(rollout, verdict, NextAction.CONTINUE)
    records = [record for record in world.audit(20) if record.action == "rollout.verdict"]
    assert [json.loads(record.details)["verdict"] for record in records] == [
        ["", "not enough data"],
        ["not enough data", "pass"],
    ]
    assert (rollout.look_count, rollout.verdict) == (3, "pass")


def test_observations_of_old_rollouts_are_forgotten_and_those_in_force_kept(world: Rollouts) -> None:
    fault = HardFault("loop", "r")
    old = world.look(world.started(), Verdict.FAIL, NextAction.ABORT, [fault])
    new = world.look(world.started(), Verdict.NOT_ENOUGH_DATA, NextAction.CONTINUE, [fault])
    with world.database.write() as connection:
        assert rollouts.purge_observations(connection, "default", world.time + 1, world.time) == 1
    with world.database.read() as connection:
        assert rollouts.observations(connection, old.id) == []
        assert len(rollouts.observations(connection, new.id)) == 1
        assert len(rollouts.looks(connection, old.id)) == 1


# The end of every plan


@pytest.mark.parametrize("weights", [(1,), (100,), (30, 60, 90), (33, 66), (5, 25, 50, 100)])
@pytest.mark.parametrize("pauses", [False, True])
def test_every_plan_ends_at_everyone_or_at_nobody(
    world: Rollouts, weights: tuple[int, ...], pauses: bool
) -> None:
    """Never "promoted" with stable still active, whether or not the weights reach 100."""
    steps = [step for percent in weights for step in (SetWeight(percent), *([Pause()] if pauses else ()))]
    plan = AnalysisPlan("weights", (*steps, Analysis(non_inferiority=True)), (HONEST,))
    rollout = world.started(plan=plan)
    while rollout.state == "paused":
        rollout = world.resume(rollout)
    rollout = world.look(rollout, Verdict.PASS, NextAction.PROMOTE)
    assert (rollout.state, rollout.weight) == ("promoted", 100)
    assert active(world) == (2, world.candidate)
