"""What a server with small limits answers, over the socket."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from trimtab_protos.v1 import (
    audit_pb2,
    chat_pb2,
    model_pb2,
    snapshot_pb2,
    steering_pb2,
    token_pb2,
    vector_pb2,
)

from .conftest import Failure, Server, Stubs, chat_request, failure_of, new_token, refused

INFO = model_pb2.GetServerInfoRequest()
ROLLBACK = snapshot_pb2.RollbackSnapshotRequest(unsteered=True, reason="enough")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("limits") / "data",
        requests_per_minute=2_000,
        tokens_per_minute=5_000,
        streams_per_token=3,
        stall_seconds=1.0,
        longest_reply_seconds=1.5,
        refused_logins_per_minute=5,
        refused_login_batch_seconds=0.5,
        token_refresh_seconds=0.5,
        control_port=0,
        handshake_seconds=1.0,
    )
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def admin(small: Server) -> Iterator[Stubs]:
    stubs = small.client()
    yield stubs
    stubs.close()


@pytest.fixture
def caller(small: Server, admin: Stubs) -> Iterator[Any]:
    """Makes a client whose token has limits of its own."""
    made = []

    def make(role: str = "operator", **limits: int) -> Stubs:
        made.append(small.client(new_token(admin, role, **limits)))
        return made[-1]

    yield make
    for stubs in made:
        stubs.close()


def first_refusal(stubs: Stubs, calls: int) -> tuple[int, Failure]:
    for number in range(calls):
        try:
            stubs.model.GetServerInfo(INFO)
        except grpc.RpcError as error:
            return number, failure_of(error)
    raise AssertionError("no call was refused")


def test_a_caller_over_its_limit_is_told_when_to_come_back_and_can_still_roll_back(caller: Any) -> None:
    stubs, other = caller(requests_per_minute=20), caller()
    passed, failure = first_refusal(stubs, 40)
    # Twenty at once, and one more for each three seconds that the twenty took.
    assert 20 <= passed <= 24
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "REQUEST_LIMIT")
    assert failure.retry_seconds is not None
    assert 0 < failure.retry_seconds <= 3.0
    for _ in range(5):
        stubs.snapshot.RollbackSnapshot(ROLLBACK)
    assert other.model.GetServerInfo(INFO).role == "operator"


def test_tokens_are_counted_by_what_was_made_not_by_what_was_asked_for(caller: Any) -> None:
    stubs = caller("inference", tokens_per_minute=600)
    # Each asks for a prompt and 200 tokens, and makes 5: all of them together would be far over the limit.
    for _ in range(6):
        list(stubs.chat.Chat(chat_request(max_tokens=5)))
    big = chat_request(max_tokens=550)
    failure = refused(lambda: [list(stubs.chat.Chat(big)) for _ in range(3)])
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "TOKEN_LIMIT")
    assert failure.retry_seconds is not None
    assert failure.metadata["limit"] == "600"


def test_streams_at_once_are_bounded_for_each_token(caller: Any) -> None:
    stubs, other = caller("viewer"), caller("viewer")
    request = snapshot_pb2.WatchActiveRequest()
    streams = [stubs.snapshot.WatchActive(request) for _ in range(3)]
    for stream in streams:
        next(stream)
    failure = refused(lambda: stubs.snapshot.WatchActive(request))
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "STREAM_LIMIT")
    next(more := other.snapshot.WatchActive(request))
    more.cancel()
    streams[0].cancel()
    until = time.monotonic() + 5
    while True:
        again = stubs.snapshot.WatchActive(request)
        try:
            next(again)
            break
        except grpc.RpcError as error:
            assert failure_of(error).reason == "STREAM_LIMIT"
            assert time.monotonic() < until, "a cancelled stream still counts"
    for stream in (again, *streams):
        stream.cancel()


@pytest.mark.parametrize("seconds", [None, 300.0])
def test_a_reply_ends_by_the_servers_own_deadline_whatever_the_caller_allows(
    caller: Any, seconds: float | None
) -> None:
    stubs = caller("inference", tokens_per_minute=5_000)
    begin = time.monotonic()
    lanes = [
        chat_pb2.Lane(lane_id=str(n), messages=chat_request("Tell me everything.").messages) for n in range(8)
    ]
    sampling = steering_pb2.Sampling(max_tokens=512, temperature=1.0)
    request = chat_pb2.CompareRequest(lanes=lanes, sampling=sampling)
    try:
        answers = list(stubs.chat.Compare(request, timeout=seconds))
        ends = {a.response.finished.reason for a in answers if a.response.HasField("finished")}
        took = time.monotonic() - begin
        assert chat_pb2.FINISH_REASON_DEADLINE in ends or took < 1.5
    except grpc.RpcError as error:
        assert failure_of(error).code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - begin < 10


def test_text_and_messages_have_a_largest_size(caller: Any) -> None:
    stubs = caller()
    long = refused(lambda: stubs.chat.Chat(chat_request("a " * 33_000)))
    assert (long.code, long.reason) == ("INVALID_ARGUMENT", "PROMPT_TOO_LONG")
    assert long.fields == ("messages",)
    wide = refused(lambda: stubs.chat.Chat(chat_request("字" * 22_000)))
    assert wide.reason == "PROMPT_TOO_LONG", "bytes count, not characters"
    huge = refused(lambda: stubs.chat.Chat(chat_request("a" * 140_000)))
    assert (huge.code, huge.reason) == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")
    note = refused(
        lambda: stubs.snapshot.RollbackSnapshot(snapshot_pb2.RollbackSnapshotRequest(reason="x" * 70_000))
    )
    assert (note.reason, note.metadata["limit"]) == ("MESSAGE_TOO_LARGE", "65536")
    file = refused(
        lambda: stubs.vector.ImportVector(vector_pb2.ImportVectorRequest(content=b"x" * 5_000_000))
    )
    assert file.reason.startswith("VECTOR_"), "five megabytes of it were read"
    tokens = refused(lambda: stubs.chat.Chat(chat_request(max_tokens=4_097)))
    assert (tokens.code, tokens.fields) == ("INVALID_ARGUMENT", ("sampling.max_tokens",))


def test_a_request_that_is_opened_and_not_sent_is_ended(small: Server, admin: Stubs) -> None:
    gate = threading.Event()

    def nothing() -> Iterator[bytes]:
        gate.wait(30)
        yield b""

    call = admin.channel.stream_unary("/trimtab.v1.ModelService/GetServerInfo")
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        call(nothing(), metadata=(("authorization", f"Bearer {small.token}"),))
    gate.set()
    assert failure_of(caught.value).reason == "REQUEST_NOT_SENT"
    assert time.monotonic() - begin < 10


def test_who_may_not_call_is_told_so_before_anything_is_read(small: Server, admin: Stubs) -> None:
    gate = threading.Event()

    def nothing() -> Iterator[bytes]:
        gate.wait(30)
        yield b""

    call = admin.channel.stream_unary("/trimtab.v1.VectorService/ImportVector")
    for secret, reason in (("", "TOKEN_MISSING"), (new_token(admin, "viewer"), "ROLE_NOT_ALLOWED")):
        metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
        begin = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            call(nothing(), metadata=metadata)
        assert failure_of(caught.value).reason == reason
        assert time.monotonic() - begin < 0.9, "the server must not have waited for the request"
    gate.set()


def test_refused_logins_are_slowed_down_and_recorded_and_valid_ones_are_not(
    small: Server, admin: Stubs
) -> None:
    stranger = small.client("trimtab_000000000000_guess")
    reasons = [refused(lambda: stranger.model.GetServerInfo(INFO)).reason for _ in range(40)]
    stranger.close()
    assert set(reasons) == {"TOKEN_INVALID", "TOO_MANY_REFUSED_LOGINS"}
    assert reasons.count("TOO_MANY_REFUSED_LOGINS") >= 30
    assert admin.model.GetServerInfo(INFO).role == "admin"
    time.sleep(2.5)
    request = audit_pb2.ListAuditRecordsRequest(action="token.refused")
    records = admin.audit.ListAuditRecords(request).audit_records
    assert 1 <= len(records) <= 12, "one of each half second at most"
    details = [json.loads(record.details) for record in records]
    assert sum(entry["total"] for entry in details) >= 40
    text = str(records)
    assert "guess" not in text
    assert "127.0.0.1" not in text
    assert "guess" not in small.log.read_text()


def test_a_token_revoked_in_the_store_by_another_process_is_refused_within_five_seconds(
    small: Server, admin: Stubs, caller: Any
) -> None:
    stubs = caller("viewer")
    name = stubs.model.GetServerInfo(INFO).actor.removeprefix("tokens/")
    watch = stubs.snapshot.WatchActive(snapshot_pb2.WatchActiveRequest())
    next(watch)
    with sqlite3.connect(small.data_dir / "trimtab.db", timeout=10) as other:
        other.execute("UPDATE tokens SET revoke_time = ? WHERE id = ?", (time.time_ns(), name))
    other.close()
    begin = time.monotonic()
    while True:
        try:
            stubs.model.GetServerInfo(INFO)
        except grpc.RpcError as error:
            assert failure_of(error).reason == "TOKEN_REVOKED"
            break
        assert time.monotonic() - begin < 5
        time.sleep(0.05)
    # A stream that is open says nothing more to it.
    admin.snapshot.RollbackSnapshot(ROLLBACK)
    with pytest.raises(grpc.RpcError) as caught:
        next(watch)
    assert failure_of(caught.value).reason == "TOKEN_REVOKED"


def test_the_control_port_takes_what_stops_or_undoes_and_nothing_else(small: Server) -> None:
    (ready,) = [line for line in small.log_lines() if line["event"] == "ready"]
    control = Stubs(ready["control_address"], small.token)
    revision = control.snapshot.RollbackSnapshot(ROLLBACK)
    assert revision.number > 1
    for call in (
        lambda: control.model.GetServerInfo(INFO),
        lambda: list(control.chat.Chat(chat_request())),
        lambda: control.token.CreateToken(token_pb2.CreateTokenRequest()),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    control.close()
    stranger = Stubs(ready["control_address"], "")
    assert refused(lambda: stranger.snapshot.RollbackSnapshot(ROLLBACK)).code == "UNAUTHENTICATED"
    stranger.close()


def test_the_health_service_which_knows_nobody_holds_few_streams(small: Server) -> None:
    with grpc.insecure_channel(small.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="trimtab.v1.ChatService")
        streams = [health.Watch(request) for _ in range(64)]
        for stream in streams:
            assert next(stream).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            next(health.Watch(request))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert health.Check(request).status == health_pb2.HealthCheckResponse.SERVING
        for stream in streams:
            stream.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            next(health.Watch(health_pb2.HealthCheckRequest(service="no.such.Service")))
        assert caught.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_half_open_connections_are_gone_soon_and_hold_nobody_up(small: Server, admin: Stubs) -> None:
    host, _, port = small.target.rpartition(":")
    idle = [socket.create_connection((host, int(port)), timeout=10) for _ in range(400)]
    try:
        slowest = 0.0
        for _ in range(50):
            begin = time.monotonic()
            admin.model.GetServerInfo(INFO)
            slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 5, "honest callers are served meanwhile"
        for one in idle:
            one.settimeout(20)
            while one.recv(1_024):
                pass  # The server's own greeting; then it hangs up.
    finally:
        for one in idle:
            one.close()
