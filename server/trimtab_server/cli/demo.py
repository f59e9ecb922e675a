"""`trimtab demo`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.session import JsonFlag, session


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="In the terminal. Without a display it always is.")
    ] = False,
    picture: Annotated[
        Path, typer.Option(help="Where the headless demo writes a picture of the window.")
    ] = Path("demo.png"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the earlier demo's data.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Start a server on the embedded model and open the desktop client, or tell the story in the terminal.

    The story: hard sales pressure makes the desk overclaim; an honesty prompt does not help enough, a vector
    does; a plausible bad vector goes live; a rollback brings the same figures back.

    Example: trimtab demo --headless
    """
    found = session(context, as_json)
    try:
        from trimtab_server.demo.scene import Scene
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trimtab"):
            raise
        raise CommandFailed(
            "EXTRA_MISSING", f"the demo needs {error.name}: pip install 'trimtab[all]'"
        ) from error
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    scene = Scene(found.data_dir / "demo", fresh=fresh)
    if headless or found.json or not has_display():
        from trimtab_server.demo.story import tell

        if not tell(scene, found, picture):
            raise CheckFailed
        return
    from trimtab_server.demo.window import open_window

    raise typer.Exit(open_window(scene, found))


def _end(number: int, frame: FrameType | None) -> None:
    """Leave by the same way as Ctrl-C, which stops the server too."""
    raise KeyboardInterrupt


def has_display() -> bool:
    """Whether a window can be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
