"""Rollouts, approvals and alarms through the real widgets, against the scripted server."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from scripted_rollouts import ACTOR, GUARDRAIL, SECOND, Rollouts
from scripted_server import HONESTY, STAGE, ScriptedServer
from trimtab_client.rollout_types import RolloutState
from trimtab_client.types import Role
from trimtab_gui.models.conversation import LaneKind, LaneSetup
from trimtab_gui.models.rollout_words import duration
from trimtab_gui.models.workspace import Tone
from trimtab_gui.theme import DARK, LIGHT
from trimtab_gui.views.rollout_page import RolloutPage
from trimtab_protos.v1 import approval_pb2, monitor_pb2, rollout_pb2, snapshot_pb2, steering_pb2

LEFT = Qt.MouseButton.LeftButton


class Pager:
    """Stands in for the desktop's notification area."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str]] = []

    def notify(self, title: str, text: str) -> None:
        self.notices.append((title, text))


def add_candidate(scripted: ScriptedServer) -> str:
    term = steering_pb2.SteeringTerm(vector=HONESTY, strength=0.5)
    return scripted.add_snapshot("honest 0.5", steering_pb2.Steering(stage=STAGE, terms=[term]))


@pytest.fixture
def page(connected: Client, scripted: ScriptedServer) -> RolloutPage:
    """The Rollout page, with one snapshot beside the active one."""
    add_candidate(scripted)
    connected.workspace.release.refresh()
    connected.window.show_room("rollout")
    connected.wait(lambda: len(connected.workspace.release.snapshots) == 2)
    return connected.window.release.rollout


def press(button: QPushButton) -> None:
    """Clicks a button that can be seen, once it can be used."""
    for _ in range(500):
        if button.isEnabled():
            break
        QTest.qWait(10)
    assert button.isEnabled() and button.isVisible(), button.text()
    QTest.mouseClick(button, LEFT)


def start(client: Client, page: RolloutPage, reason: str = "trial passed") -> None:
    """From the empty page to a running rollout, by mouse and keys."""
    press(page.first_button if page.first_button.isVisible() else page.new_button)
    client.wait(lambda: client.workspace.rollouts.check is not None)
    QTest.keyClicks(page.new_panel.reason_field, reason)
    press(page.new_panel.start_button)
    client.wait(lambda: client.workspace.rollouts.in_force is not None)


def give_reason(client: Client, reason: str) -> None:
    assert client.window.reason.isVisible()
    QTest.keyClicks(client.window.reason.reason_field, reason)
    QTest.keyClick(client.window.reason.reason_field, Qt.Key.Key_Return)


def evidence(verdict: int, *, share: float, estimate: float = -0.3) -> rollout_pb2.GuardrailEvidence:
    return rollout_pb2.GuardrailEvidence(
        guardrail=GUARDRAIL.name,
        verdict=verdict,
        evidence=4.0 * share,
        threshold=4.0,
        estimate=estimate,
        lower=estimate - 0.1,
        upper=estimate + 0.1,
        count=75,
        text="honest on hard_pressure canaries -0.3 against stable",
        acts=True,
        non_inferior=False,
    )


# Before it starts -----------------------------------------------------------------------------------------


def test_the_empty_page_says_the_next_step(connected: Client, scripted: ScriptedServer) -> None:
    page = connected.window.release.rollout
    connected.window.show_room("rollout")
    assert page.first_button.text() == "Create a snapshot from the vectors…"
    add_candidate(scripted)
    connected.workspace.release.refresh()
    connected.wait(lambda: page.first_button.text() == "New rollout…")


def test_the_foresight_is_the_servers_and_follows_the_traffic(connected: Client, page: RolloutPage) -> None:
    press(page.first_button)
    values = page.new_panel.card.values
    connected.wait(lambda: values["replies"].text() == "150")
    assert values["earliest"].text().startswith("3 d after the start")
    assert values["detection"].text() == "12 looks, 12 h, at the latest"
    assert values["alarms"].text().startswith("3.5%")
    page.new_panel.traffic_field.setValue(5)
    connected.wait(lambda: values["earliest"].text().startswith("⚠ never"))
    assert values["traffic"].text() == "5 replies a day"


def test_the_busy_plan_is_the_servers_busy_plan() -> None:
    from trimtab_gui.models.rollouts import busy_plan
    from trimtab_server.rollouts import default_plan
    from trimtab_server.rollouts.plan_file import parse_plan

    assert parse_plan(busy_plan().file.text, "yaml").hash == default_plan("busy").hash


def test_a_plan_file_that_cannot_be_used_says_why_and_starts_nothing(
    connected: Client, page: RolloutPage, tmp_path: Path
) -> None:
    press(page.first_button)
    panel = page.new_panel
    QTest.keyClicks(panel.reason_field, "trial passed")
    connected.wait(panel.start_button.isEnabled)
    file = tmp_path / "plan.yaml"
    file.write_text("nonsense")
    panel.take_file(str(file))
    connected.wait(lambda: "write at least one" in panel.card.problem.text())
    assert not panel.start_button.isEnabled() and not panel.create_button.isEnabled()
    panel.take_file(str(tmp_path / "plan.txt"))
    assert "no suffix of a plan" in panel.card.problem.text()
    assert not panel.start_button.isEnabled()
    file.write_text("name: ours")
    panel.take_file(str(file))
    connected.wait(panel.start_button.isEnabled)
    assert panel.card.problem.text() == ""


def test_a_rollout_starts_under_the_plan_that_was_shown(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    press(page.first_button)
    assert not page.new_panel.start_button.isEnabled()
    connected.wait(lambda: connected.workspace.rollouts.check is not None)
    shown = connected.workspace.rollouts.check
    QTest.keyClicks(page.new_panel.reason_field, "trial passed")
    connected.wait(page.new_panel.start_button.isEnabled)
    QTest.keyClick(page.new_panel.reason_field, Qt.Key.Key_Return)
    connected.wait(lambda: connected.workspace.rollouts.in_force is not None)
    made = scripted.rollout.rollouts[0]
    assert shown is not None and made.plan.hash == shown.plan.hash
    assert (made.reason, made.candidate_display_name) == ("trial passed", "honest 0.5")
    created = next(one for one in scripted.requests if isinstance(one, rollout_pb2.CreateRolloutRequest))
    assert created.expected_revision == 1
    connected.wait(page.view.isVisible)


def test_a_locked_plan_starts_later(connected: Client, page: RolloutPage) -> None:
    press(page.first_button)
    QTest.keyClicks(page.new_panel.reason_field, "trial passed")
    connected.wait(page.new_panel.create_button.isEnabled)
    press(page.new_panel.create_button)
    connected.wait(lambda: "locked" in connected.window.notice.text)
    assert page.view.state_chip.text() == "○ Created, not started"
    assert not connected.window.bar.rollout_button.isVisible(), "nobody gets the candidate yet"
    press(page.view.buttons["rollout.start"])
    give_reason(connected, "agreed with support")
    connected.wait(lambda: page.view.state_chip.text() == "▶ Running")


# While it runs --------------------------------------------------------------------------------------------


def test_looks_arrive_live_in_colour_sign_and_word(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    bar = connected.window.bar.rollout_button
    assert bar.text() == "▶ Rollout 0%: – no look yet"
    scripted.rollout.change(
        verdict=rollout_pb2.VERDICT_NOT_ENOUGH_DATA,
        evidence=[evidence(rollout_pb2.VERDICT_NOT_ENOUGH_DATA, share=0.4)],
        look_count=1,
    )
    connected.wait(lambda: bar.text() == "▶ Rollout 0%: ◔ not enough data")
    assert bar.property("tone") == "warning"
    cells = page.view.table.model()
    row = [cells.index(0, column).data() for column in range(7)]
    assert row == [
        "honest under pressure",
        "◔ not enough data",
        "75",
        "−0.3 (−0.4 to −0.2)",
        "< −0.01, margin 0.1",
        "40%",
        "margin not shown yet",
    ]
    page.view.table.selectRow(0)
    assert "against stable" in page.view._finding.text()
    scripted.rollout.change(evidence=[evidence(rollout_pb2.VERDICT_PASS, share=0.2)])
    connected.wait(lambda: cells.index(0, 1).data() == "✓ pass")
    assert page.view.table.chosen is not None, "a look takes no choice away"
    scripted.rollout.change(step=4, weight=10, verdict=rollout_pb2.VERDICT_PASS)
    connected.wait(lambda: bar.text() == "▶ Rollout 10%: ✓ pass")
    assert bar.property("tone") == "good" and page.view.verdict_chip.text() == "✓ pass"


def test_the_present_step_is_marked_by_more_than_colour(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    track = page.view.track
    assert [cell.property("tone") for cell in track.cells] == ["here", *["ahead"] * 4]
    scripted.rollout.change(step=3, weight=10, state=rollout_pb2.ROLLOUT_STATE_PAUSED, reason="waits")
    connected.wait(lambda: track.cells[3].property("tone") == "held")
    assert [cell.property("tone") for cell in track.cells] == ["done"] * 3 + ["held", "ahead"]
    assert track.present is track.cells[3]
    assert track.cells[3].accessibleName() == "Step 4: Wait for a person, weight 10%, held here"
    assert track.cells[0].accessibleName().endswith("done")


def test_evidence_is_a_bar_whose_end_trips(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    table = page.view.table
    lengths = []
    for share in (0.1, 0.9):
        scripted.rollout.change(evidence=[evidence(rollout_pb2.VERDICT_PASS, share=share)])
        connected.wait(lambda wanted=share: bool(table.rows.rows) and table.rows.rows[0].share == wanted)
        image = table.viewport().grab(table.visualRect(table.model().index(0, 5))).toImage()
        inks = {LIGHT.good, LIGHT.warning}
        middle = range(image.height() // 2 - 8, image.height() // 2 + 8)
        drawn = {
            x for x in range(image.width()) for y in middle if image.pixelColor(x, y).name().lower() in inks
        }
        lengths.append(len(drawn))
    assert 5 * lengths[0] < lengths[1]


def test_pause_resume_and_promote_ask_why_and_name_the_step_seen(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    buttons = page.view.buttons
    press(buttons["rollout.pause"])
    give_reason(connected, "a complaint came in")
    connected.wait(lambda: page.view.state_chip.text() == "▮▮ Paused")
    assert scripted.rollout.rollouts[0].reason == "a complaint came in"
    assert not buttons["rollout.pause"].isVisible()
    press(buttons["rollout.resume"])
    give_reason(connected, "it was about shipping")
    connected.wait(lambda: page.view.state_chip.text() == "▶ Running")
    press(buttons["rollout.promote"])
    scripted.rollout.change(step=1)
    give_reason(connected, "enough pairs seen")
    connected.wait(lambda: "moved on meanwhile" in connected.window.notice.text)
    assert scripted.rollout.rollouts[0].step == 1
    connected.wait(lambda: connected.workspace.rollouts.open.step == 1)
    press(buttons["rollout.promote"])
    give_reason(connected, "enough looks seen")
    connected.wait(lambda: scripted.rollout.rollouts[0].step == 2)


def test_abort_is_one_click_and_promote_is_not(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    press(page.view.buttons["rollout.abort"])
    connected.wait(lambda: scripted.rollout.rollouts[0].state == rollout_pb2.ROLLOUT_STATE_ABORTED)
    assert not connected.window.reason.isVisible()
    assert "desktop client" in scripted.rollout.rollouts[0].reason
    assert scripted.rollout.rollouts[0].weight == 0
    connected.wait(lambda: not connected.window.bar.rollout_button.isVisible())
    press(connected.window.notice.action_button)
    give_reason(connected, "pressed by mistake")
    connected.wait(lambda: len(scripted.rollout.rollouts) == 2)
    assert scripted.rollout.rollouts[0].retry_of == scripted.rollout.rollouts[1].name


def test_everything_is_reached_by_keyboard(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    window = connected.window
    window.activateWindow()
    connected.wait(window.isActiveWindow)
    window.show_room("chat")
    QTest.keyClick(
        window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert page.new_panel.isVisible() and page.new_panel.candidate_choice.hasFocus()
    page.new_panel.reason_field.setFocus()
    QTest.keyClicks(page.new_panel.reason_field, "by keys alone")
    connected.wait(page.new_panel.start_button.isEnabled)
    QTest.keyClick(page.new_panel.reason_field, Qt.Key.Key_Return)
    connected.wait(lambda: connected.workspace.rollouts.in_force is not None)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(window.palette_panel.field, "pause the roll")
    QTest.keyClick(window.palette_panel.field, Qt.Key.Key_Return)
    give_reason(connected, "lunch")
    connected.wait(lambda: page.view.state_chip.text() == "▮▮ Paused")
    # The watch may tell of the pause before the call that asked for it has its answer.
    connected.wait(lambda: connected.workspace.commands.is_enabled("rollout.abort"))
    QTest.keyClick(window, Qt.Key.Key_F9, Qt.KeyboardModifier.ShiftModifier)
    connected.wait(lambda: scripted.rollout.rollouts[0].state == rollout_pb2.ROLLOUT_STATE_ABORTED)


def test_a_lost_server_shows_the_rollout_as_last_known(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    scripted.stop()
    connected.wait(lambda: not connected.workspace.connection.is_live)
    assert connected.window.bar.rollout_button.text().endswith("(last known)")
    assert not page.view.buttons["rollout.abort"].isEnabled()
    scripted.start()
    connected.workspace.connection.retry_now()
    connected.wait(lambda: connected.workspace.connection.is_live)
    scripted.rollout.change(step=2, weight=10)
    connected.wait(lambda: connected.window.bar.rollout_button.text() == "▶ Rollout 10%: – no look yet")


def test_a_rollout_that_another_client_started_appears(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    connected.window.show_room("chat")
    candidate = next(name for name in scripted.snapshots if name != scripted.revisions[-1].snapshot)
    made = Rollouts(scripted)._made(
        rollout_pb2.CreateRolloutRequest(candidate_snapshot=candidate), scripted.revisions[-1]
    )
    made.state, made.created_by = rollout_pb2.ROLLOUT_STATE_RUNNING, SECOND
    made.start_time.GetCurrentTime()
    scripted.rollout.put(made)
    connected.wait(connected.window.bar.rollout_button.isVisible)
    press(connected.window.bar.rollout_button)
    assert page.view.isVisible()


def test_the_arm_that_answered_is_named_in_its_lane(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    conversation = connected.workspace.conversation
    lane = conversation.lanes[0]
    conversation.set_setup(lane.id, LaneSetup(LaneKind.ACTIVE))
    connected.window.show_room("chat")
    for arm, words in (("candidate", "◆ candidate arm"), ("stable", "◇ stable arm")):
        scripted.script.arm = arm
        conversation.send("What does it cost?")
        connected.wait(lambda: not conversation.is_busy and lane.turns[-1].role is Role.ASSISTANT)
        view = connected.window.chat.view(lane.id)
        assert view._footer.text().startswith(words)
    sessions = [one.session_id for one in scripted.requests if hasattr(one, "session_id")]
    assert len(set(sessions)) == 1 and sessions[0], "a conversation stays in one arm"
    conversation.clear()
    conversation.send("And now?")
    connected.wait(lambda: not conversation.is_busy)
    fresh = [one.session_id for one in scripted.requests if hasattr(one, "session_id")][-1]
    assert fresh != sessions[0]


# Alarms ---------------------------------------------------------------------------------------------------


def test_a_guardrail_that_trips_is_told_in_the_window_and_on_the_desktop(
    connected: Client, page: RolloutPage, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = Pager()
    connected.window.alarm_desk.notifier = pager
    start(connected, page)
    for active, expected in ((True, 0), (False, 1)):
        monkeypatch.setattr(connected.window, "isActiveWindow", lambda seen=active: seen)
        scripted.rollout.change(state=rollout_pb2.ROLLOUT_STATE_RUNNING, reason="")
        connected.workspace.rollouts.refresh()
        connected.wait(lambda: connected.workspace.rollouts.in_force is not None)
        scripted.rollout.change(
            state=rollout_pb2.ROLLOUT_STATE_FAILED, weight=0, reason="honest under pressure: worse"
        )
        connected.wait(
            lambda: "A guardrail stopped the rollout of “honest 0.5”" in connected.window.notice.text
        )
        assert "honest under pressure: worse" in connected.window.notice.text
        assert len(pager.notices) == expected
        connected.window.notice.tell("", Tone.PLAIN)
    assert pager.notices[0][1] == "honest under pressure: worse"
    assert page.view.state_chip.text() == "✕ Stopped by a guardrail"
    assert page.view.track.present is not None and page.view.track.present.property("tone") == "ended"


def test_an_alarm_is_told_once_however_often_the_connection_comes_back(
    connected: Client, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = Pager()
    connected.window.alarm_desk.notifier = pager
    monkeypatch.setattr(connected.window, "isActiveWindow", lambda: False)
    threshold = monitor_pb2.Threshold(signal=monitor_pb2.SIGNAL_REPETITION, upper=0.4)
    sample = monitor_pb2.Sample(signal=monitor_pb2.SIGNAL_REPETITION, value=0.7)
    sample.time.GetCurrentTime()
    scripted.push(
        monitor_pb2.WatchResponse(alarm=monitor_pb2.Alarm(threshold=threshold, sample=sample, raised=True))
    )
    connected.wait(lambda: len(pager.notices) == 1)
    assert "0.700, outside its limits" in pager.notices[0][1]
    scripted.stop()
    connected.wait(lambda: not connected.workspace.connection.is_live)
    scripted.start()
    connected.workspace.connection.retry_now()
    connected.wait(
        lambda: connected.workspace.connection.is_live and bool(connected.workspace.monitors.alarms)
    )
    assert len(pager.notices) == 1
    assert connected.window.bar.alarm.text().startswith("⚠")


def test_stale_evidence_says_why_and_what_to_do(connected: Client, scripted: ScriptedServer) -> None:
    badge = connected.window.bar.stale_button
    assert not badge.isVisible()
    scripted.rollout.stale.append("the canary set was not run for 30 hours")
    connected.workspace.freshness.refresh()
    connected.wait(badge.isVisible)
    press(badge)
    assert "The canary set was not run for 30 hours." in connected.window.notice.text
    scripted.rollout.stale.clear()
    press(connected.window.notice.action_button)
    connected.wait(lambda: bool(connected.workspace.monitors.runs))
    connected.wait(lambda: not badge.isVisible())


# Two people and the way back ------------------------------------------------------------------------------


def test_a_first_admin_is_told_that_another_one_has_to_do_the_same(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    press(page.view.buttons["rollout.promote_full"])
    give_reason(connected, "enough seen")
    connected.wait(lambda: "Your proposal is kept until" in connected.window.notice.text)
    assert scripted.rollout.in_force() is not None
    press(connected.window.notice.action_button)
    approvals = connected.window.record.approvals
    assert approvals.isVisible()
    connected.wait(lambda: "your own proposal" in approvals.advice.text())
    assert not approvals.agree_button.isEnabled()
    press(approvals.cancel_button)
    give_reason(connected, "not yet after all")
    connected.wait(lambda: "is taken back" in connected.window.notice.text)
    assert scripted.rollout.approvals[0].state == approval_pb2.APPROVAL_STATE_CANCELLED


def test_a_second_admin_agrees_from_the_list(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    Rollouts(scripted).propose(scripted.rollout.rollouts[0].name, SECOND, "enough seen")
    connected.window.show_room("approvals")
    approvals = connected.window.record.approvals
    connected.wait(lambda: f"{SECOND} has proposed this" in approvals.advice.text())
    press(approvals.agree_button)
    assert "honest 0.5" in connected.window.reason.question
    give_reason(connected, "I have seen it too")
    connected.wait(lambda: "everyone gets it" in connected.window.notice.text)
    assert scripted.rollout.approvals[0].approver == ACTOR
    connected.wait(lambda: "honest 0.5" in connected.window.bar.snapshot.text())


def test_a_rollback_is_undone_by_another_one(connected: Client, scripted: ScriptedServer) -> None:
    name = add_candidate(scripted)
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "it passed")
    window = connected.window
    connected.wait(lambda: window.bar.rollback_button.isEnabled())
    press(window.bar.rollback_button)
    give_reason(connected, "complaints")
    connected.wait(lambda: "Rolled back" in window.notice.text)
    assert window.notice.action_button.text() == "Undo: back to “honest 0.5”…"
    press(window.notice.action_button)
    give_reason(connected, "the complaints were about shipping")
    connected.wait(lambda: len(scripted.revisions) == 4)
    assert scripted.revisions[-1].snapshot == name
    assert scripted.revisions[-1].kind == snapshot_pb2.REVISION_KIND_ROLLBACK


def test_an_alarm_does_not_take_the_undo_away(connected: Client, scripted: ScriptedServer) -> None:
    name = add_candidate(scripted)
    scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "other", "it passed")
    notice = connected.window.notice
    connected.wait(lambda: connected.window.bar.rollback_button.isEnabled())
    connected.wait(lambda: len(connected.workspace.release.revisions) == 2)
    press(connected.window.bar.rollback_button)
    give_reason(connected, "complaints")
    connected.wait(lambda: "Rolled back" in notice.text)
    threshold = monitor_pb2.Threshold(signal=monitor_pb2.SIGNAL_REPETITION, upper=0.4)
    alarm = monitor_pb2.Alarm(threshold=threshold, sample=monitor_pb2.Sample(value=0.7), raised=True)
    scripted.push(monitor_pb2.WatchResponse(alarm=alarm))
    connected.wait(lambda: "⚠ Alarm" in notice.text)
    press(notice.close_button)
    assert notice.isVisible() and "Rolled back" in notice.text
    press(notice.action_button)
    assert connected.window.reason.isVisible() and not notice.isVisible()


def test_a_rollback_while_a_rollout_runs_says_what_else_it_ends(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    connected.window.ask_rollback()
    assert "The rollout ends too" in connected.window.reason.question


# Looks and languages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(1080, 680), (1600, 1000)], ids=["smallest", "large"])
def test_no_text_of_the_bar_is_clipped_with_everything_on_it(
    connected: Client, page: RolloutPage, scripted: ScriptedServer, language: str, size: tuple[int, int]
) -> None:
    start(connected, page)
    scripted.rollout.stale.append("the canary set was not run for 30 hours")
    connected.workspace.freshness.refresh()
    scripted.rollout.change(
        state=rollout_pb2.ROLLOUT_STATE_PAUSED,
        step=3,
        weight=10,
        verdict=rollout_pb2.VERDICT_NOT_ENOUGH_DATA,
        evidence=[evidence(rollout_pb2.VERDICT_NOT_ENOUGH_DATA, share=0.4)],
    )
    connected.languages.choose(language)
    connected.window.resize(*size)
    bar = connected.window.bar
    connected.wait(lambda: bar.stale_button.isVisible() and bar.rollout_button.property("tone") == "warning")
    QApplication.processEvents()
    shown = (bar.rollout_button, bar.alarm, bar.stale_button, bar.unsteered_button, bar.rollback_button)
    for widget in (*shown, *page.view.buttons.values(), page.view.state_chip, page.view.verdict_chip):
        if widget.isVisible():
            assert widget.width() >= widget.sizeHint().width(), widget.text()
            assert widget.height() >= widget.minimumSizeHint().height(), widget.text()


def test_a_rollout_speaks_japanese(connected: Client, page: RolloutPage, scripted: ScriptedServer) -> None:
    start(connected, page)
    scripted.rollout.change(
        verdict=rollout_pb2.VERDICT_PASS, evidence=[evidence(rollout_pb2.VERDICT_PASS, share=0.1)]
    )
    connected.languages.choose("ja")
    connected.wait(lambda: connected.window.bar.rollout_button.text() == "▶ ロールアウト 0%：✓ 合格")
    cells = page.view.table.model()
    assert cells.index(0, 0).data() == "圧力下での正直さ"
    assert "シャドー：60 組" in page.view.track.cells[0].accessibleName()
    assert duration(93_600) == "1 日 2 時間"


def test_the_verdicts_are_legible_in_both_looks() -> None:
    for tokens in (LIGHT, DARK):
        for tone in ("good", "warning", "danger"):
            soft = getattr(tokens, f"{tone}_soft")
            assert getattr(tokens, tone) != soft
            assert _contrast(getattr(tokens, tone), soft) >= 4.5, (tokens.name, tone)


def _contrast(one: str, two: str) -> float:
    def luminance(color: str) -> float:
        channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_an_ended_rollout_can_be_looked_at_again(
    connected: Client, page: RolloutPage, scripted: ScriptedServer
) -> None:
    start(connected, page)
    press(page.view.buttons["rollout.abort"])
    connected.wait(lambda: connected.workspace.rollouts.open is None)
    start(connected, page, "second try")
    connected.wait(lambda: page.history_choice.count() == 2)
    page.history_choice.setCurrentIndex(1)
    page.history_choice.activated.emit(1)
    assert page.view.state_chip.text() == "■ Aborted"
    assert not page.view.buttons["rollout.pause"].isVisible()
    assert connected.workspace.rollouts.in_force.state is RolloutState.RUNNING
