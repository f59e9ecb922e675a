"""The edge of the server: bytes, sizes, health, reflection, logs, one server per directory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import ValidationError
from trimtab_protos.v1 import audit_pb2, chat_pb2, model_pb2, monitor_pb2, snapshot_pb2, vector_pb2
from trimtab_server.settings import ServeSettings

from .conftest import START, Server, Stubs, chat_request, refused


def test_undecodable_bytes_are_an_invalid_argument(client: Stubs) -> None:
    for path, kind in (
        ("/trimtab.v1.ChatService/Chat", "unary_stream"),
        ("/trimtab.v1.SnapshotService/GetSnapshot", "unary_unary"),
    ):
        call = getattr(client.authorised, kind)(path)
        failure = refused(lambda call=call: call(b"\x0a\xff\xff\xff\xff\x0f"))
        assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "REQUEST_UNDECODABLE")


def test_a_100_mb_message_is_refused_by_the_transport_and_the_server_goes_on(client: Stubs) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=bytes(100_000_000)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.model.GetServerInfo(model_pb2.GetServerInfoRequest()).role == "admin"


def test_health_needs_no_token_and_says_serving(server: Server) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "trimtab.v1.ChatService", "trimtab.v1.TokenService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_every_service(server: Server) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(iter(stub.ServerReflectionInfo(iter([request]))))
    names = {service.name for service in answer.list_services_response.service}
    assert {f"trimtab.v1.{part}Service" for part in ("Chat", "Snapshot", "Vector", "Model")} <= names
    assert "grpc.health.v1.Health" in names


def test_calls_are_logged_without_prompts_and_secrets(server: Server, client: Stubs) -> None:
    list(client.chat.Chat(chat_request("zyzzyva-canary-string")))
    client.vector.ListVectors(vector_pb2.ListVectorsRequest())
    text = server.log.read_text()
    assert "zyzzyva" not in text
    assert server.token.rsplit("_", 1)[1] not in text
    calls = [line for line in server.log_lines() if line["event"] == "call"]
    last = [line for line in calls if line["method"] == "ChatService/Chat"][-1]
    assert (last["code"], last["role"]) == ("OK", "admin")
    assert last["actor"].startswith("tokens/")
    assert b"zyzzyva-canary-string" not in (server.data_dir / "trimtab.db").read_bytes()


def test_a_second_server_on_the_same_directory_says_so_and_ends(server: Server) -> None:
    settings = json.dumps({"data_dir": str(server.data_dir)})
    second = subprocess.run(
        [sys.executable, "-c", START, settings], capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert "used by another server" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_than_loopback_is_refused_without_tls(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValidationError, match="without TLS"):
        ServeSettings(data_dir=tmp_path, host=host)


@pytest.mark.parametrize("token", ["x", "!!!", "MS4y.MS4y"])
def test_page_tokens_of_somebody_else_are_refused(client: Stubs, token: str) -> None:
    for call in (
        lambda: client.snapshot.ListSnapshots(snapshot_pb2.ListSnapshotsRequest(page_token=token)),
        lambda: client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(page_token=token)),
        lambda: client.monitor.ListCanaryRuns(monitor_pb2.ListCanaryRunsRequest(page_token=token)),
    ):
        failure = refused(call)
        assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("page_token",))


def test_too_long_a_request_id_is_refused(client: Stubs) -> None:
    request = snapshot_pb2.CreateSnapshotRequest(request_id="x" * 201)
    assert refused(lambda: client.snapshot.CreateSnapshot(request)).fields == ("request_id",)


def test_models_and_stages_are_listed(client: Stubs) -> None:
    (model,) = client.model.ListModels(model_pb2.ListModelsRequest()).models
    assert client.model.GetModel(model_pb2.GetModelRequest(name=model.name)) == model
    assert model.hidden_size > 0
    assert {preset.language for preset in model.prompt_presets} == {"en", "ja"}
    assert model.question_presets
    stages = client.model.ListStages(model_pb2.ListStagesRequest(parent=model.name)).stages
    assert [stage.index for stage in stages] == list(range(len(stages)))
    loaded = [stage for stage in stages if stage.name == model.default_stage]
    assert loaded[0].state == model_pb2.STAGE_STATE_LOADED
    assert len(loaded[0].residual_norms) == model.layer_count
    failure = refused(lambda: client.model.GetModel(model_pb2.GetModelRequest(name="models/other")))
    assert (failure.code, failure.reason) == ("NOT_FOUND", "MODEL_NOT_FOUND")


def test_a_stage_is_loaded_with_its_phases_and_then_serves(client: Stubs) -> None:
    # Other tests of this server may have loaded any of them.
    stages = client.model.ListStages(model_pb2.ListStagesRequest(parent="models/trimtab-organism")).stages
    name = next(stage.name for stage in stages if stage.state == model_pb2.STAGE_STATE_AVAILABLE)
    answers = list(client.model.LoadStage(model_pb2.LoadStageRequest(name=name)))
    assert len(answers) > 1
    assert answers[-1].stage.state == model_pb2.STAGE_STATE_LOADED
    source = chat_pb2.SteeringSource(unsteered_stage=name)
    events = list(client.chat.Chat(chat_request(source=source)))
    assert events[-1].finished.steering.stage == name
    failure = refused(
        lambda: client.model.LoadStage(model_pb2.LoadStageRequest(name="models/trimtab-organism/stages/none"))
    )
    assert (failure.code, failure.reason) == ("NOT_FOUND", "STAGE_NOT_FOUND")
