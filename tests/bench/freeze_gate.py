"""The window must not freeze: gaps of a 5 ms heartbeat on the GUI thread while tokens and samples pour in.

Run by hand or by its own make target; it measures time, so it is no part of `make test`:

    python tests/bench/freeze_gate.py [--seconds 30]

Exits non-zero when a limit is broken. The server runs in a process of its own, as it does in life.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gui"))

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from scripted_server import TOKEN, ScriptedServer
from trimtab_gui.bridge import Gateway
from trimtab_gui.garbage import MainThreadCollector
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow

STREAM_LIMIT_MILLISECONDS = 100.0
BURST_LIMIT_MILLISECONDS = 150.0
BURST_TOKENS = 50_000
BURST_WORD = "burst"
# A paragraph now and then, as text has.
PARAGRAPH = "token " * 59 + "token\n"


def serve(seconds: float) -> None:
    """The server's process: 2,000 tokens a second in each lane, samples for six plots at 20 Hz."""
    server = ScriptedServer()
    server.script.tokens_per_delta = 20
    server.script.pace = 0.005
    server.script.reply = PARAGRAPH * round(2000 * seconds / 60)
    server.push_thresholds()
    server.start()
    print(server.port, flush=True)

    def feed() -> None:
        while not server.stopping.wait(0.05):
            for signal in range(1, 7):
                server.push_sample(signal, 0.5 + 0.1 * (time.time() % 1), count=20 if signal < 3 else 0)
            del server.monitor_events[:-100_000]

    threading.Thread(target=feed, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == BURST_WORD:
            server.script.pace = 0.0
            server.script.tokens_per_delta = 1
            server.script.reply = PARAGRAPH * (BURST_TOKENS // 60)
    server.stop()


class Heartbeat:
    """Measures how long the event loop was away."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self.gaps: list[float] = []

    def start(self) -> None:
        self.gaps = []
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> float:
        self._timer.stop()
        return max(self.gaps)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.seconds)
        return 0
    child = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--seconds", str(options.seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    port = int(child.stdout.readline())
    application = QApplication([])
    collector = MainThreadCollector(application)
    collector.start()
    Languages("en")
    with tempfile.TemporaryDirectory() as folder:
        theme = Theme(application)
        workspace = Workspace(Gateway(), SettingsFile(Path(folder), keep=False))
        window = MainWindow(workspace, theme, Languages("en"))
        window.show()
        conversation = workspace.conversation
        conversation.remove_lane(conversation.lanes[-1].id)
        workspace.connection.connect_to(f"127.0.0.1:{port}", TOKEN)
        while not workspace.is_ready:
            application.processEvents()
        heart = Heartbeat()

        def ask() -> float:
            heart.start()
            conversation.send("Everything, please")
            while conversation.is_busy:
                application.processEvents()
                time.sleep(0.0005)
            return heart.stop()

        streams = ask()
        tokens = len(conversation.lanes[0].turns[-1].tokens)
        child.stdin.write(BURST_WORD + "\n")
        child.stdin.flush()
        conversation.clear()
        conversation.remove_lane(conversation.lanes[-1].id)
        time.sleep(0.3)
        burst = ask()
        window.close()
    collector.stop()
    child.stdin.close()
    child.wait(20)
    print(f"two streams, {tokens} tokens each, six plots: longest gap {streams:.0f} ms (limit 100)")
    print(f"a burst of {BURST_TOKENS} tokens: longest gap {burst:.0f} ms (limit 150)")
    return 0 if streams <= STREAM_LIMIT_MILLISECONDS and burst <= BURST_LIMIT_MILLISECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
