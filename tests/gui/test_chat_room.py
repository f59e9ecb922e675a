"""The Chat room, through its own widgets."""

from __future__ import annotations

import pytest
from driven_client import Client
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QTextCharFormat
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from scripted_server import HONESTY, REPLIES, ScriptedServer
from trimtab_client.types import Role
from trimtab_gui.color_scale import Readout
from trimtab_gui.models.conversation import LaneKind, LaneSetup, TurnState
from trimtab_protos.v1 import chat_pb2


def ask(client: Client, text: str) -> None:
    """Types a question and presses Enter, then waits for the replies."""
    composer = client.window.chat.composer
    composer.setFocus()
    QTest.keyClicks(composer, text)
    QTest.keyClick(composer, Qt.Key.Key_Return)
    client.wait(lambda: not client.workspace.conversation.is_busy)


def shown(client: Client, place: int) -> str:
    lane = client.workspace.conversation.lanes[place]
    return client.window.chat.view(lane.id).transcript.toPlainText()


def test_three_lanes_answer_one_question_each_in_its_own_way(
    connected: Client, scripted: ScriptedServer
) -> None:
    ask(connected, "What does it cost?")
    for place, kind in enumerate(("unsteered", "prompt", "steered")):
        text = shown(connected, place)
        assert REPLIES[kind] in text and text.count("Regenerate") == 1
    request = next(r for r in scripted.requests if isinstance(r, chat_pb2.CompareRequest))
    unsteered, prompt, steered = (lane.source for lane in request.lanes)
    assert unsteered.WhichOneof("source") == "unsteered_stage"
    assert prompt.steering.system_prompt == "Remain honest at all times." and not prompt.steering.terms
    assert [term.vector for term in steered.steering.terms] == [HONESTY]


def test_each_lane_keeps_its_own_history(connected: Client, scripted: ScriptedServer) -> None:
    ask(connected, "First?")
    ask(connected, "Second?")
    request = [r for r in scripted.requests if isinstance(r, chat_pb2.CompareRequest)][-1]
    histories = [[message.content for message in lane.messages] for lane in request.lanes]
    assert histories == [["First?", REPLIES[kind], "Second?"] for kind in ("unsteered", "prompt", "steered")]


def test_the_system_message_leads_in_every_lane(connected: Client, scripted: ScriptedServer) -> None:
    QTest.keyClicks(connected.window.chat.scene_field, "You sell.")
    ask(connected, "Hello?")
    request = next(r for r in scripted.requests if isinstance(r, chat_pb2.CompareRequest))
    for lane in request.lanes:
        assert [(m.role, m.content) for m in lane.messages] == [
            (chat_pb2.ROLE_SYSTEM, "You sell."),
            (chat_pb2.ROLE_USER, "Hello?"),
        ]


def test_a_situation_fills_scene_and_question(connected: Client) -> None:
    chat = connected.window.chat
    index = chat.preset_choice.findData("hard_pressure/price")
    chat.preset_choice.setCurrentIndex(index)
    chat.preset_choice.activated.emit(index)
    assert chat.composer.toPlainText() == "What does the Marogi timer cost?"
    assert "whatever it takes" in chat.scene_field.text()


def test_stop_keeps_what_has_come(connected: Client, scripted: ScriptedServer) -> None:
    scripted.script.hold_after = 3
    composer = connected.window.chat.composer
    QTest.keyClicks(composer, "Go on")
    QTest.keyClick(composer, Qt.Key.Key_Return)
    lanes = connected.workspace.conversation.lanes
    connected.wait(lambda: all(len(lane.turns[-1].tokens) == 3 for lane in lanes))
    assert connected.window.chat.send_button.text() == "Stop"
    QTest.mouseClick(connected.window.chat.send_button, Qt.MouseButton.LeftButton)
    assert not connected.workspace.conversation.is_busy
    assert [lane.turns[-1].state for lane in lanes] == [TurnState.STOPPED] * 3
    assert "The Marogi timer" in shown(connected, 2) and "Stopped" in shown(connected, 2)


def test_regenerate_asks_one_lane_again_without_its_last_reply(
    connected: Client, scripted: ScriptedServer
) -> None:
    ask(connected, "Why?")
    lane = connected.workspace.conversation.lanes[2]
    connected.window.chat.view(lane.id).transcript.actionRequested.emit("regenerate", 1)
    connected.wait(lambda: not connected.workspace.conversation.is_busy)
    request = next(r for r in scripted.requests if isinstance(r, chat_pb2.ChatRequest))
    assert [message.content for message in request.messages] == ["Why?"]
    assert [turn.role for turn in lane.turns] == [Role.USER, Role.ASSISTANT]


def test_edit_and_resend_replaces_the_question_in_every_lane_that_has_it(connected: Client) -> None:
    ask(connected, "Frist?")
    conversation = connected.workspace.conversation
    lane = conversation.lanes[0]
    connected.window.chat.view(lane.id).transcript.actionRequested.emit("edit", 0)
    composer = connected.window.chat.composer
    assert composer.toPlainText() == "Frist?"
    ask(connected, "First?")
    assert [lane.turns[0].text for lane in conversation.lanes] == ["First?"] * 3
    assert [len(lane.turns) for lane in conversation.lanes] == [2, 2, 2]


def test_copy_puts_the_reply_on_the_clipboard(connected: Client) -> None:
    ask(connected, "Well?")
    lane = connected.workspace.conversation.lanes[2]
    connected.window.chat.view(lane.id).transcript.actionRequested.emit("copy", 1)
    assert QGuiApplication.clipboard().text() == REPLIES["steered"]


def test_tokens_are_coloured_underlined_and_explained(connected: Client) -> None:
    ask(connected, "Well?")
    conversation = connected.workspace.conversation
    transcript = connected.window.chat.view(conversation.lanes[2].id).transcript
    text = transcript.toPlainText()
    position = text.index("760")
    cursor = transcript.textCursor()
    cursor.setPosition(position + 1)
    shape = cursor.charFormat()
    assert shape.background().style() is Qt.BrushStyle.SolidPattern
    assert shape.underlineStyle() is not QTextCharFormat.UnderlineStyle.NoUnderline
    token = transcript.token_at(position)
    assert token is not None and token.text == " 760"
    assert "projection" in transcript.describe_token(token)
    conversation.set_readout(Readout.OFF)
    cursor.setPosition(transcript.toPlainText().index("760") + 1)
    assert cursor.charFormat().background().style() is Qt.BrushStyle.NoBrush


def test_enter_that_confirms_a_japanese_conversion_does_not_send(connected: Client) -> None:
    composer = connected.window.chat.composer
    composer.setFocus()
    sent: list[str] = []
    composer.submitted.connect(sent.append)
    QApplication.sendEvent(composer, QInputMethodEvent("かかく", []))
    assert composer.is_composing
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert sent == []
    confirmed = QInputMethodEvent()
    confirmed.setCommitString("価格は？")
    QApplication.sendEvent(composer, confirmed)
    assert not composer.is_composing and composer.toPlainText() == "価格は？"
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert sent == ["価格は？"]
    connected.wait(lambda: not connected.workspace.conversation.is_busy)


def test_shift_enter_makes_a_line_and_control_enter_sends_when_so_set(connected: Client) -> None:
    composer = connected.window.chat.composer
    QTest.keyClicks(composer, "one")
    QTest.keyClick(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(composer, "two")
    assert composer.toPlainText() == "one\ntwo"
    composer.send_with_control_enter = True
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert composer.toPlainText() == "one\ntwo\n"
    QTest.keyClick(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert composer.toPlainText() == ""
    connected.wait(lambda: not connected.workspace.conversation.is_busy)


def test_which_key_sends_can_be_chosen_and_is_remembered(connected: Client) -> None:
    composer = connected.window.chat.composer
    assert "Enter sends" in composer.placeholderText()
    connected.workspace.commands.run("chat.send_key")
    assert composer.send_with_control_enter and "Ctrl+Enter sends" in composer.placeholderText()
    assert connected.workspace.files.settings.send_with_control_enter
    connected.workspace.commands.run("chat.send_key")
    assert not composer.send_with_control_enter


def test_a_prompt_is_stored_before_it_is_sent(connected: Client, scripted: ScriptedServer) -> None:
    scripted.script.hold_after = 1
    composer = connected.window.chat.composer
    QTest.keyClicks(composer, "Do not lose me")
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert connected.workspace.files.prompts() == ["Do not lose me"]
    QTest.keyClick(composer, Qt.Key.Key_Up)
    assert composer.toPlainText() == "Do not lose me"


def test_a_fourth_lane_can_be_added_and_removed_but_not_a_fifth(connected: Client) -> None:
    chat = connected.window.chat
    QTest.mouseClick(chat.add_button, Qt.MouseButton.LeftButton)
    conversation = connected.workspace.conversation
    assert [lane.setup.kind for lane in conversation.lanes][-1] is LaneKind.ACTIVE
    assert not chat.add_button.isEnabled()
    with pytest.raises(ValueError, match="at most 4"):
        conversation.add_lane(LaneSetup(LaneKind.ACTIVE))
    conversation.remove_lane(conversation.lanes[0].id)
    # The removed lane's view may still hear signals before the event loop deletes it.
    connected.workspace.steering.set_strength(HONESTY, 0.11)
    assert len(conversation.lanes) == 3 and chat.add_button.isEnabled()


def test_the_transcript_follows_until_the_operator_scrolls_away(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.script.reply = "word " * 900
    ask(connected, "A lot, please")
    transcript = connected.window.chat.view(connected.workspace.conversation.lanes[0].id).transcript
    bar = transcript.verticalScrollBar()
    assert bar.maximum() > 0 and bar.value() == bar.maximum()
    bar.triggerAction(bar.SliderAction.SliderPageStepSub)
    assert not transcript.follows
    away = bar.value()
    ask(connected, "More")
    assert bar.value() == away < bar.maximum()
    bar.triggerAction(bar.SliderAction.SliderToMaximum)
    assert transcript.follows


def test_a_refusal_is_explained_in_the_lane(connected: Client, scripted: ScriptedServer) -> None:
    scripted.script.refuse_chat = "QUEUE_FULL"
    ask(connected, "Anybody?")
    assert "queue is full" in shown(connected, 0)
    assert connected.workspace.conversation.lanes[0].turns[-1].state is TurnState.FAILED


def test_a_burst_is_shown_in_few_batches_and_loses_nothing(
    connected: Client, scripted: ScriptedServer
) -> None:
    scripted.script.reply = " ".join(f"w{number}" for number in range(4000))
    conversation = connected.workspace.conversation
    for lane in conversation.lanes[1:]:
        conversation.remove_lane(lane.id)
    batches: list[int] = []
    conversation.replyExtended.connect(lambda _lane, tokens: batches.append(len(tokens)))
    ask(connected, "Everything")
    assert sum(batches) == 4000
    assert len(batches) < 1000
    assert connected.workspace.gateway.largest_flush <= 500
    assert "w3999" in shown(connected, 0)


def test_the_tooltip_of_a_token_is_found_under_the_pointer(connected: Client) -> None:
    ask(connected, "Well?")
    transcript = connected.window.chat.view(connected.workspace.conversation.lanes[2].id).transcript
    cursor = transcript.textCursor()
    cursor.setPosition(transcript.toPlainText().index("760") + 1)
    place = transcript.cursorRect(cursor).center() + QPoint(1, 0)
    token = transcript.token_at(transcript.cursorForPosition(place).position())
    assert token is not None and token.text == " 760"
