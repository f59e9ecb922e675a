"""A case against the real server process: from a template over both trials to the snapshot, costs and slides."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from driven_client import Client
from real_server import running_server
from trimtab_client.case_types import CaseStepKind, CaseStepState
from trimtab_client.trial_types import TrialState
from trimtab_gui.views.case_steps import StepCard
from trimtab_gui.views.cases_page import CasesPage

# Looked for, not imported: the client's process stays free of torch.
_SCIENCE = find_spec("trimtab_vectors")
pytestmark = pytest.mark.skipif(
    find_spec("torch") is None or _SCIENCE is None, reason="the server is not installed here"
)


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def sample(first: int, count: int) -> str:
    """Facts of the shipped sample, each neutral, under soft and under hard pressure."""
    assert _SCIENCE is not None and _SCIENCE.origin is not None
    path = Path(_SCIENCE.origin).parent / "organism" / "shipped" / "trial" / "sample.csv"
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    text = io.StringIO()
    csv.writer(text).writerows([rows[0], *rows[1 + 3 * first : 1 + 3 * (first + count)]])
    return text.getvalue()


def card(page: CasesPage, kind: CaseStepKind) -> StepCard:
    return next(own for own in page.open_case.cards if own.step is not None and own.step.kind is kind)


def run_trial(client: Client, page: CasesPage, kind: CaseStepKind, file: Path) -> None:
    """Through the step's own button, to the end."""
    trials = client.window.evidence.trials
    card(page, kind).button.click()
    trials.draft.take_prompts(file)
    client.wait(trials.form.start_button.isEnabled, timeout=60_000)
    before = trials.model.name
    trials.form.start_button.click()
    client.wait(lambda: trials.model.name not in ("", before), timeout=60_000)
    client.wait(
        lambda: trials.model.trial is not None and trials.model.trial.state is TrialState.FINISHED,
        timeout=120_000,
    )
    client.wait(lambda: card(page, kind).step.code.startswith("trial_passed"), timeout=60_000)


def test_a_case_goes_from_its_template_to_a_candidate_with_costs_and_slides(
    client: Client, real_server: tuple[str, str], tmp_path: Path
) -> None:
    client.connect(*real_server)
    client.window.evidence.show_cases()
    page = client.window.evidence.cases
    client.wait(lambda: page.model.is_listed and len(page.model.templates) == 3)
    sales = next(n for n, own in enumerate(page.model.templates) if "sales" in own.id)
    page.start.cards[sales].button.click()
    client.wait(lambda: page.model.case is not None)

    # Criteria for a handful of prompts; the server checks them, and they are locked.
    card(page, CaseStepKind.CRITERIA).button.click()
    client.wait(page.editor.lock_button.isEnabled, timeout=60_000)
    editor = page.editor.criteria
    for line in list(editor.effects.lines):
        line.at_most.setValue(0.9)
    editor.margin.setValue(0.05)
    editor.min_prompts.setValue(4)
    editor.alpha.setValue(0.2)
    client.wait(page.editor.lock_button.isEnabled, timeout=60_000)
    page.editor.reason.setText("a try on few prompts")
    page.editor.lock_button.click()
    client.wait(lambda: page.model.case is not None and page.model.case.lock is not None, timeout=60_000)

    small, fresh = tmp_path / "small.csv", tmp_path / "fresh.csv"
    small.write_text(sample(0, 8), encoding="utf-8")
    fresh.write_text(sample(8, 8), encoding="utf-8")
    run_trial(client, page, CaseStepKind.SMALL_TRIAL, small)

    # The same prompts confirm nothing: the server says so, and nothing is asked.
    trials = client.window.evidence.trials
    card(page, CaseStepKind.CONFIRMATION).button.click()
    trials.draft.take_prompts(small)
    client.wait(trials.form.start_button.isEnabled, timeout=60_000)
    trials.form.start_button.click()
    client.wait(trials.form.fault.isVisible, timeout=60_000)
    assert card(page, CaseStepKind.CONFIRMATION).step.code == "trial_missing"

    run_trial(client, page, CaseStepKind.CONFIRMATION, fresh)
    release = card(page, CaseStepKind.RELEASE)
    client.wait(lambda: release.command == "release.create")
    release.button.click()
    client.wait(lambda: release.command == "rollout.new", timeout=60_000)
    case = page.model.case
    assert case is not None and case.candidate is not None and case.candidate.snapshot
    assert card(page, CaseStepKind.DECISION).step.state is CaseStepState.BLOCKED

    # Costs of the confirmation, as the server reckons them.
    opened = trials.open_trial
    opened.show_costs()
    for name, value in (("monthly_replies", 10_000), ("incident_cost", 2_000), ("wage", 5_000)):
        opened.costs.fields[name].setValue(value)
    client.wait(
        lambda: opened.costs.answer.isVisible() and not opened.costs_model.is_reckoning, timeout=60_000
    )
    assert opened.costs.table.text("To get there, once", "steered") == "¥80,000"

    view = page.open_case
    client.window.evidence.show_cases()
    slides = tmp_path / "case.pptx"
    view.report_button.languages["ja"].trigger()
    view.report_button.write_to(str(slides))
    client.wait(slides.exists, timeout=120_000)
    assert any(own.startswith("ppt/slides/slide") for own in zipfile.ZipFile(slides).namelist())
