"""Costs and reports of a trial: what is entered is sent, what the server reckons is shown, and files are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven_client import Client
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted_server import ScriptedServer
from trimtab_client.reports import ReportFormat
from trimtab_client.trial_types import TrialState
from trimtab_gui.i18n import Languages
from trimtab_gui.models.trial_costs import CostEntry, money, money_in_short, remembered_entry
from trimtab_gui.models.trial_reports import file_name
from trimtab_gui.views.trial_open import OpenTrial
from trimtab_protos.v1 import trial_pb2
from trimtab_server.trials import default_criteria, parse_prompts

PROMPTS = b"id,prompt,gold,dishonest,pressure\na,What does it cost?,760,90,hard\n"


@pytest.fixture
def trial(connected: Client, scripted: ScriptedServer) -> OpenTrial:
    """A finished trial."""
    made = scripted.trials.add(
        default_criteria("honesty"), parse_prompts(PROMPTS, "ours.csv"), "Honest: yes/no?"
    )
    made.state = trial_pb2.TRIAL_STATE_RUNNING
    connected.window.evidence.show_trials()
    page = connected.window.evidence.trials
    page.model.refresh()
    connected.wait(lambda: page.model.trial is not None and page.model.trial.state is TrialState.FINISHED)
    page.open_trial.show_costs()
    return page.open_trial


def asked(scripted: ScriptedServer) -> list[trial_pb2.EstimateTrialCostRequest]:
    return [own for own in scripted.requests if isinstance(own, trial_pb2.EstimateTrialCostRequest)]


def enter(connected: Client, trial: OpenTrial) -> None:
    fields = trial.costs.fields
    fields["monthly_replies"].setValue(20_000)
    fields["incident_cost"].setValue(3_000)
    fields["wage"].setValue(6_000)
    assert trial.costs_model.is_reckoning
    connected.wait(lambda: not trial.costs_model.is_reckoning)
    assert trial.costs.table.isEnabled()


def test_figures_are_sent_kept_and_what_they_come_to_is_shown(
    connected: Client, trial: OpenTrial, scripted: ScriptedServer
) -> None:
    assert trial.costs.hint.isVisible() and "how many replies" in trial.costs.hint.text()
    assert not trial.costs.table.isVisible()
    enter(connected, trial)
    sent = asked(scripted)[-1].figures
    assert (sent.currency, sent.monthly_replies, sent.incident_cost, sent.wage) == (
        "JPY",
        20_000,
        3_000,
        6_000,
    )
    assert (sent.exposed_share, sent.incident_share, sent.months) == (1.0, 1.0, 12)
    assert not sent.fine_tune.HasField("bad_rate")
    # 12 x 20,000 x 3,000 yen, less 16 hours of 6,000 yen.
    assert trial.costs.answer.text() == "Over 12 months “steered” leaves most: ¥719,904,000."
    table = trial.costs.table
    assert table.text("To get there, once", "steered") == "¥96,000"
    assert table.text("Left over 12 months", "prompt") == "¥719,976,000\n(¥720M – ¥720M)"
    assert "“fine-tune” is dominated: “prompt”" in trial.costs.increments.text()
    kept = connected.workspace.files.settings.cost_figures
    assert remembered_entry(kept) == trial.costs_model.entry
    assert remembered_entry({"months": "soon", "unknown": 1.0, "wage": 5.0}) == CostEntry(wage=5.0)


def test_dollars_and_the_machines_hour_take_the_place_of_yen_and_tokens(
    connected: Client, trial: OpenTrial, scripted: ScriptedServer
) -> None:
    panel = trial.costs
    panel.fields["reply_token_price"].setValue(100.0)
    panel.currency.setCurrentIndex(1)
    panel.currency.activated.emit(1)
    panel.pays.setCurrentIndex(1)
    panel.pays.activated.emit(1)
    assert panel.fields["hourly_rate"].isVisible() and not panel.fields["reply_token_price"].isVisible()
    panel.fields["hourly_rate"].setValue(1.5)
    enter(connected, trial)
    sent = asked(scripted)[-1].figures
    # Prices of tokens are kept for the way back, and not sent beside an hourly rate.
    assert (sent.currency, sent.hourly_rate, sent.reply_token_price) == ("USD", 1.5, 0.0)
    assert panel.answer.text().endswith("$719,904,000.00.")


def test_a_report_is_written_in_the_chosen_form_language_and_with_costs(
    connected: Client, trial: OpenTrial, tmp_path: Path
) -> None:
    button = trial.report_button
    assert button.isEnabled() and not button.with_costs.isEnabled()
    button.write_to(str(tmp_path / "a.pptx"))
    connected.wait(lambda: "a.pptx" in trial.left.text())
    name = trial._model.name
    assert (tmp_path / "a.pptx").read_text() == f"{name} REPORT_FORMAT_PPTX en without costs"
    enter(connected, trial)
    assert button.with_costs.isChecked()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    menu = button.menu_of_forms
    assert menu.isVisible() and button.open_file.text() == "Open “a.pptx”"
    place = menu.actionGeometry(button.languages["ja"]).center()
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
    assert button.language == "ja" and menu.isVisible(), "the form is chosen in the same menu"
    place = menu.actionGeometry(button.forms[ReportFormat.PDF]).center()
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
    assert not menu.isVisible()
    assert button._dialog is not None
    assert [Path(own).name for own in button._dialog.selectedFiles()] == ["Honest yes no.pdf"]
    button._dialog.close()
    button.write_to(str(tmp_path / "b.pdf"))
    connected.wait((tmp_path / "b.pdf").exists)
    assert (tmp_path / "b.pdf").read_text() == f"{name} REPORT_FORMAT_PDF ja with costs"
    page = connected.window.evidence.trials
    trial.report_button.write_to(str(tmp_path / "nowhere" / "a.html"))
    connected.wait(page.error.isVisible)
    assert "a.html" in page.error.text()


def test_the_palette_has_what_the_state_of_the_trial_allows(connected: Client, trial: OpenTrial) -> None:
    commands = connected.workspace.commands
    allowed = {
        spec.id for spec in commands.specs() if spec.id.startswith("trial.") and commands.is_enabled(spec.id)
    }
    always = {"trial.show", "trial.new", "trial.sample", "trial.costs", "trial.export", "trial.report"}
    assert allowed == always
    connected.wait(lambda: trial.replies.rows.rowCount() > 0)
    trial.replies.table.selectRow(0)
    connected.wait(lambda: commands.is_enabled("trial.rerun"))
    connected.window.show_room("chat")
    assert commands.run("trial.costs")
    assert connected.window.rail.buttons["evidence"].isChecked()
    assert trial.tabs.currentWidget() is trial.costs


def test_amounts_are_written_in_the_operators_language(qapp: object) -> None:
    languages = Languages("en")
    assert money(-1234567.0, "JPY") == "−¥1,234,567" and money(0.5, "USD") == "$0.50"
    assert money(-0.2, "JPY") == "¥0", "no minus before nothing"
    assert [money_in_short(own, "JPY") for own in (950.0, 12_300.0, -7.2e8)] == ["¥950", "¥12.3k", "−¥720M"]
    languages.choose("ja")
    assert money(1234567.0, "JPY") == "1,234,567 円"
    assert [money_in_short(own, "JPY") for own in (950.0, 12_300.0, -7.2e8)] == [
        "950 円",
        "1.2万円",
        "−7.2億円",
    ]
    languages.choose("en")


def test_a_file_gets_a_name_that_every_file_system_takes() -> None:
    assert file_name('a/b: "c"?', ReportFormat.PPTX) == "a b c.pptx"
    assert file_name("...", ReportFormat.HTML) == "report.html"
