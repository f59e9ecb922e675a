"""A chat that is opened again sets the vectors beside it to what it was steered with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import HONESTY, STAGE, SWAPPED
from trimtab_client.types import Positions, SteeringTerm
from trimtab_gui.models.chat_record import KeptChat
from trimtab_gui.models.chat_shelf import Place
from trimtab_gui.models.chat_strengths import last_steering
from trimtab_gui.models.conversation import LaneKind, LaneSetup

GONE = "vectors/" + "9" * 64


def ask(client: Client, text: str) -> None:
    client.workspace.conversation.send(text)
    client.wait(lambda: not client.workspace.conversation.is_busy)


def open_again(client: Client, key: str) -> None:
    client.workspace.chats.open(Place(key, "", -1))
    client.wait(lambda: client.workspace.conversation.key == key)


def with_term(chat: KeptChat, vector: str, stage: str = STAGE) -> KeptChat:
    """The chat as if its steered replies had been made with one vector, at a stage."""
    turns = []
    for turn in chat.turns:
        steering = turn.details.steering
        if steering is not None and turn.details.setup == LaneSetup(LaneKind.STEERED):
            steering = replace(steering, stage=stage, terms=(SteeringTerm(vector, 0.3),))
        turns.append(replace(turn, details=replace(turn.details, steering=steering)))
    return replace(chat, turns=tuple(turns))


def test_the_strengths_come_back_with_the_chat_and_can_be_taken_back(connected: Client) -> None:
    steering, notice = connected.workspace.steering, connected.window.notice
    steering.use(HONESTY, 0.25, (2, 3), Positions.REPLY)
    ask(connected, "First?")
    first = connected.workspace.conversation.key
    connected.workspace.commands.run("chat.clear")
    steering.use(SWAPPED, -0.5, (4,), Positions.ALL)
    ask(connected, "Second?")
    open_again(connected, first)
    assert steering.enabled_names() == (HONESTY,)
    draft = steering.draft(HONESTY)
    assert (draft.strength, draft.layers, draft.positions) == (0.25, (2, 3), Positions.REPLY)
    assert "as they were in this chat" in notice.text
    QTest.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    assert steering.enabled_names() == (SWAPPED,) and steering.draft(SWAPPED).strength == -0.5
    assert steering.draft(SWAPPED).layers == (4,)


def test_a_chat_with_the_same_strengths_changes_and_says_nothing(connected: Client) -> None:
    ask(connected, "First?")
    first = connected.workspace.conversation.key
    connected.workspace.commands.run("chat.clear")
    ask(connected, "Second?")
    connected.window.notice.close_notice()
    open_again(connected, first)
    assert not connected.window.notice.isVisible()


def test_vectors_and_stages_that_are_gone_are_named(connected: Client) -> None:
    ask(connected, "First?")
    shelf, steering = connected.workspace.chats, connected.workspace.steering
    shelf.shown.emit(with_term(shelf.current(), GONE))
    assert steering.enabled_names() == () and steering.stage == STAGE
    assert connected.window.notice.text.endswith("left out: 999999999999")
    shelf.shown.emit(with_term(shelf.current(), HONESTY, "models/trimtab-organism/stages/stage-99"))
    assert steering.enabled_names() == (HONESTY,) and steering.stage == STAGE
    assert connected.window.notice.text.endswith("left out: stage-99")


def test_a_chat_that_comes_before_the_vectors_waits_for_them(connected: Client) -> None:
    ask(connected, "First?")
    chat = with_term(connected.workspace.chats.current(), SWAPPED)
    steering = connected.workspace.steering
    steering._seeded = False
    connected.workspace.chats.shown.emit(chat)
    assert steering.enabled_names() == (HONESTY,)
    connected.workspace.refresh_vectors()
    connected.wait(lambda: steering.enabled_names() == (SWAPPED,))
    assert not connected.window.notice.isVisible()


def test_only_the_newest_reply_of_a_lane_that_is_steered_here_counts(connected: Client) -> None:
    ask(connected, "First?")
    kept = connected.workspace.chats.current()
    newer = with_term(kept, SWAPPED)
    later = tuple(replace(turn, at=turn.at + timedelta(hours=1)) for turn in newer.turns)
    both = replace(kept, turns=(*later, *kept.turns))
    found = last_steering(both)
    assert found is not None and [term.vector for term in found.terms] == [SWAPPED]
    unsteered = replace(kept, lanes=kept.lanes[:2])
    assert last_steering(unsteered) is None
