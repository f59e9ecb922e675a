"""One row for each thing compared: a point with its interval, against marked levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_vectors.study.report.drawing import Dot, Drawing, Ink, Label, Line, Shape, shortened, text_width
from trimtab_vectors.study.report.scale import Scale, figure, ticks

_ROW: Final = 30.0
#: Most of the width that names may take.
_NAMES: Final = 260.0 / 720.0


@dataclass(frozen=True)
class Row:
    """None: it cannot be determined, and `undefined` of the chart stands in its place."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    ink: Ink = "first"


@dataclass(frozen=True)
class IntervalRows:
    """levels: name -> value, drawn as dashed lines. undefined: what is written where there is no figure. width:
    in units of the drawing; letters keep their size."""

    title: str
    value_title: str
    rows: Sequence[Row]
    levels: dict[str, float]
    undefined: str
    width: float = 720.0

    def draw(self) -> Drawing:
        left = min(_NAMES * self.width, max(text_width(row.name, 12.0) for row in self.rows)) + 16.0
        ends = [v for row in self.rows for v in (row.value, row.low, row.high) if v is not None]
        marks = ticks(min([*ends, *self.levels.values()]), max([*ends, *self.levels.values()]))
        x = Scale(marks[0], marks[-1], left, self.width - 64.0)
        top = 42.0
        bottom = top + _ROW * len(self.rows)
        shapes: list[Shape] = [Label(left, 13.0, self.value_title, 12.0, "soft")]
        for mark in marks:
            shapes.append(Line(x(mark), top, x(mark), bottom, "rule"))
            shapes.append(Label(x(mark), bottom + 16.0, f"{mark:g}", 11.0, "soft", "middle"))
        edge = left
        for name, level in sorted(self.levels.items(), key=lambda item: item[1]):
            shapes.append(Line(x(level), top - 4.0, x(level), bottom, "soft", 1.2, (5.0, 3.0), "threshold"))
            # Side by side where they would touch.
            at = max(edge, x(level) - text_width(name, 11.0) / 2)
            shapes.append(Label(at, top - 9.0, name, 11.0, "soft"))
            edge = at + text_width(name, 11.0) + 12.0
        for i, row in enumerate(self.rows):
            y = top + (i + 0.5) * _ROW
            shapes.append(
                Label(left - 12.0, y + 4.0, shortened(row.name, 12.0, left - 14.0), 12.0, "ink", "end")
            )
            if row.value is None:
                shapes.append(Label(left + 6.0, y + 4.0, self.undefined, 12.0, "soft", role="undefined"))
                continue
            if row.low is not None and row.high is not None:
                shapes.append(Line(x(row.low), y, x(row.high), y, row.ink, 2.0, role="interval"))
                for end in (row.low, row.high):
                    shapes.append(Line(x(end), y - 4.0, x(end), y + 4.0, row.ink, 2.0, role="cap"))
            shapes.append(Dot(x(row.value), y, 4.0, row.ink, row.ink, role="point", note=figure(row.value)))
            shapes.append(
                Label(self.width - 4.0, y + 4.0, figure(row.value), 12.0, "ink", "end", role="value")
            )
        return Drawing(self.width, bottom + 26.0, self.title, tuple(shapes))
