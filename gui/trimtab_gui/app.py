"""`trimtab-gui`: starts the desktop client."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from platformdirs import user_log_path
from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from trimtab_client import TrimtabError, discover

from trimtab_gui.bridge import Gateway
from trimtab_gui.garbage import MainThreadCollector
from trimtab_gui.i18n import Languages, system_language
from trimtab_gui.icons import application_icon
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.options import LaunchOptions, parse
from trimtab_gui.screen_map import ScreenMap
from trimtab_gui.screenshot import Photographer
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow

DESKTOP_FILE: Final = "io.github.trimtab.Trimtab"
PICTURE_SIZE: Final = (1600, 1000)


def prepare_environment(options: LaunchOptions) -> None:
    """What Qt reads before it starts."""
    # Qt's wheels have no fcitx plugin; fcitx answers to ibus.
    if os.environ.get("QT_IM_MODULE", "").startswith("fcitx"):
        os.environ["QT_IM_MODULE"] = "ibus"
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform == "linux" and headless and options.screenshot is not None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def watch_for_crashes() -> None:
    """Writes the stacks of a crash to a log file of this user."""
    path = user_log_path("trimtab") / "desktop-crash.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Stays open for as long as the process lives: faulthandler writes to its descriptor.
        faulthandler.enable(file=path.open("a"))
    except OSError as error:
        print(f"trimtab-gui: crashes go to the terminal, {path} cannot be written: {error}", file=sys.stderr)
        faulthandler.enable()


class Launch(QObject):
    """Carries out what the options ask for, in its order: connect, set the scene, ask, take the picture."""

    def __init__(self, window: MainWindow, workspace: Workspace, options: LaunchOptions) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = workspace
        self._options = options
        self._photographer: Photographer | None = None
        self._done = False
        self.exit_code = 0
        if options.screen_map is not None:
            self._screen_map = ScreenMap(options.screen_map, self)
        if options.screenshot is not None:
            self._photographer = Photographer(window, workspace, options.screenshot)
            self._photographer.taken.connect(self._picture_taken)
        workspace.ready.connect(self._ready)

    def start(self) -> None:
        """Connects to the server that the options, the environment or the settings name."""
        files = self._workspace.files
        target, token = self._options.target, ""
        try:
            found = discover(self._options.target, self._options.token_file)
            target, token = found.target, found.token
        except TrimtabError as error:
            if error.reason != "TARGET_UNKNOWN":
                print(f"trimtab-gui: {error.message}", file=sys.stderr)
        target = target or files.settings.target
        token = token or files.token_for(target)
        self._window.start_page.fill(target, token)
        if target:
            self._workspace.connection.connect_to(target, token)
        elif self._photographer is not None:
            # Nothing to connect to: the first page is all there is to see.
            self._photographer.ready()

    @Slot()
    def _ready(self) -> None:
        if self._done:
            return
        self._done = True
        if self._options.room is not None:
            self._window.show_room(self._options.room)
        question = self._options.ask or ""
        if self._options.preset:
            if not self._window.chat.apply_preset(self._options.preset):
                print(f"trimtab-gui: the server has no preset '{self._options.preset}'", file=sys.stderr)
            question = question or self._window.chat.composer.toPlainText()
        if question:
            self._window.chat.composer.clear()
            self._workspace.conversation.send(question)
        if self._photographer is not None:
            self._photographer.ready()

    @Slot(bool)
    def _picture_taken(self, saved: bool) -> None:
        if self._options.quit_after_screenshot:
            self.exit_code = 0 if saved else 1
            self._window.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the client until its window closes; 0 when all went well."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    watch_for_crashes()
    prepare_environment(options)
    QGuiApplication.setDesktopFileName(DESKTOP_FILE)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Trimtab")
    application.setApplicationVersion(version("trimtab"))
    application.setWindowIcon(application_icon())
    collector = MainThreadCollector(application)
    collector.start()
    files = SettingsFile(keep=not options.quit_after_screenshot)
    languages = Languages(options.language or files.settings.language or system_language())
    theme = Theme(application, options.theme or files.settings.theme, files.settings.text_size)
    workspace = Workspace(Gateway(), files)
    window = MainWindow(workspace, theme, languages)
    size = options.size or (PICTURE_SIZE if options.screenshot is not None else None)
    if size is not None:
        window.resize(*size)
    launch = Launch(window, workspace, options)
    beat = _let_python_see_signals(application)
    window.show()
    launch.start()
    application.exec()
    beat.stop()
    workspace.shut_down()
    collector.stop()
    return launch.exit_code


def _let_python_see_signals(application: QApplication) -> QTimer:
    """Ctrl+C and the end of a login close the client, with what it started; Python acts only when it gets to run."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    beat = QTimer(application)
    beat.setInterval(500)
    beat.timeout.connect(_nothing)
    beat.start()
    return beat


def _interrupted(_number: int, _frame: object) -> None:
    QApplication.closeAllWindows()


def _nothing() -> None:
    """Lets the interpreter run between two events."""
