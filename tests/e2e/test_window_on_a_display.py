"""The main paths through the real window on a real (virtual) display, judged by what the server then says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from display import Display, Window, eventually
from server_process import ServerProcess
from trimtab_client import Client, Steering, SteeringTerm

#: Where the bar has its button, and the strip that asks for the reason its own, in a window of 1400 x 900.
ROLL_BACK = (1331, 53)
CONFIRM = (1272, 102)


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    missing = [tool for tool in ("Xvfb", "openbox", "xdotool") if shutil.which(tool) is None]
    assert not missing, f"missing: {', '.join(missing)}; run packaging/system-packages.sh --tests"
    shown = Display()
    yield shown
    shown.close()


@pytest.fixture
def window(display: Display, server: ServerProcess, tmp_path: Path) -> Iterator[Window]:
    opened = Window(display, server, tmp_path)
    yield opened
    opened.close()


def activate_a_vector(client: Client, name: str) -> int:
    """Makes a steered snapshot active; its revision."""
    shipped = next(v for v in client.vectors() if v.suggested_strength > 0)
    strength = shipped.suggested_strength * (0.5 if name == "by keyboard" else 0.6)
    term = SteeringTerm(shipped.name, strength, layers=shipped.suggested_layers)
    steering = Steering(client.models()[0].default_stage, (term,))
    snapshot = client.create_snapshot(steering, display_name=name)
    return client.activate_snapshot(snapshot.name, reason="to be rolled back").number


def test_a_question_is_asked_and_a_snapshot_rolled_back_by_keyboard_alone(
    window: Window, server: ServerProcess, client: Client
) -> None:
    display = window.display
    revision = activate_a_vector(client, "by keyboard")
    display.press("ctrl+l")
    display.type("What is the warranty?")
    display.press("Return")
    eventually(lambda: "ChatService/Compare" in server.log.read_text(), "the question was not answered")

    display.press("F9")
    display.press("ctrl+a")
    display.type("looked wrong, by keyboard")
    display.press("Return")
    eventually(lambda: client.deployment().active_revision.number > revision, "nothing was rolled back")
    undone = client.deployment().active_revision
    assert undone.rolled_back == revision
    assert undone.reason == "looked wrong, by keyboard"


def test_a_snapshot_is_rolled_back_with_the_mouse(window: Window, client: Client) -> None:
    display = window.display
    revision = activate_a_vector(client, "by mouse")
    window.click(*ROLL_BACK)
    display.type("looked wrong, by mouse")
    window.click(*CONFIRM)
    eventually(lambda: client.deployment().active_revision.number > revision, "nothing was rolled back")
    assert client.deployment().active_revision.reason == "looked wrong, by mouse"
