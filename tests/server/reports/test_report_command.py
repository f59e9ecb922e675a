"""`trimtab report` from files alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from documents import Page, slides
from made_records import STEER, rollout_json, small, trial_export
from trimtab_server.cli.main import app
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trial") / "trial.json"
    file.write_text(json.dumps(trial_export(STEER, **small(), cost_model=None)), encoding="utf-8")
    return file


def test_a_trial_is_reported_in_three_forms_with_the_companys_figures(exported: Path, tmp_path: Path) -> None:
    cost = tmp_path / "cost.toml"
    cost.write_text(
        'currency = "USD"\nmonthly_replies = 1000\nincident_cost = 50\nwage = 60\n', encoding="utf-8"
    )
    page, pdf, deck = (tmp_path / name for name in ("r.html", "r.pdf", "r.pptx"))
    arguments = [
        "report",
        "trial",
        str(exported),
        "--html",
        str(page),
        "--pdf",
        str(pdf),
        "--pptx",
        str(deck),
    ]
    done = CliRunner().invoke(app, [*arguments, "--cost", str(cost), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"html": str(page), "pdf": str(pdf), "pptx": str(deck)}
    assert "$" in Page(page.read_text(encoding="utf-8")).text
    assert pdf.read_bytes().startswith(b"%PDF")
    assert len(slides(deck.read_bytes())) == 5


def test_a_rollout_is_reported_from_a_file(tmp_path: Path) -> None:
    source, page = tmp_path / "rollout.json", tmp_path / "r.html"
    source.write_text(json.dumps(rollout_json()), encoding="utf-8")
    arguments = ["report", "rollout", str(source), "--html", str(page), "--language", "ja"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "ロールアウト" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trial", "FILE"], "--html, --pdf or --pptx"),
        (["study", "no-such-directory", "--html", "x.html"], "no-such-directory"),
        (["trial", "FILE", "--html", "x.html", "--cost", "FILE"], "no TOML"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_line(exported: Path, arguments: list[str], told: str) -> None:
    given = [str(exported) if own == "FILE" else own for own in arguments]
    done = CliRunner().invoke(app, ["report", *given])
    assert done.exit_code == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
