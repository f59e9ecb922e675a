"""`trimtab serve` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from trimtab_client import Client


class ServerProcess:
    """`trimtab serve` on a free port, with its data directory."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "trimtab_server.cli.main",
                    "--data-dir",
                    str(data_dir),
                    "serve",
                    "--port",
                    "0",
                    *options,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "2"},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on "):
            self.kill()
            raise AssertionError(
                f"the server did not start; its log ends with:\n{self.log.read_text()[-3000:]}"
            )
        self.target = line.removeprefix("listening on ").strip()

    @property
    def token(self) -> str:
        return (self.data_dir / "token").read_text().strip()

    def client(self, token: str | None = None) -> Client:
        return Client(self.target, self.token if token is None else token)

    def kill(self) -> None:
        """kill -9: no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        """SIGTERM: drains and ends."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status
