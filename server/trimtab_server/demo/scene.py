"""Where the demo plays: a real server process on the embedded model, with a data directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trimtab_client.discovery import DATA_DIR_VARIABLE

from trimtab_server.cli.failure import CommandFailed

_STOP_SECONDS: Final = 30.0
_LOG_LINES: Final = 12


@dataclass(frozen=True)
class Address:
    """A running server and where its token lies."""

    target: str
    token_file: Path

    @property
    def token(self) -> str:
        return self.token_file.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Scene:
    """The demo's directory. It is kept, so that a second start finds everything in place."""

    directory: Path
    fresh: bool = False

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def log_file(self) -> Path:
        return self.directory / "server.log"

    @contextmanager
    def server(self, *options: str) -> Iterator[Address]:
        """Run `trimtab serve` on a free port; it is stopped, with its replies drained, at the end."""
        if self.fresh and self.data_dir.exists():
            shutil.rmtree(self.data_dir)
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "trimtab_server.cli.main", "--data-dir", str(self.data_dir)]
        with self.log_file.open("wb") as log:
            process = subprocess.Popen(
                [*command, "serve", "--port", "0", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                # The window's Ctrl-C is not the server's: it is stopped below, in order.
                start_new_session=True,
            )
        try:
            yield Address(self._wait_ready(process), self.data_dir / "token")
        finally:
            _stop(process)

    def child_environment(self) -> dict[str, str]:
        """For processes that should find this server and nothing else."""
        kept = {k: v for k, v in os.environ.items() if k not in ("TRIMTAB_TARGET", "TRIMTAB_TOKEN")}
        return {**kept, DATA_DIR_VARIABLE: str(self.data_dir)}

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if line.startswith("listening on "):
            return line.removeprefix("listening on ").strip()
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        raise CommandFailed(
            "SERVER_NOT_STARTED",
            f"the server did not start; the end of {self.log_file}: {' | '.join(lines[-_LOG_LINES:])}",
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
