"""TLS and mTLS between a real server and real clients, with real certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from certificates import Authority, Pair
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from server_process import ServerProcess
from trimtab_client import Client, RetryPolicy, TlsFiles, TokenRole, TrimtabError, channel_credentials

ONCE = RetryPolicy(attempts=1)
#: What a client sees of a handshake that one side refused.
NO_CONNECTION = {"TLS_FAILED", "SERVER_UNREACHABLE", "CONNECTION_LOST"}


class Place:
    """A server, its authority, and its certificate."""

    def __init__(self, directory: Path, mutual: bool) -> None:
        self.directory = directory
        self.authority = Authority(directory / "ca")
        self.stranger = Authority(directory / "other-ca", "Somebody else")
        self.served = self.authority.issue("server")
        self.good = self.authority.issue("spare")
        options = ["--no-auto-canary", "--tls-cert", str(self.served.certificate)]
        options += ["--tls-key", str(self.served.key)]
        self.principals = directory / "principals.toml"
        if mutual:
            self.principals.write_text(
                '[[principal]]\nname = "bo"\nrole = "operator"\nsan = ["dns:bo.example"]\n'
            )
            options += ["--tls-client-ca", str(self.authority.certificate), "--host", "0.0.0.0"]
            options += ["--principals", str(self.principals)]
        self.server = ServerProcess(directory / "data", *options)
        self.port = int(self.server.target.rpartition(":")[2])
        # Not "localhost": where that is two addresses, gRPC tells the error of either.
        self.target = f"127.0.0.1:{self.port}"

    def client(
        self, token: str = "", own: Pair | None = None, authority: Authority | None = None, target: str = ""
    ) -> Client:
        files = TlsFiles(
            (authority or self.authority).certificate,
            None if own is None else own.certificate,
            None if own is None else own.key,
        )
        return Client(target or self.target, token, credentials=channel_credentials(files), retries=ONCE)

    def refusal(self, client: Client) -> TrimtabError:
        with client, pytest.raises(TrimtabError) as caught:
            client.server_info()
        return caught.value


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("tls"), mutual=False)
    yield place
    assert place.server.stop() == 0


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("mtls"), mutual=True)
    yield place
    assert place.server.stop() == 0


@pytest.fixture
def bo(mutual: Place) -> Pair:
    return mutual.authority.issue("bo", dns=("bo.example",), ips=())


def shown_certificate(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port)).strip()


def test_a_client_that_trusts_the_authority_is_served_and_still_needs_a_token(tls: Place) -> None:
    with tls.client(tls.server.token) as client:
        assert client.server_info().role == TokenRole.ADMIN
    assert tls.refusal(tls.client()).reason == "TOKEN_MISSING"


def test_a_client_that_trusts_another_authority_sends_nothing(tls: Place) -> None:
    refused = tls.refusal(tls.client(tls.server.token, authority=tls.stranger))
    assert refused.reason == "TLS_FAILED"
    assert "--tls-ca" in refused.message


def test_a_certificate_for_another_name_is_not_trusted(tls: Place) -> None:
    # "127.0.0.2" reaches the same loopback interface only where the server listens there, so the name is
    # changed instead: the client asks for a host that the certificate does not have.
    credentials = grpc.ssl_channel_credentials(tls.authority.certificate.read_bytes())
    options = (("grpc.ssl_target_name_override", "elsewhere.example"),)
    with grpc.secure_channel(tls.target, credentials, options=options) as channel:
        call = channel.unary_unary("/trimtab.v1.ModelService/GetServerInfo")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_plain_text_is_not_answered(tls: Place) -> None:
    with Client(tls.target, tls.server.token, retries=ONCE) as client, pytest.raises(TrimtabError) as caught:
        client.server_info()
    assert caught.value.code == "UNAVAILABLE"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nothing_older_than_tls_1_3_is_spoken(tls: Place, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=tls.authority.certificate)
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version

    def shake_hands() -> str | None:
        with (
            socket.create_connection(("127.0.0.1", tls.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            return secure.version()

    if version is ssl.TLSVersion.TLSv1_3:
        assert shake_hands() == "TLSv1.3"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shake_hands()


def test_a_renewed_certificate_is_shown_without_a_restart_and_breaks_no_connection(tls: Place) -> None:
    with tls.client(tls.server.token) as before:
        watch = before.watch_active()
        next(watch)
        for number in range(3):
            renewed = tls.authority.issue(f"renewed-{number}")
            tls.served.overwrite(renewed)
            assert shown_certificate(tls.port) == renewed.certificate.read_text().strip()
            with tls.client(tls.server.token) as after:
                assert after.server_info().role == TokenRole.ADMIN
        assert before.server_info().role == TokenRole.ADMIN
        watch.close()


def test_half_a_renewal_changes_nothing_and_an_expired_one_is_the_clients_to_refuse(tls: Place) -> None:
    tls.served.overwrite(tls.good)
    good = shown_certificate(tls.port)
    tls.served.certificate.write_bytes(tls.authority.issue("alone").certificate.read_bytes())
    assert shown_certificate(tls.port) == good
    with tls.client(tls.server.token) as client:
        assert client.server_info().role == TokenRole.ADMIN
    tls.served.overwrite(tls.authority.issue("expired", expired=True))
    refused = tls.refusal(tls.client(tls.server.token))
    assert refused.reason == "TLS_FAILED"
    tls.served.overwrite(tls.good)
    with tls.client(tls.server.token) as client:
        assert client.server_info().role == TokenRole.ADMIN
    log = tls.server.log.read_text()
    assert "certificate_not_renewed" in log
    assert tls.server.token.split("_", 2)[2] not in log


def test_the_command_line_reaches_it_with_an_authority_and_not_without(tls: Place) -> None:
    token = tls.directory / "admin-token"
    token.write_text(tls.server.token)

    def info(*options: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "trimtab_server.cli.main", "--target", tls.target]
        words += ["--token-file", str(token), *options, "token", "list", "--json"]
        return subprocess.run(words, capture_output=True, text=True, timeout=120)

    assert '"tokens"' in info("--tls-ca", str(tls.authority.certificate)).stdout
    wrong = info("--tls-ca", str(tls.stranger.certificate))
    assert wrong.returncode == 1
    assert "TLS_FAILED" in wrong.stderr
    missing = info("--tls-ca", str(tls.directory / "none.pem"))
    assert "TLS_FILE_UNREADABLE" in missing.stderr


def test_without_a_certificate_of_the_authority_nobody_gets_in(mutual: Place) -> None:
    strangers = mutual.stranger.issue("eve", dns=("bo.example",))
    expired = mutual.authority.issue("old", dns=("bo.example",), expired=True)
    for own in (None, strangers, expired):
        refused = mutual.refusal(mutual.client(mutual.server.token, own))
        assert refused.code == "UNAVAILABLE", own
        assert refused.reason in NO_CONNECTION


def test_a_certificate_stands_for_its_principal_and_role(mutual: Place, bo: Pair) -> None:
    with mutual.client(own=bo) as client:
        info = client.server_info()
        assert (info.actor, info.role) == ("principals/bo", TokenRole.OPERATOR)
        with pytest.raises(TrimtabError, match="ROLE_NOT_ALLOWED"):
            client.tokens()
        client.rollback(reason="tried over mTLS", unsteered=True)
        assert client.revisions(limit=1)[0].actor == "principals/bo"


def test_a_certificate_that_no_principal_has_opens_nothing(mutual: Place) -> None:
    # The common name is not looked at: only subject alternative names are.
    eve = mutual.authority.issue("eve", dns=("eve.example",), common_name="bo.example")
    refused = mutual.refusal(mutual.client(own=eve))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "CERTIFICATE_UNKNOWN")
    assert "dns:eve.example" in refused.message


def test_a_token_shown_over_mtls_decides_and_must_be_good(mutual: Place, bo: Pair) -> None:
    with mutual.client(mutual.server.token, bo) as client:
        assert client.server_info().role == TokenRole.ADMIN
    assert mutual.refusal(mutual.client("trimtab_0_x", bo)).reason == "TOKEN_INVALID"


def test_a_principal_taken_out_of_the_file_is_out_within_five_seconds_also_of_running_streams(
    mutual: Place,
) -> None:
    cy = mutual.authority.issue("cy", dns=("cy.example",), ips=())
    before = mutual.principals.read_text()
    mutual.principals.write_text(
        before + '[[principal]]\nname = "cy"\nrole = "viewer"\nsan = ["dns:cy.example"]\n'
    )

    def waited(wanted: str) -> float:
        begin = time.monotonic()
        while time.monotonic() - begin < 15:
            with mutual.client(own=cy) as client:
                try:
                    client.server_info()
                    found = ""
                except TrimtabError as error:
                    found = error.reason
            if found == wanted:
                return time.monotonic() - begin
            time.sleep(0.1)
        raise AssertionError(f"never {wanted or 'let in'}")

    assert waited("") < 10
    with mutual.client(own=cy) as client:
        events = client.watch_monitor()
        next(events)
        mutual.principals.write_text(before)
        with pytest.raises(TrimtabError, match="CERTIFICATE_UNKNOWN"):
            for _ in events:
                pass
    assert waited("CERTIFICATE_UNKNOWN") < 10


def test_reflection_tells_strangers_nothing(mutual: Place, tls: Place, bo: Pair) -> None:
    def services(place: Place, own: Pair | None) -> list[str]:
        credentials = channel_credentials(
            TlsFiles(
                place.authority.certificate,
                None if own is None else own.certificate,
                own.key if own else None,
            )
        )
        with grpc.secure_channel(place.target, credentials) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            request = reflection_pb2.ServerReflectionRequest(list_services="")
            (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=20)
            return [service.name for service in answer.list_services_response.service]

    assert "trimtab.v1.ChatService" in services(tls, None), "on loopback it is there"
    with pytest.raises(grpc.RpcError) as caught:
        services(mutual, bo)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
