"""The data directory and its lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from trimtab_server.store.data_directory import DataDirectory, DataDirectoryInUse


def test_a_second_server_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path / "data")
    with pytest.raises(DataDirectoryInUse, match=r"another server \(process \d+\)"):
        DataDirectory(tmp_path / "data")
    first.release()
    DataDirectory(tmp_path / "data").release()


def test_a_killed_server_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path;"
        "from trimtab_server.store.data_directory import DataDirectory;"
        "DataDirectory(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)]).returncode == -9
    DataDirectory(tmp_path).release()


def test_the_token_is_for_its_owner_alone_and_the_address_goes_with_the_server(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.write_token("trimtab_a_b")
    directory.write_address("127.0.0.1:1")
    assert directory.token.stat().st_mode & 0o777 == 0o600
    assert directory.root.stat().st_mode & 0o777 == 0o700
    directory.release()
    assert directory.token.read_text() == "trimtab_a_b\n"
    assert not (directory.root / "address").exists()
