"""The options of `trimtab-gui`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOMS: Final = ("chat", "evidence", "release", "record")
#: Pages that can be opened by themselves, and the rooms they are in.
PAGES: Final = {
    "cases": "evidence",
    "trials": "evidence",
    "studies": "evidence",
    "monitors": "release",
    "rollout": "release",
    "approvals": "record",
}


@dataclass(frozen=True)
class LaunchOptions:
    """How the client was asked to start. `None` means: whatever the settings say."""

    target: str | None = None
    token_file: Path | None = None
    language: str | None = None
    theme: str | None = None
    room: str | None = None
    ask: str | None = None
    preset: str | None = None
    screenshot: Path | None = None
    quit_after_screenshot: bool = False
    size: tuple[int, int] | None = None
    screen_map: Path | None = None


def parse(arguments: Sequence[str]) -> LaunchOptions:
    """Reads the command line; exits with a usage line when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="trimtab-gui", description="The desktop client of the Trimtab steering gateway."
    )
    parser.add_argument("--target", metavar="HOST:PORT", help="server to connect to")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file that holds the bearer token")
    parser.add_argument("--language", choices=("en", "ja"))
    parser.add_argument("--theme", choices=("light", "dark"))
    parser.add_argument("--room", choices=(*ROOMS, *PAGES), help="room to open first")
    parser.add_argument("--ask", metavar="QUESTION", help="send this in all lanes once connected")
    parser.add_argument(
        "--preset",
        metavar="ID",
        help="question preset that sets the scene; with no --ask its question is sent",
    )
    parser.add_argument("--screenshot", type=Path, metavar="PNG", help="save a picture of the window")
    parser.add_argument("--quit-after-screenshot", action="store_true")
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window, such as 1600x1000")
    parser.add_argument(
        "--screen-map",
        type=Path,
        metavar="JSON",
        help="for automated tests: keep a file of where every control is on the screen",
    )
    parser.add_argument("--version", action="version", version=f"trimtab {version('trimtab')}")
    found = parser.parse_args(arguments)
    return LaunchOptions(**vars(found))


def _size(text: str) -> tuple[int, int]:
    width, separator, height = text.partition("x")
    if not separator or not width.isdigit() or not height.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write it as 1600x1000")
    return int(width), int(height)
