"""The real server process on the shipped model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a server with its data below `folder`; it has to end by itself when told to."""
    data = folder / "data"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trimtab_server.cli.main", "--data-dir", data, "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    if not line.startswith("listening on "):
        process.kill()
        process.wait()
        raise AssertionError((folder / "log").read_text()[-2000:])
    try:
        yield line.removeprefix("listening on ").strip(), (data / "token").read_text().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        process.stdout.close()
    assert code == 0
