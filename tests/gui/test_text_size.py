"""Nothing is cut off or drawn over another, from the usual text size to twice that, in both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from driven_client import Client
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QTableView,
    QWidget,
)
from scenes import SCENES, prepare, turn_to
from scripted_server import ScriptedServer
from trimtab_gui.theme import TEXT_SIZES
from trimtab_gui.views.chat_panel import ChatPanel
from trimtab_gui.views.elements import ElidedLabel
from trimtab_gui.views.palette import CommandPalette

SIZE = (1280, 800)


def problems(window: QWidget) -> list[str]:
    """What is cut off, and what lies over something else, among what can be seen."""
    shown = [widget for widget in _texts(window) if widget.isVisible() and widget.width() > 0]
    found = [problem for widget in shown for problem in (*_cut(widget), *_outside(widget))]
    found += [
        problem
        for table in window.findChildren(QTableView)
        if table.isVisible()
        for problem in _titles(table)
    ]
    return found + _overlaps(window, shown)


def _texts(window: QWidget) -> list[QWidget]:
    widgets: list[QWidget] = []
    for kind in (QLabel, QAbstractButton, QComboBox):
        widgets += window.findChildren(kind)
    return [widget for widget in widgets if _text(widget)]


def _text(widget: QWidget) -> str:
    return widget.currentText() if isinstance(widget, QComboBox) else widget.text()


def _named(widget: QWidget) -> str:
    return f"{type(widget.parent()).__name__}: {_text(widget)[:40]!r}"


def _cut(widget: QWidget) -> list[str]:
    size, needed = widget.size(), widget.sizeHint()
    if isinstance(widget, ElidedLabel):
        return []
    if isinstance(widget, QComboBox):
        room = _room(widget)
        cut = widget.fontMetrics().horizontalAdvance(_text(widget)) > room and widget.toolTip() != _text(
            widget
        )
        return [f"{_named(widget)} is cut off at {room}"] if cut else []
    if isinstance(widget, QLabel) and widget.wordWrap():
        height = widget.heightForWidth(size.width())
        return (
            [f"{_named(widget)} is {size.height()} high, not {height}"] if size.height() + 2 < height else []
        )
    if isinstance(widget, QCheckBox):
        needed = widget.minimumSizeHint()
    if size.width() < needed.width() or size.height() < needed.height():
        return [f"{_named(widget)} is {size.toTuple()}, not {needed.toTuple()}"]
    return []


def _room(choice: QComboBox) -> int:
    option = QStyleOptionComboBox()
    option.initFrom(choice)
    option.editable = choice.isEditable()
    field = QStyle.SubControl.SC_ComboBoxEditField
    return choice.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, choice).width()


def _outside(widget: QWidget) -> list[str]:
    """What a widget around it cuts off; a scroll area may, since it can be scrolled."""
    rect, inner = widget.rect(), widget
    while (outer := inner.parentWidget()) is not None and not outer.isWindow():
        if isinstance(outer.parentWidget(), QAbstractScrollArea):
            return []
        rect = QRect(inner.mapTo(outer, rect.topLeft()), rect.size())
        if not outer.rect().contains(rect):
            return [f"{_named(widget)} is cut off by {type(outer).__name__}"]
        inner = outer
    return []


def _titles(table: QTableView) -> list[str]:
    header, model = table.horizontalHeader(), table.model()
    if not header.isVisible() or model is None:
        return []
    found = []
    for column in range(header.count()):
        title = str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        if header.sectionSize(column) < header.fontMetrics().horizontalAdvance(title):
            found.append(f"title {title!r} of {table.accessibleName()!r} is cut off")
    return found


def _overlaps(window: QWidget, shown: list[QWidget]) -> list[str]:
    places = [
        (QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()), widget)
        for widget in shown
        if not widget.visibleRegion().isEmpty()
    ]
    over = _panels_over(window)
    found = []
    for number, (rect, widget) in enumerate(places):
        for other_rect, other in places[number + 1 :]:
            shared = rect.intersected(other_rect)
            if shared.width() > 1 and shared.height() > 1 and not _related(widget, other, over):
                found.append(f"{_named(widget)} lies over {_named(other)}")
    return found


def _panels_over(window: QWidget) -> list[QWidget]:
    """What is meant to lie over the pages."""
    kinds = (CommandPalette, ChatPanel)
    return [panel for kind in kinds for panel in window.findChildren(kind) if panel.isVisible()]


def _related(one: QWidget, other: QWidget, over: list[QWidget]) -> bool:
    if one.isAncestorOf(other) or other.isAncestorOf(one):
        return True
    if any(panel.isAncestorOf(one) != panel.isAncestorOf(other) for panel in over):
        return True
    # Parts of one scroll area that are scrolled out of sight lie under what is beside it.
    return _area(one) is not _area(other)


def _area(widget: QWidget) -> QWidget | None:
    outer = widget.parentWidget()
    while outer is not None and not isinstance(outer, QScrollArea):
        outer = outer.parentWidget()
    return outer


@pytest.fixture
def ready(connected: Client, scripted: ScriptedServer, tmp_path: Path) -> Client:
    connected.window.resize(*SIZE)
    prepare(connected, scripted, tmp_path)
    yield connected
    connected.theme.choose_text_size(100)


@pytest.mark.parametrize(("percent", "size"), [(100, (1080, 680)), (100, SIZE), (150, SIZE), (200, SIZE)])
def test_no_text_is_cut_off_or_drawn_over(ready: Client, percent: int, size: tuple[int, int]) -> None:
    ready.theme.choose_text_size(percent)
    ready.window.resize(*size)
    found = {}
    for language in ("en", "ja"):
        ready.languages.choose(language)
        for scene in SCENES:
            window = turn_to(ready, scene)
            assert ready.window.size().toTuple() == size
            if lines := problems(window):
                found[f"{scene} {language}"] = lines
    assert found == {}, json.dumps(found, indent=1, ensure_ascii=False)


# Run by the next test in a process of its own: the factor counts from Qt's start on.
_SCALED: Final = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from trimtab_gui.bridge import Gateway
from trimtab_gui.i18n import Languages
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.main_window import MainWindow

sys.path.insert(0, sys.argv[1])
from test_text_size import SIZE, problems

application = QApplication([])
languages, theme = Languages("en"), Theme(application, "light")
window = MainWindow(Workspace(Gateway(), SettingsFile(Path(sys.argv[2]), keep=False)), theme, languages)
window.resize(*SIZE)
window.show()
window._pages.setCurrentWidget(window._working)
assert window.devicePixelRatio() == float(sys.argv[3]), window.devicePixelRatio()
for language in ("en", "ja"):
    languages.choose(language)
    for room in ("chat", "evidence", "monitors", "rollout", "record", "approvals"):
        window.show_room(room)
        for _ in range(4):
            application.processEvents()
        assert window.size().toTuple() == SIZE
        print("\\n".join(f"{room} {language}: {line}" for line in problems(window)), end="")
window.close()
"""


@pytest.mark.parametrize("factor", ["1.5", "2"])
def test_nothing_is_cut_off_on_a_dense_screen(factor: str, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    environment = os.environ | {
        "QT_SCALE_FACTOR": factor,
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([here, *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _SCALED, here, str(tmp_path), factor],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_a_text_that_is_cut_off_would_be_found(ready: Client) -> None:
    turn_to(ready, "approvals")
    assert problems(ready.window) == []
    ready.window.record.approvals.agree_button.setFixedWidth(30)
    QApplication.processEvents()
    assert len(problems(ready.window)) == 1


def test_the_keys_for_the_text_size(ready: Client) -> None:
    window = ready.window
    window.activateWindow()
    ready.wait(window.isActiveWindow)
    control = Qt.KeyboardModifier.ControlModifier
    height = window.rail.buttons["chat"].fontMetrics().height()
    seen = [ready.theme.text_percent]
    for _ in range(len(TEXT_SIZES)):
        QTest.keyClick(window, Qt.Key.Key_Plus, control)
        seen.append(ready.theme.text_percent)
    assert seen == [*TEXT_SIZES, TEXT_SIZES[-1]]
    assert all(before < after for before, after in pairwise(TEXT_SIZES))
    assert window.rail.buttons["chat"].fontMetrics().height() >= 1.9 * height
    assert ready.workspace.files.settings.text_size == 200
    QTest.keyClick(window, Qt.Key.Key_Minus, control)
    assert ready.theme.text_percent == 175
    QTest.keyClick(window, Qt.Key.Key_0, control)
    assert ready.theme.text_percent == 100 == ready.workspace.files.settings.text_size
