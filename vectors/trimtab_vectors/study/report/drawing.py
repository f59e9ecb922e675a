"""A chart as plain shapes: described once, drawn as SVG for a page and as vectors for a PDF."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: A name of the palette (it follows light and dark), or "#rrggbb", which is the same in both.
Ink: TypeAlias = str
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Line:
    """From one point to another. role: what the line stands for, so that a reader of the file can find it."""

    x1: float
    y1: float
    x2: float
    y2: float
    ink: Ink = "ink"
    width: float = 1.0
    dash: tuple[float, ...] = ()
    role: str = ""


@dataclass(frozen=True)
class Box:
    """A rectangle. note: said of it on a page when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    fill: Ink | None = None
    ink: Ink | None = None
    opacity: float = 1.0
    role: str = ""
    note: str = ""


@dataclass(frozen=True)
class Path:
    """Straight lines through points, open or filled."""

    points: tuple[tuple[float, float], ...]
    ink: Ink | None = None
    fill: Ink | None = None
    width: float = 2.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0
    role: str = ""


@dataclass(frozen=True)
class Dot:
    """A point of a series; hollow where fill is "paper"."""

    x: float
    y: float
    radius: float
    fill: Ink
    ink: Ink
    role: str = ""
    note: str = ""


@dataclass(frozen=True)
class Label:
    """Text on the baseline y. angle: degrees against the clock around (x, y)."""

    x: float
    y: float
    text: str
    size: float = 12.0
    ink: Ink = "ink"
    anchor: Anchor = "start"
    angle: float = 0.0
    role: str = ""


@dataclass(frozen=True)
class Strokes:
    """Many lines of one kind in one shape: (x1, y1, x2, y2) each."""

    lines: tuple[tuple[float, float, float, float], ...]
    ink: Ink
    width: float
    role: str = ""


Shape: TypeAlias = Line | Box | Path | Dot | Label | Strokes


@dataclass(frozen=True)
class Drawing:
    """Shapes in the order of drawing; origin at the upper left, y downwards, one unit a CSS pixel. title: read out
    in place of the picture."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]

    @property
    def texts(self) -> Iterable[str]:
        return (shape.text for shape in self.shapes if isinstance(shape, Label))


def text_width(text: str, size: float) -> float:
    """A generous estimate for any sans-serif font: wide characters take an em, others somewhat more than half."""
    ems = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.58 for c in text)
    return ems * size


def shortened(text: str, size: float, room: float) -> str:
    """The text, or as much of its start and end as fits."""
    if text_width(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        shorter = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(shorter, size) <= room:
            return shorter
    return "…"


def hatching(x: float, y: float, width: float, height: float, ink: Ink, step: float = 6.0) -> Strokes:
    """Slanted lines that fill a box, drawn one by one: a pattern would need one form for SVG and one for PDF."""
    lines = []
    offset = step
    while offset < width + height:
        start = (x + max(0.0, offset - height), y + min(offset, height))
        end = (x + min(offset, width), y + max(0.0, offset - width))
        lines.append((*start, *end))
        offset += step
    return Strokes(tuple(lines), ink, 0.7, "hatch")
