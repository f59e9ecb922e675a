"""The command line, run in this process against a real server process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# While PySide6, which a plugin of pytest loads, has its import hook in place, pydantic cannot load itself on demand.
import pydantic.types  # noqa: F401
import pytest
from trimtab_server.cli.main import app
from typer.testing import CliRunner


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON object that it must be."""
        assert self.out.count("\n") == 1, f"more than one line on standard output:\n{self.out}"
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


@dataclass(frozen=True)
class CommandLine:
    """`trimtab` with some global options already given."""

    options: tuple[str, ...] = ()
    environ: dict[str, str | None] = field(default_factory=dict)

    def __call__(self, *arguments: object, stdin: str | None = None) -> Ran:
        """Run it; an exception that the command line lets through fails the test."""
        words = [*self.options, *map(str, arguments)]
        result = CliRunner().invoke(app, words, input=stdin, env=self.environ, catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: object) -> Any:
        """Run it with --json; it must succeed."""
        ran = self(*arguments, "--json")
        assert ran.exit_code == 0, ran.err
        return ran.json


NO_ENVIRONMENT: dict[str, str | None] = {
    "TRIMTAB_TARGET": None,
    "TRIMTAB_TOKEN": None,
    "TRIMTAB_DATA_DIR": None,
}


@pytest.fixture
def nowhere(tmp_path: Path) -> CommandLine:
    """With a data directory that no server ever used."""
    return CommandLine(("--data-dir", str(tmp_path / "data")), NO_ENVIRONMENT)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a running server on the embedded model, found by its files alone."""
    directory = tmp_path_factory.mktemp("cli") / "data"
    log_file = directory.parent / "server.log"
    with log_file.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "trimtab_server.cli.main", "--data-dir", str(directory), "serve"],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "2"},
        )
    assert server.stdout is not None
    line = server.stdout.readline().decode()
    try:
        assert line.startswith("listening on 127.0.0.1:"), log_file.read_text()[-3000:]
        yield directory
    finally:
        server.terminate()
        status = server.wait(60)
        server.stdout.close()
    assert status == 0, "the server must drain and exit 0 on SIGTERM"


@pytest.fixture(scope="session")
def trimtab(data_dir: Path) -> CommandLine:
    return CommandLine(("--data-dir", str(data_dir)), NO_ENVIRONMENT)
