"""The Studies page, on the summary that is shipped."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from scripted_server import HONESTY, STAGE, ScriptedServer
from trimtab_gui.models.study_file import StudyFileError, read_study
from trimtab_gui.views.studies_page import StudiesPage

SUMMARY = Path(str(resources.files("trimtab_vectors.study").joinpath("shipped/summary.json")))


@pytest.fixture
def page(connected: Client) -> StudiesPage:
    connected.window.show_room("evidence")
    room = connected.window.evidence
    room.tabs.setCurrentWidget(room.studies)
    room.studies.open(SUMMARY)
    return room.studies


def test_the_cells_have_the_figures_of_the_file(page: StudiesPage) -> None:
    record = json.loads(SUMMARY.read_text())["arcs"][0]["effect"]
    text = page.heat_map.describe(7, 4)
    for end in ("value", "low", "high"):
        assert f"{record[end][7][4]:.2f}" in text
    assert page.heat_map.describe(4, 7) != text


def test_a_click_chooses_a_cell_and_the_arrow_keys_go_on_from_there(page: StudiesPage) -> None:
    centre: QPoint = page.heat_map.cell_rect(2, 5).center()
    QTest.mouseClick(page.heat_map, Qt.MouseButton.LeftButton, pos=centre)
    assert page.heat_map.cell == (2, 5)
    page.heat_map.setFocus()
    QTest.keyClick(page.heat_map, Qt.Key.Key_Down)
    QTest.keyClick(page.heat_map, Qt.Key.Key_Left)
    assert page.heat_map.cell == (3, 4)
    assert page.cell_panel.text.text() == page.heat_map.describe(3, 4)
    assert page.heat_map.accessibleDescription() == page.heat_map.describe(3, 4)


def test_a_cell_that_the_server_has_is_loaded_into_the_dock(connected: Client, page: StudiesPage) -> None:
    page.heat_map.choose(11, 11)
    page.heat_map.setFocus()
    QTest.keyClick(page.heat_map, Qt.Key.Key_Return)
    steering = connected.workspace.steering
    arc = page.model.arc
    assert arc is not None
    assert [(term.vector, term.strength) for term in steering.steering().terms] == [(HONESTY, arc.strength)]
    assert steering.stage == STAGE
    assert connected.window.stack.currentWidget() is connected.window.chat


def test_a_vector_of_another_stage_is_used_by_force(connected: Client, page: StudiesPage) -> None:
    steering = connected.workspace.steering
    other = next(stage for stage in steering.stages if stage.name != STAGE)
    page.heat_map.choose(11, int(other.short_name.removeprefix("stage-")))
    assert "by force" in page.cell_panel.hint.text()
    page.cell_panel.use()
    assert steering.stage == other.name and steering.draft(HONESTY).force


def test_a_cell_without_a_vector_says_what_to_do(page: StudiesPage) -> None:
    page.heat_map.choose(3, 11)
    assert not page.cell_panel.use_button.isEnabled()
    assert (
        page.cell_panel.hint.text()
        == "The server has no vector of stage-03. Extract one at that stage first."
    )


def test_the_band_and_the_words_are_those_of_the_window_rule(page: StudiesPage) -> None:
    for index in range(page.arc_choice.count()):
        page.arc_choice.setCurrentIndex(index)
        page.arc_choice.activated.emit(index)
        record = json.loads(SUMMARY.read_text())["arcs"][index]
        for place in range(page.statistic_choice.count()):
            page.statistic_choice.setCurrentIndex(place)
            page.statistic_choice.activated.emit(place)
            (window,) = (
                own for own in record["windows"] if own["statistic"] == page.statistic_choice.currentData()
            )
            band = tuple(record["stages"].index(window[end]) for end in ("first_stage", "last_stage"))
            assert page.plot.band == band
            words = {"confirmed": "confirmed", "none": "no window", "undecided": "undecided"}
            assert page.verdict.badge.text().endswith(f": {words[window['verdict']]}")


def test_every_sentence_of_the_shipped_study_is_said_in_japanese(
    connected: Client, page: StudiesPage
) -> None:
    from trimtab_gui.models.study_words import say

    connected.languages.choose("ja")
    record = json.loads(SUMMARY.read_text())
    reasons = [reason for arc in record["arcs"] for own in arc["windows"] for reason in own["reasons"]]
    for sentence in [*reasons, *record["caveats"]]:
        assert say(sentence) != sentence and say(sentence).endswith("。"), sentence


@pytest.mark.parametrize(
    ("content", "fault", "words"),
    [
        (b"{", "not_json", "is not JSON"),
        (b"[]", "no_study", "no summary of a study"),
        (b'{"schema_version": 9, "arcs": []}', "schema", "version 9"),
        (b'{"schema_version": 1, "name": "x", "plan_hash": "y", "arcs": []}', "damaged", "arcs"),
    ],
)
def test_a_file_that_is_no_study_is_refused_and_the_open_one_stays(
    page: StudiesPage, tmp_path: Path, content: bytes, fault: str, words: str
) -> None:
    path = tmp_path / "summary.json"
    path.write_bytes(content)
    with pytest.raises(StudyFileError) as caught:
        read_study(path)
    assert caught.value.fault == fault
    page.open(path)
    assert page.error.isVisible() and words in page.error.text()
    assert page.model.path == SUMMARY


def test_a_matrix_of_the_wrong_size_is_damage(tmp_path: Path) -> None:
    record = json.loads(SUMMARY.read_text())
    del record["arcs"][0]["effect"]["low"][3][0]
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(record))
    with pytest.raises(StudyFileError, match="effect"):
        read_study(path)


def test_the_first_page_says_what_a_study_is(connected: Client, scripted: ScriptedServer) -> None:
    connected.window.show_room("evidence")
    room = connected.window.evidence
    room.tabs.setCurrentWidget(room.studies)
    assert room.studies.empty.isVisible()
    room.studies.empty.open_button.click()
    dialog = room.studies._dialog
    assert dialog is not None and dialog.isVisible() and not dialog.testOption(dialog.Option.ReadOnly)
    dialog.close()
