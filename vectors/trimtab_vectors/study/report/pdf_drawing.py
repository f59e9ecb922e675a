"""A drawing as vectors on a PDF page."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.platypus import Flowable

from trimtab_vectors.study.report.drawing import Box, Dot, Drawing, Ink, Label, Line, Path, Shape, Strokes
from trimtab_vectors.study.report.palette import LIGHT


class DrawingFlowable(Flowable):  # type: ignore[misc]
    """Scaled to the width it is given, never beyond `most` points a unit."""

    def __init__(self, drawing: Drawing, font: str, shown: Callable[[str], str], most: float = 0.72) -> None:
        super().__init__()
        self.drawing, self.font, self.shown, self.most = drawing, font, shown, most
        self.scale = most

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.scale = min(self.most, width / self.drawing.width, height / self.drawing.height)
        return self.drawing.width * self.scale, self.drawing.height * self.scale

    def draw(self) -> None:
        self.canv.saveState()
        self.canv.scale(self.scale, self.scale)
        for shape in self.drawing.shapes:
            self._shape(shape)
        self.canv.restoreState()

    @singledispatchmethod
    def _shape(self, shape: Shape) -> None:
        raise TypeError(f"{type(shape).__name__} is no shape of a drawing")

    @_shape.register
    def _line(self, shape: Line) -> None:
        self._stroke(shape.ink, shape.width, shape.dash)
        self.canv.line(shape.x1, self._y(shape.y1), shape.x2, self._y(shape.y2))

    @_shape.register
    def _strokes(self, shape: Strokes) -> None:
        self._stroke(shape.ink, shape.width, ())
        self.canv.lines([(x1, self._y(y1), x2, self._y(y2)) for x1, y1, x2, y2 in shape.lines])

    @_shape.register
    def _box(self, shape: Box) -> None:
        self._stroke(shape.ink, 1.0, ())
        self._fill(shape.fill, shape.opacity)
        self.canv.rect(
            shape.x,
            self._y(shape.y + shape.height),
            shape.width,
            shape.height,
            stroke=int(shape.ink is not None),
            fill=int(shape.fill is not None),
        )

    @_shape.register
    def _path(self, shape: Path) -> None:
        self._stroke(shape.ink, shape.width, shape.dash, shape.opacity)
        self._fill(shape.fill, shape.opacity)
        path = self.canv.beginPath()
        path.moveTo(shape.points[0][0], self._y(shape.points[0][1]))
        for x, y in shape.points[1:]:
            path.lineTo(x, self._y(y))
        if shape.fill is not None:
            path.close()
        self.canv.drawPath(path, stroke=int(shape.ink is not None), fill=int(shape.fill is not None))

    @_shape.register
    def _dot(self, shape: Dot) -> None:
        self._stroke(shape.ink, 1.6, ())
        self._fill(shape.fill, 1.0)
        self.canv.circle(shape.x, self._y(shape.y), shape.radius, stroke=1, fill=1)

    @_shape.register
    def _label(self, shape: Label) -> None:
        self._fill(shape.ink, 1.0)
        self.canv.saveState()
        self.canv.translate(shape.x, self._y(shape.y))
        self.canv.rotate(shape.angle)
        self.canv.setFont(self.font, shape.size)
        write: dict[str, Any] = {
            "start": self.canv.drawString,
            "middle": self.canv.drawCentredString,
            "end": self.canv.drawRightString,
        }
        write[shape.anchor](0.0, 0.0, self.shown(shape.text))
        self.canv.restoreState()

    def _y(self, y: float) -> float:
        return self.drawing.height - y

    def _stroke(self, ink: Ink | None, width: float, dash: tuple[float, ...], opacity: float = 1.0) -> None:
        if ink is not None:
            self.canv.setStrokeColor(colour(ink, opacity))
            self.canv.setLineWidth(width)
            self.canv.setDash(list(dash))

    def _fill(self, ink: Ink | None, opacity: float) -> None:
        if ink is not None:
            self.canv.setFillColor(colour(ink, opacity))


def colour(ink: Ink, opacity: float = 1.0) -> Color:
    """A palette's name, or "#rrggbb", as on paper."""
    found = HexColor(ink if ink.startswith("#") else LIGHT[ink])
    return Color(found.red, found.green, found.blue, alpha=opacity)
