"""From a study's directory to report files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trimtab_vectors.study.plan import PlanError
from trimtab_vectors.study.report.build import build_report
from trimtab_vectors.study.report.document import Language
from trimtab_vectors.study.report.page import render_html
from trimtab_vectors.study.results import read_summary


@dataclass(frozen=True)
class ReportFiles:
    """Where a report goes; None: not written."""

    html: Path | None
    pdf: Path | None

    @classmethod
    def of(cls, study: Path, html: Path | None, pdf: Path | None) -> ReportFiles:
        """The files asked for; with none, DIR/report.html."""
        return cls(study / "report.html" if html is None and pdf is None else html, pdf)


def write_report(
    study: Path, files: ReportFiles, language: Language = "en", font: Path | None = None
) -> dict[str, Path]:
    """Write the files and say which: "html", "pdf".

    font: of the PDF; by default one is looked for (`font.find_font`).

    Raises:
        PlanError: the directory has no summary yet, or one that is not what it should be.
        FontError: no font with Japanese characters was found for the PDF.
    """
    source = study / "summary.json"
    if not source.is_file():
        raise PlanError(
            f"{study} has no summary.json; finish the study first (`trimtab study status {study}` says how far it is)"
        )
    report = build_report(read_summary(source), language)
    pdf = None
    if files.pdf is not None:
        # Here and not above: reportlab and fontTools are needed for a PDF alone.
        from trimtab_vectors.study.report.font import find_font
        from trimtab_vectors.study.report.pdf import render_pdf

        pdf = render_pdf(report, find_font(font))
    written = {}
    if files.html is not None:
        files.html.write_text(render_html(report), encoding="utf-8")
        written["html"] = files.html
    if files.pdf is not None and pdf is not None:
        files.pdf.write_bytes(pdf)
        written["pdf"] = files.pdf
    return written
