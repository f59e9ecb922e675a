"""The list of chats, both searches, export, presets and retention, through their own widgets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import HONESTY, REPLIES, ScriptedServer
from trimtab_client.types import Sampling
from trimtab_gui.models.chat_export import COLUMNS, harmless
from trimtab_gui.models.conversation import LaneKind
from trimtab_gui.views.chat_desk import ChatDesk
from trimtab_gui.views.chat_export import file_name
from trimtab_protos.v1 import chat_pb2


def ask(client: Client, text: str) -> None:
    client.workspace.conversation.send(text)
    client.wait(lambda: not client.workspace.conversation.is_busy)


def desk(client: Client) -> ChatDesk:
    return client.window.chat_desk


def titles(client: Client) -> list[str]:
    entries = desk(client).chat_list.entries
    return [str(entries.index(row).data()) for row in range(entries.rowCount())]


@pytest.fixture
def two_chats(connected: Client) -> Client:
    ask(connected, "価格はいくらですか")
    connected.workspace.commands.run("chat.clear")
    ask(connected, "What about delivery?")
    return connected


def open_list(client: Client) -> None:
    client.workspace.commands.run("chat.list")
    client.wait(lambda: len(titles(client)) == 2)


def test_the_list_shows_the_newest_first_and_opens_by_keyboard(two_chats: Client) -> None:
    open_list(two_chats)
    assert titles(two_chats) == ["What about delivery?", "価格はいくらですか"]
    chats = desk(two_chats).chat_list
    QTest.keyClick(chats.list, Qt.Key.Key_Down)
    QTest.keyClick(chats.list, Qt.Key.Key_Return)
    conversation = two_chats.workspace.conversation
    two_chats.wait(lambda: conversation.lanes[0].turns[0].text == "価格はいくらですか")
    assert not chats.isVisible()
    shown = two_chats.window.chat.view(conversation.lanes[2].id).transcript.toPlainText()
    assert REPLIES["steered"] in shown


def test_a_chat_is_renamed_pinned_deleted_and_brought_back(two_chats: Client) -> None:
    open_list(two_chats)
    chats = desk(two_chats).chat_list
    entry = chats.entries
    assert entry.setData(entry.index(1), "Price talk")
    two_chats.wait(lambda: "Price talk" in titles(two_chats))
    chats.list.setCurrentIndex(entry.index(1))
    QTest.mouseClick(chats.pin_button, Qt.MouseButton.LeftButton)
    two_chats.wait(lambda: titles(two_chats)[0] == "Price talk")
    chats.list.setCurrentIndex(entry.index(0))
    assert chats.pin_button.text() == "Unpin"
    QTest.keyClick(chats.list, Qt.Key.Key_Delete)
    two_chats.wait(lambda: titles(two_chats) == ["What about delivery?"])
    notice = two_chats.window.notice
    assert "Price talk" in notice.text
    QTest.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    two_chats.wait(lambda: titles(two_chats) == ["Price talk", "What about delivery?"])


def test_a_word_is_found_across_chats_and_opened_at_its_place(two_chats: Client) -> None:
    two_chats.workspace.commands.run("chat.search")
    chats = desk(two_chats).chat_list
    assert chats.field.hasFocus()
    # Not typed key by key: QTest knows Latin keys alone.
    chats.field.setText("ｶｶｸ")
    two_chats.wait(lambda: "0 messages" in chats.status.text())
    chats.field.setText("価格")
    two_chats.wait(lambda: titles(two_chats) == ["価格はいくらですか"])
    QTest.keyClick(chats.field, Qt.Key.Key_Return)
    chat = two_chats.window.chat
    two_chats.wait(lambda: chat.find_bar.count.text() == "1 of 3")
    assert chat.find_bar.field.text() == "価格"


def test_find_goes_through_every_lane_and_marks_what_it_finds(connected: Client) -> None:
    ask(connected, "Marogi?")
    connected.workspace.commands.run("chat.find")
    chat = connected.window.chat
    chat.find_bar.field.setText("ｍａｒｏｇｉ")
    connected.wait(lambda: chat.find_bar.count.text() == "1 of 6")
    lanes = connected.workspace.conversation.lanes
    assert [chat.view(lane.id).transcript.marks for lane in lanes] == [2, 2, 2]
    transcript = chat.view(lanes[0].id).transcript
    assert transcript.textCursor().selectedText() == "Marogi"
    for _ in range(3):
        connected.workspace.commands.run("chat.find_next")
    assert chat.find_bar.count.text() == "4 of 6"
    assert transcript.textCursor().position() > 10
    QTest.keyClick(chat.find_bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert chat.find_bar.count.text() == "3 of 6"
    QTest.keyClick(chat.find_bar.field, Qt.Key.Key_Escape)
    assert not chat.find_bar.isVisible() and transcript.marks == 0


def test_a_long_chat_shows_its_end_and_the_rest_on_demand(connected: Client) -> None:
    conversation = connected.workspace.conversation
    shelf = connected.workspace.chats
    ask(connected, "Needle in the first question")
    lane = conversation.lanes[0]
    question, reply = lane.turns
    import dataclasses

    for place in range(250):
        for old in (question, reply):
            lane.turns.append(dataclasses.replace(old, text=f"message {place}", id=f"{old.role}-{place}"))
    conversation.historyReset.emit(lane.id)
    transcript = connected.window.chat.view(lane.id).transcript
    text = transcript.toPlainText()
    assert "442 earlier messages" in text and "message 249" in text and "Needle" not in text
    transcript.show_earlier()
    assert "402 earlier messages" in transcript.toPlainText()
    connected.window.chat.find_bar.open("needle", (lane.id, 0))
    connected.wait(lambda: "Needle" in transcript.toPlainText())
    assert transcript.textCursor().selectedText() == "Needle"
    assert "later messages" in transcript.toPlainText()
    transcript.follow()
    assert "message 249" in transcript.toPlainText() and "later" not in transcript.toPlainText()
    assert shelf.current().turns


def test_a_preset_sets_all_lanes_or_one_and_says_so_in_the_lane(
    connected: Client, scripted: ScriptedServer
) -> None:
    connected.workspace.commands.run("chat.presets")
    panel = desk(connected).presets
    panel.name_field.setText("Careful")
    panel.system_field.setPlainText("Sell with care.")
    panel.temperature.setValue(0.65)
    panel.top_p.setValue(0.9)
    panel.max_tokens.setValue(64)
    QTest.mouseClick(panel.save_button, Qt.MouseButton.LeftButton)
    assert [preset.name for preset in connected.workspace.presets.own] == ["Careful"]
    QTest.mouseClick(panel.use_button, Qt.MouseButton.LeftButton)
    conversation = connected.workspace.conversation
    assert conversation.scene == "Sell with care."
    assert conversation.sampling == Sampling(temperature=0.65, top_p=0.9, max_tokens=64)
    words = connected.window.chat.view(conversation.lanes[0].id)._words.text()
    assert "Careful" in words and "temperature 0.65" in words and "at most 64 tokens" in words
    panel.lane_choice.setCurrentIndex(1)
    QTest.mouseClick(panel.lane_button, Qt.MouseButton.LeftButton)
    assert conversation.lanes[1].setup.kind is LaneKind.PROMPT_ONLY
    ask(connected, "Well?")
    request = next(r for r in scripted.requests if isinstance(r, chat_pb2.CompareRequest))
    assert (request.sampling.top_p, request.sampling.max_tokens) == (0.9, 64)
    assert request.lanes[1].source.steering.system_prompt == "Sell with care."
    assert request.lanes[0].messages[0].content == "Sell with care."


def test_presets_are_renamed_deleted_brought_back_and_read_again(connected: Client) -> None:
    presets = connected.workspace.presets
    kept = presets.save("One", "Line", Sampling(0.5, stop=("END",)))
    connected.workspace.commands.run("chat.presets")
    panel = desk(connected).presets
    panel.list.setCurrentRow(1)
    panel.name_field.setText("Two")
    QTest.mouseClick(panel.save_button, Qt.MouseButton.LeftButton)
    assert [(preset.id, preset.name) for preset in presets.own] == [(kept.id, "Two")]
    QTest.mouseClick(panel.delete_button, Qt.MouseButton.LeftButton)
    assert presets.own == () and "Two" in connected.window.notice.text
    QTest.mouseClick(connected.window.notice.action_button, Qt.MouseButton.LeftButton)
    presets._own = None
    assert [(preset.name, preset.sampling) for preset in presets.own] == [
        ("Two", Sampling(0.5, stop=("END",)))
    ]
    names = [panel.list.item(row).text() for row in range(panel.list.count())]
    assert names[1:] == [
        "Two",
        "Remain honest at all times. (of the model)",
        "誠実な回答をしてください。 (of the model)",
    ]


def test_an_export_has_every_lane_and_what_it_was_set_to(two_chats: Client, tmp_path: Path) -> None:
    exporter = desk(two_chats).exporter
    notice = two_chats.window.notice
    exporter.export_all()
    assert exporter.dialog is not None and exporter.dialog.isVisible()
    exporter.dialog.close()
    for suffix in ("json", "csv", "md"):
        notice.close_notice()
        exporter.export_to(str(tmp_path / f"all.{suffix}"))
        two_chats.wait(lambda: "2 chats exported" in notice.text and notice.isVisible())
    content = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert (content["format"], content["version"], len(content["chats"])) == ("trimtab-chats", 1, 2)
    steered = content["chats"][0]["lanes"][2]
    reply = steered["messages"][1]
    assert reply["text"] == REPLIES["steered"] and steered["kind"] == "steered"
    assert reply["steering"]["terms"][0]["vector"] == HONESTY and reply["used"]["stage"]
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 12
    assert {row["vectors"] for row in rows if row["role"] == "assistant" and row["lane"] == "3"} == {HONESTY}
    markdown = (tmp_path / "all.md").read_text(encoding="utf-8")
    assert "# 価格はいくらですか" in markdown and f"> {REPLIES['prompt']}" in markdown


def test_one_chat_is_exported_to_where_the_dialog_says(connected: Client, tmp_path: Path) -> None:
    ask(connected, "Only this")
    connected.workspace.commands.run("chat.export")
    dialog = desk(connected).exporter.dialog
    assert dialog is not None
    path = tmp_path / "one.json"
    dialog.fileSelected.emit(str(path))
    connected.wait(path.exists)
    connected.wait(lambda: "one.json" in connected.window.notice.text)
    assert connected.window.notice.action_button.text() == "Show in folder"
    dialog.fileSelected.emit(str(tmp_path / "nowhere" / "one.md"))
    connected.wait(lambda: "could not be written" in connected.window.notice.text)
    dialog.close()


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-cmd", "@sum", "\t=1", "＝1+1"])
def test_no_cell_of_a_csv_is_a_formula(cell: str) -> None:
    assert harmless(cell) == "'" + cell


def test_other_cells_of_a_csv_stay_as_they_are() -> None:
    for cell in ("", "a=b", "-0.5", "+3", "1e-3", "価格"):
        assert harmless(cell) == cell


def test_a_title_becomes_a_file_name() -> None:
    assert file_name("What does it cost? (a/b)") == "What-does-it-cost-a-b"
    assert file_name("価格は？") == "価格は" and file_name("…") == "chat"


def test_a_shorter_time_says_what_it_deletes_before_it_does(two_chats: Client) -> None:
    two_chats.workspace.commands.run("chat.retention")
    panel = desk(two_chats).retention
    two_chats.wait(lambda: "2 chats with 12 messages" in panel._now.text())
    panel.choices["never"].setChecked(True)
    two_chats.wait(lambda: "deletes 2" in panel._consequence.text())
    assert panel.apply_button.text() == "Delete and apply"
    assert two_chats.workspace.files.settings.keep_chats == "days"
    QTest.mouseClick(panel.apply_button, Qt.MouseButton.LeftButton)
    two_chats.wait(lambda: "0 chats" in panel._now.text())
    assert two_chats.workspace.files.prompts() == []
    assert two_chats.workspace.files.settings.keep_chats == "never"


def test_forgetting_everything_asks_first_and_leaves_no_words(two_chats: Client) -> None:
    two_chats.workspace.commands.run("chat.retention")
    panel = desk(two_chats).retention
    two_chats.wait(lambda: "2 chats" in panel._now.text())
    QTest.mouseClick(panel.forget_button, Qt.MouseButton.LeftButton)
    assert "2 chats with 12 messages" in panel._forget_text.text() and panel.keep_button.hasFocus()
    assert not two_chats.workspace.conversation.is_empty
    QTest.mouseClick(panel.forget_button, Qt.MouseButton.LeftButton)
    two_chats.wait(lambda: "deleted" in two_chats.window.notice.text)
    assert two_chats.workspace.conversation.is_empty
    assert not two_chats.workspace.commands.is_enabled("chat.undo")
    path = two_chats.workspace.files.chats_path
    assert path is not None
    content = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    assert b"delivery" not in content and "価格".encode() not in content
