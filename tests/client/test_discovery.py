"""Which server is meant and which token is shown to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trimtab_client import TlsFiles, TrimtabError, channel_credentials, discover, find_data_dir, tls_for


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "address").write_text("127.0.0.1:7001\n")
    (tmp_path / "token").write_text("admin\n")
    return tmp_path


def test_a_local_server_is_found_without_flags(data_dir: Path) -> None:
    found = discover(environ={"TRIMTAB_DATA_DIR": str(data_dir)})
    assert (found.target, found.token, found.data_dir) == ("127.0.0.1:7001", "admin", data_dir)


def test_flags_win_over_the_environment_and_that_over_the_data_directory(
    data_dir: Path, tmp_path: Path
) -> None:
    environ = {"TRIMTAB_TARGET": "localhost:7002", "TRIMTAB_TOKEN": "from-environment"}
    assert discover(data_dir=data_dir, environ=environ).target == "localhost:7002"
    assert discover(data_dir=data_dir, environ=environ).token == "from-environment"
    given = tmp_path / "given"
    given.write_text("from-file")
    found = discover("[::1]:7003", given, data_dir, environ)
    assert (found.target, found.token) == ("[::1]:7003", "from-file")


def test_the_local_admin_token_is_never_shown_to_another_machine(data_dir: Path) -> None:
    assert discover("gateway.example:443", data_dir=data_dir, environ={}).token == ""
    assert discover("127.0.0.1:7009", data_dir=data_dir, environ={}).token == "admin"


def test_another_machine_is_reached_over_tls_and_this_one_is_not_unless_files_are_given(
    data_dir: Path, tmp_path: Path
) -> None:
    far, near = "gateway.example:443", "127.0.0.1:7009"
    authority = TlsFiles(authority=tmp_path / "ca.pem")
    environ = {"TRIMTAB_TLS_CA": str(tmp_path / "ca.pem")}
    assert discover(far, data_dir=data_dir, environ={}).tls == TlsFiles()
    assert discover(near, data_dir=data_dir, environ={}).tls is None
    assert discover("unix:/run/trimtab.sock", data_dir=data_dir, environ={}).tls is None
    assert discover(near, data_dir=data_dir, environ=environ).tls == authority
    assert discover(near, data_dir=data_dir, environ={}, tls=authority).tls == authority
    given = TlsFiles(tmp_path / "other.pem", tmp_path / "me.pem", tmp_path / "me.key")
    assert discover(far, data_dir=data_dir, environ=environ, tls=given).tls == given
    assert tls_for(far, environ) == authority


def test_plain_text_to_another_machine_has_to_be_asked_for(data_dir: Path) -> None:
    far = "gateway.example:443"
    assert discover(far, data_dir=data_dir, environ={}, plaintext=True).tls is None
    assert discover(far, data_dir=data_dir, environ={"TRIMTAB_PLAINTEXT": "yes"}).tls is None
    assert discover(far, data_dir=data_dir, environ={"TRIMTAB_PLAINTEXT": ""}).tls is not None


def test_where_a_token_was_read_is_known_so_that_it_can_be_replaced(data_dir: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("from-file")
    assert discover(data_dir=data_dir, environ={}).token_file == data_dir / "token"
    assert discover(token_file=given, data_dir=data_dir, environ={}).token_file == given
    assert discover(data_dir=data_dir, environ={"TRIMTAB_TOKEN": "t"}).token_file is None
    assert discover("gateway.example:443", data_dir=data_dir, environ={}).token_file is None


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (TlsFiles(authority=Path("/nowhere/ca.pem")), "TLS_FILE_UNREADABLE"),
        (TlsFiles(certificate=Path("me.pem")), "TLS_FILES_INCOMPLETE"),
        (TlsFiles(key=Path("me.key")), "TLS_FILES_INCOMPLETE"),
    ],
)
def test_files_that_cannot_be_used_are_named(files: TlsFiles, reason: str) -> None:
    with pytest.raises(TrimtabError) as caught:
        channel_credentials(files)
    assert caught.value.reason == reason


def test_without_a_server_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrimtabError, match="trimtab serve") as caught:
        discover(data_dir=tmp_path, environ={})
    assert caught.value.reason == "TARGET_UNKNOWN"


@pytest.mark.parametrize("target", ["gateway", "gateway:", ":80", "host:99999", "host:x"])
def test_a_target_that_is_no_address_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(TrimtabError, match="HOST:PORT") as caught:
        discover(target, data_dir=tmp_path, environ={})
    assert caught.value.reason == "TARGET_INVALID"


def test_a_missing_token_file_is_an_error_not_an_empty_token(data_dir: Path) -> None:
    with pytest.raises(TrimtabError, match="nowhere") as caught:
        discover(token_file=data_dir / "nowhere", data_dir=data_dir, environ={})
    assert caught.value.reason == "TOKEN_FILE_UNREADABLE"


def test_the_data_directory_defaults_to_the_users_own() -> None:
    assert find_data_dir(environ={}).name == "trimtab"
