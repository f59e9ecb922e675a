"""Slides as PPTX: text, tables and shapes of the format itself."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Emu, Pt
from trimtab_vectors.study.report.document import Bullets, Figure, Paragraph, Table, VerdictCard

from trimtab_server.reports import pptx_layout as layout
from trimtab_server.reports import text_fit
from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.pptx_drawing import SlideDrawing, rgb, without_theme
from trimtab_server.reports.pptx_text import set_fonts

#: 16:9, points.
WIDTH: Final = 960.0
HEIGHT: Final = 540.0
_MARGIN: Final = 40.0
_TITLE: Final = (28.0, 26.0, 24.0, 22.0, 20.0, 18.0)
_TITLE_TOP: Final = 26.0
_BODY_FOOT: Final = 500.0
_COLUMN_GAP: Final = 28.0
_TONES: Final = {"confirmed": "third", "candidate": "second", "none": "first", "undecided": "soft"}
#: Of the file's properties, as the format has it.
_LONGEST_TITLE: Final = 255
#: No clock: the same slides give the same bytes.
_THEN: Final = datetime(2000, 1, 1)
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


def render_pptx(deck: Deck) -> bytes:
    """A presentation of 16:9 slides. The same deck gives the same bytes."""
    file = Presentation()
    _without_template_extras(file)
    file.slide_width, file.slide_height = _emu(WIDTH), _emu(HEIGHT)
    core = file.core_properties
    core.title, core.author, core.language = deck.title[:_LONGEST_TITLE], "Trimtab", deck.language
    core.last_modified_by, core.created, core.modified = "Trimtab", _THEN, _THEN
    core.revision = 1
    for number, slide in enumerate(deck.slides, start=1):
        _Setter(file.slides.add_slide(file.slide_layouts[5]), deck, slide).set(number)
    made = BytesIO()
    file.save(made)
    return _without_times(made.getvalue())


class _Setter:
    def __init__(self, made: Any, deck: Deck, slide: Slide) -> None:
        self.made, self.deck, self.slide = made, deck, slide

    def set(self, number: int) -> None:
        top = self._title()
        columns = [self.slide.left, self.slide.right] if self.slide.right else [self.slide.left]
        room = (WIDTH - 2 * _MARGIN - _COLUMN_GAP * (len(columns) - 1)) / len(columns)
        for index, blocks in enumerate(columns):
            left = _MARGIN + index * (room + _COLUMN_GAP)
            for placed in layout.place(blocks, left, top, room, _BODY_FOOT - top, self.deck.more):
                self._block(placed)
        self._footer(number)
        if self.slide.notes:
            self.made.notes_slide.notes_text_frame.text = self.slide.notes

    def _title(self) -> float:
        room = WIDTH - 2 * _MARGIN
        text = self.slide.title
        size = next(
            (s for s in _TITLE if text_fit.line_count(text, s * text_fit.BOLD, room) <= 2), _TITLE[-1]
        )
        text = text_fit.cut_to(text, size * text_fit.BOLD, room, 3)
        tall = text_fit.line_count(text, size * text_fit.BOLD, room) * size * text_fit.LEADING
        title = self.made.shapes.title
        title.left, title.top, title.width, title.height = map(_emu, (_MARGIN, _TITLE_TOP, room, tall))
        _frame(title.text_frame)
        self._line(title.text_frame.paragraphs[0], text, size, "ink", bold=True)
        rule = _TITLE_TOP + tall + 6.0
        bar = self.made.shapes.add_shape(
            MSO_SHAPE.RECTANGLE, _emu(_MARGIN), _emu(rule), _emu(64.0), _emu(3.0)
        )
        _fill(bar, "first")
        return rule + 16.0

    def _footer(self, number: int) -> None:
        room = WIDTH - 2 * _MARGIN - 60.0
        footer = text_fit.cut_to(self.deck.footer, 10.0, room, 1)
        self._text_box(_MARGIN, HEIGHT - 28.0, room, [(footer, 10.0, "soft", False)])
        box = self._text_box(
            WIDTH - _MARGIN - 50.0, HEIGHT - 28.0, 50.0, [(str(number), 10.0, "soft", False)]
        )
        box.text_frame.paragraphs[0].alignment = PP_ALIGN.RIGHT

    def _block(self, placed: layout.Placed) -> None:
        match placed.block:
            case Paragraph() as block:
                ink = "soft" if block.kind == "soft" else "ink"
                size = layout.paragraph_size(block) * placed.scale
                self._text_box(
                    placed.left, placed.top, placed.width, [(block.text, size, ink, block.kind == "lead")]
                )
            case Bullets() as block:
                self._bullets(block, placed)
            case Table() as block:
                self._table(block, placed)
            case VerdictCard() as block:
                self._card(block, placed)
            case Figure() as block:
                self._figure(block, placed)

    def _bullets(self, block: Bullets, placed: layout.Placed) -> None:
        size, indent = layout.PLAIN * placed.scale, layout.bullet_indent(placed.scale)
        top = placed.top
        for item in block.items:
            dot = self.made.shapes.add_shape(
                MSO_SHAPE.OVAL,
                _emu(placed.left + 1.0),
                _emu(top + 0.5 * size),
                _emu(0.32 * size),
                _emu(0.32 * size),
            )
            _fill(dot, "first")
            self._text_box(placed.left + indent, top, placed.width - indent, [(item, size, "ink", False)])
            top += text_fit.height(item, size, placed.width - indent) + 0.35 * size

    def _card(self, card: VerdictCard, placed: layout.Placed) -> None:
        ink = _TONES[card.tone]
        panel = self.made.shapes.add_shape(
            MSO_SHAPE.RECTANGLE,
            *map(_emu, (placed.left, placed.top, placed.width, placed.height)),
        )
        _fill(panel, "panel")
        edge = self.made.shapes.add_shape(
            MSO_SHAPE.RECTANGLE, *map(_emu, (placed.left, placed.top, 6.0, placed.height))
        )
        _fill(edge, ink)
        lines = layout.card_lines(card, placed.scale)
        inks = ["soft", ink, "ink", *["soft"] * len(card.reasons)]
        self._text_box(
            placed.left + layout.CARD_PAD + 6.0,
            placed.top + layout.CARD_PAD,
            placed.width - 2 * layout.CARD_PAD - 6.0,
            [
                (text, size, colour, i == 1)
                for i, ((text, size), colour) in enumerate(zip(lines, inks, strict=True))
            ],
        )

    def _figure(self, figure: Figure, placed: layout.Placed) -> None:
        size = layout.PLAIN * placed.scale
        self._text_box(placed.left, placed.top, placed.width, [(figure.title, size, "ink", True)])
        top = placed.top + text_fit.height(figure.title, size, placed.width) + 4.0
        scale = layout.chart_scale(figure, placed.width, placed.scale)
        group = self.made.shapes.add_group_shape()
        group.name = figure.title[:80]
        group._element.nvGrpSpPr.cNvPr.set("descr", figure.drawing.title)
        SlideDrawing(group.shapes, placed.left, top, scale).draw(figure.drawing)
        top += scale * figure.drawing.height + 6.0
        self._text_box(
            placed.left, top, placed.width, [(figure.reading, layout.SOFT * placed.scale, "soft", False)]
        )

    def _table(self, table: Table, placed: layout.Placed) -> None:
        heights = layout.row_heights(table, placed.width, placed.scale)
        widths = layout.column_widths(table, placed.width, placed.scale)
        frame = self.made.shapes.add_table(
            len(heights), len(widths), *map(_emu, (placed.left, placed.top, placed.width, placed.height))
        )
        grid = frame.table
        _plain_style(grid)
        for column, width in zip(grid.columns, widths, strict=True):
            column.width = _emu(width)
        size = layout.CELL * placed.scale
        for r, row in enumerate((table.columns, *table.rows)):
            grid.rows[r].height = _emu(heights[r])
            for c, text in enumerate(row):
                cell = grid.cell(r, c)
                cell.margin_left = cell.margin_right = cell.margin_top = cell.margin_bottom = _emu(
                    layout.CELL_PAD
                )
                cell.vertical_anchor = MSO_ANCHOR.TOP
                cell.fill.solid()
                cell.fill.fore_color.rgb = rgb("panel" if r == 0 else "paper")
                right = not table.words and c > 0
                self._lines(cell.text_frame, [(text, size, "soft" if r == 0 else "ink", r == 0)])
                for paragraph in cell.text_frame.paragraphs:
                    paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT

    def _text_box(
        self, left: float, top: float, width: float, texts: Sequence[tuple[str, float, str, bool]]
    ) -> Any:
        tall = sum(text_fit.height(text, size, width) for text, size, _, _ in texts)
        box = self.made.shapes.add_textbox(*map(_emu, (left, top, width, tall)))
        _frame(box.text_frame)
        self._lines(box.text_frame, texts)
        return box

    def _lines(self, frame: Any, texts: Sequence[tuple[str, float, str, bool]]) -> None:
        """Texts one below the other; a line end within one starts a paragraph too."""
        lines = [(line, size, ink, bold) for text, size, ink, bold in texts for line in text.split("\n")]
        for number, (text, size, ink, bold) in enumerate(lines):
            paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
            self._line(paragraph, text, size, ink, bold=bold)

    def _line(self, paragraph: Any, text: str, size: float, ink: str, *, bold: bool) -> None:
        paragraph.line_spacing = Pt(round(size * text_fit.LEADING, 1))
        paragraph.space_before = paragraph.space_after = Pt(0)
        paragraph.alignment = PP_ALIGN.LEFT
        if not text:
            # An empty line would else take the default size, and its row grow.
            end = paragraph._p.get_or_add_endParaRPr()
            end.set("sz", str(round(size * 100)))
            return
        run = paragraph.add_run()
        run.text = text
        run.font.size, run.font.bold = Pt(round(size, 1)), bold
        run.font.color.rgb = rgb(ink)
        run._r.get_or_add_rPr().set("lang", {"en": "en-GB", "ja": "ja-JP"}[self.deck.language])
        set_fonts(run)


def _frame(frame: Any) -> None:
    frame.word_wrap = True
    frame.auto_size = MSO_AUTO_SIZE.NONE
    frame.vertical_anchor = MSO_ANCHOR.TOP
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0


def _fill(shape: Any, ink: str) -> None:
    without_theme(shape)
    shape.fill.solid()
    shape.fill.fore_color.rgb = rgb(ink)
    shape.line.fill.background()


def _plain_style(grid: Any) -> None:
    """Lines between rows alone ("No Style, Table Grid" would box every cell)."""
    grid.horz_banding = False
    properties = grid._tbl.tblPr
    style = properties.find(qn("a:tableStyleId"))
    if style is not None:
        # Themed style "Light Style 1", which every program knows.
        style.text = "{9D7B030F-B1BA-407E-80A0-6B1A62E4D3E9}"


def _without_template_extras(file: Any) -> None:
    """Take out what the library's template brings of its author's machine: printer settings and a preview."""
    for rels in (file.part.rels, file.part.package._rels):
        for key in [
            key for key, rel in rels.items() if rel.reltype.endswith(("/printerSettings", "/thumbnail"))
        ]:
            rels.pop(key)


def _emu(points: float) -> Any:
    return Emu(round(points * 12700))


def _without_times(file: bytes) -> bytes:
    """The same archive with every entry at one time."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(file)) as given, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name in given.namelist():
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            out.writestr(entry, given.read(name))
    return made.getvalue()
