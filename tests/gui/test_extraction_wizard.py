"""The extraction wizard, page by page, against scripted answers."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QLabel,
    QScrollBar,
    QSizeGrip,
    QTabBar,
    QWidget,
)
from scripted_measurements import MADE
from scripted_server import HONESTY, STAGE, ScriptedServer
from trimtab_client.types import Positions
from trimtab_gui.models.extraction_template import template
from trimtab_gui.views.elements import ElidedLabel
from trimtab_gui.views.extraction_wizard import ExtractionWizard
from trimtab_protos.v1 import vector_pb2


@pytest.fixture
def wizard(connected: Client) -> ExtractionWizard:
    assert connected.workspace.commands.run("vectors.extract")
    found = connected.window.vector_actions.wizard
    assert found is not None and found.isVisible()
    connected.wait(lambda: len(found.model.sets) == 3)
    return found


def choose_honesty(client: Client, wizard: ExtractionWizard) -> None:
    wizard.concept.set_choice.setCurrentIndex(wizard.concept.set_choice.findData("honesty"))
    wizard.concept.set_choice.activated.emit(wizard.concept.set_choice.currentIndex())
    client.wait(lambda: wizard.model.review is not None)


def make_vector(client: Client, wizard: ExtractionWizard) -> None:
    choose_honesty(client, wizard)
    wizard.show_page(3)
    QTest.mouseClick(wizard.run.start_button, Qt.MouseButton.LeftButton)
    client.wait(lambda: wizard.model.vector is not None and not wizard.model.is_running)
    client.wait(lambda: client.workspace.steering.vector(MADE) is not None)


def sent(server: ScriptedServer, kind: type) -> list:
    return [own for own in server.vectors.requests if isinstance(own, kind)]


def test_the_keyboard_alone_leads_from_pairs_to_the_chat(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    assert wizard.concept.set_choice.hasFocus()
    QTest.keyClick(wizard.concept.set_choice, Qt.Key.Key_Down)
    connected.wait(lambda: wizard.next_button.isEnabled())
    assert "640 pairs" in wizard.concept.summary.text() and "held out" in wizard.concept.summary.text()
    for place in (1, 2, 3):
        QTest.keyClick(wizard, Qt.Key.Key_Return)
        assert wizard.stack.currentIndex() == place
    assert wizard.run.start_button.hasFocus()
    QTest.keyClick(wizard.run.start_button, Qt.Key.Key_Space)
    connected.wait(lambda: wizard.next_button.isEnabled())
    assert wizard.next_button.hasFocus(), "what was focused is gone; Enter goes on"
    assert "97 of 100" in wizard.run.findings.text
    QTest.keyClick(wizard, Qt.Key.Key_Return)
    assert wizard.sweep.panel.measure_button.hasFocus()
    QTest.keyClick(wizard.sweep.panel.measure_button, Qt.Key.Key_Space)
    connected.wait(lambda: wizard.sweep.panel.measurement is not None)
    assert wizard.next_button.hasFocus()
    QTest.keyClick(wizard, Qt.Key.Key_Return)
    connected.wait(lambda: wizard.done_page.use_button.isEnabled())
    assert wizard.done_page.use_button.hasFocus()
    QTest.keyClick(wizard.done_page.use_button, Qt.Key.Key_Space)
    steering = connected.workspace.steering
    assert steering.enabled_names() == (MADE,)
    draft = steering.draft(MADE)
    assert (draft.strength, draft.layers, draft.positions) == (0.35, (2, 3), Positions.REPLY)
    (request,) = sent(scripted, vector_pb2.ExtractVectorRequest)
    assert (request.contrast_set_name, request.concept, request.stage) == ("honesty", "honesty", STAGE)
    assert (request.method, request.position, list(request.layers)) == ("diff_mean", "last", [])


def test_a_model_without_questions_asks_for_a_file_before_it_measures(
    scripted: ScriptedServer, connected: Client, wizard: ExtractionWizard, tmp_path: Path
) -> None:
    scripted.vectors.has_questions = False
    connected.workspace.hosted.refresh()
    make_vector(connected, wizard)
    wizard.go_on()
    panel = wizard.sweep.panel
    connected.wait(panel.questions.note.isVisible)
    assert panel.questions.source.text() == "Questions: none yet"
    assert not panel.measure_button.isEnabled() and "file of questions" in panel.measure_button.toolTip()
    wizard.show_page(4)
    assert panel.questions.file_button.hasFocus()
    panel.questions.take(str(tmp_path / "gone.csv"))
    assert "gone.csv" in panel.questions.fault.text() and not panel.measure_button.isEnabled()
    path = tmp_path / "ours.csv"
    path.write_text("prompt,gold,dishonest,pressure\nQ?,yes,no,hard\n", encoding="utf-8")
    panel.questions.take(str(path))
    assert panel.questions.source.text() == "Questions: ours.csv"
    assert not panel.questions.fault.isVisible() and not panel.questions.note.isVisible()
    scripted.vectors.refuse = "QUESTIONS_INVALID"
    QTest.mouseClick(panel.measure_button, Qt.MouseButton.LeftButton)
    connected.wait(panel.fault.isVisible)
    assert panel.fault.text() == "The questions cannot be used: too few questions"
    scripted.vectors.refuse = ""
    QTest.mouseClick(panel.measure_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: panel.measurement is not None)
    request = sent(scripted, vector_pb2.MeasureVectorRequest)[-1]
    assert (request.questions, request.questions_name) == (path.read_bytes(), "ours.csv")


def test_the_models_own_questions_come_back_with_one_click(
    scripted: ScriptedServer, connected: Client, wizard: ExtractionWizard, tmp_path: Path
) -> None:
    make_vector(connected, wizard)
    wizard.show_page(4)
    questions = wizard.sweep.panel.questions
    assert questions.source.text() == "Questions: those of the model"
    assert not questions.own_button.isVisible() and not questions.note.isVisible()
    path = tmp_path / "ours.jsonl"
    path.write_text("{}", encoding="utf-8")
    questions.take(str(path))
    assert questions.source.text() == "Questions: ours.jsonl"
    QTest.mouseClick(questions.own_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(wizard.sweep.panel.measure_button, Qt.MouseButton.LeftButton)
    connected.wait(lambda: wizard.sweep.panel.measurement is not None)
    (request,) = sent(scripted, vector_pb2.MeasureVectorRequest)
    assert (request.questions, request.questions_name) == (b"", "")


def test_escape_closes_the_window_and_the_next_opening_goes_on_there(
    connected: Client, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.go_on()
    QTest.keyClick(wizard, Qt.Key.Key_Escape)
    assert not wizard.isVisible()
    connected.workspace.commands.run("vectors.extract")
    assert wizard.isVisible() and wizard.page is wizard.where
    assert wizard.model.draft.set_name == "honesty"


def test_a_fault_in_a_file_is_named_with_its_line_before_anything_runs(
    connected: Client, wizard: ExtractionWizard, tmp_path: Path
) -> None:
    faulty = tmp_path / "pairs.csv"
    faulty.write_text("statement_id,positive,negative\na,x,y\nfault,,z\n", encoding="utf-8")
    wizard.model.change(concept="tone")
    wizard.model.take_file(faulty)
    connected.wait(lambda: wizard.model.review_failure is not None)
    assert wizard.concept.fault.text() == "Line 3: the positive side is empty"
    assert not wizard.next_button.isEnabled()
    assert wizard.concept.set_choice.currentText() == "pairs.csv"
    connected.languages.choose("ja")
    connected.wait(lambda: wizard.concept.fault.text().startswith("3 行目："))


def test_a_file_that_cannot_be_read_is_told_without_the_server(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard, tmp_path: Path
) -> None:
    missing, empty = tmp_path / "missing.csv", tmp_path / "empty.csv"
    empty.write_bytes(b" \n")
    for path in (missing, empty):
        wizard.model.take_file(path)
        assert str(path) in wizard.concept.fault.text()
        assert not wizard.next_button.isEnabled()
    assert sent(scripted, vector_pb2.ReviewContrastSetRequest) == []


def test_a_dropped_file_is_reviewed_and_extracted_from(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(template())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    wizard.concept.dropEvent(event)
    connected.wait(lambda: wizard.model.review is not None)
    assert not wizard.next_button.isEnabled(), "what it stands for is not said yet"
    QTest.keyClicks(wizard.concept.concept_field, "honesty")
    assert wizard.next_button.isEnabled()
    assert "two admins" in wizard.concept.protected_note.text()
    assert sent(scripted, vector_pb2.ReviewContrastSetRequest)[-1].content == template()
    wizard.show_page(3)
    wizard.model.start()
    connected.wait(lambda: wizard.model.vector is not None)
    assert sent(scripted, vector_pb2.ExtractVectorRequest)[-1].contrast_set == template()


def test_the_template_is_a_table_in_both_languages(wizard: ExtractionWizard, tmp_path: Path) -> None:
    path = tmp_path / "template.csv"
    wizard.concept.save_template(str(path))
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert len(rows) >= 10 and all(all(row.values()) for row in rows)
    assert any(any("ぁ" <= letter <= "ん" for letter in row["user"]) for row in rows)
    assert str(path) in wizard.concept._template_note.text()
    wizard.concept.save_template(str(tmp_path))
    assert "directory" in wizard.concept._template_note.text().lower()


def test_going_back_keeps_every_choice_and_they_are_sent(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.go_on()
    wizard.where.positions.buttons["all_mean"].click()
    assert not wizard.where.positions.buttons["answer_mean"].isEnabled(), "the pairs have no answers"
    wizard.where.all_layers.click()
    QTest.keyClicks(wizard.where.layers_field, "2-9")
    assert "0 to 7" in wizard.where.fault.text() or "layers 0" in wizard.where.fault.text()
    assert not wizard.next_button.isEnabled()
    wizard.where.layers_field.selectAll()
    QTest.keyClicks(wizard.where.layers_field, "2-3")
    connected.wait(lambda: wizard.next_button.isEnabled())
    wizard.go_on()
    wizard.how.methods.buttons["logistic"].click()
    wizard.how.seed.setValue(7)
    wizard.back()
    wizard.back()
    assert wizard.page is wizard.concept and not wizard.back_button.isEnabled()
    wizard.show_page(3)
    connected.wait(lambda: wizard.run.start_button.isEnabled())
    wizard.run.start_button.click()
    connected.wait(lambda: wizard.model.vector is not None)
    (request,) = sent(scripted, vector_pb2.ExtractVectorRequest)
    assert (request.position, request.method, request.seed) == ("all_mean", "logistic", 7)
    assert list(request.layers) == [2, 3]


def test_closing_while_it_runs_asks_and_the_run_outlives_the_window(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.show_page(3)
    scripted.vectors.hold.clear()
    wizard.run.start_button.click()
    connected.wait(lambda: "3 of 10" in wizard.run.progress.text)
    assert "about 75 s left" in wizard.run.progress.text
    wizard.close()
    assert wizard.isVisible() and wizard.strip.isVisible()
    wizard.strip.stay_button.click()
    assert not wizard.strip.isVisible()
    wizard.close()
    wizard.strip.keep_button.click()
    assert not wizard.isVisible() and wizard.model.is_running
    connected.workspace.commands.run("vectors.extract")
    assert wizard.run.cancel_button.isVisible() and "3 of 10" in wizard.run.progress.text
    scripted.vectors.hold.set()
    connected.wait(lambda: wizard.model.vector is not None)
    assert scripted.vectors.cancelled == []


def test_a_run_is_stopped_from_the_page_or_on_closing(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.show_page(3)
    scripted.vectors.hold.clear()
    wizard.run.start_button.click()
    connected.wait(lambda: wizard.model.progress is not None)
    wizard.run.cancel_button.click()
    assert not wizard.model.is_running and wizard.run.start_button.isVisible()
    connected.wait(lambda: scripted.vectors.cancelled == ["ExtractVector"])
    wizard.run.start_button.click()
    connected.wait(lambda: wizard.model.progress is not None)
    wizard.close()
    wizard.strip.stop_button.click()
    assert not wizard.isVisible() and not wizard.model.is_running
    connected.wait(lambda: scripted.vectors.cancelled == ["ExtractVector"] * 2)


def test_a_lost_server_ends_the_run_with_a_word(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.show_page(3)
    scripted.vectors.hold.clear()
    wizard.run.start_button.click()
    connected.wait(lambda: wizard.model.progress is not None)
    scripted.stop()
    connected.wait(lambda: wizard.model.failure is not None)
    assert wizard.run.fault.isVisible() and wizard.run.fault.text()
    assert not wizard.run.start_button.isEnabled(), "there is nobody to ask"


def test_what_was_begun_on_one_server_is_not_carried_to_another(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    choose_honesty(connected, wizard)
    wizard.show_page(3)
    scripted.vectors.hold.clear()
    wizard.run.start_button.click()
    connected.wait(lambda: wizard.model.progress is not None)
    connected.workspace.commands.run("connection.change")
    assert not wizard.model.is_running, "the connection took the run with it"
    other = ScriptedServer()
    other.start()
    try:
        connected.connect(other.target)
        connected.wait(lambda: not wizard.model.draft.has_pairs)
        assert not wizard.isVisible() and wizard.page is wizard.concept
        connected.workspace.commands.run("vectors.extract")
        assert wizard.model.draft.stage == STAGE
    finally:
        connected.workspace.connection.disconnect_from_server()
        other.stop()


def test_poor_figures_are_called_out(
    connected: Client, scripted: ScriptedServer, wizard: ExtractionWizard
) -> None:
    scripted.vectors.accuracies = (0.5, 0.6, 0.55)
    make_vector(connected, wizard)
    assert "✗ Separates the two sides in 60 of 100" in wizard.run.findings.text
    assert "hardly better than chance" in wizard.run.findings.text


def test_another_vector_begins_with_an_empty_page(connected: Client, wizard: ExtractionWizard) -> None:
    make_vector(connected, wizard)
    wizard.show_page(5)
    wizard.done_page.again_button.click()
    assert wizard.page is wizard.concept and not wizard.model.draft.has_pairs
    assert wizard.model.vector is None and wizard.model.draft.stage == STAGE


def test_unmeasured_the_last_page_offers_a_small_strength_and_says_so(
    connected: Client, wizard: ExtractionWizard
) -> None:
    make_vector(connected, wizard)
    wizard.show_page(4)
    assert wizard.next_button.text() == "Skip"
    wizard.go_on()
    assert "No strength is recommended" in wizard.done_page.text.text()
    assert wizard.done_page.strength.value() == 0.2
    wizard.done_page.strength.setValue(0.15)
    wizard.done_page.snapshot_button.click()
    assert connected.workspace.steering.draft(MADE).strength == 0.15
    assert connected.window.chat.dock.form.isVisible()
    assert not connected.workspace.steering.draft(HONESTY).enabled


def fill(client: Client, wizard: ExtractionWizard) -> None:
    make_vector(client, wizard)
    wizard.show_page(4)
    wizard.sweep.panel.measure()
    client.wait(lambda: wizard.sweep.panel.measurement is not None)


def _pages(wizard: ExtractionWizard) -> list[Callable[[], None]]:
    return [lambda place=place: wizard.show_page(place) for place in range(len(wizard.pages))]


@pytest.mark.parametrize(("language", "percent"), [("en", 100), ("ja", 100), ("en", 200), ("ja", 200)])
def test_nothing_is_clipped_and_all_that_takes_the_focus_has_a_name(
    connected: Client, wizard: ExtractionWizard, language: str, percent: int
) -> None:
    fill(connected, wizard)
    connected.theme.choose_text_size(percent)
    connected.languages.choose(language)
    for show in _pages(wizard):
        show()
        for tab in range(wizard.sweep.panel.tabs.count()):
            wizard.sweep.panel.tabs.setCurrentIndex(tab)
            # A new language is laid out in the pass after the one that brings it.
            for _ in range(3):
                QApplication.processEvents()
            assert [text for widget in _texts(wizard) for text in _clipped(widget)] == []
    assert [name for widget in wizard.findChildren(QWidget) for name in _nameless(widget)] == []


def _texts(window: QWidget) -> list[QWidget]:
    return [
        widget
        for kind in (QLabel, QAbstractButton)
        for widget in window.findChildren(kind)
        if widget.isVisible() and widget.text() and not isinstance(widget, ElidedLabel)
    ]


def _clipped(widget: QWidget) -> list[str]:
    if isinstance(widget, QLabel) and widget.wordWrap():
        short = widget.height() < widget.heightForWidth(widget.width())
    else:
        needed = widget.minimumSizeHint()
        short = widget.width() < needed.width() or widget.height() < needed.height()
    return [f"{widget.text()!r} {widget.size().toTuple()}"] if short else []


def _nameless(widget: QWidget) -> list[str]:
    popup = isinstance(widget.parent(), QFrame) and widget.window().windowType() is Qt.WindowType.Popup
    inner = (
        popup or isinstance(widget, (QScrollBar, QSizeGrip, QTabBar)) or widget.objectName().startswith("qt_")
    )
    if widget.focusPolicy() is Qt.FocusPolicy.NoFocus or inner:
        return []
    if QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name):
        return []
    return [f"{type(widget).__name__} in {type(widget.parent()).__name__}"]


def test_the_window_follows_a_change_of_language(connected: Client, wizard: ExtractionWizard) -> None:
    connected.languages.choose("ja")
    connected.wait(lambda: wizard.windowTitle() == "ステアリングベクトルの作成")
    assert wizard.next_button.text() == "次へ"
    assert wizard.page.title == "何を表すか"
