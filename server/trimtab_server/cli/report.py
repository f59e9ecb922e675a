"""`trimtab report`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from trimtab_vectors.study.report.document import Language, Report

    from trimtab_server.reports.case_record import CaseRecord
    from trimtab_server.reports.deck import Deck
    from trimtab_server.reports.rollout_record import RolloutRecord
    from trimtab_server.reports.trial_record import TrialRecord
    from trimtab_server.trials.cost import CostModel

app = typer.Typer(
    help="Reports for people who decide: a page, a PDF, slides; English or Japanese.", no_args_is_help=True
)


class ReportLanguage(StrEnum):
    EN = "en"
    JA = "ja"


HtmlOption = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="One page of HTML.")]
PdfOption = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="A PDF.")]
PptxOption = Annotated[Path | None, typer.Option("--pptx", metavar="FILE", help="Five slides.")]
CasePptxOption = Annotated[Path | None, typer.Option("--pptx", metavar="FILE", help="Six slides.")]
CostOption = Annotated[
    Path | None, typer.Option("--cost", metavar="FILE", help="The company's figures, TOML; see the guide.")
]
LanguageOption = Annotated[ReportLanguage, typer.Option("--language", help="Of the report.")]
FontOption = Annotated[
    Path | None, typer.Option("--font", metavar="FILE", help="Font for the PDF, with Japanese characters.")
]


@app.callback()
def _report() -> None:
    """Reports for people who decide: a page, a PDF, slides; English or Japanese."""


@app.command()
def trial(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="TRIAL|FILE", help="Its id (- for the newest), or an exported file.")
    ],
    html: HtmlOption = None,
    pdf: PdfOption = None,
    pptx: PptxOption = None,
    language: LanguageOption = ReportLanguage.EN,
    cost: CostOption = None,
    font: FontOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Report a trial: verdict, figures, costs, risks, what was not shown, and the record.

    Example: trimtab report trial - --pdf trial.pdf --pptx trial.pptx --language ja
    """
    found = session(context, as_json)
    with _reporting():
        from trimtab_server.reports.trial_report import trial_report
        from trimtab_server.reports.trial_slides import trial_deck

        record = _trial(found, source, cost)
        lang: Language = language.value
        _write(found, html, pdf, pptx, font, trial_report(record, lang), lambda: trial_deck(record, lang))


@app.command()
def rollout(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="ROLLOUT|FILE", help="Its id (- for the newest), or a record's file.")
    ] = "-",
    html: HtmlOption = None,
    pdf: PdfOption = None,
    pptx: PptxOption = None,
    language: LanguageOption = ReportLanguage.EN,
    font: FontOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Report a rollout: where it stands, its plan, the evidence at each look, and who did what.

    Example: trimtab report rollout - --html rollout.html --pptx rollout.pptx --language ja
    """
    found = session(context, as_json)
    with _reporting():
        from trimtab_server.reports.rollout_report import rollout_report
        from trimtab_server.reports.rollout_slides import rollout_deck

        record = _rollout(found, source)
        lang: Language = language.value
        _write(found, html, pdf, pptx, font, rollout_report(record, lang), lambda: rollout_deck(record, lang))


@app.command()
def case(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="[CASE|FILE]", help="Its id (- for the newest), or an exported file.")
    ] = "-",
    html: HtmlOption = None,
    pdf: PdfOption = None,
    pptx: CasePptxOption = None,
    language: LanguageOption = ReportLanguage.EN,
    cost: CostOption = None,
    font: FontOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Report a case: the decision, the path to it, its trials and their figures, the release, and the record.

    Example: trimtab report case - --pdf case.pdf --pptx case.pptx --language ja
    """
    found = session(context, as_json)
    with _reporting():
        from trimtab_server.reports.case_report import case_report
        from trimtab_server.reports.case_slides import case_deck

        record = _case(found, source, cost)
        lang: Language = language.value
        _write(found, html, pdf, pptx, font, case_report(record, lang), lambda: case_deck(record, lang))


@app.command()
def study(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="DIR|FILE", help="A study's directory, or its summary.json.")
    ],
    html: HtmlOption = None,
    pdf: PdfOption = None,
    pptx: PptxOption = None,
    language: LanguageOption = ReportLanguage.EN,
    font: FontOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Report a study of stages: the answer, every judgement with its reasons, the matrices.

    Example: trimtab report study results --pptx study.pptx --language ja
    """
    found = session(context, as_json)
    with _reporting():
        from trimtab_vectors.study.report import build_report
        from trimtab_vectors.study.results import read_summary

        from trimtab_server.reports.study_slides import study_deck

        summary = read_summary(source / "summary.json" if source.is_dir() else source)
        lang: Language = language.value
        _write(found, html, pdf, pptx, font, build_report(summary, lang), lambda: study_deck(summary, lang))


def _trial(found: Session, source: str, cost: Path | None) -> TrialRecord:
    import dataclasses
    import json

    from trimtab_server.reports.trial_record import read_trial_record, trial_record

    if Path(source).is_file():
        record = read_trial_record(Path(source))
    else:
        with found.client() as client:
            record = trial_record(json.loads(client.trials.export(source)))
    return record if cost is None else dataclasses.replace(record, cost_model=_cost(cost))


def _case(found: Session, source: str, cost: Path | None) -> CaseRecord:
    import json

    from trimtab_server.reports.case_record import case_record, read_case_record

    figures = None if cost is None else _cost(cost)
    if Path(source).is_file():
        return read_case_record(Path(source), figures)
    with found.client() as client:
        return case_record(json.loads(client.cases.export(source)), figures)


def _cost(file: Path) -> CostModel | None:
    import tomllib

    from trimtab_server.reports.record_file import RecordError
    from trimtab_server.reports.trial_record import cost_model

    try:
        figures = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise RecordError(f"{file} is no TOML ({fault})") from fault
    return cost_model(figures)


def _rollout(found: Session, source: str) -> RolloutRecord:
    from trimtab_server.reports.rollout_record import RolloutRecord, read_rollout_record
    from trimtab_server.reports.trial_record import AuditHead

    if source != "-" and Path(source).is_file():
        return read_rollout_record(Path(source))
    with found.client() as client:
        shown = client.rollouts.get(source)
        looks = client.rollouts.looks(shown.name)
        log = client.audit_records()
    return RolloutRecord.of(shown, looks, log.records, AuditHead(log.record_count, log.head))


def _write(
    found: Session,
    html: Path | None,
    pdf: Path | None,
    pptx: Path | None,
    font: Path | None,
    report: Report,
    deck: Callable[[], Deck] | None,
) -> None:
    from trimtab_server.reports.files import ReportFiles, write

    files = ReportFiles(html, pdf, pptx, font)
    if not files.any:
        raise CommandFailed("REPORT_FILE_MISSING", "no file is named; give --html, --pdf or --pptx")
    written = write(files, report, deck)
    if found.json:
        found.emit_json(dict(written))
        return
    for path in written.values():
        found.out.print(str(path), markup=False)


@contextmanager
def _reporting() -> Iterator[Any]:
    """What cannot be reported, in one line."""
    try:
        from trimtab_vectors.study.plan import StudyError

        from trimtab_server.reports.record_file import RecordError
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    try:
        yield
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    except (RecordError, StudyError, OSError) as error:
        raise CommandFailed("REPORT_NOT_MADE", str(error)) from error
