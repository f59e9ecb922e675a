"""A grid of coloured cells with their values printed: heat maps of stage against stage, and gates by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_vectors.study.report.drawing import (
    Box,
    Dot,
    Drawing,
    Ink,
    Label,
    Line,
    Shape,
    hatching,
    shortened,
    text_width,
)
from trimtab_vectors.study.report.palette import diverging, ink_on

_WIDTH: Final = 720.0
_LEAST_CELL: Final = 40.0
_CELL_HEIGHT: Final = 30.0
_LABEL_SIZE: Final = 11.0
#: Of a row's name, in units of the drawing.
_LEFT_MOST: Final = 235.0


@dataclass(frozen=True)
class Cell:
    """text: printed in the cell. fill: None hatches the cell: it cannot be determined. dotted: a dot in the corner.
    struck: a bold frame. note: shown on a page when the cell is pointed at."""

    text: str
    fill: Ink | None
    dotted: bool = False
    struck: bool = False
    note: str = ""


@dataclass(frozen=True)
class Legend:
    """What the marks mean, each left out where it is empty. low, high: the ends of the colour scale; without `high`,
    values end at the middle."""

    low: str = ""
    middle: str = ""
    high: str = ""
    hatched: str = ""
    dotted: str = ""
    struck: str = ""


@dataclass(frozen=True)
class CellGrid:
    """cells `[rows][columns]`. row_title, column_title: what rows and columns are."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str
    column_title: str
    cells: Sequence[Sequence[Cell]]
    legend: Legend = Legend()

    def draw(self) -> Drawing:
        longest = max((text_width(r, _LABEL_SIZE) for r in self.rows), default=0.0)
        left = max(60.0, min(_LEFT_MOST, longest), text_width(f"{self.row_title} ↓", 12.0)) + 12.0
        count = len(self.columns)
        cell = max(_LEAST_CELL, (_WIDTH - left - 4.0) / count)
        slanted = any(text_width(c, _LABEL_SIZE) > cell - 4.0 for c in self.columns)
        # The last slanted name leans out of the grid.
        right = max(4.0, 40.0 - cell / 2) if slanted else 4.0
        cell = max(_LEAST_CELL, (_WIDTH - left - right) / count)
        width = left + cell * count + right
        head = 64.0 if slanted else 22.0
        top = 20.0 + head
        shapes: list[Shape] = [
            Label(left, 13.0, f"{self.column_title} →", 12.0, "soft"),
            Label(left - 10.0, top - 6.0, f"{self.row_title} ↓", 12.0, "soft", "end"),
        ]
        shapes += self._column_names(left, top, cell, slanted)
        for i, (row, cells) in enumerate(zip(self.rows, self.cells, strict=True)):
            y = top + i * _CELL_HEIGHT
            name = shortened(row, _LABEL_SIZE, left - 12.0)
            shapes.append(Label(left - 8.0, y + _CELL_HEIGHT / 2 + 4.0, name, _LABEL_SIZE, "ink", "end"))
            for j, one in enumerate(cells):
                shapes += _cell(one, left + j * cell, y, cell)
        bottom = top + _CELL_HEIGHT * len(self.rows) + 12.0
        marks, height = self._marks(left, bottom, width)
        return Drawing(width, height, self.title, (*shapes, *marks))

    def _column_names(self, left: float, top: float, cell: float, slanted: bool) -> Iterator[Label]:
        for j, name in enumerate(self.columns):
            x = left + (j + 0.5) * cell
            if slanted:
                short = shortened(name, _LABEL_SIZE, 78.0)
                yield Label(x - 3.0, top - 7.0, short, _LABEL_SIZE, "ink", "start", 40.0)
            else:
                yield Label(x, top - 7.0, name, _LABEL_SIZE, "ink", "middle")

    def _marks(self, left: float, y: float, width: float) -> tuple[list[Shape], float]:
        """The legend under the grid, and the drawing's height with it."""
        own, x, shapes = self.legend, left, list[Shape]()
        size, box = 11.0, 14.0
        if own.low:
            shapes.append(Label(x, y + 11.0, own.low, size, "soft"))
            x += text_width(own.low, size) + 6.0
            steps = 21 if own.high else 11
            for n in range(steps):
                shapes.append(Box(x + 6.0 * n, y, 6.2, box, diverging(n / 10.0 - 1.0)))
            shapes.append(Line(x + 63.0, y - 3.0, x + 63.0, y + box + 3.0, "soft"))
            shapes.append(Label(x + 63.0, y + box + 13.0, own.middle, 10.0, "soft", "middle"))
            shapes.append(Label(x + 132.0, y + 11.0, own.high, size, "soft"))
            y, x = y + 34.0, left
        for kind in ("hatched", "dotted", "struck"):
            said = getattr(own, kind)
            if not said:
                continue
            if x > left and x + 24.0 + text_width(said, size) > width:
                x, y = left, y + 22.0
            sample = Cell(
                "",
                None if kind == "hatched" else "fail" if kind == "struck" else "panel",
                kind == "dotted",
                kind == "struck",
            )
            shapes += _cell(sample, x, y, 18.0, box, of_legend=True)
            shapes.append(Label(x + 24.0, y + 11.0, said, size, "soft"))
            x += 44.0 + text_width(said, size)
        return shapes, y + (24.0 if x > left else 0.0)


def _cell(
    one: Cell, x: float, y: float, width: float, height: float = _CELL_HEIGHT, *, of_legend: bool = False
) -> Iterator[Shape]:
    kind = "sample" if of_legend else "cell"
    if one.fill is None:
        yield Box(x, y, width, height, "panel", "rule", role=f"{kind} undefined", note=one.note)
        yield hatching(x, y, width, height, "undefined")
        if one.text:
            room = text_width(one.text, 11.0) + 6.0
            yield Box(x + (width - room) / 2, y + height / 2 - 8.0, room, 16.0, "panel")
    else:
        yield Box(x + 0.5, y + 0.5, width - 1.0, height - 1.0, one.fill, role=kind, note=one.note)
    ink = ink_on(one.fill) if one.fill and one.fill.startswith("#") else "ink"
    if one.text:
        size = min(11.5, 11.5 * (width - 4.0) / max(1.0, text_width(one.text, 11.5)))
        yield Label(x + width / 2, y + height / 2 + 4.0, one.text, size, ink, "middle", role="value")
    if one.dotted:
        yield Dot(x + width - 6.0, y + 6.0, 2.0, ink, ink, role="from-null")
    if one.struck:
        yield Box(x + 1.5, y + 1.5, width - 3.0, height - 3.0, None, "ink", role="struck")


def heat_colour(value: float, centre: float, reach: float) -> str:
    """The diverging colour of a value: white at `centre`, full at `reach` from it."""
    return diverging((value - centre) / reach if reach > 0.0 else 0.0)
