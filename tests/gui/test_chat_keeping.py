"""What the client keeps of chats while they happen, and what comes back after it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import REPLIES, TOKEN, ScriptedServer
from trimtab_client.types import Role
from trimtab_gui.models.chat_shelf import Place
from trimtab_gui.models.chat_store import ChatStore
from trimtab_gui.models.conversation import LaneKind, TurnState
from trimtab_protos.v1 import chat_pb2


def ask(client: Client, text: str) -> None:
    client.workspace.conversation.send(text)
    client.wait(lambda: not client.workspace.conversation.is_busy)


def texts(client: Client, place: int = 0) -> list[str]:
    return [turn.text for turn in client.workspace.conversation.lanes[place].turns]


def file_of(client: Client) -> Path:
    path = client.workspace.files.chats_path
    assert path is not None
    return path


@pytest.fixture
def beside(connected: Client):
    """A second look at the file, as another process would have it."""
    stores: list[ChatStore] = []

    def look() -> ChatStore:
        stores.append(ChatStore(file_of(connected)))
        return stores[-1]

    yield look
    for store in stores:
        store.close()


def test_a_chat_is_kept_with_all_its_lanes(connected: Client, beside) -> None:
    conversation = connected.workspace.conversation
    conversation.set_scene("You sell.")
    ask(connected, "What does it cost?")
    store = beside()
    connected.wait(lambda: all(turn.tokens for turn in _replies(store)))
    (summary,) = store.summaries(connected.workspace.chats.target)
    assert summary.head.title == "What does it cost?" and summary.head.scene == "You sell."
    chat = store.load(summary.head.key)
    assert chat is not None
    assert [lane.setup.kind for lane in chat.lanes] == [
        LaneKind.UNSTEERED,
        LaneKind.PROMPT_ONLY,
        LaneKind.STEERED,
    ]
    for lane, state in zip(chat.states(), conversation.lanes, strict=True):
        assert [turn.text for turn in lane.turns] == [turn.text for turn in state.turns]
        reply, shown = lane.turns[1], state.turns[1]
        assert [token.text for token in reply.tokens] == [token.text for token in shown.tokens]
        for figure in ("projection", "entropy", "log_probability"):
            kept = [getattr(token, figure) for token in reply.tokens]
            assert kept == pytest.approx([getattr(token, figure) for token in shown.tokens], rel=1e-5)
        assert (reply.started, reply.finished, reply.steering) == (
            shown.started,
            shown.finished,
            shown.steering,
        )


def _replies(store: ChatStore) -> list:
    chats = [store.load(summary.head.key) for summary in store.summaries()]
    replies = [turn for chat in chats if chat for turn in chat.turns if turn.role is Role.ASSISTANT]
    return replies or [type("Nothing", (), {"tokens": b""})]


def test_the_prompt_is_on_the_disk_when_the_server_gets_it(
    connected: Client, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    compare = scripted.check

    def check(request: object, context: object) -> None:
        if isinstance(request, chat_pb2.CompareRequest):
            store = ChatStore(file_of(connected))
            seen.append(
                [turn.text for turn in store.load(request.session_id).turns if turn.role is Role.USER]
            )
            store.close()
        compare(request, context)

    monkeypatch.setattr(scripted, "check", check)
    ask(connected, "Do not lose me")
    assert seen == [["Do not lose me"] * 3]


def test_a_running_reply_is_kept_as_it_grows(connected: Client, scripted: ScriptedServer, beside) -> None:
    scripted.script.hold_after = 3
    connected.workspace.conversation.send("Go on")
    connected.wait(lambda: all(len(lane.turns[-1].tokens) == 3 for lane in _lanes(connected)))
    store = beside()
    connected.wait(lambda: bool(store.search("The Marogi timer")), timeout=3000)
    connected.workspace.conversation.stop()


def _lanes(client: Client):
    return client.workspace.conversation.lanes


def test_regenerating_and_taking_it_back_are_kept(
    connected: Client, scripted: ScriptedServer, beside
) -> None:
    ask(connected, "Why?")
    scripted.script.reply = "Something else"
    conversation = connected.workspace.conversation
    conversation.regenerate(conversation.lanes[0].id)
    connected.wait(lambda: not conversation.is_busy)
    assert texts(connected) == ["Why?", "Something else"]
    store = beside()
    connected.wait(lambda: bool(store.search("Something else")))
    assert not store.search(REPLIES["unsteered"])
    connected.workspace.commands.run("chat.undo")
    assert texts(connected) == ["Why?", REPLIES["unsteered"]]
    connected.wait(lambda: bool(store.search(REPLIES["unsteered"])))
    assert not store.search("Something else")


def test_a_removed_lane_comes_back_in_its_place(connected: Client) -> None:
    ask(connected, "Why?")
    conversation = connected.workspace.conversation
    before = [lane.id for lane in conversation.lanes]
    conversation.remove_lane(before[0])
    assert connected.workspace.commands.is_enabled("chat.undo")
    connected.workspace.commands.run("chat.undo")
    assert [lane.id for lane in conversation.lanes] == before
    chat = connected.window.chat
    places = [chat.lanes.indexOf(chat.view(lane)) for lane in before]
    assert places == sorted(places)
    assert REPLIES["unsteered"] in chat.view(before[0]).transcript.toPlainText()


def test_a_new_conversation_can_be_taken_back_until_something_is_asked(connected: Client) -> None:
    ask(connected, "First?")
    conversation = connected.workspace.conversation
    key = conversation.key
    connected.workspace.commands.run("chat.clear")
    assert conversation.is_empty and conversation.key != key
    connected.workspace.commands.run("chat.undo")
    assert conversation.key == key and texts(connected)[0] == "First?"
    connected.workspace.commands.run("chat.clear")
    ask(connected, "Second?")
    assert not connected.workspace.commands.is_enabled("chat.undo")


def test_an_earlier_chat_opens_again_and_goes_on(connected: Client, scripted: ScriptedServer) -> None:
    ask(connected, "First?")
    conversation, shelf = connected.workspace.conversation, connected.workspace.chats
    key = conversation.key
    connected.workspace.commands.run("chat.clear")
    ask(connected, "Second?")
    shelf.open(Place(key, conversation.lanes[0].id, 0))
    connected.wait(lambda: conversation.key == key)
    assert texts(connected) == ["First?", REPLIES["unsteered"]]
    ask(connected, "And then?")
    request = [r for r in scripted.requests if isinstance(r, chat_pb2.CompareRequest)][-1]
    assert request.session_id == key
    assert [message.content for message in request.lanes[0].messages] == [
        "First?",
        REPLIES["unsteered"],
        "And then?",
    ]


def test_nothing_is_kept_when_so_set(connected: Client) -> None:
    connected.workspace.files.settings.keep_chats = "never"
    ask(connected, "Forget this")
    connected.workspace.shut_down()
    path = file_of(connected)
    assert b"Forget this" not in b"".join(p.read_bytes() for p in path.parent.iterdir() if p.is_file())


def test_a_damaged_file_is_told_and_chats_are_kept_again(client: Client, scripted: ScriptedServer) -> None:
    path = file_of(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"broken" * 1000)
    client.connect(scripted.target)
    client.wait(lambda: client.window.notice.isVisible())
    assert "damaged" in client.window.notice.text
    ask(client, "Still kept?")
    store = ChatStore(path)
    client.wait(lambda: bool(store.search("Still kept?")))
    store.close()


def test_a_killed_client_leaves_its_chat_and_the_next_one_opens_it(
    client: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    scripted.script.hold_after = 3
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB")}
    token = tmp_path / "token"
    token.write_text(TOKEN)
    command = [sys.executable, "-m", "trimtab_gui", "--target", scripted.target, "--token-file", str(token)]
    process = subprocess.Popen([*command, "--ask", "Kill me"], env=environment, stderr=subprocess.PIPE)
    kept = tmp_path / "XDG_DATA_HOME" / "trimtab" / "desktop-chats.sqlite3"
    try:
        client.wait(kept.exists, timeout=20_000)
        store = ChatStore(kept)
        client.wait(lambda: bool(store.search("The Marogi timer")), timeout=20_000)
        # It lives: nobody else may take its chat.
        key = store.summaries()[0].head.key
        assert store.recover(scripted.target) == () and not store.claim(key)
        store.close()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    # The next client, in this process, finds what the killed one left.
    asked = len(scripted.requests)
    for path in kept.parent.iterdir():
        path.rename(_made(file_of(client).parent) / path.name)
    client.connect(scripted.target)
    conversation = client.workspace.conversation
    client.wait(lambda: conversation.key == key)
    for lane, start in zip(conversation.lanes, ("Our", "The Marogi timer", "The Marogi timer"), strict=True):
        question, reply = lane.turns
        assert question.text == "Kill me" and reply.text.startswith(start)
        assert reply.state is TurnState.INTERRUPTED and not conversation.is_busy
        assert "Interrupted" in client.window.chat.view(lane.id).transcript.toPlainText()
    assert "Kill me" in client.window.notice.text
    new = scripted.requests[asked:]
    assert not [r for r in new if isinstance(r, (chat_pb2.ChatRequest, chat_pb2.CompareRequest))]


def test_a_client_that_was_closed_starts_with_an_empty_chat(client: Client, scripted: ScriptedServer) -> None:
    store = ChatStore(file_of(client))
    client.connect(scripted.target)
    ask(client, "Good bye")
    scripted.script.hold_after = 1
    client.workspace.conversation.send("More?")
    client.wait(lambda: client.workspace.conversation.lanes[0].turns[-1].state is TurnState.STREAMING)
    client.workspace.shut_down()
    assert store.recover(scripted.target) == ()
    (summary,) = store.summaries(scripted.target)
    assert summary.interrupted == 3
    store.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_enter_sends_and_the_chat_is_listed(connected: Client, beside) -> None:
    composer = connected.window.chat.composer
    QTest.keyClicks(composer, "Listed?")
    QTest.keyClick(composer, Qt.Key.Key_Return)
    connected.wait(lambda: not connected.workspace.conversation.is_busy)
    lists: list = []
    connected.workspace.chats.listed.connect(lists.append)
    connected.workspace.chats.read_list()
    connected.wait(lambda: bool(lists))
    assert [summary.head.title for summary in lists[0]] == ["Listed?"]
