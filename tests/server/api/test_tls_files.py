"""Certificates and principals read from files, and read again when they change."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import Authority, Pair
from pydantic import ValidationError
from trimtab_server.api.principals import Principals, PrincipalsFileError, identities_of
from trimtab_server.api.roles import Role
from trimtab_server.api.tls import Certificates, CertificateUnusable, TlsFiles, restart_with_tls_1_3_only
from trimtab_server.settings import ServeSettings


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("server")


def test_what_does_not_fit_together_is_refused_at_the_start(authority: Authority, pair: Pair) -> None:
    other = authority.issue("other")
    Certificates(TlsFiles(pair.certificate, pair.key, authority.certificate))
    with pytest.raises(CertificateUnusable, match="are not a PEM certificate and its"):
        Certificates(TlsFiles(pair.certificate, other.key))
    with pytest.raises(CertificateUnusable, match="holds no PEM certificate"):
        Certificates(TlsFiles(pair.certificate, pair.key, pair.key))
    with pytest.raises(CertificateUnusable, match="cannot read"):
        Certificates(TlsFiles(pair.certificate, Path("/nowhere/key.pem")))


def test_an_encrypted_key_is_refused_instead_of_asked_about(pair: Pair, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", pair.key, "-out", locked, "-passout", "pass:x"], check=True
    )
    with pytest.raises(CertificateUnusable, match="unencrypted"):
        Certificates(TlsFiles(pair.certificate, locked))


def test_a_renewal_is_taken_once_and_a_broken_one_not_at_all(
    authority: Authority, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(TlsFiles(pair.certificate, pair.key))
    assert certificates.renewed() is None
    pair.overwrite(authority.issue("renewed"))
    assert certificates.renewed() is not None
    assert certificates.renewed() is None
    with caplog.at_level(logging.ERROR, "trimtab.tls"):
        pair.key.write_bytes(authority.issue("half").key.read_bytes())
        assert certificates.renewed() is None
        assert certificates.renewed() is None
    assert [record.getMessage() for record in caplog.records] == ["certificate_not_renewed"]
    pair.overwrite(authority.issue("whole"))
    assert certificates.renewed() is not None


def test_a_certificate_that_vanishes_leaves_the_old_one_in_use(pair: Pair) -> None:
    certificates = Certificates(TlsFiles(pair.certificate, pair.key))
    pair.certificate.unlink()
    assert certificates.renewed() is None


def test_an_operators_own_choice_of_ciphers_stays() -> None:
    starts: list[list[str]] = []
    chosen = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-ECDSA-AES256-GCM-SHA384"}
    restart_with_tls_1_3_only(chosen, lambda _, words: starts.append(words))
    assert chosen == {"GRPC_SSL_CIPHER_SUITES": "ECDHE-ECDSA-AES256-GCM-SHA384"}
    assert not starts
    ours: dict[str, str] = {}
    for _ in range(2):
        restart_with_tls_1_3_only(ours, lambda _, words: starts.append(words))
    assert set(ours) == {"GRPC_SSL_CIPHER_SUITES"}
    assert starts == [[sys.executable, *sys.orig_argv[1:]]], "once, not for ever"


PRINCIPALS = """
[[principal]]
name = "bo"
role = "operator"
san = ["dns:bo.example", "uri:spiffe://example/bo"]
requests_per_minute = 60

[[principal]]
name = "audit-host"
role = "auditor"
san = ["ip:192.0.2.1"]
"""


def test_a_certificates_names_lead_to_one_principal_or_to_none(tmp_path: Path) -> None:
    file = tmp_path / "principals.toml"
    file.write_text(PRINCIPALS)
    principals = Principals(file)
    bo = principals.find(("dns:unknown.example", "uri:spiffe://example/bo", "dns:bo.example"))
    assert bo is not None
    assert (bo.name, bo.role, bo.requests_per_minute) == ("bo", Role.OPERATOR, 60)
    assert principals.find(("dns:eve.example",)) is None
    assert principals.find(("dns:bo.example", "ip:192.0.2.1")) is None, "two principals: nobody's"
    assert principals.find(("uri:bo.example",)) is None, "the kind of a name is part of it"
    assert principals.holds("bo", Role.OPERATOR)
    assert not principals.holds("bo", Role.ADMIN)


def test_the_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "principals.toml"
    file.write_text(PRINCIPALS)
    principals = Principals(file)
    file.write_text("[[principal")
    principals.reload()
    assert principals.find(("dns:bo.example",)) is not None
    file.write_text(PRINCIPALS.replace("bo.example", "bob.example"))
    principals.reload()
    assert principals.find(("dns:bo.example",)) is None
    file.unlink()
    principals.reload()
    assert principals.find(("dns:bob.example",)) is not None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('role = "auditor"', 'role = "root"'), "role"),
        (("ip:192.0.2.1", "dns:bo.example"), "appears twice"),
        (("audit-host", "bo"), "appears twice"),
        (("dns:bo.example", "bo.example"), "must begin with"),
        (('name = "bo"', 'nom = "bo"'), "name: Field required"),
        (('name = "bo"', 'name = "../bo"'), "name"),
        (("requests_per_minute = 60", "requests_per_minute = -1"), "requests_per_minute"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, change: tuple[str, str], fault: str
) -> None:
    file = tmp_path / "principals.toml"
    file.write_text(PRINCIPALS.replace(*change))
    with pytest.raises(PrincipalsFileError, match=fault):
        Principals(file)


def test_names_are_those_of_the_verified_certificate_with_their_kind() -> None:
    context = {
        "transport_security_type": [b"ssl"],
        "x509_common_name": [b"admin"],
        "peer_dns": [b"bo.example"],
        "peer_uri": [b"spiffe://example/bo"],
        "peer_ip": [b"127.0.0.1"],
    }
    assert identities_of(context) == ("dns:bo.example", "uri:spiffe://example/bo", "ip:127.0.0.1")
    assert identities_of({}) == ()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"host": "0.0.0.0"}, "without TLS"),
        ({"tls_cert": "c.pem"}, "belong together"),
        ({"tls_key": "k.pem"}, "belong together"),
        ({"tls_client_ca": "ca.pem"}, "needs --tls-cert"),
        ({"tls_cert": "c", "tls_key": "k", "principals": "p.toml"}, "needs --tls-client-ca"),
        ({"token_refresh_seconds": 6}, "less than or equal to 5"),
    ],
)
def test_settings_that_would_leave_a_gap_are_refused(
    tmp_path: Path, values: dict[str, object], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        ServeSettings.model_validate({"data_dir": tmp_path} | values)


def test_with_tls_any_address_may_be_listened_on_and_local_clients_are_told_how_to_call(
    tmp_path: Path,
) -> None:
    tls = {"data_dir": tmp_path, "tls_cert": "c.pem", "tls_key": "k.pem"}
    everywhere = ServeSettings.model_validate(tls | {"host": "0.0.0.0"})
    assert not everywhere.loopback
    assert everywhere.local_address("0.0.0.0:7460") == "localhost:7460"
    one = ServeSettings.model_validate(tls | {"host": "192.0.2.1"})
    assert one.local_address("192.0.2.1:7460") == "192.0.2.1:7460"
