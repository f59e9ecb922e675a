"""`trimtab doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import Client, RetryPolicy, TrimtabError

from trimtab_server.cli.failure import CheckFailed
from trimtab_server.cli.session import JsonFlag, Session, session

_QT_LIBRARIES = ("EGL", "GL", "xkbcommon", "fontconfig", "dbus-1")
_PACKAGES = ("grpcio", "protobuf", "torch", "transformers", "PySide6-Essentials")


@dataclass(frozen=True)
class Finding:
    """One check. A finding that is not `needed` is told, and fails nothing."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


def doctor(
    context: typer.Context,
    local: Annotated[bool, typer.Option("--local", help="Do not look for a server.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check this installation and the way to the server; exit code 1 if something needed is missing.

    Example: trimtab doctor --local
    """
    found = session(context, as_json)
    findings = [*_installation(), *_data_dir(found.data_dir), *([] if local else _server(found))]
    ok = all(finding.ok for finding in findings if finding.needed)
    if found.json:
        found.emit_json({"ok": ok, "checks": findings})
    else:
        for finding in findings:
            mark = "ok  " if finding.ok else "FAIL" if finding.needed else "--  "
            found.out.print(f"{mark} {finding.name}: {finding.found}", markup=False, soft_wrap=True)
            if not finding.ok and finding.advice:
                found.out.print(f"       {finding.advice}", markup=False, soft_wrap=True)
    if not ok:
        raise CheckFailed


def _installation() -> Iterator[Finding]:
    python = platform.python_version()
    yield Finding(
        "python",
        sys.version_info >= (3, 11),
        python,
        "Trimtab needs Python 3.11 or newer: python3.11 -m venv",
    )
    for name in _PACKAGES:
        yield _package(name)
    if importlib.util.find_spec("PySide6") is not None and sys.platform == "linux":
        missing = [f"lib{name}" for name in _QT_LIBRARIES if ctypes.util.find_library(name) is None]
        yield Finding(
            "Qt's system libraries",
            not missing,
            f"missing {', '.join(missing)}" if missing else "all there",
            "as root: apt-get install libegl1 libgl1 libxkbcommon0 libfontconfig1 libdbus-1-3",
            needed=False,
        )
        shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        yield Finding(
            "display", bool(shown), shown or "none", "`trimtab demo` runs in the terminal", needed=False
        )


def _package(name: str) -> Finding:
    needed = name in ("grpcio", "protobuf")
    extra = "gui" if name.startswith("PySide6") else "server"
    try:
        return Finding(name, True, version(name), needed=needed)
    except PackageNotFoundError:
        return Finding(name, False, "not installed", f"pip install 'trimtab[{extra}]'", needed)


def _data_dir(path: Path) -> Iterator[Finding]:
    if not path.exists():
        parent = next(p for p in path.absolute().parents if p.exists())
        writable = os.access(parent, os.W_OK | os.X_OK)
        yield Finding(
            "data directory",
            writable,
            f"{path}: will be made" if writable else f"{path}: cannot be made in {parent}",
            "choose another one with --data-dir or TRIMTAB_DATA_DIR",
        )
        return
    writable = path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK)
    yield Finding(
        "data directory",
        writable,
        f"{path}: {'readable and writable' if writable else 'not readable and writable by you'}",
        f"chown it to yourself, or choose another one with --data-dir: ls -ld {path}",
    )
    token = path / "token"
    if token.exists():
        mode = stat.S_IMODE(token.stat().st_mode)
        private = not mode & 0o077
        yield Finding(
            "token file", private, f"{token}: mode {mode:o}", f"others can read it: chmod 600 {token}"
        )


def _server(found: Session) -> Iterator[Finding]:
    try:
        connection = found.connection()
    except TrimtabError as error:
        yield Finding("server", False, error.message, "to check this machine alone: trimtab doctor --local")
        return
    with Client(
        connection.target,
        connection.token,
        credentials=connection.credentials(),
        retries=RetryPolicy(attempts=1),
    ) as client:
        try:
            info = client.server_info()
        except TrimtabError as error:
            refused = error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED")
            yield Finding("server", refused, f"{connection.target}: {_state(refused, error)}", error.message)
            if refused:
                yield Finding("token", False, error.message, "give the right one with --token-file")
            return
    mine = version("trimtab")
    yield Finding("server", True, f"{connection.target}: version {info.version} on {info.device}")
    yield Finding("token", True, f"{info.actor}, role {info.role}")
    yield Finding(
        "versions",
        info.version == mine,
        f"client {mine}, server {info.version}",
        "calls that only one side knows fail; install the same version on both",
        needed=False,
    )


def _state(refused: bool, error: TrimtabError) -> str:
    return "it answers" if refused else error.reason
