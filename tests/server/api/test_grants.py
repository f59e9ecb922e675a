"""Who may call what: default deny, over the descriptors and over the socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    report_pb2,
    rollout_pb2,
    snapshot_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)
from trimtab_server.api.roles import GRANTS, Role, authorise
from trimtab_server.store.refusal import Refusal

from .conftest import Server, Stubs, failure_of, new_token, refused

FILES = (
    approval_pb2,
    audit_pb2,
    case_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    report_pb2,
    rollout_pb2,
    snapshot_pb2,
    token_pb2,
    trial_pb2,
    vector_pb2,
)


def methods() -> Iterator[MethodDescriptor]:
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


NAMES = [f"{method.containing_service.name}/{method.name}" for method in methods()]


def test_every_method_of_the_descriptors_has_an_entry_and_no_other_has() -> None:
    assert sorted(GRANTS) == sorted(NAMES)


def test_a_method_without_an_entry_is_denied_to_everybody() -> None:
    for role in Role:
        with pytest.raises(Refusal) as denied:
            authorise(role, "SnapshotService/DropEverything")
        assert denied.value.reason == "ROLE_NOT_ALLOWED"


def test_no_role_but_admin_makes_tokens_and_inference_only_generates() -> None:
    others = {name for name in NAMES if "Token" in name and GRANTS[name] != {Role.ADMIN}}
    assert others == {"TokenService/RotateToken"}, "one's own"
    changing = {name for name in NAMES if Role.INFERENCE in GRANTS[name] and name.split("/")[1][:3] != "Get"}
    assert changing == {"ChatService/Chat", "ChatService/Compare", "TokenService/RotateToken"} | {
        "ModelService/ListModels",
        "ModelService/ListStages",
    }


def call_raw(stubs: Stubs, method: MethodDescriptor, raw: bytes) -> str:
    """The reason a method answers these bytes with; "" if it does not refuse them."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.server_streaming:
            stream = stubs.authorised.unary_stream(path)(raw, timeout=20)
            next(iter(stream))
            stream.cancel()
        else:
            stubs.authorised.unary_unary(path)(raw, timeout=20)
    except grpc.RpcError as error:
        return failure_of(error).reason
    return ""


def test_every_method_every_role_and_every_kind_of_token_over_the_socket(
    server: Server, client: Stubs, second_admin: Stubs
) -> None:
    """Undecodable bytes tell the two apart: who may call gets that far, who may not is refused before."""
    end = Timestamp()
    end.FromNanoseconds(time.time_ns() + 2_000_000_000)

    def make(role: Role, **fields: Any) -> str:
        if role is not Role.ADMIN:
            return new_token(client, role.value, **fields)
        # A third admin token takes two.
        fields["reason"] = "for the table of roles"
        assert refused(lambda: new_token(client, role.value, **fields)).reason == "SECOND_PERSON_NEEDED"
        return new_token(second_admin, role.value, **fields)

    expected: list[tuple[str, Role, str]] = []
    for role in Role:
        valid, expired, revoked = make(role), make(role, expire_time=end), make(role)
        name = f"tokens/{revoked.split('_')[1]}"
        client.token.RevokeToken(token_pb2.RevokeTokenRequest(name=name))
        wrong = valid[:-1] + ("a" if valid[-1] != "a" else "b")
        expected += [(valid, role, ""), (expired, role, "TOKEN_EXPIRED"), (revoked, role, "TOKEN_REVOKED")]
        expected += [(wrong, role, "TOKEN_INVALID")]
    expected.append(("", Role.VIEWER, "TOKEN_MISSING"))
    time.sleep(max(0.0, end.ToNanoseconds() / 1e9 - time.time()) + 0.1)
    seen = 0
    for secret, role, reason in expected:
        stubs = server.client(secret)
        for method, name in zip(methods(), NAMES, strict=True):
            allowed = "REQUEST_UNDECODABLE" if role in GRANTS[name] else "ROLE_NOT_ALLOWED"
            assert call_raw(stubs, method, b"\xff\xff\xff") == (reason or allowed), (role, name)
            seen += 1
        stubs.close()
    assert seen == len(NAMES) * (len(Role) * 4 + 1)


@pytest.mark.parametrize("token", ["x", "trimtab_000000000000_x", "trimtab__"])
def test_unknown_tokens_are_refused(server: Server, token: str) -> None:
    stubs = server.client(token)
    assert call_raw(stubs, next(methods()), b"") == "TOKEN_INVALID"
    stubs.close()


def test_a_wrong_secret_of_a_known_token_is_refused(server: Server) -> None:
    stubs = server.client(server.token[:-1] + ("a" if server.token[-1] != "a" else "b"))
    failure = refused(lambda: stubs.model.GetServerInfo(model_pb2.GetServerInfoRequest()))
    assert (failure.code, failure.reason) == ("UNAUTHENTICATED", "TOKEN_INVALID")
    stubs.close()


def test_a_revoked_token_stops_at_once_and_an_expired_one_in_time(server: Server, client: Stubs) -> None:
    def info(stubs: Stubs) -> Any:
        return stubs.model.GetServerInfo(model_pb2.GetServerInfoRequest())

    revoked = server.client(new_token(client, "viewer"))
    name = info(revoked).actor
    client.token.RevokeToken(token_pb2.RevokeTokenRequest(name=name))
    assert refused(lambda: info(revoked)).reason == "TOKEN_REVOKED"

    end = Timestamp()
    end.FromNanoseconds(time.time_ns() + 400_000_000)
    short = server.client(new_token(client, "viewer", expire_time=end))
    assert info(short).role == "viewer"
    time.sleep(0.5)
    assert refused(lambda: info(short)).reason == "TOKEN_EXPIRED"
    revoked.close()
    short.close()


def test_a_retried_token_request_makes_one_token_and_says_the_secret_is_gone(client: Stubs) -> None:
    request = token_pb2.CreateTokenRequest(
        request_id="token-1", display_name="once", role=token_pb2.TOKEN_ROLE_VIEWER
    )
    first = client.token.CreateToken(request)
    again = refused(lambda: client.token.CreateToken(request))
    assert again.reason == "SECRET_ALREADY_SENT"
    assert again.metadata["token"] == first.token.name
    listed = client.token.ListTokens(token_pb2.ListTokensRequest()).tokens
    assert [token.name for token in listed].count(first.token.name) == 1
    assert first.secret not in str(listed)
