"""The report as a PDF: the same blocks and the same drawings as the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any, Final

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, PageBreak, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid

from trimtab_vectors.study.report.document import (
    Block,
    Bullets,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
    VerdictCard,
)
from trimtab_vectors.study.report.font import ReportFont
from trimtab_vectors.study.report.palette import LIGHT
from trimtab_vectors.study.report.pdf_drawing import DrawingFlowable, colour

_MARGIN: Final = 18 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_TONES: Final = {"confirmed": "third", "candidate": "second", "none": "first", "undecided": "soft"}
#: Three timelines to a page, and letters of more than 6 points.
_CHART_SCALE: Final = 0.6
#: A column of figures narrower than this cannot hold a value above its interval.
_LEAST_COLUMN: Final = 34.0
#: From this many columns on, a value stands above its interval, in smaller letters.
_MANY_COLUMNS: Final = 7


def render_pdf(report: Report, font: ReportFont) -> bytes:
    """A4 pages with the font's needed characters embedded. The same report and font give the same bytes."""
    shown = {c for text in report.texts for c in font.shown(text)}
    name, file = font.subset(shown | set("0123456789/ -…•"))
    if name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(name, file))
    setter = _Setter(report, font, name)
    made = BytesIO()
    document = SimpleDocTemplate(
        made,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title=report.title,
        author="Trimtab",
        lang=report.language,
        invariant=1,
    )
    document.build(list(setter.flow()), onFirstPage=setter.footer, onLaterPages=setter.footer)
    return made.getvalue()


class _Heading(Text):  # type: ignore[misc]
    """A section's title that also enters the outline."""

    def __init__(self, text: str, style: ParagraphStyle, key: str, plain: str) -> None:
        super().__init__(text, style)
        self.key, self.plain = key, plain

    def draw(self) -> None:
        self.canv.bookmarkPage(self.key)
        self.canv.addOutlineEntry(self.plain, self.key, 0)
        super().draw()


@dataclass(frozen=True)
class _Setter:
    report: Report
    font: ReportFont
    name: str

    def flow(self) -> Iterator[Any]:
        yield self._text(self.report.title, 17, after=2)
        yield self._text(self.report.subtitle, 8.5, "soft", after=4)
        for section in self.report.sections:
            yield from self._section(section)
        yield PageBreak()
        yield self._heading("values", self.report.values)
        yield from self._values()

    def footer(self, canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(self.name, 7.5)
        canvas.setFillColor(colour("soft"))
        canvas.drawString(_MARGIN, 10 * mm, self.font.shown(self.report.title))
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, str(document.page))
        canvas.restoreState()

    def _section(self, section: Section) -> Iterator[Any]:
        yield self._heading(section.id, section.title)
        for block in section.blocks:
            yield from self._block(block)

    def _heading(self, key: str, title: str) -> Any:
        shown = self.font.shown(title)
        return _Heading(escape(shown), self._style(13, "ink", before=14, after=4, keep=True), key, shown)

    def _block(self, block: Block) -> Iterator[Any]:
        match block:
            case Paragraph():
                size, ink = {"plain": (9.5, "ink"), "lead": (13.5, "ink"), "soft": (9.0, "soft")}[block.kind]
                yield self._text(block.text, size, ink)
            case Bullets():
                for item in block.items:
                    yield self._text(f"• {item}", 9.5, indent=9)
            case Table():
                yield from self._table(block)
            case VerdictCard():
                yield self._card(block)
            case Figure():
                yield KeepTogether(
                    [
                        self._text(block.title, 10.5, before=8, keep=True),
                        DrawingFlowable(block.drawing, self.name, self.font.shown, _CHART_SCALE),
                        self._text(block.reading, 9.0, before=2),
                    ]
                )

    def _values(self) -> Iterator[Any]:
        """The tables behind the charts, after everything else: on paper they cannot be folded away."""
        for section in self.report.sections:
            figures = [block for block in section.blocks if isinstance(block, Figure)]
            if not figures:
                continue
            yield self._text(section.title, 11, before=10, keep=True)
            for figure in figures:
                yield self._text(figure.title, 9, "soft", before=4, keep=True)
                yield from self._table(figure.table)

    def _card(self, card: VerdictCard) -> Any:
        ink = _TONES[card.tone]
        lines = [
            self._text(card.title, 9.5, after=1),
            self._text(card.word, 11, ink, after=1),
            self._text(card.sentence, 9.5, after=1),
            *(self._text(f"• {reason}", 8.5, "soft", indent=8, after=0) for reason in card.reasons),
        ]
        style = [
            ("BACKGROUND", (0, 0), (-1, -1), colour("panel")),
            ("LINEBEFORE", (0, 0), (0, -1), 4, colour(ink)),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ]
        return KeepTogether([Grid([[lines]], colWidths=[_WIDTH], style=TableStyle(style)), Spacer(1, 4)])

    def _table(self, table: Table) -> Iterator[Any]:
        """A table too wide for the page is set in parts, each with the names of its rows."""
        if not table.rows:
            return
        widths = self._widths(table)
        parts = _parts(widths)
        size = _size(table)
        for columns in parts:
            given = [widths[c] for c in columns]
            scale = _WIDTH / sum(given) if table.words or len(parts) > 1 else min(1.0, _WIDTH / sum(given))
            cells = [
                [
                    self._text(
                        _stacked(row[c]) if len(row) >= _MANY_COLUMNS else row[c],
                        size,
                        "soft" if r == 0 else "ink",
                        after=0,
                        right=not table.words and c > 0,
                    )
                    for c in columns
                ]
                for r, row in enumerate((table.columns, *table.rows))
            ]
            yield Grid(
                cells,
                colWidths=[w * scale for w in given],
                repeatRows=1,
                hAlign="LEFT",
                style=TableStyle(
                    [
                        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colour("rule")),
                        ("LINEBELOW", (0, 0), (-1, 0), 0.8, colour("soft")),
                        ("LEFTPADDING", (0, 0), (-1, -1), 2),
                        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                        ("TOPPADDING", (0, 0), (-1, -1), 1.2),
                        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.8),
                        ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ]
                ),
            )
            yield Spacer(1, 7)

    def _widths(self, table: Table) -> list[float]:
        """What each column would take unbroken; long words are capped and wrap."""
        size, most = _size(table), 190.0 if table.words else 110.0
        many = len(table.columns) >= _MANY_COLUMNS

        def width(text: str) -> float:
            lines = (_stacked(text) if many else text).split("\n")
            return float(max(pdfmetrics.stringWidth(self.font.shown(x), self.name, size) for x in lines))

        columns = zip(table.columns, *table.rows, strict=True)
        return [max(_LEAST_COLUMN, min(most, 6.0 + max(width(cell) for cell in c))) for c in columns]

    def _text(
        self,
        text: str,
        size: float,
        ink: str = "ink",
        *,
        before: float = 0,
        after: float = 3,
        indent: float = 0,
        keep: bool = False,
        right: bool = False,
    ) -> Any:
        style = self._style(size, ink, before=before, after=after, indent=indent, keep=keep, right=right)
        lines = (escape(self.font.shown(line)) for line in text.split("\n"))
        return Text("<br/>".join(lines), style)

    def _style(
        self,
        size: float,
        ink: str,
        *,
        before: float = 0,
        after: float = 3,
        indent: float = 0,
        keep: bool = False,
        right: bool = False,
    ) -> ParagraphStyle:
        style = ParagraphStyle(
            "text",
            fontName=self.name,
            fontSize=size,
            leading=size * 1.42,
            textColor=LIGHT[ink],
            spaceBefore=before,
            spaceAfter=after,
            leftIndent=indent,
            firstLineIndent=-indent,
            keepWithNext=keep,
        )
        if self.report.language == "ja":
            # Japanese has no spaces to break a line at.
            style.wordWrap = "CJK"
        if right:
            style.alignment = TA_RIGHT
        return style


def _parts(widths: list[float]) -> list[list[int]]:
    """Columns in groups that fit a page, the first column in each."""
    parts, room = [[0]], _WIDTH - widths[0]
    for column in range(1, len(widths)):
        if widths[column] > room and len(parts[-1]) > 1 and sum(widths) > 1.25 * _WIDTH:
            parts.append([0])
            room = _WIDTH - widths[0]
        parts[-1].append(column)
        room -= widths[column]
    return parts


def _size(table: Table) -> float:
    if table.words:
        return 7.5
    return 5.2 if len(table.columns) >= _MANY_COLUMNS else 6.5


def _stacked(text: str) -> str:
    """A value above what stands in brackets after it."""
    return text.replace(" [", "\n[").replace(" (", "\n(")
