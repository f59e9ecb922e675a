"""Reports as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trimtab_vectors.study.report.document import Report
from trimtab_vectors.study.report.page import render_html

from trimtab_server.reports.deck import Deck


@dataclass(frozen=True)
class ReportFiles:
    """Where a report goes; None: not written. font: of the PDF, by default one is looked for."""

    html: Path | None = None
    pdf: Path | None = None
    pptx: Path | None = None
    font: Path | None = None

    @property
    def any(self) -> bool:
        return any((self.html, self.pdf, self.pptx))


def write(files: ReportFiles, report: Report, deck: Callable[[], Deck] | None = None) -> dict[str, Path]:
    """Write the files and say which: "html", "pdf", "pptx". All are made before the first is written.

    Raises:
        FontError: no font with Japanese characters was found for the PDF.
        OSError: a file cannot be written.
    """
    made: dict[str, tuple[Path, bytes]] = {}
    if files.html is not None:
        made["html"] = files.html, render_html(report).encode()
    if files.pdf is not None:
        # Here and not above: each form needs a library of its own.
        from trimtab_vectors.study.report.font import find_font
        from trimtab_vectors.study.report.pdf import render_pdf

        made["pdf"] = files.pdf, render_pdf(report, find_font(files.font))
    if files.pptx is not None and deck is not None:
        from trimtab_server.reports.pptx_deck import render_pptx

        made["pptx"] = files.pptx, render_pptx(deck())
    for path, content in made.values():
        path.write_bytes(content)
    return {name: path for name, (path, _) in made.items()}
