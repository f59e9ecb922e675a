"""Languages, looks, shortcuts and the palette."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import product
from pathlib import Path

import trimtab_gui.i18n
from driven_client import Client
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from trimtab_gui.models.commands import SPECS
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


def test_no_two_commands_share_a_shortcut_and_all_have_handlers(connected: Client) -> None:
    shortcuts = [spec.shortcut for spec in SPECS if spec.shortcut]
    assert len(shortcuts) == len(set(shortcuts))
    assert {spec.id for spec in connected.workspace.commands.specs()} == {spec.id for spec in SPECS}


def test_no_text_field_takes_a_shortcut_for_itself(connected: Client) -> None:
    """A field that knows the key as an editing command keeps it, and the command is out of reach while writing."""
    fields = (connected.window.chat.composer, connected.window.chat.scene_field)
    for spec, field in product((spec for spec in SPECS if spec.shortcut), fields):
        keys = QKeySequence(spec.shortcut)[0]
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
