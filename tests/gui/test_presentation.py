"""Languages, looks, names for assistive technology, and text that fits."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import trimtab_gui.i18n
from driven_client import Client
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QSizeGrip,
    QTabBar,
    QWidget,
)
from scripted_server import ScriptedServer
from trimtab_gui.models.commands import SPECS, CommandSpec
from trimtab_gui.models.workspace import Tone
from trimtab_gui.options import ROOMS
from trimtab_gui.theme import DARK, LIGHT, Tokens
from trimtab_gui.views.elements import ElidedLabel
from trimtab_gui.views.palette import closeness

TRANSLATIONS = Path(trimtab_gui.i18n.__file__).parent


def test_every_text_is_translated_and_keeps_its_placeholders() -> None:
    for message in ElementTree.parse(TRANSLATIONS / "ja.ts").getroot().iter("message"):
        source, translation = message.findtext("source", ""), message.find("translation")
        assert translation is not None and translation.get("type") is None, source
        assert translation.text, source
        marks = re.compile(r"\{\w+\}")
        assert set(marks.findall(source)) == set(marks.findall(translation.text)), source


def test_the_translation_file_has_every_text_of_the_sources(tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    fresh = tmp_path / "ja.ts"
    shutil.copy(TRANSLATIONS / "ja.ts", fresh)
    sources = sorted(str(path) for path in TRANSLATIONS.parent.rglob("*.py"))
    tool = Path(sys.executable).parent / "pyside6-lupdate"
    subprocess.run(
        [tool, *sources, "-no-obsolete", "-locations", "none", "-ts", fresh], check=True, capture_output=True
    )
    unfinished = [
        message.findtext("source")
        for message in ElementTree.parse(fresh).getroot().iter("message")
        if message.find("translation").get("type") is not None
    ]
    assert unfinished == []


def test_the_compiled_translation_is_the_one_of_the_file(tmp_path: Path) -> None:
    import subprocess
    import sys

    tool = Path(sys.executable).parent / "pyside6-lrelease"
    fresh = tmp_path / "ja.qm"
    subprocess.run([tool, "-silent", TRANSLATIONS / "ja.ts", "-qm", fresh], check=True, capture_output=True)
    assert fresh.read_bytes() == (TRANSLATIONS / "ja.qm").read_bytes()


def test_the_language_switches_while_running(connected: Client) -> None:
    window = connected.window
    assert window.bar.rollback_button.text() == "Roll back"
    connected.workspace.commands.run("view.language")
    connected.wait(lambda: window.bar.rollback_button.text() == "ロールバック")
    assert window.rail.buttons["record"].text() == "記録"
    assert window.chat.dock.create_button.text() == "スナップショットを作成…"
    assert window.record.table.model().headerData(1, Qt.Orientation.Horizontal) == "時刻"
    connected.workspace.commands.run("view.language")
    connected.wait(lambda: window.bar.rollback_button.text() == "Roll back")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(1080, 680), (1400, 900)], ids=["smallest", "usual"])
@pytest.mark.parametrize("room", ROOMS)
def test_no_visible_text_is_clipped(
    connected: Client, scripted: ScriptedServer, room: str, size: tuple[int, int], language: str
) -> None:
    connected.languages.choose(language)
    connected.workspace.conversation.send("What does it cost?")
    connected.wait(lambda: not connected.workspace.conversation.is_busy)
    connected.window.resize(*size)
    connected.window.show_room(room)
    tabs = {"release": connected.window.release.tabs, "record": connected.window.record.tabs}.get(room)
    for page in range(1 if tabs is None else tabs.count()):
        if tabs is not None:
            tabs.setCurrentIndex(page)
        QApplication.processEvents()
        assert connected.window.size().toTuple() == size
        assert [problem for widget in _texts(connected.window) for problem in _clipped(widget)] == []


def _texts(window: QWidget) -> list[QWidget]:
    kinds = (QLabel, QAbstractButton)
    return [widget for kind in kinds for widget in window.findChildren(kind) if widget.isVisible()]


def _clipped(widget: QWidget) -> list[str]:
    if isinstance(widget, ElidedLabel) or not widget.text():
        return []
    if not widget.visibleRegion().boundingRect().isEmpty() or isinstance(widget, QLabel):
        needed = widget.sizeHint()
        if isinstance(widget, QLabel) and widget.wordWrap():
            height = widget.heightForWidth(widget.width())
            return [f"{widget.text()!r}: {widget.height()} < {height}"] if widget.height() < height else []
        if isinstance(widget, QCheckBox):
            needed = widget.minimumSizeHint()
        if widget.width() < needed.width() or widget.height() < needed.height():
            return [f"{widget.text()!r}: {widget.size().toTuple()} < {needed.toTuple()}"]
    return []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_everything_that_takes_the_focus_has_a_name(connected: Client, language: str) -> None:
    connected.languages.choose(language)
    connected.window.ask_rollback()
    connected.window.notice.tell("What happened", Tone.DANGER, "Do something", connected.window.ask_rollback)
    nameless = []
    for widget in [connected.window, *connected.window.findChildren(QWidget)]:
        inner = isinstance(widget, (QScrollBar, QSizeGrip, QTabBar)) or widget.objectName().startswith("qt_")
        popup = widget.window() is not connected.window
        if widget.focusPolicy() is Qt.FocusPolicy.NoFocus or inner or popup:
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if not interface.text(QAccessible.Text.Name):
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert not nameless, sorted(set(nameless))


def test_no_two_commands_share_a_shortcut_and_all_have_handlers(connected: Client) -> None:
    shortcuts = [spec.shortcut for spec in SPECS if spec.shortcut]
    assert len(shortcuts) == len(set(shortcuts))
    assert {spec.id for spec in connected.workspace.commands.specs()} == {spec.id for spec in SPECS}


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.shortcut], ids=lambda spec: spec.id)
def test_no_text_field_takes_a_shortcut_for_itself(connected: Client, spec: CommandSpec) -> None:
    """A field that knows the key as an editing command keeps it, and the command is out of reach while writing."""
    keys = QKeySequence(spec.shortcut)[0]
    for field in (connected.window.chat.composer, connected.window.chat.scene_field):
        field.setFocus()
        event = QKeyEvent(QEvent.Type.ShortcutOverride, keys.key(), keys.keyboardModifiers())
        event.ignore()
        QApplication.sendEvent(field, event)
        assert not event.isAccepted(), spec.shortcut


def test_rooms_and_palette_open_by_keyboard(connected: Client) -> None:
    window = connected.window
    window.activateWindow()
    connected.wait(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.currentWidget() is window.release
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.palette_panel.isVisible()
    QTest.keyClicks(window.palette_panel.field, "rec")
    QTest.keyClick(window.palette_panel.field, Qt.Key.Key_Return)
    assert not window.palette_panel.isVisible()
    assert window.stack.currentWidget() is window.record


def test_a_few_letters_find_a_command_and_a_beginning_finds_it_first() -> None:
    assert closeness("rlb", "Roll back") is not None and closeness("xyz", "Roll back") is None
    titles = ["Create a snapshot from the vectors", "A record", "Record"]
    ranks = {title: closeness("rec", title) for title in titles}
    assert ranks["Record"] < ranks["A record"] < ranks["Create a snapshot from the vectors"]


def _luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, two: str) -> float:
    high, low = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_background(tokens: Tokens) -> None:
    for background in (tokens.window, tokens.surface, tokens.raised):
        for ink in (tokens.text, tokens.muted, tokens.accent, tokens.danger):
            assert _contrast(ink, background) >= 4.5, (ink, background)
    for background in (*tokens.diverging, *tokens.sequential, tokens.danger_soft, tokens.warning_soft):
        assert not background or _contrast(tokens.text, background) >= 4.5, background
    assert _contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert _contrast(tokens.danger, tokens.danger_soft) >= 4.5


def test_the_look_switches_while_running(connected: Client) -> None:
    window = connected.window
    before = window.grab().toImage().pixelColor(4, 400).lightness()
    connected.workspace.commands.run("view.theme")
    after = window.grab().toImage().pixelColor(4, 400).lightness()
    assert before > 200 and after < 60
    assert connected.workspace.files.settings.theme == "dark"


def test_a_label_field_elides_instead_of_pushing(connected: Client) -> None:
    label = ElidedLabel()
    connected.qtbot.addWidget(label)
    label.setText("a very long name " * 20)
    label.resize(80, 20)
    label.grab()
    assert label.toolTip() and label.minimumSizeHint().width() == 0


def test_fields_are_reached_by_tab(connected: Client) -> None:
    composer = connected.window.chat.composer
    composer.setFocus()
    seen: set[QWidget] = set()
    for _ in range(60):
        widget = QApplication.focusWidget()
        if widget is None or widget in seen:
            break
        seen.add(widget)
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    row = next(iter(connected.window.chat.dock._rows.values()))
    for wanted in (
        connected.window.chat.scene_field,
        row.editor.slider,
        connected.window.bar.rollback_button,
    ):
        assert wanted in seen or not wanted.isEnabled()
    assert any(isinstance(widget, QLineEdit) for widget in seen)
