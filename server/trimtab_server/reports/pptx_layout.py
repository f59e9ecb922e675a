"""Where the blocks of a slide go: in letters as large as fit, and shortened where even small ones do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trimtab_vectors.study.report.document import Block, Bullets, Figure, Paragraph, Table, VerdictCard

from trimtab_server.reports import text_fit

#: Sizes of letters, points, at scale 1.
LEAD: Final = 24.0
PLAIN: Final = 16.0
SOFT: Final = 13.0
CELL: Final = 13.0
WORD: Final = 20.0
#: Steps in which letters become smaller, down to 10 points for a plain text.
SCALES: Final = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.65)
GAP: Final = 10.0
#: Around the text of a cell, and of a card.
CELL_PAD: Final = 4.0
CARD_PAD: Final = 10.0
#: A chart's letters of 12 units become 15 points.
_LARGEST_CHART: Final = 1.25
#: Of one bullet, one cell; the report has the whole.
_LINES: Final = 4
_CELL_LINES: Final = 3


@dataclass(frozen=True)
class Placed:
    """A block with its place in points, in letters of `scale`."""

    block: Block
    left: float
    top: float
    width: float
    height: float
    scale: float


def place(
    blocks: Sequence[Block], left: float, top: float, width: float, height: float, more: str
) -> list[Placed]:
    """Blocks one below the other in a column.

    Letters shrink together until all fits; then the longest list or table loses rows, with `more` naming how many.
    """
    given = list(blocks)
    for scale in SCALES:
        if _total(given, width, scale) <= height:
            return _stack(given, left, top, width, scale)
    scale = SCALES[-1]
    given = [_cut(block, width, scale) for block in given]
    left_out: dict[int, int] = {}
    while _total(given, width, scale) > height:
        index = max(range(len(given)), key=lambda i: _rows(given[i]))
        if _rows(given[index]) < 2:
            return _fit_charts(given, left, top, width, height, scale)
        already = left_out.get(index, 0)
        given[index] = _shorter(given[index], already, more)
        left_out[index] = already + (1 if already else 2)
    return _stack(given, left, top, width, scale)


def height_of(block: Block, width: float, scale: float) -> float:
    """Points that a block takes in a column."""
    match block:
        case Paragraph():
            return text_fit.height(block.text, paragraph_size(block) * scale, width)
        case Bullets():
            size = PLAIN * scale
            indent = bullet_indent(scale)
            return sum(text_fit.height(i, size, width - indent) + 0.35 * size for i in block.items)
        case Table():
            return sum(row_heights(block, width, scale))
        case VerdictCard():
            return (
                sum(text_fit.height(t, s, width - 2 * CARD_PAD - 6) for t, s in card_lines(block, scale))
                + 2 * CARD_PAD
            )
        case Figure():
            title = text_fit.height(block.title, PLAIN * scale, width)
            reading = text_fit.height(block.reading, SOFT * scale, width)
            return title + chart_scale(block, width, scale) * block.drawing.height + reading + 10.0


def paragraph_size(block: Paragraph) -> float:
    return {"lead": LEAD, "plain": PLAIN, "soft": SOFT}[block.kind]


def bullet_indent(scale: float) -> float:
    return 14.0 * scale


def card_lines(card: VerdictCard, scale: float) -> list[tuple[str, float]]:
    return [
        (card.title, SOFT * scale),
        (card.word, WORD * scale),
        (card.sentence, PLAIN * scale),
        *((f"• {reason}", SOFT * scale) for reason in card.reasons),
    ]


def chart_scale(figure: Figure, width: float, scale: float) -> float:
    """Points for a unit of the drawing."""
    return min(_LARGEST_CHART * scale, width / figure.drawing.width)


def column_widths(table: Table, width: float, scale: float) -> list[float]:
    """Shares of the width by what the cells would take unbroken, within bounds that keep every column readable."""
    size = CELL * scale
    natural, least = [], []
    for head, *cells in zip(table.columns, *table.rows, strict=True):
        pad = 2 * CELL_PAD + 2
        bold = size * text_fit.BOLD
        natural.append(
            pad
            + max(
                text_fit.width(head, bold),
                *(text_fit.width(x, size) for c in cells for x in c.split("\n")),
                0.0,
            )
        )
        # A word of the head stays whole where there is room for all of them.
        least.append(pad + text_fit.longest_word(head, bold))
    if sum(natural) <= width:
        rest = (width - sum(natural)) / len(natural)
        return [own + rest for own in natural]
    # The widest give way first, evenly; what is narrower than an even share stays whole.
    shares = [0.0] * len(natural)
    room, open_ = width, list(range(len(natural)))
    while open_:
        even = room / len(open_)
        narrow = [i for i in open_ if natural[i] <= even]
        if not narrow:
            floor = sum(least[i] for i in open_)
            held = 1.0 if floor <= room else 0.0
            total = sum(natural[i] ** 0.5 for i in open_)
            for i in open_:
                shares[i] = held * least[i] + (room - held * floor) * natural[i] ** 0.5 / total
            break
        for i in narrow:
            shares[i] = natural[i]
            room -= natural[i]
        open_ = [i for i in open_ if i not in narrow]
    return shares


def row_heights(table: Table, width: float, scale: float) -> list[float]:
    """Of the head and of each row."""
    size = CELL * scale
    widths = column_widths(table, width, scale)
    heights = []
    for number, row in enumerate((table.columns, *table.rows)):
        drawn = size * text_fit.BOLD if number == 0 else size
        lines = max(
            text_fit.line_count(cell, drawn, room - 2 * CELL_PAD)
            for cell, room in zip(row, widths, strict=True)
        )
        heights.append(lines * size * text_fit.LEADING + 2 * CELL_PAD)
    return heights


def _total(blocks: Sequence[Block], width: float, scale: float) -> float:
    return sum(height_of(block, width, scale) for block in blocks) + GAP * max(0, len(blocks) - 1)


def _stack(blocks: Sequence[Block], left: float, top: float, width: float, scale: float) -> list[Placed]:
    placed = []
    for block in blocks:
        height = height_of(block, width, scale)
        placed.append(Placed(block, left, top, width, height, scale))
        top += height + GAP
    return placed


def _rows(block: Block) -> int:
    match block:
        case Bullets():
            return len(block.items)
        case Table():
            return len(block.rows)
        case _:
            return 0


def _shorter(block: Block, already: int, more: str) -> Block:
    """One row less. already: rows left out before, of which the last line tells; the first time it takes the place of
    one row more."""
    said = more.format(count=already + 1 if already else 2)
    match block:
        case Bullets(items=items):
            return Bullets((*items[:-2], said))
        case Table(rows=rows):
            return replace(block, rows=(*rows[:-2], (said, *[""] * (len(block.columns) - 1))))
    raise TypeError(f"{type(block).__name__} has no rows to leave out")


def _cut(block: Block, width: float, scale: float) -> Block:
    """Every text within its lines."""
    match block:
        case Paragraph():
            return replace(
                block, text=text_fit.cut_to(block.text, paragraph_size(block) * scale, width, _LINES)
            )
        case Bullets():
            room, size = width - bullet_indent(scale), PLAIN * scale
            return Bullets(tuple(text_fit.cut_to(i, size, room, _LINES) for i in block.items))
        case Table():
            widths = column_widths(block, width, scale)
            return replace(
                block,
                rows=tuple(
                    tuple(
                        text_fit.cut_to(cell, CELL * scale, room - 2 * CELL_PAD, _CELL_LINES)
                        for cell, room in zip(row, widths, strict=True)
                    )
                    for row in block.rows
                ),
            )
        case VerdictCard():
            room = width - 2 * CARD_PAD - 6
            return replace(
                block, sentence=text_fit.cut_to(block.sentence, PLAIN * scale, room, 6), reasons=()
            )
        case Figure():
            return block


def _fit_charts(
    blocks: Sequence[Block], left: float, top: float, width: float, height: float, scale: float
) -> list[Placed]:
    """Charts alone are left to give way: those at the end go, the report has them."""
    kept = list(blocks)
    while len(kept) > 1 and _total(kept, width, scale) > height:
        last = max((i for i, own in enumerate(kept) if isinstance(own, Figure)), default=len(kept) - 1)
        del kept[last]
    return _stack(kept, left, top, width, scale)
