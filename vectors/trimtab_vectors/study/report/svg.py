"""A drawing as inline SVG, coloured by the page's variables."""

from __future__ import annotations

from functools import singledispatch
from html import escape

from trimtab_vectors.study.report.drawing import Box, Dot, Drawing, Ink, Label, Line, Path, Shape, Strokes


def to_svg(drawing: Drawing) -> str:
    """One `svg` element. It needs nothing but the palette's variables, `--ink` and so on."""
    body = "".join(_shape(shape) for shape in drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" role="img" '
        f'aria-label="{escape(drawing.title)}">{body}</svg>'
    )


@singledispatch
def _shape(shape: Shape) -> str:
    raise TypeError(f"{type(shape).__name__} is no shape of a drawing")


@_shape.register
def _line(shape: Line) -> str:
    ends = f'x1="{_n(shape.x1)}" y1="{_n(shape.y1)}" x2="{_n(shape.x2)}" y2="{_n(shape.y2)}"'
    return f"<line{_role(shape.role)} {ends}{_paint(None, shape.ink, shape.width, shape.dash)}/>"


@_shape.register
def _strokes(shape: Strokes) -> str:
    lines = "".join(f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" for x1, y1, x2, y2 in shape.lines)
    return f'<path{_role(shape.role)} d="{lines}"{_paint(None, shape.ink, shape.width, ())}/>'


@_shape.register
def _box(shape: Box) -> str:
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}"'
    paint = _paint(shape.fill, shape.ink, 1.0, (), shape.opacity)
    return _noted("rect", f"{_role(shape.role)} {place}{paint}", shape.note)


@_shape.register
def _path(shape: Path) -> str:
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
    element = "polyline" if shape.fill is None else "polygon"
    paint = _paint(shape.fill, shape.ink, shape.width, shape.dash, shape.opacity)
    return f'<{element}{_role(shape.role)} points="{points}"{paint}/>'


@_shape.register
def _dot(shape: Dot) -> str:
    place = f'cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"'
    return _noted(
        "circle", f"{_role(shape.role)} {place}{_paint(shape.fill, shape.ink, 1.6, ())}", shape.note
    )


@_shape.register
def _label(shape: Label) -> str:
    turned = "" if not shape.angle else f' transform="rotate({_n(-shape.angle)} {_n(shape.x)} {_n(shape.y)})"'
    anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"'
    return (
        f"<text{_role(shape.role)} {place}{_paint(shape.ink, None, 0.0, ())}{anchor}{turned}>"
        f"{escape(shape.text)}</text>"
    )


def _noted(element: str, attributes: str, note: str) -> str:
    inside = f"><title>{escape(note)}</title></{element}>" if note else "/>"
    return f"<{element}{attributes}{inside}"


def _role(role: str) -> str:
    return f' class="{escape(role)}"' if role else ""


def _paint(
    fill: Ink | None, ink: Ink | None, width: float, dash: tuple[float, ...], opacity: float = 1.0
) -> str:
    if ink is None and fill is not None and fill.startswith("#") and opacity == 1.0:
        return f' fill="{fill}"'
    parts = [f"fill:{'none' if fill is None else _colour(fill)}"]
    if ink is not None:
        parts.append(f"stroke:{_colour(ink)};stroke-width:{_n(width)}")
    if dash:
        parts.append(f"stroke-dasharray:{' '.join(_n(d) for d in dash)}")
    if opacity < 1.0:
        parts.append(f"opacity:{_n(opacity)}")
    return f' style="{";".join(parts)}"'


def _colour(ink: Ink) -> str:
    return ink if ink.startswith("#") else f"var(--{ink})"


def _n(value: float) -> str:
    """At most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
