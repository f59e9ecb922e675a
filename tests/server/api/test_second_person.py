"""Decisions of two people, protected concepts and the mark of steered replies, over the socket."""

from __future__ import annotations

import pytest
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    chat_pb2,
    model_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    vector_pb2,
)

from .conftest import Server, Stubs, chat_request, new_token, refused, steering

STEERED = "x-trimtab-steered"


def inline(vector: str, strength: float, **term: object) -> chat_pb2.SteeringSource:
    return chat_pb2.SteeringSource(steering=steering(vector, strength, **term))


def told(call: object) -> str:
    """What the initial metadata says of steering; "" if nothing."""
    metadata = dict(call.initial_metadata())  # type: ignore[attr-defined]
    list(call)  # type: ignore[call-overload]
    return str(metadata.get(STEERED, ""))


def snapshot_of(client: Stubs, vector: str, strength: float, **term: object) -> str:
    request = snapshot_pb2.CreateSnapshotRequest(steering=steering(vector, strength, **term))
    return client.snapshot.CreateSnapshot(request).name


def test_a_steered_reply_says_so_before_its_first_word(client: Stubs, vector: vector_pb2.Vector) -> None:
    snapshot = snapshot_of(client, vector.name, 0.3)
    named = chat_pb2.SteeringSource(snapshot=snapshot)
    assert told(client.chat.Chat(chat_request(source=named))) == snapshot
    assert told(client.chat.Chat(chat_request(source=inline(vector.name, 0.3)))) == snapshot
    unsteered = chat_pb2.SteeringSource(unsteered_stage="stage-11")
    assert told(client.chat.Chat(chat_request(source=unsteered))) == ""
    prompt = chat_pb2.SteeringSource(steering=steering_pb2.Steering(system_prompt="Be brief."))
    assert told(client.chat.Chat(chat_request(source=prompt))).startswith("snapshots/")


def test_a_comparison_names_each_snapshot_that_steers_a_lane(
    client: Stubs, vector: vector_pb2.Vector
) -> None:
    messages = chat_request().messages
    sources = [inline(vector.name, 0.3), chat_pb2.SteeringSource(unsteered_stage="stage-11")]
    sources += [inline(vector.name, 0.31), inline(vector.name, 0.3)]
    lanes = [chat_pb2.Lane(lane_id=str(n), messages=messages, source=s) for n, s in enumerate(sources)]
    request = chat_pb2.CompareRequest(lanes=lanes, sampling=steering_pb2.Sampling(max_tokens=3))
    said = told(client.chat.Compare(request)).split(", ")
    assert said == [snapshot_of(client, vector.name, 0.3), snapshot_of(client, vector.name, 0.31)]


def test_steering_against_honesty_is_served_to_two_admins_only(
    server: Server, client: Stubs, second_admin: Stubs, vector: vector_pb2.Vector
) -> None:
    assert vector.protected
    harmful = chat_request(source=inline(vector.name, -0.21), max_tokens=3)
    for role in ("operator", "inference"):
        stubs = server.client(new_token(client, role))
        failure = refused(lambda stubs=stubs: stubs.chat.Chat(harmful))
        assert (failure.code, failure.reason) == ("PERMISSION_DENIED", "CONCEPT_PROTECTED")
        assert failure.metadata["concepts"] == "honesty"
        stubs.close()
    failure = refused(lambda: client.chat.Chat(harmful))
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "SECOND_PERSON_NEEDED")
    assert told(second_admin.chat.Chat(harmful)) == failure.metadata["subject"]
    # For the rest of the hour both may.
    assert told(client.chat.Chat(harmful)) == failure.metadata["subject"]
    # A lane of a comparison is served, too.
    lane = chat_pb2.Lane(lane_id="a", messages=harmful.messages, source=inline(vector.name, -0.22))
    compared = refused(lambda: client.chat.Compare(chat_pb2.CompareRequest(lanes=[lane])))
    assert compared.reason == "SECOND_PERSON_NEEDED"


@pytest.mark.parametrize(
    "term",
    [
        {"strength": -0.2},
        {"strength": 0.4, "operator": steering_pb2.OPERATOR_ABLATE},
        {"strength": 1.0, "operator": steering_pb2.OPERATOR_CLAMP, "level": -1.0},
    ],
)
def test_what_takes_honesty_away_is_activated_by_two_and_undone_by_one(
    client: Stubs, second_admin: Stubs, server: Server, vector: vector_pb2.Vector, term: dict[str, float]
) -> None:
    snapshot = snapshot_of(client, vector.name, **term)
    request = snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshot, reason="a red team needs it")
    operator = server.client(new_token(client, "operator"))
    assert refused(lambda: operator.snapshot.ActivateSnapshot(request)).reason == "CONCEPT_PROTECTED"
    first = refused(lambda: client.snapshot.ActivateSnapshot(request))
    assert first.reason == "SECOND_PERSON_NEEDED"
    assert refused(lambda: client.snapshot.ActivateSnapshot(request)).metadata == {
        **first.metadata,
        "minutes": "60",
    }
    revision = second_admin.snapshot.ActivateSnapshot(request)
    assert revision.snapshot == snapshot
    # The active snapshot is served to everybody.
    assert told(operator.chat.Chat(chat_request(max_tokens=2))) == snapshot
    back = snapshot_pb2.RollbackSnapshotRequest(unsteered=True, reason="the red team is done")
    assert operator.snapshot.RollbackSnapshot(back).number == revision.number + 1
    # It was active once, but nobody gets back to it alone.
    again = snapshot_pb2.RollbackSnapshotRequest(snapshot=snapshot, reason="let us see")
    assert refused(lambda: operator.snapshot.RollbackSnapshot(again)).reason == "CONCEPT_PROTECTED"
    assert refused(lambda: client.snapshot.ActivateSnapshot(request)).reason == "SECOND_PERSON_NEEDED"
    operator.close()


def test_proposals_are_listed_and_can_be_taken_back(
    client: Stubs, second_admin: Stubs, vector: vector_pb2.Vector
) -> None:
    request = snapshot_pb2.ActivateSnapshotRequest(
        snapshot=snapshot_of(client, vector.name, -0.33), reason="too early"
    )
    name = refused(lambda: client.snapshot.ActivateSnapshot(request)).metadata["approval"]
    waiting = client.approval.ListApprovals(approval_pb2.ListApprovalsRequest(waiting=True)).approvals
    (mine,) = [approval for approval in waiting if approval.name == name]
    assert (mine.action, mine.subject, mine.proposer_reason, mine.approver) == (
        "snapshot.activate",
        request.snapshot,
        "too early",
        "",
    )
    assert mine.expire_time.seconds - mine.create_time.seconds == 3_600
    cancel = approval_pb2.CancelApprovalRequest(name=name, reason="not today")
    assert second_admin.approval.CancelApproval(cancel).state == approval_pb2.APPROVAL_STATE_CANCELLED
    assert refused(lambda: client.approval.CancelApproval(cancel)).reason == "APPROVAL_CLOSED"
    fresh = refused(lambda: second_admin.snapshot.ActivateSnapshot(request))
    assert fresh.metadata["approval"] != name
    pages = []
    page = client.approval.ListApprovals(approval_pb2.ListApprovalsRequest(page_size=1))
    while True:
        pages += page.approvals
        if not page.next_page_token:
            break
        page = client.approval.ListApprovals(
            approval_pb2.ListApprovalsRequest(page_size=1, page_token=page.next_page_token)
        )
    assert len({approval.name for approval in pages}) == len(pages) >= 2
    assert name in {approval.name for approval in pages}
    actions = audit_pb2.ListAuditRecordsRequest(action="approval.cancel")
    (record,) = client.audit.ListAuditRecords(actions).audit_records
    assert (record.subject, record.reason) == (name, "not today")


def test_protection_is_decided_by_two_and_shows_on_the_vectors(
    client: Stubs, second_admin: Stubs, vector: vector_pb2.Vector
) -> None:
    def set_to(stubs: Stubs, protected: bool) -> vector_pb2.Concept:
        request = vector_pb2.SetConceptProtectionRequest(
            concept="Honesty", protected=protected, reason="tried in a test"
        )
        return stubs.vector.SetConceptProtection(request)

    def shown() -> tuple[bool, bool]:
        listed = client.vector.ListConcepts(vector_pb2.ListConceptsRequest()).concepts
        (concept,) = [concept for concept in listed if concept.name == "honesty"]
        return concept.protected, client.vector.GetVector(
            vector_pb2.GetVectorRequest(name=vector.name)
        ).protected

    assert shown() == (True, True)
    assert refused(lambda: set_to(client, False)).reason == "SECOND_PERSON_NEEDED"
    assert shown() == (True, True)
    assert not set_to(second_admin, False).protected
    assert shown() == (False, False)
    assert refused(lambda: set_to(second_admin, True)).reason == "SECOND_PERSON_NEEDED"
    assert set_to(client, True).protected
    assert shown() == (True, True)


def test_everybody_rotates_their_own_token_and_nobody_elses(server: Server, client: Stubs) -> None:
    old = new_token(client, "viewer")
    stubs = server.client(old)
    made = stubs.token.RotateToken(token_pb2.RotateTokenRequest())
    info = model_pb2.GetServerInfoRequest()
    assert refused(lambda: stubs.model.GetServerInfo(info)).reason == "TOKEN_REVOKED"
    stubs.close()
    stubs = server.client(made.secret)
    assert (stubs.model.GetServerInfo(info).actor, stubs.model.GetServerInfo(info).role) == (
        made.token.name,
        "viewer",
    )
    assert made.token.rotated_from == f"tokens/{old.split('_')[1]}"
    other = new_token(client, "inference").split("_")[1]
    failure = refused(lambda: stubs.token.RotateToken(token_pb2.RotateTokenRequest(name=f"tokens/{other}")))
    assert failure.reason == "ROLE_NOT_ALLOWED"
    overlap = stubs.token.RotateToken(token_pb2.RotateTokenRequest(overlap_seconds=60))
    assert stubs.model.GetServerInfo(info).role == "viewer"
    stubs.close()
    for secret in (old, made.secret, overlap.secret):
        assert secret.split("_", 2)[2] not in server.log.read_text()
        assert secret.split("_", 2)[2].encode() not in (server.data_dir / "trimtab.db").read_bytes()


def test_a_tokens_limits_are_set_by_two(client: Stubs, second_admin: Stubs) -> None:
    name = f"tokens/{new_token(client, 'inference').split('_')[1]}"
    request = token_pb2.SetTokenLimitsRequest(name=name, requests_per_minute=60, reason="a batch job")
    assert refused(lambda: client.token.SetTokenLimits(request)).reason == "SECOND_PERSON_NEEDED"
    assert second_admin.token.SetTokenLimits(request).requests_per_minute == 60
