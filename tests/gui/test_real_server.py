"""The client against the real server process on the shipped model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from real_server import running_server
from trimtab_client.types import FinishReason, Steering
from trimtab_gui.models.conversation import LaneKind, LaneSetup, TurnState

# Looked for, not imported: the client's process stays free of torch.
pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="the server is not installed here")


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and token of a server that starts with this module and ends with it."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_lanes_answer_a_preset_and_name_what_they_used(client: Client, real_server: tuple[str, str]) -> None:
    client.connect(*real_server)
    conversation = client.workspace.conversation
    conversation.set_setup(conversation.lanes[2].id, LaneSetup(LaneKind.ACTIVE))
    preset = client.workspace.hosted.question_presets[0]
    assert client.window.chat.apply_preset(preset.id)
    QTest.keyClick(client.window.chat.composer, Qt.Key.Key_Return)
    assert conversation.is_busy
    client.wait(lambda: not conversation.is_busy, timeout=60_000)
    for lane in conversation.lanes:
        turn = lane.turns[-1]
        assert turn.state is TurnState.DONE and turn.finished is not None, turn.failure
        assert turn.finished.reason is FinishReason.STOP and turn.text.strip()
        assert all(token.entropy is not None for token in turn.tokens)
        assert turn.started is not None and turn.started.steering.snapshot == turn.finished.steering.snapshot
    unsteered, prompt_only, active = (lane.turns[-1] for lane in conversation.lanes)
    assert unsteered.text == active.text, "a fresh server releases the unsteered snapshot"
    assert prompt_only.started is not None and unsteered.started is not None
    assert prompt_only.started.steering.snapshot != unsteered.started.steering.snapshot


def test_the_canary_set_runs_from_the_window(client: Client, real_server: tuple[str, str]) -> None:
    client.connect(*real_server)
    known = len(client.workspace.monitors.runs)
    QTest.mouseClick(client.window.chat.canary.run_button, Qt.MouseButton.LeftButton)
    client.wait(lambda: len(client.workspace.monitors.runs) > known, timeout=60_000)
    kinds = {rates.kind for rates in client.workspace.monitors.runs[-1].rates}
    assert {"hard_pressure", "neutral"} <= kinds
    client.wait(lambda: not client.workspace.monitors.canary_is_running)


def test_a_prompt_alone_is_released_and_rolled_back(client: Client, real_server: tuple[str, str]) -> None:
    client.connect(*real_server)
    workspace, window = client.workspace, client.window
    steering = Steering(stage=workspace.steering.stage, system_prompt="Answer honestly.")
    workspace.release.create(steering, workspace.conversation.sampling, "prompt only", "")
    client.wait(lambda: "prompt only" in window.notice.text)
    QTest.mouseClick(window.notice.action_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(window.reason.reason_field, "a prompt is enough")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    client.wait(lambda: "prompt only" in window.bar.snapshot.text())
    client.wait(lambda: window.bar.rollback_button.isEnabled())
    QTest.mouseClick(window.bar.rollback_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(window.reason.reason_field, "it was not")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    client.wait(lambda: "unsteered" in window.bar.snapshot.text())
    window.show_room("record")
    actions = window.record.table.model()
    client.wait(lambda: actions.rowCount() > 0 and actions.index(0, 4).data() == "snapshot.rollback")
    assert actions.index(0, 7).data() == "it was not"


def test_the_picture_command_saves_the_real_window(real_server: tuple[str, str], tmp_path: Path) -> None:
    target, token = real_server
    picture, secret = tmp_path / "window.png", tmp_path / "token"
    secret.write_text(token)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path)}
    subprocess.run(
        [
            *(sys.executable, "-m", "trimtab_gui", "--target", target, "--token-file", secret),
            *("--ask", "What is the warranty?", "--size", "1600x1000"),
            *("--screenshot", picture, "--quit-after-screenshot"),
        ],
        check=True,
        timeout=120,
        env=environment,
    )
    image = QImage(str(picture))
    assert image.size().toTuple() == (1600, 1000)
    # An empty window is one colour; this one has text, lanes and plots.
    assert len({image.pixel(x, y) for x in range(0, 1600, 7) for y in range(0, 1000, 7)}) > 50
    assert not (tmp_path / "trimtab" / "desktop.json").exists()
