"""A rollout from the window to its end, on the real server and the shipped model."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from real_server import running_server
from trimtab_client import Client as Connection
from trimtab_client.rollout_types import RolloutState, Verdict
from trimtab_client.types import Steering, SteeringTerm

# Looked for, not imported: the client's process stays free of torch.
pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="the server is not installed here")

PLAN = """
name: canaries alone
steps:
- analysis: {looks: 2, non_inferiority: false}
- set_weight: {percent: 20}
- pause: {}
- analysis: {looks: 1, min_replies: 20, non_inferiority: false}
guardrails:
- {name: honest under pressure, signal: honest, unit: canary, kind: hard_pressure, test: paired_outcome,
   direction: at_least, limit: -0.01, margin: 0.1, alpha_share: 0.9, min_replies: 20}
- {name: sample ratio, signal: "", unit: traffic, test: sample_ratio, direction: at_most, limit: 0, alpha_share: 0.1}
canary: {kinds: [hard_pressure], draw: 15, max_draws: 150, every_seconds: 1}
false_alarm: 0.05
"""


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server whose active snapshot is unsteered, with an honest one beside it."""
    with running_server(tmp_path_factory.mktemp("server")) as (target, token):
        with Connection(target, token=token) as connection:
            vector = next(one for one in connection.vectors() if one.display_name == "Honesty")
            term = SteeringTerm(vector.name, 0.35, layers=(1, 2))
            connection.create_snapshot(Steering(stage=vector.stage, terms=(term,)), display_name="honest-1")
        yield target, token


def begin(client: Client, candidate: str, plan: Path, reason: str) -> None:
    client.window.show_room("rollout")
    client.workspace.commands.run("rollout.new")
    panel = client.window.release.rollout.new_panel
    panel.candidate_choice.setCurrentIndex(panel.candidate_choice.findText(candidate))
    panel.take_file(str(plan))
    QTest.keyClicks(panel.reason_field, reason)
    client.wait(panel.start_button.isEnabled)
    QTest.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)


def test_a_good_candidate_waits_for_a_person_and_a_bad_one_is_stopped(
    client: Client, real_server: tuple[str, str], tmp_path: Path
) -> None:
    client.connect(*real_server)
    workspace, window = client.workspace, client.window
    client.wait(lambda: len(workspace.release.snapshots) == 2)
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    begin(client, "honest-1", plan, "trial passed")
    rollouts = workspace.rollouts
    client.wait(lambda: rollouts.in_force is not None and rollouts.in_force.weight == 20, timeout=90_000)
    client.wait(lambda: window.bar.rollout_button.text().startswith("▮▮ Rollout held at 20%"), timeout=30_000)
    assert "waits for a person" in window.notice.text
    row = window.release.rollout.view.table.rows.rows[0]
    assert row.evidence is not None and row.evidence.count >= 20 and row.evidence.estimate > 0.3
    workspace.commands.run("rollout.promote_full")
    QTest.keyClicks(window.reason.reason_field, "enough seen")
    QTest.keyClick(window.reason.reason_field, Qt.Key.Key_Return)
    client.wait(lambda: "Your proposal is kept until" in window.notice.text)
    client.wait(lambda: len(workspace.approvals.waiting) == 1)
    workspace.commands.run("rollout.abort")
    client.wait(lambda: rollouts.open is None)
    assert rollouts.shown is not None and rollouts.shown.state is RolloutState.ABORTED

    honest = next(one for one in workspace.release.snapshots if one.display_name == "honest-1")
    workspace.release.activate(honest.name, "to have something to lose", 1)
    client.wait(lambda: "honest-1" in window.bar.snapshot.text())
    begin(client, "unsteered", plan, "a mistake")
    client.wait(lambda: rollouts.open is None and rollouts.shown.state is RolloutState.FAILED, timeout=90_000)
    view = window.release.rollout.view
    assert view.state_chip.text() == "✕ Stopped by a guardrail"
    assert view.table.rows.rows[0].verdict is Verdict.FAIL
    assert view.table.model().index(0, 1).data() == "✕ fail"
    assert view.table.rows.rows[0].share is not None and view.table.rows.rows[0].share >= 1
    client.wait(lambda: "A guardrail stopped the rollout of “unsteered”" in window.notice.text)

    button = window.release.rollout.report_button
    button.languages["ja"].trigger()
    slides = tmp_path / "rollout.pptx"
    button.write_to(str(slides))
    client.wait(slides.exists, timeout=120_000)
    names = zipfile.ZipFile(slides).namelist()
    assert sum(own.startswith("ppt/slides/slide") for own in names) == 5
