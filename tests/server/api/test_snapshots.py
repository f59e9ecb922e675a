"""SnapshotService and AuditService over the socket."""

from __future__ import annotations

import statistics
import time

import pytest
from trimtab_protos.v1 import audit_pb2, snapshot_pb2, steering_pb2, vector_pb2
from trimtab_server.store.audit import AuditRecord, verify_records

from .conftest import Stubs, refused, steering


def active(client: Stubs) -> snapshot_pb2.Revision:
    request = snapshot_pb2.GetDeploymentRequest(name="deployments/default")
    return client.snapshot.GetDeployment(request).active_revision


def test_a_snapshot_comes_back_with_everything_written_out(client: Stubs, vector: vector_pb2.Vector) -> None:
    sampling = steering_pb2.Sampling(temperature=0.5, stop=["。"], seed=2**64 - 1)
    request = snapshot_pb2.CreateSnapshotRequest(
        display_name="正直 one",
        description="first try",
        steering=steering_pb2.Steering(
            terms=[steering_pb2.SteeringTerm(vector=vector.name, strength=0.25)], system_prompt="Be honest."
        ),
        sampling=sampling,
    )
    snapshot = client.snapshot.CreateSnapshot(request)
    assert snapshot.steering.stage == "models/trimtab-organism/stages/stage-11"
    (term,) = snapshot.steering.terms
    assert list(term.layers) == [2, 3]
    assert (term.operator, term.positions) == (steering_pb2.OPERATOR_ADD, steering_pb2.POSITIONS_ALL)
    assert (snapshot.sampling.top_p, snapshot.sampling.seed) == (1.0, 2**64 - 1)
    assert snapshot.created_by.startswith("tokens/")
    for name in (snapshot.name, snapshot.name[: len("snapshots/") + 10], "snapshots/正直 one"):
        found = client.snapshot.GetSnapshot(snapshot_pb2.GetSnapshotRequest(name=name))
        assert found == snapshot
    # Written back as it came, it is the same snapshot.
    again = snapshot_pb2.CreateSnapshotRequest(steering=snapshot.steering, sampling=snapshot.sampling)
    assert client.snapshot.CreateSnapshot(again) == snapshot


def test_every_operator_comes_back_as_it_was_written(client: Stubs, vector: vector_pb2.Vector) -> None:
    condition = steering_pb2.Condition(
        vector=vector.name, layer=2, threshold=-0.25, opens=steering_pb2.OPENS_SCORE_BELOW
    )
    terms = [
        steering_pb2.SteeringTerm(
            vector=vector.name,
            strength=0.5,
            layers=[3],
            operator=steering_pb2.OPERATOR_CLAMP,
            positions=steering_pb2.POSITIONS_REPLY,
            level=0.75,
            bound=steering_pb2.BOUND_AT_LEAST,
            preserve_state_norm=steering_pb2.PRESERVE_STATE_NORM_GROWN,
            condition=condition,
        )
    ]
    request = snapshot_pb2.CreateSnapshotRequest(steering=steering_pb2.Steering(terms=terms))
    snapshot = client.snapshot.CreateSnapshot(request)
    assert list(snapshot.steering.terms) == terms
    again = snapshot_pb2.CreateSnapshotRequest(steering=snapshot.steering)
    assert client.snapshot.CreateSnapshot(again).name == snapshot.name


def test_names_taken_are_refused(
    client: Stubs, snapshots: tuple[str, str], vector: vector_pb2.Vector
) -> None:
    request = snapshot_pb2.CreateSnapshotRequest(display_name="at 0.1", steering=steering(vector.name, 0.99))
    failure = refused(lambda: client.snapshot.CreateSnapshot(request))
    assert (failure.code, failure.reason) == ("ALREADY_EXISTS", "NAME_TAKEN")
    assert failure.metadata["snapshot"] == snapshots[0]


def test_a_diff_names_the_changed_field(client: Stubs, snapshots: tuple[str, str]) -> None:
    request = snapshot_pb2.DiffSnapshotsRequest(base=snapshots[0], other=snapshots[1])
    (change,) = client.snapshot.DiffSnapshots(request).changes
    assert change.path.startswith("terms[vectors/")
    assert change.path.endswith("].strength")
    assert (change.before, change.after) == ("0.1", "0.2")


def test_snapshots_are_listed_newest_first_in_pages(client: Stubs, snapshots: tuple[str, str]) -> None:
    seen: list[snapshot_pb2.Snapshot] = []
    token = ""
    while True:
        page = client.snapshot.ListSnapshots(snapshot_pb2.ListSnapshotsRequest(page_size=2, page_token=token))
        seen += page.snapshots
        token = page.next_page_token
        if not token:
            break
    assert len({snapshot.name for snapshot in seen}) == len(seen)
    times = [snapshot.create_time.ToNanoseconds() for snapshot in seen]
    assert times == sorted(times, reverse=True)
    assert {*snapshots} <= {snapshot.name for snapshot in seen}
    assert seen[-1].display_name == "unsteered"


def test_a_stale_expected_revision_is_a_conflict(client: Stubs, snapshots: tuple[str, str]) -> None:
    now = active(client).number
    request = snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[0], expected_revision=now)
    assert client.snapshot.ActivateSnapshot(request).number == now + 1
    request.snapshot = snapshots[1]
    failure = refused(lambda: client.snapshot.ActivateSnapshot(request))
    assert (failure.code, failure.reason) == ("ABORTED", "REVISION_CONFLICT")
    assert failure.metadata["active_revision"] == str(now + 1)
    assert active(client).snapshot == snapshots[0]


def test_a_retried_activation_and_rollback_move_the_pointer_once(
    client: Stubs, snapshots: tuple[str, str]
) -> None:
    activation = snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[1], request_id="activate-1")
    first = client.snapshot.ActivateSnapshot(activation)
    assert client.snapshot.ActivateSnapshot(activation) == first
    rollback = snapshot_pb2.RollbackSnapshotRequest(reason="worse", request_id="rollback-1")
    undone = client.snapshot.RollbackSnapshot(rollback)
    assert client.snapshot.RollbackSnapshot(rollback) == undone
    assert (undone.number, undone.rolled_back) == (first.number + 1, first.number)
    assert active(client) == undone
    rollback.reason = "another reason"
    assert refused(lambda: client.snapshot.RollbackSnapshot(rollback)).reason == "REQUEST_ID_REUSED"


def test_unsteered_now_is_one_call(client: Stubs, snapshots: tuple[str, str]) -> None:
    client.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[0]))
    request = snapshot_pb2.RollbackSnapshotRequest(unsteered=True, reason="stop")
    revision = client.snapshot.RollbackSnapshot(request)
    assert revision.snapshot_display_name == "unsteered"
    assert revision.kind == snapshot_pb2.REVISION_KIND_ROLLBACK


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (snapshot_pb2.RollbackSnapshotRequest(), "REASON_REQUIRED"),
        (snapshot_pb2.RollbackSnapshotRequest(reason="x", snapshot="snapshots/none"), "SNAPSHOT_NOT_FOUND"),
        (
            snapshot_pb2.RollbackSnapshotRequest(reason="x", deployment="deployments/no"),
            "DEPLOYMENT_NOT_FOUND",
        ),
        (
            snapshot_pb2.RollbackSnapshotRequest(reason="x", snapshot="unsteered", unsteered=True),
            "FIELD_INVALID",
        ),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(
    client: Stubs, request_: snapshot_pb2.RollbackSnapshotRequest, reason: str
) -> None:
    assert refused(lambda: client.snapshot.RollbackSnapshot(request_)).reason == reason


def test_a_watcher_sees_the_active_revision_and_the_next(client: Stubs, snapshots: tuple[str, str]) -> None:
    states = client.snapshot.WatchActive(snapshot_pb2.WatchActiveRequest())
    assert next(states).revision == active(client)
    revision = client.snapshot.ActivateSnapshot(
        snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[1], reason="watched")
    )
    state = next(states)
    assert (state.revision, state.snapshot.name) == (revision, snapshots[1])
    states.cancel()


def test_a_watcher_that_reads_late_misses_no_revision(client: Stubs, snapshots: tuple[str, str]) -> None:
    states = client.snapshot.WatchActive(snapshot_pb2.WatchActiveRequest())
    first = next(states).revision.number
    for number in range(12):
        client.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[number % 2]))
    seen = [next(states) for _ in range(12)]
    assert [state.revision.number for state in seen] == list(range(first + 1, first + 13))
    assert all(state.revision.snapshot == state.snapshot.name for state in seen)
    states.cancel()


def test_revisions_and_audit_tell_the_same_story_and_the_chain_verifies(
    client: Stubs, snapshots: tuple[str, str]
) -> None:
    client.snapshot.ActivateSnapshot(
        snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[0], reason="why")
    )
    revisions = client.snapshot.ListRevisions(snapshot_pb2.ListRevisionsRequest(page_size=1_000)).revisions
    assert [revision.number for revision in revisions] == list(range(len(revisions), 0, -1))
    assert revisions[-1].kind == snapshot_pb2.REVISION_KIND_INITIAL
    answer = client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(page_size=1_000))
    records = list(answer.audit_records)
    moves = {record.to_revision: record for record in records if record.deployment == "default"}
    for revision in revisions:
        assert moves[revision.number].actor == revision.actor
    assert moves[revisions[0].number].reason == "why"
    assert answer.record_count == len(records)
    assert answer.head == records[0].hash
    oldest_first = iter([read(record) for record in records[::-1]])
    assert verify_records(oldest_first).ok


def read(record: audit_pb2.AuditRecord) -> AuditRecord:
    """A third party's view: nothing but what is on the wire."""
    values = {field.name: getattr(record, field.name) for field in record.DESCRIPTOR.fields}
    return AuditRecord(**values | {"time": record.time.ToNanoseconds()})


def test_rollback_is_acknowledged_quickly(client: Stubs, snapshots: tuple[str, str]) -> None:
    """Printed, not judged: the figure depends on the machine."""
    seconds = []
    for number in range(20):
        client.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshots[number % 2]))
        begin = time.perf_counter()
        client.snapshot.RollbackSnapshot(snapshot_pb2.RollbackSnapshotRequest(reason="timing"))
        seconds.append(time.perf_counter() - begin)
    print(f"rollback: median {statistics.median(seconds) * 1e3:.1f} ms of {len(seconds)}")
    assert active(client).kind == snapshot_pb2.REVISION_KIND_ROLLBACK
