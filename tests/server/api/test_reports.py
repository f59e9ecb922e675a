"""Reports and costs over the socket: files of what the server holds, and figures that are those of the pure model."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from trimtab_client import bare
from trimtab_protos.v1 import report_pb2, report_pb2_grpc, trial_pb2
from trimtab_server.cli.main import app
from trimtab_vectors.organism import shipped_model_dir
from typer.testing import CliRunner, Result

from .conftest import Server, Stubs, refused

SAMPLE = shipped_model_dir() / "trial"
CRITERIA = (
    (SAMPLE / "criteria.toml")
    .read_text(encoding="utf-8")
    .replace("min_prompts = 30", "min_prompts = 2")
    .replace("repeats = 3", "repeats = 1")
)
HTML, PDF, PPTX = (
    report_pb2.REPORT_FORMAT_HTML,
    report_pb2.REPORT_FORMAT_PDF,
    report_pb2.REPORT_FORMAT_PPTX,
)
FIGURES = trial_pb2.CostFigures(
    currency="JPY",
    hourly_rate=360.0,
    monthly_replies=20_000,
    exposed_share=0.5,
    incident_share=0.1,
    incident_cost=3_000,
    wage=6_000,
    months=12,
)


def draft() -> trial_pb2.TrialDraft:
    rows = list(csv.reader(io.StringIO((SAMPLE / "sample.csv").read_text(encoding="utf-8-sig"))))
    text = io.StringIO()
    csv.writer(text).writerows(rows[:10])
    return trial_pb2.TrialDraft(
        prompts=trial_pb2.PromptFile(name="sample.csv", content=text.getvalue().encode()),
        criteria=trial_pb2.CriteriaFile(text=CRITERIA, format="toml"),
        lanes=["unsteered", "prompt", "steered"],
    )


@pytest.fixture(scope="module")
def created(client: Stubs) -> trial_pb2.Trial:
    return client.trial.CreateTrial(trial_pb2.CreateTrialRequest(draft=draft()))


@pytest.fixture(scope="module")
def done(client: Stubs) -> trial_pb2.Trial:
    name = client.trial.CreateTrial(trial_pb2.CreateTrialRequest(draft=draft())).name
    client.trial.RunTrial(trial_pb2.RunTrialRequest(name=name, hurry=True))
    for _ in client.trial.WatchTrial(trial_pb2.WatchTrialRequest(name=name)):
        pass
    return client.trial.GetTrial(trial_pb2.GetTrialRequest(name=name))


def written(client: Stubs, name: str, **fields: object) -> bytes:
    request = report_pb2.WriteReportRequest(name=name, **fields)  # type: ignore[arg-type]
    return b"".join(
        piece.data for piece in report_pb2_grpc.ReportServiceStub(client.authorised).WriteReport(request)
    )


def cost(client: Stubs, name: str, figures: trial_pb2.CostFigures = FIGURES) -> trial_pb2.TrialCost:
    return client.trial.EstimateTrialCost(trial_pb2.EstimateTrialCostRequest(name=name, figures=figures))


def test_costs_follow_from_the_rows_by_hand(client: Stubs, done: trial_pb2.Trial) -> None:
    answer = cost(client, done.name)
    rows = client.trial.ListTrialRows(trial_pb2.ListTrialRowsRequest(name=done.name, page_size=1000)).rows
    asked = client.trial.ListTrialPrompts(
        trial_pb2.ListTrialPromptsRequest(name=done.name, page_size=1000)
    ).prompts
    deciding = {own.id for own in asked if own.pressure in ("soft", "hard")}
    lies = {
        lane: [row.outcome == "lie" for row in rows if row.lane == lane and row.prompt_id in deciding]
        for lane in ("unsteered", "prompt", "steered")
    }
    rates = {lane: sum(own) / len(own) for lane, own in lies.items()}
    options = {own.name: own for own in answer.options}
    assert list(options) == ["prompt", "steered", "fine-tune"]
    assert answer.base_rate == pytest.approx(rates["unsteered"])
    # 20,000 x .5 x .1 x 3,000 yen = 3,000,000 yen a month for a bad rate of 1.
    for lane in ("prompt", "steered"):
        assert options[lane].bad_rate == pytest.approx(rates[lane])
        assert options[lane].saved.value == pytest.approx(
            3_000_000 * (rates["unsteered"] - rates[lane]), abs=0.01
        )
    assert options["steered"].setup == 16 * 6_000 and options["prompt"].setup == 4 * 6_000
    assert options["fine-tune"].assumed
    assert rates["steered"] < rates["unsteered"], "the sample shows an effect, or nothing is tested here"


def test_figures_that_are_none_are_refused_with_their_name(client: Stubs, done: trial_pb2.Trial) -> None:
    for figures, word in (
        (trial_pb2.CostFigures(monthly_replies=-1.0), "monthly_replies"),
        (trial_pb2.CostFigures(currency="EUR"), "currency"),
        (trial_pb2.CostFigures(hourly_rate=1.0, reply_token_price=1.0), "hourly rate"),
        (trial_pb2.CostFigures(steering_work=trial_pb2.CostWork(hours=-3.0)), "steering_work.hours"),
        (trial_pb2.CostFigures(fine_tune=trial_pb2.FineTuneFigures(bad_rate=1.5)), "fine_tune.bad_rate"),
    ):
        failure = refused(lambda given=figures: cost(client, done.name, given))
        assert failure.reason == "FIELD_INVALID" and word in failure.message


def test_a_trial_that_is_not_finished_has_no_costs(client: Stubs, created: trial_pb2.Trial) -> None:
    failure = refused(lambda: cost(client, created.name))
    assert failure.reason == "TRIAL_STATE" and "finished" in failure.message


def test_every_format_is_written_in_both_languages(client: Stubs, done: trial_pb2.Trial) -> None:
    page = written(client, done.name, format=HTML, language="ja", cost=FIGURES).decode()
    assert '<html lang="ja"' in page and "円" in page
    text = "".join(
        own.extract_text() for own in PdfReader(io.BytesIO(written(client, done.name, format=PDF))).pages
    )
    assert done.lock.hash[:16] in text
    slides = zipfile.ZipFile(io.BytesIO(written(client, done.name, format=PPTX)))
    assert sum(own.startswith("ppt/slides/slide") for own in slides.namelist()) == 5


def test_a_report_without_the_companys_figures_says_that_costs_are_not_known(
    client: Stubs, done: trial_pb2.Trial
) -> None:
    without = written(client, done.name, format=HTML).decode()
    with_figures = written(client, done.name, format=HTML, cost=FIGURES).decode()
    assert "¥" not in without and "¥" in with_figures


def test_what_cannot_be_reported_is_refused(client: Stubs, done: trial_pb2.Trial) -> None:
    for name, fields, reason in (
        (done.name, {"language": "en"}, "FIELD_INVALID"),
        (done.name, {"format": HTML, "language": "fr"}, "FIELD_INVALID"),
        ("deployments/default/canaries/1", {"format": HTML}, "FIELD_INVALID"),
        ("deployments/default/trials/none", {"format": HTML}, "TRIAL_NOT_FOUND"),
        ("deployments/default/rollouts/none", {"format": HTML}, "ROLLOUT_NOT_FOUND"),
    ):
        assert refused(lambda own=name, given=fields: written(client, own, **given)).reason == reason


def test_deleted_rows_allow_no_report(client: Stubs) -> None:
    name = client.trial.CreateTrial(trial_pb2.CreateTrialRequest(draft=draft())).name
    client.trial.DeleteTrialRows(trial_pb2.DeleteTrialRowsRequest(name=name, reason="asked to"))
    failure = refused(lambda: written(client, name, format=HTML))
    assert failure.reason == "REPORT_NOT_MADE" and "deleted" in failure.message


def test_every_fault_of_criteria_is_told_with_its_key(client: Stubs) -> None:
    wrong = draft()
    wrong.criteria.text = CRITERIA.replace("min_prompts = 2", "min_prompts = 1").replace(
        "alpha = 0.05", "alpha = 0.6"
    )
    failure = refused(lambda: client.trial.CheckTrial(trial_pb2.CheckTrialRequest(draft=wrong)))
    assert set(failure.fields) == {"draft.criteria.min_prompts", "draft.criteria.alpha"}
    assert "give 2 or more" in failure.message


def told(server: Server, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["--target", server.target, "--token-file", str(server.data_dir / "token"), *words]
    )


def test_the_command_line_shows_the_same_costs(
    server: Server, client: Stubs, done: trial_pb2.Trial, tmp_path: Path
) -> None:
    file = tmp_path / "cost.toml"
    file.write_text(
        'currency = "JPY"\nhourly_rate = 360\nmonthly_replies = 20_000\nexposed_share = 0.5\nincident_share = 0.1\n'
        "incident_cost = 3_000\nwage = 6_000\nmonths = 12\n",
        encoding="utf-8",
    )
    answer = told(server, "trial", "cost", str(file), bare(done.name), "--json")
    assert answer.exit_code == 0, answer.output
    shown = json.loads(answer.stdout)
    assert shown["options"][1]["horizon"]["value"] == pytest.approx(
        cost(client, done.name).options[1].horizon.value
    )
    text = told(server, "trial", "cost", str(file), bare(done.name)).stdout
    assert "fine-tune (assumed)" in text and "96,000 JPY" in text
    file.write_text("monthly = 3\n", encoding="utf-8")
    wrong = told(server, "trial", "cost", str(file))
    assert wrong.exit_code != 0 and "'monthly' is no figure" in wrong.output
