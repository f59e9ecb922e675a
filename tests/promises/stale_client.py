"""Row 16. A client that lost its server says so: it never shows what is old as live, it comes back by itself, and a
million points are drawn at 30 frames a second."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QApplication
from server_process import ServerProcess
from trimtab_gui.bridge import Gateway, Phase
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow
from trimtab_gui.views.plot import TimePlot

from promises.row import Profile, Row, upper_bound

SILENT_SECONDS = 10.0
#: Seconds after which a client must have noticed: an answer that takes 4, looked for every second.
NOTICED_SECONDS = 6.0
POINTS = 1_000_000
FRAMES = 60
LEAST_FRAMES_PER_SECOND = 30.0
ROUNDS = {"ci": 2, "release": 20}


class Desk:
    """The whole desktop client, driven without a test framework."""

    def __init__(self, application: QApplication, folder: Path) -> None:
        self._application = application
        self.theme = Theme(application, "light")
        self.workspace = Workspace(Gateway(), SettingsFile(folder, keep=False))
        self.window = MainWindow(self.workspace, self.theme, Languages("en"))
        self.window.show()

    @property
    def phase(self) -> Phase:
        return self.workspace.connection.status.phase

    @property
    def said(self) -> str:
        return self.window.bar.server.text()

    @property
    def rate_is_shown(self) -> bool:
        return self.window.bar.rate.text() != "–"

    def wait(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Seconds until it holds; None if it does not in time."""
        begin = time.perf_counter()
        while not condition():
            if time.perf_counter() - begin > seconds:
                return None
            self.turn()
        return time.perf_counter() - begin

    def turn(self, seconds: float = 0.02) -> None:
        self._application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(seconds)

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        self.workspace.deleteLater()
        QCoreApplication.sendPostedEvents(None, 52)
        self.turn()


def silence(desk: Desk, server: ServerProcess) -> tuple[list[str], float]:
    """The server's process is stopped for ten seconds: what was wrong, and seconds until the client said so."""
    wrong: list[str] = []
    if desk.wait(lambda: desk.phase is Phase.CONNECTED, 20) is None:
        return [f"never connected: {desk.phase}"], NOTICED_SECONDS
    server.process.send_signal(signal.SIGSTOP)
    begin = time.perf_counter()
    try:
        noticed = desk.wait(lambda: desk.phase is not Phase.CONNECTED, NOTICED_SECONDS)
        if noticed is None:
            wrong.append(f"after {NOTICED_SECONDS} s it still says connected")
        while time.perf_counter() - begin < SILENT_SECONDS:
            desk.turn(0.1)
            if desk.phase is Phase.CONNECTED and noticed is not None:
                wrong.append("it said connected again while the server was silent")
                break
            if noticed is not None and ("since" not in desk.said or desk.rate_is_shown):
                wrong.append(f"it shows {desk.said!r} and the rate {desk.window.bar.rate.text()!r}")
                break
    finally:
        server.process.send_signal(signal.SIGCONT)
    if desk.wait(lambda: desk.phase is Phase.CONNECTED, 20) is None:
        wrong.append("it never came back")
    return wrong, noticed if noticed is not None else NOTICED_SECONDS


def end(desk: Desk, server: ServerProcess) -> list[str]:
    """The server is killed: what was wrong."""
    server.kill()
    wrong = []
    if desk.wait(lambda: desk.phase is Phase.LOST, NOTICED_SECONDS) is None:
        wrong.append(f"the server is gone and it says {desk.phase}")
    desk.turn(0.2)
    if "since" not in desk.said:
        wrong.append(f"the bar says {desk.said!r}")
    if desk.rate_is_shown or "last known" not in desk.window.bar.snapshot.text():
        wrong.append("old figures are shown as live")
    if desk.window.bar.rollback_button.isEnabled():
        wrong.append("it offers a rollback that nobody would hear")
    return wrong


def frames_per_second(theme: Theme, application: QApplication) -> float:
    """Of a monitor's plot with a million points, all in view and then panned through."""
    rng = np.random.default_rng(16)
    now = time.time()
    plot: Any = TimePlot(theme, value_range=(0.0, 1.0))
    plot.hide_symbols()
    plot.resize(900, 300)
    plot.show()
    rows = np.zeros((POINTS, 4))
    rows[:, 0] = np.linspace(now - 86_400, now, POINTS)
    rows[:, 1] = 0.5 + 0.1 * rng.standard_normal(POINTS)
    plot.show_rows([rows])
    view = plot.getPlotItem().getViewBox()
    view.setXRange(now - 86_400, now, padding=0)
    plot.grab()
    begin = time.perf_counter()
    for frame in range(FRAMES):
        shift = 600.0 * frame
        view.setXRange(now - 86_400 + shift, now + shift, padding=0)
        plot.grab()
    seconds = time.perf_counter() - begin
    plot.close()
    plot.deleteLater()
    application.processEvents()
    return FRAMES / seconds


def run(profile: Profile, seed: int) -> Row:
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication([])
    wrong: list[str] = []
    noticed: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", "--no-auto-canary")
        desk = Desk(application, Path(folder) / "settings")
        try:
            desk.workspace.connection.connect_to(server.target, server.token)
            for _ in range(ROUNDS[profile]):
                bad, seconds = silence(desk, server)
                wrong += bad
                noticed.append(seconds)
            wrong += end(desk, server)
            fps = frames_per_second(desk.theme, application)
        finally:
            desk.close()
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
    n = ROUNDS[profile] + 1
    worst = max(noticed)
    said = Row(
        16,
        "Seconds until a client says that its server is silent (longest)",
        n,
        min(n, len(wrong)),
        upper_bound(min(n, len(wrong)), n),
        worst,
        NOTICED_SECONDS,
        not wrong,
        note="; ".join(wrong[:3]),
    )
    drawn = Row(
        16,
        "Frames a second of a million points (at least)",
        FRAMES,
        int(fps < LEAST_FRAMES_PER_SECOND),
        upper_bound(int(fps < LEAST_FRAMES_PER_SECOND), FRAMES),
        fps,
        LEAST_FRAMES_PER_SECOND,
        fps >= LEAST_FRAMES_PER_SECOND,
    )
    return Row.of_parts(16, "A client that lost its server says so", [said, drawn])
