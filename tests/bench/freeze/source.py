"""The gate's server as the measured process holds it: a process of its own, as in life.

It is told what to do by lines of JSON on its standard input (`Orders`). Nothing of a server is imported here: the
client's memory is measured.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Orders:
    """How the server streams from now on. `rate`: tokens a second in each lane, 0 as fast as it can.

    `samples`: monitor samples a second of each of six signals. `history`: samples of each that are there at once.
    """

    tokens: int = 0
    rate: float = 0.0
    tokens_per_message: int = 4
    samples: float = 0.0
    history: int = 0
    trial_rows: int = 0


class Source:
    """The process as the gate holds it; `with` ends it."""

    def __init__(self) -> None:
        self.port = 0
        self.token = ""
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        gate = Path(__file__).resolve().parents[1] / "freeze_gate.py"
        process = subprocess.Popen(
            [sys.executable, str(gate), "--serve", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port, self.token = process.stdout.readline().split()
        self.port = int(port)
        return process

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def order(self, orders: Orders) -> None:
        """Tells it what to do, and waits until it does."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(orders)) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == "ready", "the gate's server has ended"

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """The same address again."""
        self._process = self._start()

    def silence(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.wake()
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
