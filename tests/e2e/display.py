"""A virtual display with a window manager, and a hand on its keyboard and mouse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server_process import ServerProcess

SIZE = (1400, 900)


class Display:
    """Xvfb and openbox; `close` ends both."""

    def __init__(self) -> None:
        read, write = os.pipe()
        screen = f"{SIZE[0]}x{SIZE[1]}x24"
        self._xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp"],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as number:
            self.name = f":{number.readline().strip()}"
        self.environment = {**os.environ, "DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb"}
        self._openbox = subprocess.Popen(["openbox"], env=self.environment, stderr=subprocess.DEVNULL)

    def do(self, *arguments: str) -> str:
        """One xdotool command; its output."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, f"xdotool {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.do("key", "--clearmodifiers", key)
            time.sleep(0.15)

    def type(self, text: str) -> None:
        self.do("type", "--delay", "15", text)

    def close(self) -> None:
        for process in (self._openbox, self._xvfb):
            process.terminate()
            process.wait(10)


class Window:
    """The desktop client on a display, connected to a server, filling the screen."""

    def __init__(self, display: Display, server: ServerProcess, home: Path, connect: bool = True) -> None:
        self.display = display
        (home / "token").write_text(server.token)
        self._map = home / "screen.json"
        seen = connections(server)
        self._log = (home / "window.log").open("wb")
        command = [sys.executable, "-m", "trimtab_gui", "--language", "en", "--screen-map", str(self._map)]
        if connect:
            command += ["--target", server.target, "--token-file", str(home / "token")]
        self._process = subprocess.Popen(
            [*command, "--size", f"{SIZE[0]}x{SIZE[1]}"],
            env={**display.environment, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")},
            stderr=self._log,
        )
        found = display.do("search", "--sync", "--onlyvisible", "--name", "Trimtab").splitlines()
        self.id = found[-1]
        display.do("windowmove", self.id, "0", "0")
        display.do("windowactivate", "--sync", self.id)
        if connect:
            eventually(lambda: connections(server) > seen, "the window never connected")
        time.sleep(1)  # until it has drawn what the server said

    def place(self, label: str, kind: str = "", seconds: float = 20) -> tuple[int, int, int, int]:
        """The rectangle of the control that has this accessible name or text, once it can be used and stands still.

        Of several the lowest is meant: what a button opens comes below it.
        """
        end = time.monotonic() + seconds
        before: list[int] = []
        while time.monotonic() < end:
            controls = self.controls()
            found = [
                own["rect"]
                for own in controls
                if label in (own["name"], own["text"]) and kind in ("", own["kind"])
            ]
            lowest = max(found, key=lambda rect: int(rect[1]), default=[])
            if lowest and lowest == before:
                x, y, width, height = lowest
                return x, y, width, height
            before = lowest
            time.sleep(0.3)
        known = sorted({own["name"] or own["text"] for own in controls})
        raise AssertionError(f"no control is called {label!r}; there are {known}")

    def controls(self) -> list[dict[str, Any]]:
        """What can be used now, as the window writes it down."""
        found: list[dict[str, Any]] = (
            json.loads(self._map.read_text(encoding="utf-8")) if self._map.exists() else []
        )
        return found

    def tab_to(self, label: str, kind: str = "", most: int = 80) -> None:
        """Goes on with Tab until the control has the focus."""
        for _ in range(most):
            time.sleep(0.25)
            for own in self.controls():
                if own["focus"] and label in (own["name"], own["text"]) and kind in ("", own["kind"]):
                    return
            self.display.do("key", "Tab")
        raise AssertionError(f"{most} times Tab never came to {label!r}")

    def press_on(self, label: str, kind: str = "", across: float = 0.5) -> None:
        """A click on a control, at a share of its width."""
        x, y, width, height = self.place(label, kind)
        self.click(round(x + width * across), y + height // 2)

    def click(self, x: int, y: int) -> None:
        """The left button at a place of the screen."""
        self.display.do("mousemove", str(x), str(y))
        time.sleep(0.3)
        self.display.do("click", "1")
        time.sleep(0.3)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


def connections(server: ServerProcess) -> int:
    """How often a client has asked for the vectors, as a window does when it connects."""
    return server.log.read_text().count("VectorService/ListVectors")


def eventually(what: Callable[[], bool], message: str, seconds: float = 30) -> None:
    """Waits until `what` holds; fails with `message` if it does not in time."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, message
        time.sleep(0.2)
