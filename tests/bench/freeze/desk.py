"""The whole client, driven without a test framework, and the heartbeat that notices when it stands still."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import pydantic.types  # noqa: F401  (before PySide6, as in the client)
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication
from trimtab_gui.bridge import Gateway
from trimtab_gui.garbage import MainThreadCollector
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow

from freeze.culprit import Culprit
from freeze.source import Source

BEAT_MILLISECONDS = 5
#: Set: the longest gaps are explained on standard error, at some cost in time.
WHY = "TRIMTAB_FREEZE_WHY"


class Heartbeat(QObject):
    """Measures how long the event loop was away, and how much of that was work of its own thread."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MILLISECONDS)
        self._timer.timeout.connect(self._beat)
        self._last = self._last_work = 0.0
        # Milliseconds away, of them at work, and when they ended.
        self._gaps: list[tuple[float, float, float]] = []
        self._culprit: Culprit | None = None

    def start(self) -> None:
        self._gaps = []
        if os.environ.get(WHY):
            self._culprit = Culprit(threading.get_ident())
        self._last, self._last_work = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        self._beat()
        self._timer.stop()
        if self._culprit is not None:
            self._culprit.stop()
            for away, work, end in sorted(self._gaps, reverse=True)[:5]:
                print(f"{away:.0f} ms ({work:.0f} at work):", file=sys.stderr)
                print(self._culprit.told(end - away / 1000, end), file=sys.stderr)
            self._culprit = None

    @property
    def longest(self) -> float:
        return max(self._gaps)[0]

    @property
    def note(self) -> str:
        """What the longest gap was made of, for whoever has to find out why."""
        away, work, _ = max(self._gaps)
        return f"{work:.0f} of {away:.0f} ms the window's own work, {len(self._gaps)} beats"

    @Slot()
    def _beat(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self._gaps.append((1000 * (now - self._last), 1000 * (work - self._last_work), now))
        self._last, self._last_work = now, work


class Desk:
    """A window with everything behind it, in a home of its own; `with` closes it."""

    def __init__(self, lanes: int = 2) -> None:
        self._home = TemporaryDirectory()
        for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = f"{self._home.name}/{kind.lower()}"
        existing = QApplication.instance()
        self.application = existing if isinstance(existing, QApplication) else QApplication([])
        self._collector = MainThreadCollector()
        self._collector.start()
        languages = Languages("en")
        self.theme = Theme(self.application, "light")
        self.workspace = Workspace(Gateway(), SettingsFile(Path(self._home.name) / "settings"))
        self.window = MainWindow(self.workspace, self.theme, languages)
        self.window.resize(1400, 900)
        self.window.show()
        self.heart = Heartbeat()
        conversation = self.workspace.conversation
        while len(conversation.lanes) > lanes:
            conversation.remove_lane(conversation.lanes[-1].id)

    def connect(self, source: Source) -> None:
        self.workspace.connection.connect_to(source.target, source.token)
        self.until(lambda: self.workspace.is_ready)

    def until(self, condition: Callable[[], bool], seconds: float = 60.0, every: int = 10) -> float:
        """Runs the event loop until the condition holds; how long it took.

        Raises:
            TimeoutError: it did not within `seconds`.
        """
        begin = time.perf_counter()
        loop, timer = QEventLoop(), QTimer()
        timer.timeout.connect(loop.quit)
        timer.start(every)
        while not condition():
            if time.perf_counter() - begin > seconds:
                raise TimeoutError(f"not within {seconds} s: {condition}")
            loop.exec()
        timer.stop()
        return time.perf_counter() - begin

    def rest(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end, seconds + 60)

    def ask(self, text: str = "Everything, please", seconds: float = 300.0) -> float:
        """Asks every lane; how long it took until all had replied."""
        self.workspace.conversation.send(text)
        return self.until(lambda: not self.workspace.conversation.is_busy, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.window.close()
        self.workspace.shut_down()
        self._collector.stop()
        self._home.cleanup()


def resident_megabytes() -> float:
    """Of this process, without what it could give back."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
