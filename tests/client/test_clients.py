"""Both clients over a real socket: calls, streams, failures, cancels, restarts."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from trimtab_client import (
    AsyncClient,
    Client,
    Deadlines,
    FinishReason,
    Message,
    ReplyDelta,
    ReplyFinished,
    ReplyStarted,
    RetryPolicy,
    Role,
    Steering,
    TokenRole,
    TrimtabError,
)
from trimtab_client.async_cases import AsyncCases
from trimtab_client.async_rollouts import AsyncRollouts
from trimtab_client.async_trials import AsyncTrials
from trimtab_client.cases import Cases
from trimtab_client.rollouts import Rollouts
from trimtab_client.trials import Trials
from trimtab_protos.v1 import (
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    rollout_pb2,
    snapshot_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)

HELLO = [Message(Role.USER, "hello")]
Refuse = Callable[..., Any]


def started() -> chat_pb2.ChatResponse:
    return chat_pb2.ChatResponse(started=chat_pb2.ReplyStarted(reply_id="r1", prompt_tokens=3))


def delta(text: str) -> chat_pb2.ChatResponse:
    return chat_pb2.ChatResponse(delta=chat_pb2.ReplyDelta(text=text))


def finished() -> chat_pb2.ChatResponse:
    reason = chat_pb2.FINISH_REASON_STOP
    return chat_pb2.ChatResponse(finished=chat_pb2.ReplyFinished(reply_id="r1", reason=reason))


def short_reply(request: Any, context: Any) -> Iterator[chat_pb2.ChatResponse]:
    yield started()
    yield delta("two ")
    yield delta("years")
    yield finished()


def endless_reply(request: Any, context: grpc.ServicerContext) -> Iterator[chat_pb2.ChatResponse]:
    yield started()
    while context.is_active():
        yield delta("x")
        time.sleep(0.005)


def test_both_clients_offer_the_same_calls() -> None:
    def calls(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in vars(client).items()
            if not name.startswith("_") and callable(method)
        }

    assert calls(Client) == calls(AsyncClient)
    assert calls(Rollouts) == calls(AsyncRollouts)
    assert len(calls(Rollouts)) == len(rollout_pb2.DESCRIPTOR.services_by_name["RolloutService"].methods)
    assert calls(Trials) == calls(AsyncTrials)
    # Rows come as a list and page by page.
    assert len(calls(Trials)) == len(trial_pb2.DESCRIPTOR.services_by_name["TrialService"].methods) + 1
    assert calls(Cases) == calls(AsyncCases)
    assert len(calls(Cases)) == len(case_pb2.DESCRIPTOR.services_by_name["CaseService"].methods)
    assert len(calls(Client)) >= 28


def test_a_reply_streams_in_order(server: Any) -> None:
    server.answers["Chat"] = short_reply
    with Client(server.target) as client:
        events = list(client.chat(HELLO))
    assert [type(e) for e in events] == [ReplyStarted, ReplyDelta, ReplyDelta, ReplyFinished]
    assert "".join(e.text for e in events if isinstance(e, ReplyDelta)) == "two years"
    assert isinstance(events[-1], ReplyFinished)
    assert events[-1].reason is FinishReason.STOP


async def test_a_reply_streams_in_order_async(server: Any) -> None:
    server.answers["Chat"] = short_reply
    async with AsyncClient(server.target) as client:
        events = [event async for event in client.chat(HELLO)]
    assert [type(e) for e in events] == [ReplyStarted, ReplyDelta, ReplyDelta, ReplyFinished]


async def test_lanes_are_told_apart(server: Any) -> None:
    def answer(request: chat_pb2.CompareRequest, context: Any) -> Iterator[chat_pb2.CompareResponse]:
        for lane in request.lanes:
            yield chat_pb2.CompareResponse(lane_id=lane.lane_id, response=delta(lane.messages[0].content))

    server.answers["Compare"] = answer
    from trimtab_client import Lane

    lanes = [Lane("a", (Message(Role.USER, "1"),)), Lane("b", (Message(Role.USER, "2"),))]
    async with AsyncClient(server.target) as client:
        assert [e async for e in client.compare(lanes)] == [("a", ReplyDelta("1")), ("b", ReplyDelta("2"))]


def test_the_token_is_shown_in_every_call_and_streams_too(server: Any) -> None:
    server.answers["GetServerInfo"] = lambda request, context: model_pb2.ServerInfo(version="9")
    server.answers["Chat"] = short_reply
    with Client(server.target, "secret") as client:
        assert client.server_info().version == "9"
        list(client.chat(HELLO))
    assert [call.metadata["authorization"] for call in server.received] == ["Bearer secret"] * 2


def test_no_header_without_a_token(server: Any) -> None:
    server.answers["GetServerInfo"] = lambda request, context: model_pb2.ServerInfo()
    with Client(server.target) as client:
        client.server_info()
    assert "authorization" not in server.received[0].metadata


def test_every_unary_call_has_a_deadline(server: Any) -> None:
    server.answers["GetServerInfo"] = lambda request, context: model_pb2.ServerInfo()
    with Client(server.target, deadlines=Deadlines(unary=7.0)) as client:
        client.server_info()
    # gRPC sends the timeout in whole units, rounded up.
    assert 0 < server.received[0].time_remaining <= 7.1


def test_every_write_carries_a_fresh_request_id_unless_one_is_given(server: Any) -> None:
    server.answers |= {
        "CreateSnapshot": lambda request, context: snapshot_pb2.Snapshot(),
        "ActivateSnapshot": lambda request, context: snapshot_pb2.Revision(),
        "RollbackSnapshot": lambda request, context: snapshot_pb2.Revision(),
        "ImportVector": lambda request, context: vector_pb2.Vector(),
        "DeleteVector": lambda request, context: Empty(),
        "CreateToken": lambda request, context: token_pb2.CreateTokenResponse(),
        "RevokeToken": lambda request, context: token_pb2.Token(),
        "ExtractVector": lambda request, context: iter(()),
        "RunCanary": lambda request, context: iter(()),
        "LoadStage": lambda request, context: iter(()),
        "Chat": lambda request, context: iter(()),
        "Compare": lambda request, context: iter(()),
    }
    with Client(server.target) as client:
        client.create_snapshot(Steering())
        client.activate_snapshot("a")
        client.rollback(reason="r")
        client.import_vector(b"")
        client.delete_vector("v")
        client.create_token("t", TokenRole.VIEWER)
        client.revoke_token("t")
        list(client.extract_vector(b"", stage="s", concept="c"))
        list(client.run_canary())
        list(client.load_stage("s"))
        list(client.chat([]))
        list(client.compare([]))
        client.activate_snapshot("a", request_id="mine")
    ids = [call.request.request_id for call in server.received]
    assert len(set(ids)) == len(ids) == 13
    assert all(ids)
    assert ids[-1] == "mine"


def test_bare_names_are_completed(server: Any) -> None:
    server.answers["GetVector"] = lambda request, context: vector_pb2.Vector(name=request.name)
    with Client(server.target) as client:
        assert client.vector("ab12").name == "vectors/ab12"
        assert client.vector("vectors/ab12").name == "vectors/ab12"


def test_lists_follow_the_pages(server: Any) -> None:
    def page(request: vector_pb2.ListVectorsRequest, context: Any) -> vector_pb2.ListVectorsResponse:
        first = int(request.page_token or 0)
        vectors = [vector_pb2.Vector(name=f"vectors/{i}") for i in range(first, first + 2)]
        return vector_pb2.ListVectorsResponse(
            vectors=vectors, next_page_token="" if first == 4 else str(first + 2)
        )

    server.answers["ListVectors"] = page
    with Client(server.target) as client:
        assert [v.name for v in client.vectors()] == [f"vectors/{i}" for i in range(6)]
        assert len(client.vectors(limit=3)) == 3
    assert [call.request.page_size for call in server.calls("ListVectors")] == [200, 200, 200, 3, 1]


def test_the_audit_log_keeps_the_head_of_the_first_page(server: Any) -> None:
    def page(request: audit_pb2.ListAuditRecordsRequest, context: Any) -> audit_pb2.ListAuditRecordsResponse:
        last = request.page_token == "2"
        return audit_pb2.ListAuditRecordsResponse(
            audit_records=[audit_pb2.AuditRecord(sequence=1 if last else 2)],
            next_page_token="" if last else "2",
            head="later" if last else "head",
            record_count=2,
        )

    server.answers["ListAuditRecords"] = page
    with Client(server.target) as client:
        log = client.audit_records()
    assert ([r.sequence for r in log.records], log.head, log.record_count) == ([2, 1], "head", 2)


def test_an_error_carries_reason_metadata_fields_and_retry(server: Any, refuse: Refuse) -> None:
    server.answers["CreateSnapshot"] = refuse(
        grpc.StatusCode.INVALID_ARGUMENT,
        "strength is 3; it must lie within [-1, 1]",
        BadRequest(
            field_violations=[
                BadRequest.FieldViolation(field="steering.terms[0].strength", description="3 is too much")
            ]
        ),
        ErrorInfo(reason="STRENGTH_OUT_OF_RANGE", domain="trimtab", metadata={"strength": "3"}),
        RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    )
    with Client(server.target) as client, pytest.raises(TrimtabError) as caught:
        client.create_snapshot(Steering())
    error = caught.value
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "STRENGTH_OUT_OF_RANGE")
    assert error.message == "strength is 3; it must lie within [-1, 1]"
    assert error.metadata == {"strength": "3"}
    assert [(v.field, v.description) for v in error.field_violations] == [
        ("steering.terms[0].strength", "3 is too much")
    ]
    assert error.retry_after_seconds == 1.5
    assert str(error) == "strength is 3; it must lie within [-1, 1] [STRENGTH_OUT_OF_RANGE]"


async def test_an_error_in_a_stream_carries_the_same(server: Any, refuse: Refuse) -> None:
    fail = refuse(
        grpc.StatusCode.NOT_FOUND,
        "no snapshot is named x",
        ErrorInfo(reason="SNAPSHOT_NOT_FOUND", domain="trimtab", metadata={"snapshot": "x"}),
    )

    def answer(request: Any, context: Any) -> Iterator[chat_pb2.ChatResponse]:
        yield started()
        fail(request, context)

    server.answers["Chat"] = answer
    async with AsyncClient(server.target) as client:
        events = client.chat(HELLO)
        assert isinstance(await anext(events), ReplyStarted)
        with pytest.raises(TrimtabError, match="no snapshot is named x") as caught:
            await anext(events)
    assert (caught.value.code, caught.value.reason) == ("NOT_FOUND", "SNAPSHOT_NOT_FOUND")


def test_an_unknown_method_blames_the_version(server: Any) -> None:
    with Client(server.target) as client, pytest.raises(TrimtabError, match="version") as caught:
        client.server_info()
    assert caught.value.reason == "METHOD_UNKNOWN"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_says_where_and_what_to_do() -> None:
    target = f"127.0.0.1:{free_port()}"
    with Client(target) as client:
        with pytest.raises(TrimtabError, match="trimtab serve") as caught:
            client.server_info()
        with pytest.raises(TrimtabError) as in_stream:
            list(client.chat(HELLO))
    assert (caught.value.code, caught.value.reason) == ("UNAVAILABLE", "SERVER_UNREACHABLE")
    assert target in caught.value.message
    assert in_stream.value.reason == "SERVER_UNREACHABLE"


async def test_a_refused_connection_says_where_and_what_to_do_async() -> None:
    async with AsyncClient(f"127.0.0.1:{free_port()}") as client:
        with pytest.raises(TrimtabError) as caught:
            await client.server_info()
        with pytest.raises(TrimtabError) as waiting:
            await client.wait_ready(0.1)
    assert caught.value.reason == waiting.value.reason == "SERVER_UNREACHABLE"


def test_a_missed_deadline_names_the_seconds(server: Any) -> None:
    release = threading.Event()

    def answer(request: Any, context: Any) -> model_pb2.ServerInfo:
        release.wait(10)
        return model_pb2.ServerInfo()

    server.answers["GetServerInfo"] = answer
    with (
        Client(server.target, deadlines=Deadlines(unary=0.2)) as client,
        pytest.raises(TrimtabError, match=r"0\.2 s") as caught,
    ):
        client.server_info()
    release.set()
    assert caught.value.reason == "DEADLINE_EXCEEDED"
    assert len(server.received) == 1, "a missed deadline must not be repeated"


def test_a_write_is_repeated_under_its_own_id_while_the_server_is_unavailable(
    server: Any, refuse: Refuse
) -> None:
    draining = refuse(
        grpc.StatusCode.UNAVAILABLE,
        "draining",
        ErrorInfo(reason="SERVER_DRAINING", domain="trimtab"),
        RetryInfo(retry_delay=Duration(nanos=10_000_000)),
    )

    def answer(request: Any, context: Any) -> snapshot_pb2.Revision:
        if len(server.received) < 3:
            draining(request, context)
        return snapshot_pb2.Revision(number=4)

    server.answers["ActivateSnapshot"] = answer
    with Client(server.target) as client:
        assert client.activate_snapshot("a").number == 4
    assert len(server.received) == 3
    assert len({call.request.request_id for call in server.received}) == 1


async def test_repetitions_are_bounded(server: Any, refuse: Refuse) -> None:
    server.answers["GetServerInfo"] = refuse(
        grpc.StatusCode.UNAVAILABLE, "loading", ErrorInfo(reason="STAGE_LOADING", domain="trimtab")
    )
    async with AsyncClient(server.target, retries=RetryPolicy(attempts=3, first_delay=0.001)) as client:
        with pytest.raises(TrimtabError) as caught:
            await client.server_info()
    assert caught.value.reason == "STAGE_LOADING"
    assert len(server.received) == 3


def test_other_failures_are_not_repeated(server: Any, refuse: Refuse) -> None:
    server.answers["ActivateSnapshot"] = refuse(
        grpc.StatusCode.ABORTED, "moved on", ErrorInfo(reason="REVISION_CONFLICT", domain="trimtab")
    )
    with Client(server.target) as client, pytest.raises(TrimtabError):
        client.activate_snapshot("a", expected_revision=3)
    assert len(server.received) == 1


async def test_closing_a_stream_cancels_it_on_the_server(server: Any) -> None:
    server.answers["Chat"] = endless_reply
    async with AsyncClient(server.target) as client:
        async with aclosing(client.chat(HELLO)) as events:
            async for event in events:
                if isinstance(event, ReplyDelta):
                    break
        assert await asyncio.to_thread(server.ended.wait, 10)


def test_closing_a_stream_cancels_it_on_the_server_sync(server: Any) -> None:
    server.answers["Chat"] = endless_reply
    with Client(server.target) as client:
        with closing(client.chat(HELLO)) as events:
            next(events)
            next(events)
        assert server.ended.wait(10)


async def test_cancelling_the_task_cancels_the_call_and_stays_a_cancel(server: Any) -> None:
    server.answers["Chat"] = endless_reply
    async with AsyncClient(server.target) as client:
        first = asyncio.Event()

        async def read() -> None:
            async for _ in client.chat(HELLO):
                first.set()

        task = asyncio.create_task(read())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.ended.wait, 10)


async def test_a_cancel_by_the_server_is_an_error_and_ends_no_task(server: Any, refuse: Refuse) -> None:
    server.answers["Chat"] = refuse(grpc.StatusCode.CANCELLED, "cancelled by a rollback")
    server.answers["GetServerInfo"] = refuse(grpc.StatusCode.CANCELLED, "cancelled")
    async with AsyncClient(server.target) as client:
        with pytest.raises(TrimtabError) as in_stream:
            async for _ in client.chat(HELLO):
                pass
        with pytest.raises(TrimtabError) as unary:
            await client.server_info()
    assert in_stream.value.reason == unary.value.reason == "CANCELLED"


async def test_a_closed_client_refuses_calls(server: Any) -> None:
    client = AsyncClient(server.target)
    await client.close()
    await client.close()
    with pytest.raises(TrimtabError) as caught:
        await client.server_info()
    assert caught.value.reason == "CLIENT_CLOSED"


async def test_a_server_that_dies_mid_reply_is_an_error_and_is_found_again(server: Any) -> None:
    server.answers["Chat"] = endless_reply
    server.answers["GetServerInfo"] = lambda request, context: model_pb2.ServerInfo(version="2")
    async with AsyncClient(server.target) as client:
        events = client.chat(HELLO)
        await anext(events)
        await asyncio.to_thread(server.stop)
        with pytest.raises(TrimtabError) as caught:
            async for _ in events:
                pass
        assert caught.value.code in ("UNAVAILABLE", "CANCELLED")
        with pytest.raises(TrimtabError) as gone:
            await client.server_info()
        assert gone.value.reason == "SERVER_UNREACHABLE"
        await asyncio.to_thread(server.start)
        await client.wait_ready(20)
        assert (await client.server_info()).version == "2"


async def test_events_of_a_newer_server_are_passed_over(server: Any) -> None:
    def answer(request: Any, context: Any) -> Iterator[monitor_pb2.WatchResponse]:
        yield monitor_pb2.WatchResponse()  # an event this client has no field for
        yield monitor_pb2.WatchResponse(heartbeat=monitor_pb2.Heartbeat(queued_requests=3))

    server.answers["Watch"] = answer
    async with AsyncClient(server.target) as client:
        events = [event async for event in client.watch_monitor()]
    assert len(events) == 1


def test_a_vector_file_above_the_default_limit_of_grpc_passes(server: Any) -> None:
    content = b"x" * (32 * 1024 * 1024)
    server.answers["ExportVector"] = lambda request, context: vector_pb2.ExportVectorResponse(
        content=content, file_name="v.safetensors"
    )
    with Client(server.target) as client:
        assert len(client.export_vector("v").content) == len(content)


async def test_what_is_stated_of_a_vector_file_arrives(server: Any) -> None:
    stated = {
        "display_name": "brought in",
        "format": "gguf",
        "concept": "honesty",
        "stage": "models/m/stages/s",
        "layer_convention": "cvector_generator",
        "license": "MIT",
    }
    asked = {
        "format": "gguf",
        "scale": "dose",
        "strength": 0.35,
        "drop_layer_zero": True,
        "model_type": "llama",
    }
    server.answers |= {
        "ImportVector": lambda request, context: vector_pb2.Vector(),
        "ExportVector": lambda request, context: vector_pb2.ExportVectorResponse(dropped_layers=[0]),
    }
    with Client(server.target) as client:
        client.import_vector(b"GGUF", **stated)
        assert client.export_vector("v", **asked).dropped_layers == (0,)
    async with AsyncClient(server.target) as client:
        await client.import_vector(b"GGUF", **stated)
        assert (await client.export_vector("v", **asked)).dropped_layers == (0,)
    for method, fields in (("ImportVector", stated), ("ExportVector", asked)):
        calls = server.calls(method)
        assert len(calls) == 2
        for call in calls:
            assert {name: getattr(call.request, name) for name in fields} == fields
