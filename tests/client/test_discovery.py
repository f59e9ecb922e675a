"""Which server is meant and which token is shown to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trimtab_client import TrimtabError, discover, find_data_dir


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
