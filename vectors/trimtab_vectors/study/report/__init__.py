"""The study's report: one page of HTML and a PDF, in English or Japanese, from a study's summary.

    summary = read_summary(DIR / "summary.json")
    report = build_report(summary, "ja")
    Path("report.html").write_text(render_html(report), encoding="utf-8")
    Path("report.pdf").write_bytes(render_pdf(report, find_font()))

`render_pdf` and `find_font` need reportlab and fontTools, which come with the science extra; they are imported from
their modules, `report.pdf` and `report.font`, so that a page can be made without them.
"""

from trimtab_vectors.study.report.build import build_report
from trimtab_vectors.study.report.catalogue import LANGUAGES, CatalogueError
from trimtab_vectors.study.report.document import Language, Report
from trimtab_vectors.study.report.page import render_html

__all__ = ["LANGUAGES", "CatalogueError", "Language", "Report", "build_report", "render_html"]
