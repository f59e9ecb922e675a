"""The window looks as it did: small stored pictures of every page in both looks and both languages.

`make pictures` takes them anew; look at them before you commit them. A picture is compared block by block, so that
fonts may be drawn a little differently while a panel that is gone, or a row that has moved, is noticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from scenes import SCENES, prepare, settle, turn_to
from scripted_server import ScriptedServer
from trimtab_gui.views.plot import TimePlot

GOLDEN: Final = Path(__file__).parent / "golden"
SIZE: Final = (1280, 800)
#: Pixels of the window in one stored pixel, and stored pixels in one block.
SHRINK: Final = 8
BLOCK: Final = 4
#: Grey levels of 255 by which the mean of a block may differ.
TOLERANCE: Final = 12.0
#: Tenths of a second that a page may take to come to rest.
SETTLES: Final = 20


def small(image: QImage) -> QImage:
    return image.scaled(
        image.width() // SHRINK,
        image.height() // SHRINK,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_RGB888)


def pixels(image: QImage) -> np.ndarray:
    """[H, W, 3], 0 to 255."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(float)


def difference(one: QImage, other: QImage) -> float:
    """The largest difference of the means of two blocks at the same place; infinite for another size."""
    if one.size() != other.size():
        return float("inf")
    blocks = []
    for image in (one, other):
        whole = pixels(image)
        height, width = (side // BLOCK * BLOCK for side in whole.shape[:2])
        cut = whole[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
        blocks.append(cut.mean(axis=(1, 3)))
    return float(np.abs(blocks[0] - blocks[1]).max())


class Album:
    """Compares pictures with the stored ones, or stores them."""

    def __init__(self) -> None:
        self._renew = bool(os.environ.get("TRIMTAB_RENEW_PICTURES"))
        self._full = os.environ.get("TRIMTAB_FULL_PICTURES")
        self.changed: list[str] = []

    def add(self, name: str, widget: QWidget) -> None:
        image = widget.grab().toImage()
        if self._full:
            image.save(str(Path(self._full) / f"{name}.png"))
        file = GOLDEN / f"{name}.png"
        if self._renew:
            assert small(image).save(str(file))
            return
        stored = QImage(str(file))
        found = difference(stored, small(image))
        for _ in range(SETTLES):
            if found <= TOLERANCE:
                break
            # On a busy machine the last answer, or the last layout, may be on its way still.
            QTest.qWait(100)
            found = difference(stored, small(widget.grab().toImage()))
        if found > TOLERANCE:
            self.changed.append(f"{name}: a block differs by {found:.1f}")


@pytest.fixture
def album(qapp: QApplication) -> Iterator[Album]:
    # A caret that blinks would be there in one picture and not in the next.
    before = qapp.cursorFlashTime()
    qapp.setCursorFlashTime(0)
    own = Album()
    yield own
    qapp.setCursorFlashTime(before)
    assert own.changed == [], "if they are right, run `make pictures` and look at tests/gui/golden"


def without_the_time(client: Client) -> None:
    """The marks of the time axes stand elsewhere every minute."""
    for plot in client.window.findChildren(TimePlot):
        plot.getPlotItem().getAxis("bottom").setTicks([])


LOOKS: Final = tuple(product(("light", "dark"), ("en", "ja")))


def choose(client: Client, look: str, language: str) -> None:
    client.theme.choose(look)
    client.languages.choose(language)


def test_every_page_looks_as_it_did(
    connected: Client, scripted: ScriptedServer, tmp_path: Path, album: Album
) -> None:
    connected.window.resize(*SIZE)
    prepare(connected, scripted, tmp_path)
    without_the_time(connected)
    for look, language in LOOKS:
        choose(connected, look, language)
        for scene in SCENES:
            album.add(f"{scene}-{look}-{language}", turn_to(connected, scene))


def test_the_first_page_looks_as_it_did(client: Client, album: Album) -> None:
    client.window.resize(*SIZE)
    client.window.start_page.fill("127.0.0.1:7460", "")
    for look, language in LOOKS:
        choose(client, look, language)
        settle()
        album.add(f"start-{look}-{language}", client.window)


def test_pages_with_nothing_in_them_yet_look_as_they_did(connected: Client, album: Album) -> None:
    window = connected.window
    window.resize(*SIZE)
    window.show_room("evidence")
    connected.wait(lambda: window.evidence.trials.model.is_listed)
    without_the_time(connected)
    for look, language in LOOKS:
        choose(connected, look, language)
        for page in ("trials", "studies"):
            window.show_room("evidence")
            window.evidence.tabs.setCurrentWidget(getattr(window.evidence, page))
            settle()
            album.add(f"no-{page}-{look}-{language}", window)
        for page in ("rollout", "monitors"):
            window.show_room(page)
            settle()
            album.add(f"no-{page}-{look}-{language}", window)


def test_a_panel_that_is_gone_or_a_text_that_has_moved_would_be_noticed(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    window = connected.window
    window.resize(*SIZE)
    prepare(connected, scripted, tmp_path)

    def picture() -> QImage:
        return small(turn_to(connected, "chat").grab().toImage())

    before = picture()
    assert difference(before, picture()) < TOLERANCE / 2
    for widget in (window.chat.canary, window.bar.alarm, window.rail.buttons["record"]):
        widget.hide()
        assert difference(before, picture()) > TOLERANCE, widget
        widget.show()
    assert difference(before, picture()) < TOLERANCE / 2
    window.chat.layout().setContentsMargins(10, 34, 10, 10)
    assert difference(before, picture()) > TOLERANCE
