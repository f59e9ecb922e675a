"""Figures over the stages of a fine-tune: series with intervals, places shaded, thresholds drawn."""

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
    Path,
    Shape,
    hatching,
    shortened,
    text_width,
)
from trimtab_vectors.study.report.scale import Scale, figure, ticks

Values = Sequence[float | None]

_WIDTH: Final = 720.0
_LEFT: Final = 62.0
_RIGHT: Final = 14.0
_PLOT: Final = 190.0
#: Between the points of two series at one stage, in units of the drawing.
_APART: Final = 7.0


@dataclass(frozen=True)
class Series:
    """None: no figure at that stage. low, high: its interval, or none at all. thin: one of many, without points."""

    name: str
    value: Values
    ink: Ink
    low: Values = ()
    high: Values = ()
    dash: tuple[float, ...] = ()
    hollow: bool = False
    thin: bool = False


@dataclass(frozen=True)
class Threshold:
    """A level that the series are compared with; one without a name is left out of the legend."""

    name: str
    value: float


@dataclass(frozen=True)
class Shade:
    """Stages first to last, 0-based and inclusive. solid: confirmed; else hatched."""

    name: str
    first: int
    last: int
    solid: bool


@dataclass(frozen=True)
class Timeline:
    """stages: their names. under: a second line under each name, such as the step; empty for none."""

    title: str
    stages: Sequence[str]
    under: Sequence[str]
    stage_title: str
    value_title: str
    series: Sequence[Series]
    thresholds: Sequence[Threshold] = ()
    shade: Shade | None = None

    def draw(self) -> Drawing:
        legend, top = self._legend()
        low, high = self._range()
        marks = ticks(low, high)
        y = Scale(marks[0], marks[-1], top + _PLOT, top)
        count = len(self.stages)
        slot = (_WIDTH - _LEFT - _RIGHT) / count
        shapes: list[Shape] = [Label(2.0, 13.0, self.value_title, 12.0, "soft"), *legend]
        if self.shade is not None:
            shapes += _shade(self.shade, slot, top)
        for mark in marks:
            shapes.append(Line(_LEFT, y(mark), _WIDTH - _RIGHT, y(mark), "rule"))
            shapes.append(Label(_LEFT - 7.0, y(mark) + 4.0, f"{mark:g}", 11.0, "soft", "end"))
        for threshold in self.thresholds:
            at = y(threshold.value)
            shapes.append(Line(_LEFT, at, _WIDTH - _RIGHT, at, "soft", 1.2, (5.0, 3.0), role="threshold"))
        drawn = [own for own in self.series if not own.thin]
        for own in self.series:
            offset = 0.0
            if not own.thin:
                offset = (drawn.index(own) - (len(drawn) - 1) / 2) * _APART
            shapes += _series(own, [_LEFT + (i + 0.5) * slot + offset for i in range(count)], y, self.stages)
        names, height = self._names(slot, top + _PLOT)
        return Drawing(_WIDTH, height, self.title, (*shapes, *names))

    def _range(self) -> tuple[float, float]:
        """Of all values and thresholds; intervals may widen it by half as much again on either side, no further:
        one stage that is hardly known must not flatten all others."""
        values = [v for own in self.series for v in own.value if v is not None]
        values += [t.value for t in self.thresholds]
        if not values:
            return 0.0, 1.0
        low, high = min(values), max(values)
        room = 0.75 * max(high - low, 0.2 * max(abs(low), abs(high)), 1e-9)
        ends = [v for own in self.series for end in (own.low, own.high) for v in end if v is not None]
        return (
            min([low, *(max(v, low - room) for v in ends)]),
            max([high, *(min(v, high + room) for v in ends)]),
        )

    def _legend(self) -> tuple[list[Shape], float]:
        """The names over the plot, and where the plot begins."""
        shapes: list[Shape] = []
        x, y, shown = _LEFT, 31.0, set[str]()

        def place(name: str) -> tuple[float, float]:
            nonlocal x, y
            need = 32.0 + text_width(name, 12.0)
            if x > _LEFT and x + need > _WIDTH - _RIGHT:
                x, y = _LEFT, y + 18.0
            at = x, y
            x += need + 14.0
            return at

        for own in self.series:
            if own.name in shown or not own.name:
                continue
            shown.add(own.name)
            left, base = place(own.name)
            shapes.append(Line(left, base - 4.0, left + 22.0, base - 4.0, own.ink, 2.0, own.dash))
            if not own.thin:
                fill = "paper" if own.hollow else own.ink
                shapes.append(Dot(left + 11.0, base - 4.0, 3.2, fill, own.ink))
            shapes.append(Label(left + 28.0, base, own.name, 12.0, own.ink))
        for threshold in self.thresholds:
            if not threshold.name:
                continue
            left, base = place(threshold.name)
            shapes.append(Line(left, base - 4.0, left + 22.0, base - 4.0, "soft", 1.2, (5.0, 3.0)))
            shapes.append(Label(left + 28.0, base, threshold.name, 12.0, "soft"))
        if self.shade is not None:
            left, base = place(self.shade.name)
            shapes += _patch(left, base - 11.0, 22.0, 14.0, self.shade.solid)
            shapes.append(Label(left + 28.0, base, self.shade.name, 12.0, "ink"))
        return shapes, y + 14.0

    def _names(self, slot: float, bottom: float) -> tuple[list[Label], float]:
        """Stage names under the plot, and the drawing's height with them."""
        slanted = any(text_width(name, 11.0) > slot - 4.0 for name in self.stages)
        labels, y = [], bottom + 16.0
        for i, name in enumerate(self.stages):
            x = _LEFT + (i + 0.5) * slot
            if slanted:
                labels.append(Label(x + 4.0, y, shortened(name, 11.0, 76.0), 11.0, "ink", "end", 40.0))
            else:
                labels.append(Label(x, y, name, 11.0, "ink", "middle"))
        if slanted:
            y += 0.65 * min(76.0, max(text_width(name, 11.0) for name in self.stages))
        if any(self.under):
            y += 14.0
            for i, text in enumerate(self.under):
                size = min(10.0, 10.0 * slot / max(1.0, text_width(text, 10.0)))
                labels.append(Label(_LEFT + (i + 0.5) * slot, y, text, size, "soft", "middle"))
        y += 18.0
        labels.append(Label(_WIDTH - _RIGHT, y, self.stage_title, 12.0, "soft", "end"))
        return labels, y + 8.0


def _series(own: Series, x: Sequence[float], y: Scale, stages: Sequence[str]) -> Iterator[Shape]:
    points = [None if v is None else (x[i], y.held(v)) for i, v in enumerate(own.value)]
    for piece in _unbroken(points):
        width, opacity = (1.2, 0.75) if own.thin else (2.0, 1.0)
        yield Path(tuple(piece), own.ink, None, width, own.dash, opacity, role="series")
    if own.thin:
        return
    if own.low:
        for i, (value, low, high) in enumerate(zip(own.value, own.low, own.high, strict=True)):
            if value is not None and low is not None and high is not None:
                yield from _interval(x[i], low, high, y, own.ink)
    for i, (point, value) in enumerate(zip(points, own.value, strict=True)):
        if point is not None and value is not None:
            fill = "paper" if own.hollow else own.ink
            yield Dot(*point, 3.4, fill, own.ink, role="point", note=f"{stages[i]}: {figure(value)}")


def _interval(x: float, low: float, high: float, y: Scale, ink: Ink) -> Iterator[Shape]:
    """A bar with caps; an end outside the plot gets an arrow in the place of its cap."""
    yield Line(x, y.held(low), x, y.held(high), ink, 1.4, role="interval")
    for end, outwards in ((low, 1.0), (high, -1.0)):
        at = y.held(end)
        if y.inside(end):
            yield Line(x - 3.0, at, x + 3.0, at, ink, 1.4, role="cap")
        else:
            tip = (x - 3.5, at - 5.0 * outwards), (x + 3.5, at - 5.0 * outwards), (x, at)
            yield Path(tip, None, ink, role="beyond")


def _unbroken(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece for piece in pieces if len(piece) > 1]


def _shade(shade: Shade, slot: float, top: float) -> Iterator[Shape]:
    left, width = _LEFT + shade.first * slot, (shade.last - shade.first + 1) * slot
    yield from _patch(left, top, width, _PLOT, shade.solid, "window" if shade.solid else "window unconfirmed")


def _patch(
    x: float, y: float, width: float, height: float, solid: bool, role: str = "sample"
) -> Iterator[Shape]:
    yield Box(x, y, width, height, "window", None, 0.32 if solid else 0.12, role=role)
    if not solid:
        yield hatching(x, y, width, height, "window", 9.0)
