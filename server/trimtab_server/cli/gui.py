"""`trimtab gui`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

import typer
from trimtab_client import TlsFiles, TrimtabError
from trimtab_client.discovery import (
    DATA_DIR_VARIABLE,
    PLAINTEXT_VARIABLE,
    TLS_CA_VARIABLE,
    TLS_CERT_VARIABLE,
    TLS_KEY_VARIABLE,
)

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session, session


def gui(context: typer.Context) -> None:
    """Open the desktop client; further options go to `trimtab-gui`.

    Example: trimtab --target 127.0.0.1:7460 gui --language ja
    """
    found = session(context)
    raise typer.Exit(subprocess.run(command(found, context.args), env=environment(found)).returncode)


def command(found: Session, arguments: Sequence[str]) -> list[str]:
    """The desktop client's command line. It is a process of its own: Qt and torch never meet."""
    if importlib.util.find_spec("PySide6") is None:
        raise CommandFailed("EXTRA_MISSING", "the desktop client needs PySide6: pip install 'trimtab[gui]'")
    options: list[str] = []
    try:
        options += ["--target", found.connection().target]
    except TrimtabError as error:
        # No server yet: the client's own connection page asks for one.
        if error.reason != "TARGET_UNKNOWN":
            raise
    if found.token_file is not None:
        options += ["--token-file", str(found.token_file)]
    return [sys.executable, "-m", "trimtab_gui", *options, *arguments]


def environment(found: Session) -> dict[str, str]:
    """The child finds the same data directory, and reaches the server the same way."""
    files = found.tls or TlsFiles()
    given = {
        TLS_CA_VARIABLE: files.authority,
        TLS_CERT_VARIABLE: files.certificate,
        TLS_KEY_VARIABLE: files.key,
        PLAINTEXT_VARIABLE: "yes" if found.plaintext else None,
    }
    chosen = {name: str(value) for name, value in given.items() if value is not None}
    return {**os.environ, DATA_DIR_VARIABLE: str(found.data_dir), **chosen}
