"""A real server process on the shipped model, and real clients over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server_process import ServerProcess
from trimtab_client import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("server") / "data")
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, "the server must drain and exit 0 on SIGTERM"


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with server.client() as connected:
        yield connected
