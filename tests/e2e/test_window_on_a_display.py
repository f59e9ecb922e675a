"""The main paths through the real window on a real (virtual) display, judged by what the server then says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from display import Display, Window, eventually
from server_process import ServerProcess
from trimtab_client import Client

QUESTION = "What is the warranty?"


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    missing = [tool for tool in ("Xvfb", "openbox", "xdotool") if shutil.which(tool) is None]
    assert not missing, f"missing: {', '.join(missing)}; run packaging/system-packages.sh --tests"
    shown = Display()
    yield shown
    shown.close()


@pytest.fixture
def window(display: Display, server: ServerProcess, tmp_path: Path) -> Iterator[Window]:
    """Not connected yet."""
    opened = Window(display, server, tmp_path, connect=False)
    yield opened
    opened.close()


def answered(server: ServerProcess) -> int:
    """How often all lanes were asked at once."""
    return server.log.read_text().count('"method": "ChatService/Compare"')


def strength(client: Client, snapshot: str) -> float:
    found = next(own for own in client.snapshots() if own.display_name == snapshot)
    (term,) = found.steering.terms
    return term.strength


def test_from_the_first_page_to_a_rollback_by_mouse(
    window: Window, server: ServerProcess, client: Client
) -> None:
    display, before = window.display, client.deployment().active_revision.number
    asked = answered(server)
    window.press_on("Address of the server")
    display.press("ctrl+a")
    display.type(server.target)
    window.press_on("Token")
    display.type(server.token)
    window.press_on("Connect")
    window.press_on("Your message", "Composer")
    display.type(QUESTION)
    window.press_on("Send")
    eventually(lambda: answered(server) > asked, "the lanes were not asked")

    window.press_on("Strength of Honesty", "StrengthSlider", across=0.75)
    window.press_on("Create a snapshot…")
    window.press_on("Name of the snapshot")
    display.press("ctrl+a")
    display.type("by mouse")
    window.press_on("Create")
    eventually(lambda: any(own.display_name == "by mouse" for own in client.snapshots()), "no snapshot")
    assert strength(client, "by mouse") > 0.4, "the slider stood at .35"
    window.press_on("Activate…")
    display.type("tried by mouse")
    window.press_on("Activate")
    eventually(lambda: client.deployment().active_revision.number > before, "nothing was activated")
    active = client.deployment().active_revision
    assert (active.snapshot_display_name, active.reason) == ("by mouse", "tried by mouse")

    window.press_on("Roll back")
    display.type("looked wrong, by mouse")
    window.press_on("Roll back")
    eventually(lambda: client.deployment().active_revision.number > active.number, "nothing was rolled back")
    undone = client.deployment().active_revision
    assert (undone.rolled_back, undone.reason) == (active.number, "looked wrong, by mouse")


def test_from_the_first_page_to_a_rollback_by_keyboard_alone(
    window: Window, server: ServerProcess, client: Client
) -> None:
    display, before = window.display, client.deployment().active_revision.number
    asked = answered(server)
    window.tab_to("Address of the server")
    display.press("ctrl+a")
    display.type(server.target)
    window.tab_to("Token")
    display.type(server.token)
    display.press("Return")
    window.place("Your message", "Composer")
    display.press("ctrl+l")
    display.type(QUESTION)
    display.press("Return")
    eventually(lambda: answered(server) > asked, "the lanes were not asked")

    window.tab_to("Strength of Honesty", "StrengthSlider")
    display.press(*["Right"] * 5)
    display.press("ctrl+s")
    window.tab_to("Name of the snapshot")
    display.press("ctrl+a")
    display.type("by keyboard")
    display.press("Return")
    eventually(lambda: any(own.display_name == "by keyboard" for own in client.snapshots()), "no snapshot")
    assert strength(client, "by keyboard") > 0.35, "the slider stood at .35"
    window.tab_to("Activate…")
    display.press("space")
    time.sleep(0.5)
    display.type("tried by keyboard")
    display.press("Return")
    eventually(lambda: client.deployment().active_revision.number > before, "nothing was activated")
    active = client.deployment().active_revision
    assert (active.snapshot_display_name, active.reason) == ("by keyboard", "tried by keyboard")

    display.press("F9")
    display.press("ctrl+a")
    display.type("looked wrong, by keyboard")
    display.press("Return")
    eventually(lambda: client.deployment().active_revision.number > active.number, "nothing was rolled back")
    undone = client.deployment().active_revision
    assert (undone.rolled_back, undone.reason) == (active.number, "looked wrong, by keyboard")
