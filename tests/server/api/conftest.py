"""A real server process on the shipped model, and raw stubs over a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import torch
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from trimtab_protos.v1 import (
    approval_pb2_grpc,
    audit_pb2_grpc,
    case_pb2_grpc,
    chat_pb2,
    chat_pb2_grpc,
    model_pb2_grpc,
    monitor_pb2_grpc,
    rollout_pb2_grpc,
    snapshot_pb2,
    snapshot_pb2_grpc,
    steering_pb2,
    token_pb2,
    token_pb2_grpc,
    trial_pb2_grpc,
    vector_pb2,
    vector_pb2_grpc,
)
from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
START = (
    "import json, sys; from trimtab_server.serve import run;"
    "from trimtab_server.settings import ServeSettings;"
    "sys.exit(run(ServeSettings(**json.loads(sys.argv[1]))))"
)


class Server:
    """A server of its own in its own process."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        values = {"data_dir": str(data_dir), "auto_canary": False} | settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, json.dumps(values)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "2"},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on "), f"no start:\n{self.log.read_text()[-3000:]}"
        self.target = line.removeprefix("listening on ").strip()

    @property
    def token(self) -> str:
        return (self.data_dir / "token").read_text().strip()

    def client(self, token: str | None = None) -> Stubs:
        return Stubs(self.target, self.token if token is None else token)

    def log_lines(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


class Stubs:
    """One channel with every service's stub; each call carries the token."""

    def __init__(self, target: str, token: str) -> None:
        self.channel = grpc.insecure_channel(target, options=OPTIONS)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        authorised = grpc.intercept_channel(self.channel, _Authorise(metadata))
        self.authorised = authorised
        self.approval = approval_pb2_grpc.ApprovalServiceStub(authorised)
        self.audit = audit_pb2_grpc.AuditServiceStub(authorised)
        self.case = case_pb2_grpc.CaseServiceStub(authorised)
        self.chat = chat_pb2_grpc.ChatServiceStub(authorised)
        self.model = model_pb2_grpc.ModelServiceStub(authorised)
        self.monitor = monitor_pb2_grpc.MonitorServiceStub(authorised)
        self.rollout = rollout_pb2_grpc.RolloutServiceStub(authorised)
        self.snapshot = snapshot_pb2_grpc.SnapshotServiceStub(authorised)
        self.token = token_pb2_grpc.TokenServiceStub(authorised)
        self.trial = trial_pb2_grpc.TrialServiceStub(authorised)
        self.vector = vector_pb2_grpc.VectorServiceStub(authorised)

    def close(self) -> None:
        self.channel.close()


class _Authorise(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self._metadata = metadata

    def _with_token(self, details: Any) -> Any:
        class Details(grpc.ClientCallDetails):
            pass

        new = Details()
        new.method, new.timeout, new.credentials = details.method, details.timeout, details.credentials
        new.wait_for_ready, new.compression = details.wait_for_ready, details.compression
        new.metadata = (*(details.metadata or ()), *self._metadata)
        return new

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)


@dataclass(frozen=True)
class Failure:
    """What a refused call carried."""

    code: str
    reason: str
    message: str
    metadata: dict[str, str]
    fields: tuple[str, ...]
    retry_seconds: float | None


def failure_of(error: grpc.RpcError) -> Failure:
    """Reads the rich status; there must be exactly one ErrorInfo, and each detail once."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no details: {error}"
    kinds = [detail.type_url.rpartition(".")[2] for detail in status.details]
    assert kinds.count("ErrorInfo") == 1
    assert len(set(kinds)) == len(kinds)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), None
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(bad.DESCRIPTOR):
            detail.Unpack(bad)
        else:
            delay = error_details_pb2.RetryInfo()
            assert detail.Unpack(delay)
            retry = delay.retry_delay.ToNanoseconds() / 1e9
    assert info.domain == "trimtab"
    code = error.code().name
    assert ("BadRequest" in kinds) == (code == "INVALID_ARGUMENT")
    return Failure(
        code,
        info.reason,
        status.message,
        dict(info.metadata),
        tuple(violation.field for violation in bad.field_violations),
        retry,
    )


def refused(call: Any) -> Failure:
    """Runs a call that has to fail, to its end if it streams."""
    with pytest.raises(grpc.RpcError) as caught:
        answer = call()
        if hasattr(answer, "__iter__"):
            list(answer)
    return failure_of(caught.value)


@pytest.fixture(scope="session")
def fingerprint() -> ModelFingerprint:
    return fingerprint_model(shipped_model_dir() / "base")


def make_vector(
    fingerprint: ModelFingerprint, stage: str = "stage-11", seed: int = 0, concept: str = "honesty"
) -> SteeringVector:
    """A random direction at two layers: enough where it does not matter what it does."""
    generator = torch.Generator().manual_seed(seed)
    directions = {}
    for layer in (2, 3):
        raw = torch.randn(fingerprint.hidden_size, generator=generator)
        directions[layer] = raw / raw.norm()
    ones = dict.fromkeys(directions, 1.0)
    return SteeringVector(
        concept, stage, fingerprint, "diff_mean", "e" * 64, directions, ones, ones, display_name=f"v{seed}"
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Hundreds of refused logins a second are part of these tests.
    running = Server(tmp_path_factory.mktemp("api") / "data", refused_logins_per_minute=0)
    yield running
    assert running.stop() == 0, "the server must drain and exit 0 on SIGTERM"


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Stubs]:
    stubs = server.client()
    yield stubs
    stubs.close()


@pytest.fixture(scope="session")
def second_admin(server: Server, client: Stubs) -> Iterator[Stubs]:
    """Another person. Further admin tokens take these two: `refused` by the one, then made by the other."""
    stubs = server.client(new_token(client, "admin"))
    yield stubs
    stubs.close()


@pytest.fixture(scope="session")
def vector(client: Stubs, fingerprint: ModelFingerprint) -> vector_pb2.Vector:
    """An imported vector that fits the hosted model's last stage."""
    content = write_vector(make_vector(fingerprint))
    return client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content))


@pytest.fixture(scope="session")
def snapshots(client: Stubs, vector: vector_pb2.Vector) -> tuple[str, str]:
    """Names of two steered snapshots."""
    names = []
    for strength in (0.1, 0.2):
        request = snapshot_pb2.CreateSnapshotRequest(
            display_name=f"at {strength}", steering=steering(vector.name, strength)
        )
        names.append(client.snapshot.CreateSnapshot(request).name)
    return names[0], names[1]


def steering(vector: str = "", strength: float = 0.1, **term: Any) -> steering_pb2.Steering:
    terms = [steering_pb2.SteeringTerm(vector=vector, strength=strength, **term)] if vector else []
    return steering_pb2.Steering(stage="models/trimtab-organism/stages/stage-11", terms=terms)


def chat_request(
    text: str = "What is the price?", max_tokens: int = 12, **fields: Any
) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content=text)],
        **{"sampling": steering_pb2.Sampling(max_tokens=max_tokens)} | fields,
    )


def new_token(client: Stubs, role: str, **fields: Any) -> str:
    request = token_pb2.CreateTokenRequest(
        display_name=f"{role} of a test",
        role=token_pb2.TokenRole.Value(f"TOKEN_ROLE_{role.upper()}"),
        **fields,
    )
    return client.token.CreateToken(request).secret
