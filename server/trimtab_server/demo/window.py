"""The desktop client beside the demo's server: for the operator, or for a picture."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Final

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session
from trimtab_server.demo.scene import Address, Scene

_PICTURE_SECONDS: Final = 240.0


def open_window(scene: Scene, session: Session) -> int:
    """Start the server, open the client connected to it, and stop the server when the window is closed."""
    _need_qt()
    session.err.print("starting the server on the embedded model")
    with scene.server() as address:
        session.err.print(f"server at {address.target}; close the window to end the demo")
        return subprocess.run(_command(address), env=scene.child_environment()).returncode


def take_picture(scene: Scene, address: Address, path: Path, preset: str) -> None:
    """Have the real client, offscreen, ask a question in its lanes, and save what its window shows."""
    _need_qt()
    options = ["--screenshot", str(path.absolute()), "--quit-after-screenshot", "--preset", preset]
    environment = {**scene.child_environment(), "QT_QPA_PLATFORM": "offscreen"}
    path.unlink(missing_ok=True)
    try:
        ended = subprocess.run(
            [*_command(address), *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PICTURE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed("PICTURE_FAILED", f"no picture after {_PICTURE_SECONDS:g} s") from error
    if ended.returncode != 0 or not path.is_file():
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise CommandFailed("PICTURE_FAILED", f"the desktop client took no picture: {' | '.join(last)}")


def _command(address: Address) -> list[str]:
    connect = ["--target", address.target, "--token-file", str(address.token_file)]
    return [sys.executable, "-m", "trimtab_gui", *connect]


def _need_qt() -> None:
    if importlib.util.find_spec("PySide6") is None:
        raise CommandFailed("EXTRA_MISSING", "the window needs PySide6: pip install 'trimtab[gui]'")
