"""RolloutService over the socket: every call, every refusal, and what others see of a rollout."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from trimtab_protos.v1 import audit_pb2, rollout_pb2, snapshot_pb2
from trimtab_server.rollouts import default_plan
from trimtab_server.store.canonical_json import sha256_hex

from .conftest import Server, Stubs, failure_of, new_token, refused

#: Nothing in it moves by itself within a test: a long pause, a weight, a pause for a person, shadow pairs.
PLAN = """
name = "by hand"
steps = [
  { pause = { seconds = 3600 } },
  { set_weight = { percent = 50 } },
  { pause = {} },
  { shadow = { pairs = 10000 } },
  { analysis = { looks = 1000 } },
]

[[guardrails]]
name = "repetition in shadow"
signal = "repetition"
unit = "shadow"
test = "paired_mean"
direction = "at_most"
limit = 0.05
margin = 0.2
alpha_share = 0.5

[[guardrails]]
name = "sample ratio"
signal = ""
unit = "traffic"
test = "sample_ratio"
direction = "at_most"
alpha_share = 0.5
"""
FILE = rollout_pb2.PlanFile(text=PLAN, format="toml")
CREATED, RUNNING, PAUSED, PROMOTED, ABORTED = (
    rollout_pb2.ROLLOUT_STATE_CREATED,
    rollout_pb2.ROLLOUT_STATE_RUNNING,
    rollout_pb2.ROLLOUT_STATE_PAUSED,
    rollout_pb2.ROLLOUT_STATE_PROMOTED,
    rollout_pb2.ROLLOUT_STATE_ABORTED,
)
NEWEST = "deployments/default/rollouts/-"


@dataclass
class Desk:
    """The calls of an operator, short."""

    client: Stubs
    stable: str
    candidate: str

    def create(self, **fields: Any) -> rollout_pb2.Rollout:
        given = {"candidate_snapshot": self.candidate, "plan": FILE} | fields
        return self.client.rollout.CreateRollout(rollout_pb2.CreateRolloutRequest(**given))

    def start(self, name: str, **fields: Any) -> rollout_pb2.Rollout:
        return self.client.rollout.StartRollout(rollout_pb2.StartRolloutRequest(name=name, **fields))

    def started(self) -> rollout_pb2.Rollout:
        return self.start(self.create().name)

    def get(self, name: str = NEWEST) -> rollout_pb2.Rollout:
        return self.client.rollout.GetRollout(rollout_pb2.GetRolloutRequest(name=name))

    def pause(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        return self.client.rollout.PauseRollout(rollout_pb2.PauseRolloutRequest(name=name, **fields))

    def resume(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        return self.client.rollout.ResumeRollout(rollout_pb2.ResumeRolloutRequest(name=name, **fields))

    def promote(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        return self.client.rollout.PromoteRollout(rollout_pb2.PromoteRolloutRequest(name=name, **fields))

    def promote_full(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        given = {"reason": "urgent"} | fields
        request = rollout_pb2.PromoteFullRolloutRequest(name=name, **given)
        return self.client.rollout.PromoteFullRollout(request)

    def abort(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        given = {"reason": "worse"} | fields
        return self.client.rollout.AbortRollout(rollout_pb2.AbortRolloutRequest(name=name, **given))

    def retry(self, name: str = NEWEST, **fields: Any) -> rollout_pb2.Rollout:
        return self.client.rollout.RetryRollout(rollout_pb2.RetryRolloutRequest(name=name, **fields))

    def activate(self, snapshot: str, **fields: Any) -> snapshot_pb2.Revision:
        request = snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshot, **fields)
        return self.client.snapshot.ActivateSnapshot(request)

    def roll_back(self, **fields: Any) -> snapshot_pb2.Revision:
        given = {"reason": "bad"} | fields
        return self.client.snapshot.RollbackSnapshot(snapshot_pb2.RollbackSnapshotRequest(**given))

    def deployment(self) -> snapshot_pb2.Deployment:
        request = snapshot_pb2.GetDeploymentRequest(name="deployments/default")
        return self.client.snapshot.GetDeployment(request)

    def audit(self, limit: int) -> list[audit_pb2.AuditRecord]:
        request = audit_pb2.ListAuditRecordsRequest(page_size=limit)
        return list(self.client.audit.ListAuditRecords(request).audit_records)[::-1]


@pytest.fixture
def desk(client: Stubs, snapshots: tuple[str, str]) -> Iterator[Desk]:
    """The first snapshot is active, the second is the candidate; nothing is in force before or afterwards."""
    desk = Desk(client, *snapshots)
    desk.activate(desk.stable, reason="stable of a test")
    yield desk
    if desk.deployment().rollout:
        desk.abort()


@pytest.fixture
def second_desk(second_admin: Stubs, desk: Desk) -> Desk:
    """Of another admin."""
    return Desk(second_admin, desk.stable, desk.candidate)


# Plans


def test_a_checked_plan_says_what_it_will_take(desk: Desk) -> None:
    request = rollout_pb2.CheckPlanRequest(plan=FILE, replies_per_day=1_000)
    answer = desk.client.rollout.CheckPlan(request)
    assert sha256_hex(answer.plan.canonical_json) == answer.plan.hash
    assert [step.kind for step in answer.plan.steps] == ["pause", "set_weight", "pause", "shadow", "analysis"]
    assert [step.weight for step in answer.plan.steps] == [0, 50, 50, 50, 50]
    # An hour of pause, and ten days of traffic for the shadow pairs.
    assert answer.foresight.earliest_promotion_seconds == pytest.approx(3_600 + 10 * 86_400)
    assert answer.foresight.replies_needed == 10_000
    assert answer.foresight.false_alarm_rate == pytest.approx(0.035)
    assert [one.alpha for one in answer.plan.guardrails] == pytest.approx([0.0175, 0.0175])
    assert answer.limits_of_method


def test_without_a_file_it_is_the_default_plan_and_without_traffic_no_promotion(desk: Desk) -> None:
    answer = desk.client.rollout.CheckPlan(rollout_pb2.CheckPlanRequest(replies_per_day=50))
    assert answer.plan.hash == default_plan().hash
    assert answer.foresight.HasField("earliest_promotion_seconds")
    assert {(power.questions, power.loss) for power in answer.foresight.powers} == {(200, 0.1), (300, 0.1)}
    measured = desk.client.rollout.CheckPlan(rollout_pb2.CheckPlanRequest())
    assert measured.foresight.replies_per_day < 10_000


@pytest.mark.parametrize(
    ("file", "reason", "words"),
    [
        (rollout_pb2.PlanFile(text="name = 'x'", format="ini"), "FIELD_INVALID", "toml"),
        (rollout_pb2.PlanFile(text="name = ", format="toml"), "PLAN_INVALID", "TOML"),
        (rollout_pb2.PlanFile(text="{}", format="json"), "PLAN_INVALID", "steps: is missing"),
        (
            rollout_pb2.PlanFile(text=PLAN.replace("at_most", "at_best"), format="toml"),
            "PLAN_INVALID",
            "guardrails[0].direction",
        ),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_with_its_faults(
    desk: Desk, file: rollout_pb2.PlanFile, reason: str, words: str
) -> None:
    checked = refused(lambda: desk.client.rollout.CheckPlan(rollout_pb2.CheckPlanRequest(plan=file)))
    created = refused(lambda: desk.create(plan=file))
    assert (checked.code, checked.reason) == ("INVALID_ARGUMENT", reason)
    assert words in checked.message
    assert created == checked


# The way through


def test_a_created_rollout_shows_everything_that_was_locked(desk: Desk) -> None:
    rollout = desk.create(reason="trial passed")
    assert rollout.state == CREATED
    assert (rollout.stable_snapshot, rollout.candidate_snapshot) == (desk.stable, desk.candidate)
    assert (rollout.stable_display_name, rollout.candidate_display_name) == ("at 0.1", "at 0.2")
    assert rollout.stable_revision == desk.deployment().active_revision.name
    assert json.loads(rollout.plan.canonical_json)["name"] == rollout.plan.name == "by hand"
    assert [one.name for one in rollout.plan.guardrails] == ["repetition in shadow", "sample ratio"]
    assert (rollout.reason, rollout.created_by.startswith("tokens/")) == ("trial passed", True)
    assert rollout.limits_of_method
    assert desk.get(rollout.name) == desk.get() == rollout
    assert desk.deployment().rollout == ""


def test_a_rollout_goes_its_way_by_hand_and_the_deployment_says_so(desk: Desk) -> None:
    rollout = desk.started()
    assert (rollout.state, rollout.step, rollout.weight) == (RUNNING, 0, 0)
    assert desk.deployment().rollout == rollout.name
    rollout = desk.promote(rollout.name, expected_step=0)
    assert (rollout.state, rollout.step, rollout.weight) == (PAUSED, 2, 50)
    rollout = desk.resume(rollout.name)
    assert (rollout.state, rollout.step) == (RUNNING, 3)
    rollout = desk.pause(rollout.name, reason="lunch")
    assert (rollout.state, rollout.reason) == (PAUSED, "lunch")
    rollout = desk.abort(rollout.name, reason="seen enough")
    assert (rollout.state, rollout.weight, rollout.reason) == (ABORTED, 0, "seen enough")
    assert rollout.HasField("end_time")
    assert desk.deployment().rollout == ""
    assert desk.deployment().active_snapshot.name == desk.stable
    records = [record for record in desk.audit(30) if record.subject == rollout.name]
    assert [record.action for record in records if record.action != "rollout.verdict"] == [
        "rollout.create",
        "rollout.start",
        "rollout.promote",
        "rollout.resume",
        "rollout.pause",
        "rollout.abort",
    ]


def test_a_retry_starts_over_with_new_randomisation(desk: Desk) -> None:
    first = desk.abort(desk.started().name)
    again = desk.retry(first.name)
    assert (again.state, again.retry_of) == (CREATED, first.name)
    assert again.name != first.name
    assert again.plan == first.plan
    assert desk.start(again.name).state == RUNNING


def test_rollouts_are_listed_newest_first_in_pages(desk: Desk) -> None:
    made = [desk.abort(desk.create().name).name for _ in range(3)]
    seen: list[str] = []
    token = ""
    while True:
        request = rollout_pb2.ListRolloutsRequest(
            deployment="deployments/default", page_size=2, page_token=token
        )
        page = desk.client.rollout.ListRollouts(request)
        seen += [one.name for one in page.rollouts]
        token = page.next_page_token
        if not token:
            break
    assert seen[:3] == made[::-1]
    assert len(set(seen)) == len(seen)


def test_full_promotion_takes_two_admins_and_makes_a_revision(desk: Desk, second_desk: Desk) -> None:
    rollout = desk.started()
    before = desk.deployment().active_revision.number
    first = refused(lambda: desk.promote_full(rollout.name))
    assert (first.code, first.reason) == ("FAILED_PRECONDITION", "SECOND_PERSON_NEEDED")
    assert refused(lambda: desk.promote_full(rollout.name)).reason == "SECOND_PERSON_NEEDED"
    done = second_desk.promote_full(rollout.name, reason="outage", request_id="full-2")
    assert (done.state, done.weight) == (PROMOTED, 100)
    deployment = desk.deployment()
    assert deployment.rollout == ""
    assert deployment.active_revision.name == done.promoted_revision
    assert (deployment.active_revision.number, deployment.active_snapshot.name) == (
        before + 1,
        desk.candidate,
    )
    # A retry is answered as before, and needs nobody again.
    assert second_desk.promote_full(rollout.name, reason="outage", request_id="full-2") == done
    refusal = refused(lambda: desk.abort(rollout.name))
    assert (refusal.reason, "roll back" in refusal.message) == ("ROLLOUT_STATE", True)
    assert desk.roll_back().snapshot == desk.stable


# What is refused


def test_a_candidate_must_be_another_valid_snapshot(desk: Desk) -> None:
    same = refused(lambda: desk.create(candidate_snapshot=desk.stable))
    assert (same.code, same.reason) == ("FAILED_PRECONDITION", "CANDIDATE_IS_STABLE")
    none = refused(lambda: desk.create(candidate_snapshot="snapshots/none"))
    assert (none.code, none.reason) == ("NOT_FOUND", "SNAPSHOT_NOT_FOUND")
    moved = refused(lambda: desk.create(expected_revision=1))
    assert (moved.code, moved.reason) == ("ABORTED", "REVISION_CONFLICT")
    assert refused(lambda: desk.create(expected_revision=-1)).fields == ("expected_revision",)
    assert refused(lambda: desk.create(deployment="deployments/no")).reason == "DEPLOYMENT_NOT_FOUND"


def test_a_start_under_another_plan_is_refused(desk: Desk) -> None:
    rollout = desk.create()
    refusal = refused(lambda: desk.start(rollout.name, plan_hash=default_plan().hash))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "PLAN_CHANGED")
    assert refusal.metadata["locked_hash"] == rollout.plan.hash
    assert desk.start(rollout.name, plan_hash=rollout.plan.hash).state == RUNNING


def test_only_one_is_in_force(desk: Desk) -> None:
    second = desk.create()
    first = desk.started()
    refusal = refused(lambda: desk.start(second.name))
    assert (refusal.code, refusal.reason) == ("ABORTED", "ROLLOUT_RUNNING")
    assert refusal.metadata["rollout"] == first.name


def test_a_promotion_of_a_step_that_is_over_is_a_conflict(desk: Desk) -> None:
    desk.started()
    desk.promote(expected_step=0)
    refusal = refused(lambda: desk.promote(expected_step=0))
    assert (refusal.code, refusal.reason) == ("ABORTED", "ROLLOUT_CONFLICT")


def test_the_last_step_is_left_by_a_pass_alone(desk: Desk) -> None:
    rollout = desk.started()
    for _ in range(3):
        rollout = desk.promote(rollout.name)
    assert rollout.step == 4
    assert refused(lambda: desk.promote(rollout.name)).reason == "ROLLOUT_STATE"
    assert desk.deployment().active_snapshot.name == desk.stable


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda desk: desk.abort(reason=""), "REASON_REQUIRED"),
        (lambda desk: desk.promote_full(reason=""), "REASON_REQUIRED"),
        (lambda desk: desk.start(NEWEST), "ROLLOUT_STATE"),
        (lambda desk: desk.resume(), "ROLLOUT_STATE"),
        (lambda desk: desk.retry(), "ROLLOUT_STATE"),
        (lambda desk: desk.get("rollouts/1"), "FIELD_INVALID"),
        (lambda desk: desk.get("deployments/default/rollouts/000000000000"), "ROLLOUT_NOT_FOUND"),
        (lambda desk: desk.get("deployments/no/rollouts/-"), "DEPLOYMENT_NOT_FOUND"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, call: Callable[[Desk], object], reason: str) -> None:
    desk.started()
    assert refused(lambda: call(desk)).reason == reason


@pytest.mark.parametrize("step", ["create", "start", "pause", "resume", "promote", "abort", "retry"])
def test_a_retried_request_changes_a_rollout_once(desk: Desk, step: str) -> None:
    name = ""
    if step != "create":
        name = desk.create().name
    if step not in ("create", "start"):
        desk.start(name)
    if step == "resume":
        desk.pause(name)
    if step == "retry":
        desk.abort(name)

    def call() -> rollout_pb2.Rollout:
        fields: dict[str, Any] = {"request_id": f"rollout-{step}", "reason": "once"}
        if step != "create":
            fields["name"] = name
        made: rollout_pb2.Rollout = getattr(desk, step)(**fields)
        return made

    first = call()
    count = desk.audit(1)[0].sequence
    assert call().name == first.name
    changes = [one for one in desk.audit(30) if one.sequence > count and one.action != "rollout.verdict"]
    assert changes == []


# What others see


def test_an_activation_is_refused_while_one_runs_unless_it_replaces(desk: Desk) -> None:
    rollout = desk.started()
    refusal = refused(lambda: desk.activate("snapshots/unsteered"))
    assert (refusal.code, refusal.reason) == ("ABORTED", "ROLLOUT_RUNNING")
    assert desk.activate("snapshots/unsteered", replace=True).kind == snapshot_pb2.REVISION_KIND_ACTIVATE
    assert desk.get(rollout.name).state == ABORTED
    assert desk.deployment().rollout == ""
    assert desk.roll_back().snapshot == desk.stable


def test_a_rollback_aborts_the_rollout(desk: Desk) -> None:
    rollout = desk.started()
    desk.roll_back(unsteered=True, reason="wrong prices")
    ended = desk.get(rollout.name)
    assert (ended.state, ended.weight, ended.reason) == (ABORTED, 0, "rollback: wrong prices")
    assert desk.deployment().rollout == ""


def test_a_watcher_of_the_deployment_sees_how_traffic_is_divided(desk: Desk) -> None:
    states = desk.client.snapshot.WatchActive(snapshot_pb2.WatchActiveRequest(), timeout=30)
    assert not next(states).HasField("rollout")
    rollout = desk.started()
    state = next(states)
    assert (state.rollout.rollout, state.rollout.weight, state.rollout.paused) == (rollout.name, 0, False)
    assert (state.rollout.stable_snapshot, state.rollout.candidate_snapshot) == (desk.stable, desk.candidate)
    desk.promote()
    state = next(states)
    assert (state.rollout.weight, state.rollout.step, state.rollout.paused) == (50, 2, True)
    assert state.snapshot.name == desk.stable
    desk.abort()
    assert not next(states).HasField("rollout")
    states.cancel()


def test_a_watcher_of_a_rollout_sees_each_change_until_its_end(desk: Desk) -> None:
    rollout = desk.create()
    watch = desk.client.rollout.WatchRollout(rollout_pb2.WatchRolloutRequest(name=rollout.name), timeout=30)
    assert next(watch).rollout == rollout
    desk.start(rollout.name)
    assert _until(watch, lambda one: one.state == RUNNING).step == 0
    desk.promote(rollout.name)
    assert _until(watch, lambda one: one.step == 2).weight == 50
    desk.abort(rollout.name)
    assert _until(watch, lambda one: one.state == ABORTED).weight == 0
    assert list(watch) == []


def _until(watch: Any, holds: Callable[[rollout_pb2.Rollout], bool]) -> rollout_pb2.Rollout:
    """Looks may come in between."""
    return next(answer.rollout for answer in watch if holds(answer.rollout))


def test_a_viewer_sees_and_changes_nothing(server: Server, client: Stubs, desk: Desk) -> None:
    rollout = desk.started()
    stubs = server.client(new_token(client, "viewer"))
    viewer = Desk(stubs, desk.stable, desk.candidate)
    assert viewer.get(rollout.name).name == rollout.name
    for call in (viewer.create, viewer.pause, viewer.abort, viewer.promote, viewer.promote_full):
        assert refused(call).reason == "ROLE_NOT_ALLOWED"
    stubs.close()
    operator = server.client(new_token(client, "operator"))
    assert refused(Desk(operator, "", "").promote_full).reason == "ROLE_NOT_ALLOWED"
    assert Desk(operator, "", "").abort().state == ABORTED
    operator.close()


# Races over the socket


def race(*calls: Callable[[], object]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        gate.wait()
        try:
            call()
        except grpc.RpcError as error:
            outcomes[failure_of(error).reason] += 1
        else:
            outcomes["won"] += 1

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_two_promotions_one_wins(desk: Desk) -> None:
    rollout = desk.started()

    def promote() -> rollout_pb2.Rollout:
        return desk.promote(rollout.name, expected_step=0)

    assert race(promote, promote) == {"won": 1, "ROLLOUT_CONFLICT": 1}


@pytest.mark.parametrize("attempt", range(3))
def test_abort_against_full_promotion_leaves_one_truth(desk: Desk, second_desk: Desk, attempt: int) -> None:
    rollout = desk.started()
    with pytest.raises(grpc.RpcError):
        desk.promote_full(rollout.name)
    outcomes = race(lambda: desk.abort(rollout.name), lambda: second_desk.promote_full(rollout.name))
    assert outcomes == {"won": 1, "ROLLOUT_STATE": 1}
    promoted = desk.get(rollout.name).state == PROMOTED
    assert desk.deployment().active_snapshot.name == (desk.candidate if promoted else desk.stable)
    assert desk.deployment().rollout == ""


@pytest.mark.parametrize("attempt", range(3))
def test_a_rollback_against_a_promotion_never_ends_on_the_candidate(
    desk: Desk, second_desk: Desk, attempt: int
) -> None:
    rollout = desk.started()
    with pytest.raises(grpc.RpcError):
        desk.promote_full(rollout.name)
    # To the unsteered one by name: the revision before stable's may be of the candidate, from another test.
    race(lambda: desk.roll_back(unsteered=True), lambda: second_desk.promote_full(rollout.name))
    assert desk.deployment().active_snapshot.name != desk.candidate
    assert desk.deployment().rollout == ""
