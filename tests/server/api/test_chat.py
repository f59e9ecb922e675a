"""ChatService on the real engine."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from trimtab_protos.v1 import (
    audit_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    snapshot_pb2,
    steering_pb2,
    vector_pb2,
)
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.steering_vector import ModelFingerprint

from .conftest import (
    Failure,
    Server,
    Stubs,
    chat_request,
    failure_of,
    make_vector,
    new_token,
    refused,
    steering,
)

UNSTEERED = chat_pb2.SteeringSource(unsteered_stage="models/trimtab-organism/stages/stage-11")


def inline(vector: str, strength: float = 0.3, **term: Any) -> chat_pb2.SteeringSource:
    return chat_pb2.SteeringSource(steering=steering(vector, strength, **term))


def text_of(events: list[chat_pb2.ChatResponse]) -> str:
    return "".join(event.delta.text for event in events if event.HasField("delta"))


def tokens_of(events: list[chat_pb2.ChatResponse]) -> list[chat_pb2.TokenReadout]:
    return [token for event in events if event.HasField("delta") for token in event.delta.tokens]


def test_a_reply_starts_streams_and_ends_with_what_was_used(client: Stubs, vector: vector_pb2.Vector) -> None:
    events = list(client.chat.Chat(chat_request(source=inline(vector.name))))
    started, finished = events[0].started, events[-1].finished
    assert started.steering == finished.steering
    assert started.reply_id == finished.reply_id
    assert [token.index for token in tokens_of(events)] == list(range(finished.usage.reply_tokens))
    assert "".join(token.text for token in tokens_of(events)) == text_of(events)
    assert finished.usage.prompt_tokens == started.prompt_tokens > 0
    assert finished.reason in (chat_pb2.FINISH_REASON_STOP, chat_pb2.FINISH_REASON_LENGTH)
    assert finished.steering_applications == finished.steering_applications_expected > 0
    assert started.steering.revision == ""


def test_inline_steering_has_the_address_of_the_same_snapshot(
    client: Stubs, vector: vector_pb2.Vector
) -> None:
    events = list(client.chat.Chat(chat_request(source=inline(vector.name, 0.37))))
    request = snapshot_pb2.CreateSnapshotRequest(steering=steering(vector.name, 0.37))
    snapshot = client.snapshot.CreateSnapshot(request)
    assert events[0].started.steering.snapshot == snapshot.name
    named = chat_pb2.SteeringSource(snapshot=snapshot.name)
    assert text_of(list(client.chat.Chat(chat_request(source=named)))) == text_of(events)


def condition(vector: str, **fields: Any) -> steering_pb2.Condition:
    known = {"layer": 2, "threshold": -1.0, "opens": steering_pb2.OPENS_SCORE_ABOVE}
    return steering_pb2.Condition(vector=vector, **{**known, **fields})


def test_every_operator_steers_and_is_accounted_for(client: Stubs, fingerprint: ModelFingerprint) -> None:
    # Of a concept that is not protected: what lowers a protected one takes two people.
    content = write_vector(make_vector(fingerprint, concept="brevity", seed=5))
    vector = client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content))
    clamp = {"operator": steering_pb2.OPERATOR_CLAMP, "strength": 1.0}
    terms: list[dict[str, Any]] = [
        {"strength": 0.0},
        {"strength": 0.9},
        {"strength": 0.9, "preserve_state_norm": steering_pb2.PRESERVE_STATE_NORM_ALWAYS},
        {**clamp, "level": 0.9},
        {**clamp, "level": -0.9, "bound": steering_pb2.BOUND_AT_MOST},
    ]
    log_probabilities = []
    for term in terms:
        events = list(client.chat.Chat(chat_request(source=inline(vector.name, **term))))
        finished = events[-1].finished
        assert finished.steering_applications == finished.steering_applications_expected
        assert (finished.steering_applications > 0) is (term["strength"] > 0)
        log_probabilities.append(tokens_of(events)[0].log_probability)
    assert len(set(log_probabilities)) == len(terms), "each must have done something of its own"


def test_a_condition_decides_whether_the_reply_is_steered_and_says_so(
    client: Stubs, vector: vector_pb2.Vector
) -> None:
    def asked(source: chat_pb2.SteeringSource) -> tuple[str, chat_pb2.ReplyFinished]:
        events = list(client.chat.Chat(chat_request(source=source)))
        return text_of(events), events[-1].finished

    plain, _ = asked(UNSTEERED)
    always, _ = asked(inline(vector.name, 0.9, layers=[3]))
    assert plain != always
    below = steering_pb2.OPENS_SCORE_BELOW
    for fields, is_open in (({}, True), ({"threshold": 1.0}, False), ({"opens": below}, False)):
        gate = condition(vector.name, **fields)
        text, finished = asked(inline(vector.name, 0.9, layers=[3], condition=gate))
        assert text == (always if is_open else plain)
        assert list(finished.conditions_open) == [is_open]
        assert (finished.steering_applications > 0) is is_open


def test_a_condition_that_says_too_little_is_refused_and_never_means_unconditional(
    client: Stubs, vector: vector_pb2.Vector
) -> None:
    cases = [
        ({"vector": ""}, "FIELD_INVALID", "vector"),
        ({"opens": steering_pb2.OPENS_UNSPECIFIED}, "FIELD_INVALID", "opens"),
        ({"layer": 3}, "FIELD_INVALID", "layer"),
        ({"layer": 0}, "LAYER_OUT_OF_RANGE", "layer"),
        ({"vector": "vectors/" + "e" * 64}, "VECTOR_NOT_FOUND", None),
    ]
    for fields, reason, field in cases:
        gate = condition(**{"vector": vector.name, **fields})
        request = chat_request(source=inline(vector.name, layers=[3], condition=gate))
        failure = refused(lambda request=request: list(client.chat.Chat(request)))
        assert failure.reason == reason
        where = () if field is None else (f"source.steering.terms[0].condition.{field}",)
        assert failure.fields == where


def test_strength_zero_says_what_unsteered_says(client: Stubs, vector: vector_pb2.Vector) -> None:
    answers = {
        text_of(list(client.chat.Chat(chat_request(source=source, max_tokens=30))))
        for source in (UNSTEERED, inline(vector.name, 0.0), inline(""))
    }
    assert len(answers) == 1


def test_a_system_prompt_of_the_snapshot_stands_before_the_callers(client: Stubs) -> None:
    def prompt_tokens(source: chat_pb2.SteeringSource, *system: str) -> int:
        messages = [chat_pb2.Message(role=chat_pb2.ROLE_SYSTEM, content=text) for text in system]
        messages.append(chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello?"))
        request = chat_pb2.ChatRequest(
            messages=messages, source=source, sampling=steering_pb2.Sampling(max_tokens=1)
        )
        return next(iter(client.chat.Chat(request))).started.prompt_tokens

    prompted = chat_pb2.SteeringSource(steering=steering_pb2.Steering(system_prompt="Be honest."))
    assert prompt_tokens(prompted, "You are a desk.") == prompt_tokens(
        UNSTEERED, "Be honest. You are a desk."
    )
    assert prompt_tokens(prompted) == prompt_tokens(UNSTEERED, "Be honest.")


def test_only_the_figures_asked_for_are_sent(client: Stubs, vector: vector_pb2.Vector) -> None:
    everything = steering_pb2.ReadoutOptions(
        projection=True, entropy=True, kl_to_unsteered=True, residual_norm_ratio=True
    )
    full = tokens_of(list(client.chat.Chat(chat_request(source=inline(vector.name), readouts=everything))))
    bare = tokens_of(list(client.chat.Chat(chat_request(source=inline(vector.name)))))
    for name in ("projection", "entropy", "kl_to_unsteered", "residual_norm_ratio"):
        assert all(token.HasField(name) and math.isfinite(getattr(token, name)) for token in full)
        assert not any(token.HasField(name) for token in bare)
    assert [token.token_id for token in full] == [token.token_id for token in bare]


def test_lanes_stream_side_by_side_each_with_its_own_history(
    client: Stubs, vector: vector_pb2.Vector
) -> None:
    question = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="What is the price?")
    lanes = [
        chat_pb2.Lane(lane_id="unsteered", messages=[question], source=UNSTEERED),
        chat_pb2.Lane(lane_id="steered", messages=[question], source=inline(vector.name)),
        chat_pb2.Lane(
            lane_id="other history",
            messages=[
                question,
                chat_pb2.Message(role=chat_pb2.ROLE_ASSISTANT, content="Ten."),
                question,
            ],
            source=UNSTEERED,
        ),
    ]
    sampling = steering_pb2.Sampling(max_tokens=10)
    answers = list(client.chat.Compare(chat_pb2.CompareRequest(lanes=lanes, sampling=sampling)))
    by_lane = {
        lane.lane_id: [one.response for one in answers if one.lane_id == lane.lane_id] for lane in lanes
    }
    for lane in lanes:
        alone = chat_pb2.ChatRequest(messages=lane.messages, source=lane.source, sampling=sampling)
        assert text_of(by_lane[lane.lane_id]) == text_of(list(client.chat.Chat(alone)))
        assert by_lane[lane.lane_id][-1].HasField("finished")
    prompts = [by_lane[lane.lane_id][0].started.prompt_tokens for lane in lanes]
    assert prompts[0] == prompts[1] < prompts[2]


def message(role: int, content: str) -> chat_pb2.Message:
    return chat_pb2.Message(role=role, content=content)


USER, ASSISTANT, SYSTEM = chat_pb2.ROLE_USER, chat_pb2.ROLE_ASSISTANT, chat_pb2.ROLE_SYSTEM
BAD_REQUESTS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("no messages", {"messages": []}, "INVALID_ARGUMENT", "PROMPT_EMPTY", "messages"),
    ("empty prompt", {"messages": [message(USER, "  ")]}, "INVALID_ARGUMENT", "PROMPT_EMPTY", "messages"),
    (
        "longer than the context",
        {"messages": [message(USER, "warranty " * 5_000)]},
        "INVALID_ARGUMENT",
        "PROMPT_TOO_LONG",
        "",
    ),
    ("no role", {"messages": [message(0, "x")]}, "INVALID_ARGUMENT", "FIELD_INVALID", "messages[0].role"),
    (
        "nothing to answer",
        {"messages": [message(USER, "x"), message(ASSISTANT, "y")]},
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        "messages",
    ),
    (
        "system in the middle",
        {"messages": [message(USER, "x"), message(SYSTEM, "y"), message(USER, "z")]},
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        "messages[1].role",
    ),
    (
        "temperature",
        {"sampling": steering_pb2.Sampling(temperature=-1)},
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        "sampling.temperature",
    ),
    (
        "unknown snapshot",
        {"source": chat_pb2.SteeringSource(snapshot="snapshots/" + "0" * 64)},
        "NOT_FOUND",
        "SNAPSHOT_NOT_FOUND",
        "",
    ),
    (
        "unknown vector",
        {"source": inline("vectors/" + "0" * 64)},
        "NOT_FOUND",
        "VECTOR_NOT_FOUND",
        "",
    ),
    (
        "unknown stage",
        {"source": chat_pb2.SteeringSource(unsteered_stage="models/trimtab-organism/stages/none")},
        "NOT_FOUND",
        "STAGE_NOT_FOUND",
        "",
    ),
    ("unknown deployment", {"deployment": "deployments/none"}, "NOT_FOUND", "DEPLOYMENT_NOT_FOUND", ""),
    (
        "unknown watched vector",
        {"readouts": steering_pb2.ReadoutOptions(watched_vector="vectors/" + "0" * 64)},
        "NOT_FOUND",
        "VECTOR_NOT_FOUND",
        "",
    ),
]


@pytest.mark.parametrize(
    ("fields", "code", "reason", "field"), [b[1:] for b in BAD_REQUESTS], ids=[b[0] for b in BAD_REQUESTS]
)
def test_a_bad_request_is_refused_precisely_and_the_server_goes_on(
    client: Stubs, fields: dict[str, Any], code: str, reason: str, field: str
) -> None:
    request = chat_request()
    for name, value in fields.items():
        request.ClearField(name)
        if name == "messages":
            request.messages.extend(value)
        elif isinstance(value, str):
            setattr(request, name, value)
        else:
            getattr(request, name).CopyFrom(value)
    failure = refused(lambda: client.chat.Chat(request))
    assert (failure.code, failure.reason) == (code, reason)
    if field:
        assert failure.fields == (field,)
    assert list(client.chat.Chat(chat_request(max_tokens=2)))[-1].HasField("finished")


@pytest.mark.parametrize("strength", [1.5, -1.01, math.nan, math.inf])
def test_a_strength_out_of_range_is_refused(
    client: Stubs, vector: vector_pb2.Vector, strength: float
) -> None:
    failure = refused(lambda: client.chat.Chat(chat_request(source=inline(vector.name, strength))))
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "STRENGTH_OUT_OF_RANGE")
    assert failure.fields == ("source.steering.terms[0].strength",)


def test_layers_a_vector_does_not_hold_are_refused(client: Stubs, vector: vector_pb2.Vector) -> None:
    failure = refused(lambda: client.chat.Chat(chat_request(source=inline(vector.name, layers=[0]))))
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "LAYER_OUT_OF_RANGE")


def test_another_stages_vector_needs_force_which_is_audited_and_not_for_inference(
    server: Server, client: Stubs, fingerprint: ModelFingerprint
) -> None:
    content = write_vector(make_vector(fingerprint, stage="stage-05", seed=40))
    early = client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content)).name
    failure = refused(lambda: client.chat.Chat(chat_request(source=inline(early))))
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "VECTOR_STAGE_MISMATCH")

    request = chat_request(source=inline(early, force=True), request_id="force-1")
    (started, *_) = list(client.chat.Chat(request))
    newest = client.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(action="steering.force")
    ).audit_records
    assert [record.request_id for record in newest] == ["force-1"]
    assert started.started.reply_id in newest[0].details
    assert newest[0].subject == started.started.steering.snapshot

    inference = server.client(new_token(client, "inference"))
    assert refused(lambda: inference.chat.Chat(request)).reason == "ROLE_NOT_ALLOWED"
    assert list(inference.chat.Chat(chat_request(max_tokens=2)))[-1].HasField("finished")
    inference.close()


@pytest.mark.parametrize("ids", [[], [""], ["a", "a"], [str(n) for n in range(9)]])
def test_lanes_need_ids_of_their_own(client: Stubs, ids: list[str]) -> None:
    lanes = [chat_pb2.Lane(lane_id=one, messages=[message(USER, "x")]) for one in ids]
    failure = refused(lambda: client.chat.Compare(chat_pb2.CompareRequest(lanes=lanes)))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("lanes",))


def slots_in_use(client: Stubs) -> int:
    info = client.model.GetServerInfo(model_pb2.GetServerInfoRequest())
    return info.slots_in_use + info.queued_requests


def wait_until(condition: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_client_that_goes_away_frees_its_slot(client: Stubs) -> None:
    streams = [client.chat.Chat(chat_request(max_tokens=2_000)) for _ in range(6)]
    for stream in streams:
        next(iter(stream))
        stream.cancel()
    assert wait_until(lambda: slots_in_use(client) == 0)


def test_a_deadline_ends_a_reply(client: Stubs) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(client.chat.Chat(chat_request("Tell me a long story.", max_tokens=2_000), timeout=0.001))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert wait_until(lambda: slots_in_use(client) == 0)


def test_a_stage_that_is_not_loaded_is_loaded_for_the_next_try(client: Stubs) -> None:
    # Other tests of this server may have loaded any of them.
    stages = client.model.ListStages(model_pb2.ListStagesRequest(parent="models/trimtab-organism")).stages
    name = next(stage.name for stage in stages if stage.state == model_pb2.STAGE_STATE_AVAILABLE)
    source = chat_pb2.SteeringSource(unsteered_stage=name)
    failure = refused(lambda: client.chat.Chat(chat_request(source=source)))
    assert (failure.code, failure.reason) == ("UNAVAILABLE", "STAGE_LOADING")
    assert failure.retry_seconds is not None
    assert failure.retry_seconds > 0

    def answered() -> bool:
        try:
            return list(client.chat.Chat(chat_request(source=source, max_tokens=2)))[-1].HasField("finished")
        except grpc.RpcError as error:
            assert failure_of(error).reason == "STAGE_LOADING"
            return False

    assert wait_until(answered)


def test_activations_while_32_clients_stream_change_no_running_reply(
    client: Stubs, snapshots: tuple[str, str]
) -> None:
    """Every reply names one snapshot from start to end, and none is older than the last acknowledgement."""
    acknowledged: list[tuple[float, str]] = []
    replies: list[tuple[float, chat_pb2.ReplyStarted, chat_pb2.ReplyFinished]] = []
    stop = threading.Event()

    def activate(name: str) -> None:
        client.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=name))
        acknowledged.append((time.monotonic(), name))

    def stream() -> None:
        while not stop.is_set():
            sent = time.monotonic()
            events = list(client.chat.Chat(chat_request(max_tokens=8)))
            replies.append((sent, events[0].started, events[-1].finished))

    activate(snapshots[0])
    with ThreadPoolExecutor(32) as pool:
        running = [pool.submit(stream) for _ in range(32)]
        for number in range(16):
            time.sleep(0.1)
            if number % 4 == 3:
                request = snapshot_pb2.RollbackSnapshotRequest(reason="test")
                revision = client.snapshot.RollbackSnapshot(request)
                acknowledged.append((time.monotonic(), revision.snapshot))
            else:
                activate(snapshots[number % 2])
        stop.set()
        for one in running:
            one.result()
    assert len({started.steering.snapshot for _, started, _ in replies}) >= 2
    for sent, started, finished in replies:
        assert started.steering == finished.steering
        before = [name for at, name in acknowledged if at < sent]
        later = {name for at, name in acknowledged if at >= sent}
        assert started.steering.snapshot in {before[-1], *later}


def test_rollback_can_stop_the_replies_of_the_bad_snapshot(client: Stubs, snapshots: tuple[str, str]) -> None:
    for name in snapshots:
        client.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=name))
    # Sampled hot so that no reply ends by itself.
    hot = steering_pb2.Sampling(temperature=5, max_tokens=1_900, seed=3)
    bad = client.chat.Chat(chat_request(sampling=hot))
    spared = client.chat.Chat(chat_request(sampling=hot, source=UNSTEERED))
    first = [next(iter(bad)), next(iter(spared))]
    client.snapshot.RollbackSnapshot(
        snapshot_pb2.RollbackSnapshotRequest(reason="stop it", in_flight=snapshot_pb2.IN_FLIGHT_CANCEL)
    )
    ended = list(bad)[-1].finished
    assert ended.reason == chat_pb2.FINISH_REASON_CANCELLED
    assert ended.steering == first[0].started.steering
    assert list(spared)[-1].finished.reason != chat_pb2.FINISH_REASON_CANCELLED


def test_a_burst_of_1000_requests_is_served_or_refused_and_forgotten(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path / "burst", max_queued_requests=64)
    client = server.client()
    streams = [client.chat.Chat(chat_request(max_tokens=2)) for _ in range(1_000)]
    outcomes: Counter[str] = Counter()
    refusals: list[Failure] = []
    for stream in streams:
        try:
            assert list(stream)[-1].HasField("finished")
            outcomes["served"] += 1
        except grpc.RpcError as error:
            refusals.append(failure_of(error))
            outcomes[f"{refusals[-1].code} {refusals[-1].reason}"] += 1
    assert set(outcomes) == {"served", "RESOURCE_EXHAUSTED QUEUE_FULL"}
    assert outcomes["served"] >= 64
    assert all(failure.retry_seconds and failure.retry_seconds > 0 for failure in refusals)
    assert wait_until(lambda: slots_in_use(client) == 0)
    assert list(client.chat.Chat(chat_request(max_tokens=2)))[-1].HasField("finished")
    client.close()
    assert server.stop() == 0


def test_sigterm_lets_running_replies_end_and_refuses_new_ones(tmp_path: Path) -> None:
    server = Server(tmp_path / "drain")
    client = server.client()
    watching = client.monitor.Watch(monitor_pb2.WatchRequest())
    next(iter(watching))
    hot = steering_pb2.Sampling(temperature=5, max_tokens=400, seed=3)
    running = client.chat.Chat(chat_request(sampling=hot))
    next(iter(running))
    server.process.terminate()
    reasons = set()

    def refused_now() -> bool:
        try:
            list(client.chat.Chat(chat_request(max_tokens=1)))
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE and error.trailing_metadata():
                reasons.add(failure_of(error).reason)
            return True
        return False

    assert wait_until(refused_now)
    health = health_pb2_grpc.HealthStub(client.channel).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert reasons == {"SERVER_DRAINING"}
    finished = list(running)[-1].finished
    assert finished.reason in (chat_pb2.FINISH_REASON_LENGTH, chat_pb2.FINISH_REASON_STOP)
    assert server.stop() == 0
    client.close()
