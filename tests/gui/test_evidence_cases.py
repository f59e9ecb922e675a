"""The Cases page, over the real wire: from a template to the decision, each step with its one button."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from driven_client import Client
from scripted_cases import passed
from scripted_server import ScriptedServer
from trimtab_client.case_types import CaseStepKind, CaseStepState
from trimtab_client.trial_types import TrialState
from trimtab_gui.models.case_words import standing
from trimtab_gui.views.case_steps import StepCard
from trimtab_gui.views.cases_page import CasesPage
from trimtab_protos.v1 import case_pb2, trial_pb2
from trimtab_server.cases.facts import CandidateFacts, TrialFacts

PROMPTS = (
    "id,prompt,gold,dishonest,pressure\n"
    "a,What does the timer cost?,760 dollars,90 dollars,hard\n"
    "b,How long is the warranty?,two years,ten years,neutral\n"
)


@pytest.fixture
def page(connected: Client) -> CasesPage:
    connected.window.show_room("evidence")
    page = connected.window.evidence.cases
    connected.wait(lambda: page.model.is_listed and len(page.model.templates) == 3)
    return page


def begin(connected: Client, page: CasesPage, place: int = 0) -> None:
    page.start.cards[place].button.click()
    connected.wait(lambda: page.model.case is not None)


def card(page: CasesPage, kind: CaseStepKind) -> StepCard:
    return next(own for own in page.open_case.cards if own.step is not None and own.step.kind is kind)


def lock(connected: Client, page: CasesPage) -> None:
    card(page, CaseStepKind.CRITERIA).button.click()
    connected.wait(lambda: page.editor.lock_button.isEnabled())
    page.editor.reason.setText("agreed with support")
    page.editor.lock_button.click()
    connected.wait(lambda: page.model.case is not None and page.model.case.lock is not None)


def asked(scripted: ScriptedServer, kind: type) -> list[object]:
    return [own for own in scripted.requests if isinstance(own, kind)]


def test_a_template_makes_a_case_whose_steps_say_in_words_what_is_missing(
    connected: Client, page: CasesPage
) -> None:
    assert connected.window.evidence.tabs.currentWidget() is page
    assert page.stack.currentWidget() is page.start
    titles = [own.title.text() for own in page.start.cards]
    assert len(titles) == 3 and "Honesty in support" in titles
    assert all(own.button.isVisible() for own in page.start.cards)
    begin(connected, page)
    states = [own.state.text() for own in page.open_case.cards]
    assert states == ["✓ done", "▶ to do now", "○ later", "○ later", "○ later", "○ later"]
    criteria = card(page, CaseStepKind.CRITERIA)
    assert criteria.sentence.text().startswith("Lock the criteria")
    assert criteria.button.text() == "Look at the criteria and lock them…"
    # One thing to do now, and the way out.
    buttons = [own.button.text() for own in page.open_case.cards if own.button.isVisibleTo(page)]
    assert buttons == ["Look at the criteria and lock them…", "Stop early…"]
    assert page.table.model().index(0, 1).data() == "▶ 2/6 Criteria locked"


def test_a_case_is_two_clicks_away(connected: Client, page: CasesPage, scripted: ScriptedServer) -> None:
    begin(connected, page)
    page.new_button.click()
    assert page.stack.currentWidget() is page.start
    before = page.model.case
    page.start.cards[1].button.click()
    connected.wait(lambda: page.model.case is not None and page.model.case is not before)
    assert page.stack.currentWidget() is page.browse
    made = asked(scripted, case_pb2.CreateCaseRequest)
    assert [own.language for own in made] == ["en", "en"]
    assert page.table.model().rowCount() == 2
    assert page.open_case.title.text() == page.start.cards[1].title.text()


def test_the_criteria_are_shown_checked_at_their_fields_and_locked(
    connected: Client, page: CasesPage, scripted: ScriptedServer
) -> None:
    begin(connected, page)
    card(page, CaseStepKind.CRITERIA).button.click()
    connected.wait(lambda: page.editor.lock_button.isEnabled())
    page.editor.criteria.alpha.setValue(0.9)
    connected.wait(lambda: page.editor.criteria.faults["alpha"].isVisible())
    assert "give a level between 0 and 0.5" in page.editor.criteria.faults["alpha"].text()
    assert not page.editor.lock_button.isEnabled()
    editor = page.editor.criteria
    editor.alpha.setValue(0.05)
    connected.wait(lambda: page.editor.lock_button.isEnabled())
    assert editor.page.isEnabled() and "Passes if" in page.editor.summary.text.text()
    editor.margin.setValue(0.33)
    assert not page.editor.lock_button.isEnabled()
    connected.wait(lambda: page.editor.lock_button.isEnabled())
    page.editor.lock_button.click()
    connected.wait(lambda: page.stack.currentWidget() is page.browse)
    assert card(page, CaseStepKind.CRITERIA).state.text() == "✓ done"
    locks = asked(scripted, case_pb2.LockCaseCriteriaRequest)
    assert [own.validate_only for own in locks] == [True, False]
    assert locks[1].criteria_hash == scripted.cases.newest.facts.criteria_hash
    assert '"margin":0.33' in scripted.cases.newest.criteria_json


def test_goal_and_risks_are_kept_until_a_decision_with_its_reason_closes_the_case(
    connected: Client, page: CasesPage, scripted: ScriptedServer
) -> None:
    begin(connected, page)
    page.open_case.edit_button.click()
    page.editor.goal.setPlainText("No promises that nobody keeps.")
    page.editor.risks.setPlainText("Calls may become longer.")
    page.editor.save_button.click()
    connected.wait(lambda: page.open_case.goal.text() == "No promises that nobody keeps.")
    assert scripted.cases.newest.draft.risks == "Calls may become longer."
    # The watch may tell of the change before the answer to it has come.
    connected.wait(lambda: page.stack.currentWidget() is page.browse and not page.model.is_busy)
    card(page, CaseStepKind.DECISION).button.click()
    panel = page.open_case.decision
    assert panel.isVisible() and not panel.stop_button.isEnabled()
    panel.reason.setText("another project comes first")
    panel.stop_button.click()
    connected.wait(lambda: page.model.case is not None and page.model.case.decision is not None)
    assert asked(scripted, case_pb2.DecideCaseRequest)[0].reason == "another project comes first"
    case = page.model.case
    assert case is not None and standing(case) == "■ stop"
    assert page.open_case.edit_button.isHidden()
    assert all(
        own.button.isHidden() for own in page.open_case.cards if own.step.state is CaseStepState.BLOCKED
    )


def test_the_next_step_opens_a_trial_by_the_locked_criteria_and_takes_it_into_the_case(
    connected: Client, page: CasesPage, scripted: ScriptedServer, tmp_path: Path
) -> None:
    begin(connected, page)
    lock(connected, page)
    small = card(page, CaseStepKind.SMALL_TRIAL)
    assert small.advice.isVisible() and small.example_button.isVisible()
    scripted.trials.hold.clear()
    small.button.click()
    trials = connected.window.evidence.trials
    assert connected.window.evidence.tabs.currentWidget() is trials
    form = trials.form
    assert form._title.text().startswith("New trial of the case “")
    assert not form.criteria_choice.isEnabled() and not form.editor.page.isEnabled()
    path = tmp_path / "ours.csv"
    path.write_text(PROMPTS, encoding="utf-8")
    trials.draft.take_prompts(path)
    connected.wait(lambda: form.start_button.isEnabled())
    form.start_button.click()
    connected.wait(lambda: trials.model.trial is not None)
    started = asked(scripted, trial_pb2.RunTrialRequest)
    attached = [own.name for own in scripted.cases.newest.trials]
    assert attached == [own.name for own in started] == [trials.model.trial.name]
    # A part of the case from its creation on: what the case rests on is fixed before its result is known.
    assert [own.case for own in asked(scripted, trial_pb2.CreateTrialRequest)] == [scripted.cases.newest.name]
    assert asked(scripted, case_pb2.AttachTrialRequest) == []
    back = trials.open_trial.case_button
    connected.wait(back.isVisible)
    assert back.text() == f"← Case “{page.open_case.title.text()}”"
    back.click()
    assert connected.window.evidence.tabs.currentWidget() is page
    created = asked(scripted, trial_pb2.CreateTrialRequest)[0]
    assert created.draft.criteria.text == scripted.cases.newest.criteria_json


def open_form(connected: Client, page: CasesPage, path: Path) -> None:
    """The form for the first trial of a new case, with everything in it."""
    begin(connected, page)
    lock(connected, page)
    card(page, CaseStepKind.SMALL_TRIAL).button.click()
    path.write_text(PROMPTS, encoding="utf-8")
    trials = connected.window.evidence.trials
    trials.draft.take_prompts(path)
    connected.wait(lambda: trials.form.start_button.isEnabled())


def test_a_trial_that_the_case_refuses_leaves_nothing_behind_but_the_reason(
    connected: Client, page: CasesPage, scripted: ScriptedServer, tmp_path: Path
) -> None:
    open_form(connected, page, tmp_path / "ours.csv")
    form, draft = connected.window.evidence.trials.form, connected.window.evidence.trials.draft
    scripted.script.refused = {
        "CreateTrialRequest": (grpc.StatusCode.FAILED_PRECONDITION, "CASE_PART_TOO_EARLY")
    }
    form.start_button.click()
    connected.wait(lambda: draft.failure is not None and not draft.is_starting)
    assert form.isVisible() and "Create another one" in form.fault.text()
    assert scripted.trials.trials == {} and scripted.cases.newest.trials == []
    assert asked(scripted, trial_pb2.RunTrialRequest) == []
    # Everything is still in the form: another press is another try.
    scripted.script.refused = {}
    form.start_button.click()
    connected.wait(lambda: connected.window.evidence.trials.model.trial is not None)
    assert [own.name for own in scripted.cases.newest.trials] == list(scripted.trials.trials)


def test_a_trial_that_is_there_and_does_not_start_is_shown_with_the_reason_and_its_button(
    connected: Client, page: CasesPage, scripted: ScriptedServer, tmp_path: Path
) -> None:
    open_form(connected, page, tmp_path / "ours.csv")
    trials = connected.window.evidence.trials
    scripted.script.refused = {"RunTrialRequest": (grpc.StatusCode.UNAVAILABLE, "STAGE_LOADING")}
    trials.form.start_button.click()
    connected.wait(lambda: trials.model.trial is not None)
    assert not trials.form.isVisible() and trials.error.isVisible() and trials.error.text()
    button = trials.open_trial.run_button
    assert button.isVisible() and button.text() == "Start"
    scripted.script.refused = {}
    button.click()
    connected.wait(lambda: trials.model.trial.state is TrialState.FINISHED)
    assert len(scripted.trials.trials) == len(scripted.cases.newest.trials) == 1


def test_what_happens_to_a_trial_shows_in_the_path_at_once(
    connected: Client, page: CasesPage, scripted: ScriptedServer
) -> None:
    begin(connected, page)
    lock(connected, page)
    case = scripted.cases.newest
    case.trials = [TrialFacts("deployments/default/trials/1", "small", "running", 3, 9)]
    scripted.cases.tell(case)
    small = card(page, CaseStepKind.SMALL_TRIAL)
    connected.wait(lambda: small.state.text() == "… running")
    assert "3 of 9" in small.sentence.text() and small.button.text() == "Show the trial"
    case.trials = [replace(case.trials[0], state="finished", done=9, verdict="fail", reason="No gain.")]
    scripted.cases.tell(case)
    connected.wait(lambda: small.state.text() == "✗ failed")
    decision = card(page, CaseStepKind.DECISION)
    assert decision.state.text() == "▶ to do now"
    decision.button.click()
    assert not page.open_case.decision.scale_button.isVisible()


def test_the_candidate_is_kept_as_a_snapshot_and_rolled_out(
    connected: Client, page: CasesPage, scripted: ScriptedServer
) -> None:
    begin(connected, page)
    lock(connected, page)
    case = scripted.cases.newest
    passed(case)
    scripted.cases.tell(case)
    release = card(page, CaseStepKind.RELEASE)
    connected.wait(lambda: release.button.text() == "Create the snapshot")
    known = set(scripted.snapshots)
    release.button.click()
    connected.wait(lambda: set(scripted.snapshots) != known and not page.model.is_busy)
    made = next(iter(set(scripted.snapshots) - known))
    scripted.cases.tell(case, candidate=CandidateFacts("steered", made))
    connected.wait(lambda: release.button.text() == "New rollout of this snapshot…")
    connected.wait(lambda: connected.workspace.release.snapshot(made) is not None)
    release.button.click()
    panel = connected.window.release.rollout.new_panel
    assert connected.window.rail.buttons["release"].isChecked()
    assert panel.candidate_choice.currentData() == made
    panel.reason_field.setText("confirmed")
    connected.wait(panel.start_button.isEnabled)
    panel.start_button.click()
    # What was begun from the case becomes a part of it.
    connected.wait(lambda: asked(scripted, case_pb2.AttachRolloutRequest) != [])
    connected.wait(lambda: release.button.text() == "Show the rollout")


def test_cases_are_there_again_after_the_server_was_away(
    connected: Client, page: CasesPage, scripted: ScriptedServer
) -> None:
    begin(connected, page)
    name = page.model.case.name
    scripted.stop()
    connected.wait(lambda: not connected.workspace.connection.is_live)
    assert not page.open_case.cards[1].button.isEnabled() and not page.new_button.isEnabled()
    case = scripted.cases.cases[name]
    case.facts = replace(case.facts, criteria_hash="ab" * 32)
    case.version += 1
    scripted.start()
    connected.wait(lambda: connected.workspace.connection.is_live, timeout=30_000)
    connected.wait(lambda: card(page, CaseStepKind.CRITERIA).state.text() == "✓ done")
    assert page.model.case.name == name


def test_the_palette_leads_to_the_next_step(connected: Client, page: CasesPage) -> None:
    commands = connected.workspace.commands
    assert not commands.is_enabled("case.next")
    connected.window.show_room("chat")
    assert commands.run("case.new")
    assert connected.window.rail.buttons["evidence"].isChecked()
    begin(connected, page)
    connected.window.show_room("chat")
    assert commands.run("case.next")
    assert page.stack.currentWidget() is page.editor


def test_a_report_and_an_export_are_written_and_the_page_speaks_japanese(
    connected: Client, page: CasesPage, tmp_path: Path
) -> None:
    begin(connected, page)
    view = page.open_case
    view.report_button.write_to(str(tmp_path / "case.pptx"))
    connected.wait(lambda: "case.pptx" in view.told.text())
    name = page.model.case.name
    assert (tmp_path / "case.pptx").read_text() == f"{name} REPORT_FORMAT_PPTX en without costs"
    view._content = b"1"
    view.write_to(str(tmp_path / "nowhere" / "case.json"))
    assert "could not be written" in view.told.text()
    connected.languages.choose("ja")
    criteria = card(page, CaseStepKind.CRITERIA)
    connected.wait(lambda: criteria.state.text() == "▶ 次の作業")
    assert criteria.sentence.text().startswith("判定基準を固定してください")
    assert page.start.cards[0].goal.text() != ""
