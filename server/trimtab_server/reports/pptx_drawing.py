"""A drawing as shapes of a slide: lines, boxes and text that stay sharp and can be searched and edited."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any, Final

from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Emu, Pt
from trimtab_vectors.study.report.drawing import (
    Anchor,
    Box,
    Dot,
    Drawing,
    Ink,
    Label,
    Line,
    Path,
    Shape,
    Strokes,
)
from trimtab_vectors.study.report.palette import LIGHT

from trimtab_server.reports import text_fit
from trimtab_server.reports.pptx_text import set_fonts

_EMU: Final = 12700
_ALIGN: Final[dict[Anchor, Any]] = {"start": PP_ALIGN.LEFT, "middle": PP_ALIGN.CENTER, "end": PP_ALIGN.RIGHT}


class SlideDrawing:
    """Draws into a group of shapes. left, top: of the drawing on the slide, points; scale: points for a unit."""

    def __init__(self, shapes: Any, left: float, top: float, scale: float) -> None:
        self.shapes, self.left, self.top, self.scale = shapes, left, top, scale

    def draw(self, drawing: Drawing) -> None:
        for shape in drawing.shapes:
            self._shape(shape)

    @singledispatchmethod
    def _shape(self, shape: Shape) -> None:
        raise TypeError(f"{type(shape).__name__} is no shape of a drawing")

    @_shape.register
    def _line(self, shape: Line) -> None:
        self._straight(shape.x1, shape.y1, shape.x2, shape.y2, shape.ink, shape.width, bool(shape.dash))

    @_shape.register
    def _strokes(self, shape: Strokes) -> None:
        for x1, y1, x2, y2 in shape.lines:
            self._straight(x1, y1, x2, y2, shape.ink, shape.width, False)

    @_shape.register
    def _box(self, shape: Box) -> None:
        made = self.shapes.add_shape(
            MSO_SHAPE.RECTANGLE,
            self._x(shape.x),
            self._y(shape.y),
            self._size(shape.width),
            self._size(shape.height),
        )
        self._paint(made, shape.fill, shape.ink, 1.0)

    @_shape.register
    def _dot(self, shape: Dot) -> None:
        made = self.shapes.add_shape(
            MSO_SHAPE.OVAL,
            self._x(shape.x - shape.radius),
            self._y(shape.y - shape.radius),
            self._size(2 * shape.radius),
            self._size(2 * shape.radius),
        )
        self._paint(made, shape.fill, shape.ink, 1.6)

    @_shape.register
    def _path(self, shape: Path) -> None:
        if shape.fill is None:
            for (x1, y1), (x2, y2) in zip(shape.points, shape.points[1:], strict=False):
                self._straight(x1, y1, x2, y2, shape.ink or "ink", shape.width, bool(shape.dash))
            return
        (x, y), *others = shape.points
        builder = self.shapes.build_freeform(self._x(x), self._y(y), scale=1.0)
        builder.add_line_segments([(self._x(x), self._y(y)) for x, y in others], close=True)
        self._paint(builder.convert_to_shape(), shape.fill, shape.ink, shape.width)

    @_shape.register
    def _label(self, shape: Label) -> None:
        size = shape.size * self.scale
        need = text_fit.width(shape.text, size) + 2.0
        x, y = self.left + shape.x * self.scale, self.top + shape.y * self.scale
        left = {"start": x, "middle": x - need / 2, "end": x - need}[shape.anchor]
        tall = size * text_fit.LEADING
        # The baseline lies about four fifths below the top of a line.
        box = self.shapes.add_textbox(
            Emu(round(left * _EMU)),
            Emu(round((y - 0.8 * tall) * _EMU)),
            Emu(round(need * _EMU)),
            Emu(round(tall * _EMU)),
        )
        box.rotation = -shape.angle
        frame = box.text_frame
        frame.word_wrap = False
        frame.auto_size = MSO_AUTO_SIZE.NONE
        frame.vertical_anchor = MSO_ANCHOR.TOP
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
        paragraph = frame.paragraphs[0]
        paragraph.alignment = _ALIGN[shape.anchor]
        paragraph.line_spacing = Pt(round(tall, 1))
        run = paragraph.add_run()
        run.text = shape.text
        run.font.size = Pt(round(size, 1))
        run.font.color.rgb = rgb(shape.ink)
        set_fonts(run)

    def _straight(
        self, x1: float, y1: float, x2: float, y2: float, ink: Ink, width: float, dashed: bool
    ) -> None:
        made = self.shapes.add_connector(
            MSO_CONNECTOR.STRAIGHT, self._x(x1), self._y(y1), self._x(x2), self._y(y2)
        )
        without_theme(made)
        made.line.color.rgb = rgb(ink)
        made.line.width = Pt(max(0.5, round(width * self.scale, 2)))
        if dashed:
            made.line.dash_style = MSO_LINE.DASH

    def _paint(self, made: Any, fill: Ink | None, ink: Ink | None, width: float) -> None:
        without_theme(made)
        if fill is None:
            made.fill.background()
        else:
            made.fill.solid()
            made.fill.fore_color.rgb = rgb(fill)
        if ink is None:
            made.line.fill.background()
        else:
            made.line.color.rgb = rgb(ink)
            made.line.width = Pt(round(width * self.scale, 2))

    def _x(self, x: float) -> Any:
        return Emu(round((self.left + x * self.scale) * _EMU))

    def _y(self, y: float) -> Any:
        return Emu(round((self.top + y * self.scale) * _EMU))

    def _size(self, length: float) -> Any:
        return Emu(round(length * self.scale * _EMU))


def without_theme(shape: Any) -> None:
    """Take the theme's shadow and effects from a shape."""
    style = shape._element.find(qn("p:style"))
    if style is not None:
        shape._element.remove(style)


def rgb(ink: Ink) -> RGBColor:
    """A palette's name, or "#rrggbb", as on paper."""
    digits = (ink if ink.startswith("#") else LIGHT[ink])[1:]
    return RGBColor(*bytes.fromhex(digits))  # type: ignore[no-untyped-call]
