"""The card's drawings: plain SVG, coloured by the page's own style sheet, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from trimtab_vectors.card.resemblance import Resemblance
from trimtab_vectors.card.wording import (
    CLIFF,
    CONCEPTS,
    CURVES,
    KL_AXIS,
    LIMIT,
    RECOMMENDED,
    SAFE_RANGE,
    STRENGTH,
    Words,
)
from trimtab_vectors.evaluation.sweep import DoseCurve
from trimtab_vectors.statistics import Estimate

_WIDTH: Final = 860
_LEFT: Final = 215


def label(words: Words, x: float, y: float, anchor: str = "start", kind: str = "") -> str:
    """Both languages at one place; the page shows one of them."""
    return "".join(
        f'<text class="{name} {kind}" lang="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
        for name, text in (("en", words.en), ("ja", words.ja))
    )


def resemblance_chart(found: Sequence[Resemblance], used: Sequence[int], chance: float) -> str:
    """One row a concept, x the cosine from -1 to 1, a dot a layer. Dots that would cover each other are stacked."""
    concepts = list(dict.fromkeys(own.concept for own in found))
    axis = _Scale(-1.0, 1.0, _LEFT, _WIDTH - 20)
    rows: list[str] = []
    y = 24.0
    body: list[str] = []
    for concept in concepts:
        dots = [own for own in found if own.concept == concept]
        lanes = _lanes([axis(own.cosine) for own in dots], 20.0)
        height = 22.0 * (max(lanes, default=0) + 1) + 12
        body.append(label(CONCEPTS[concept], _LEFT - 14, y + height / 2 + 4, "end"))
        body.append(_line(axis(-1), y + height, axis(1), y + height, "rule"))
        for own, lane in zip(dots, lanes, strict=True):
            kind = "dot" + (" used" if own.layer in used else "") + (" weak" if own.weak else "")
            cy = y + 16 + 22 * lane
            body.append(
                f'<g class="{kind}"><title>{escape(f"layer {own.layer}: {own.cosine:+.2f}")}</title>'
                f'<circle cx="{axis(own.cosine):.1f}" cy="{cy:.1f}" r="9"/>'
                f'<text x="{axis(own.cosine):.1f}" y="{cy + 4:.1f}" text-anchor="middle">{own.layer}</text></g>'
            )
        y += height
    rows.append(
        f'<rect class="band" x="{axis(-chance):.1f}" y="20" width="{axis(chance) - axis(-chance):.1f}" '
        f'height="{y - 20:.1f}"/>'
    )
    for tick in (-1.0, -0.5, 0.0, 0.5, 1.0):
        rows.append(_line(axis(tick), 20, axis(tick), y, "grid"))
        rows.append(f'<text class="tick" x="{axis(tick):.1f}" y="14" text-anchor="middle">{tick:+.1f}</text>')
    return _svg(y + 6, [*rows, *body])


def dose_chart(curve: DoseCurve, recommended: float | None, limits: Sequence[float]) -> str:
    """Shares over strength above, KL on neutral text below; safe range, recommendation and collapse marked."""
    points = curve.points
    top = max((*(p.strength for p in points), *curve.skipped[:1]))
    x = _Scale(0.0, top, _LEFT, _WIDTH - 20)
    share = _Scale(0.0, 1.0, 210, 20)
    parts: list[str] = []
    if curve.safe_strength is not None:
        parts.append(_area(x(0), x(curve.safe_strength), 20, 350, "safe"))
        parts.append(label(SAFE_RANGE, x(0) + 6, 34, kind="note"))
    if curve.cliff is not None:
        parts.append(_area(x(curve.cliff.after), x(curve.cliff.at), 20, 350, "cliff"))
        parts.append(label(CLIFF, x(curve.cliff.at) - 5, 225, "end", "note"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(x(0), share(tick), x(top), share(tick), "grid"))
        parts.append(
            f'<text class="tick" x="{x(0) - 8:.1f}" y="{share(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    shares = {
        "honest": [min(point.honest.values(), key=lambda own: own.value) for point in points],
        "knowledge": [point.knowledge for point in points],
        "coherence": [point.coherence for point in points],
    }
    for i, (name, estimates) in enumerate(shares.items()):
        parts.append(_band(x, share, [p.strength for p in points], estimates, f"curve{i}"))
        parts.append(label(CURVES[name], 14, 60 + 40 * i, kind=f"legend curve{i}"))
        parts.append(_line(14, 68 + 40 * i, 60, 68 + 40 * i, f"stroke curve{i}"))
    kls = [point.side_effects.kl for point in points]
    highest = max((*(kl.value for kl in kls), *limits, 1e-6)) * 1.05
    # Beyond four times the last limit the exact height of a catastrophe is no news.
    kl_scale = _Scale(0.0, min(highest, 4 * max(limits)), 350, 240)
    parts.append(
        _polyline([(x(p.strength), kl_scale(k.value)) for p, k in zip(points, kls, strict=True)], "kl")
    )
    parts.append(label(KL_AXIS, 14, 262, kind="legend kl"))
    for limit in limits:
        parts.append(_line(x(0), kl_scale(limit), x(top), kl_scale(limit), "limit"))
        parts.append(
            f'<text class="tick" x="{x(0) - 8:.1f}" y="{kl_scale(limit) + 4:.1f}" text-anchor="end">{limit:g}</text>'
        )
    parts.append(label(LIMIT, x(top), kl_scale(max(limits)) - 5, "end", "note"))
    parts.append(_line(x(0), 350, x(top), 350, "rule"))
    for strength in _spread([point.strength for point in points], x, 34):
        parts.append(
            f'<text class="tick" x="{x(strength):.1f}" y="368" text-anchor="middle">{strength:g}</text>'
        )
    parts.append(label(STRENGTH, _LEFT - 14, 368, "end", "note"))
    if recommended is not None:
        parts.append(_line(x(recommended), 14, x(recommended), 350, "recommended"))
        parts.append(label(RECOMMENDED, x(recommended) + 5, 12, kind="note"))
    return _svg(380, parts)


class _Scale:
    """From a value to a coordinate, held inside the drawing."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        inside = min(self.high, max(self.low, value))
        return self.start + (inside - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _area(left: float, right: float, top: float, bottom: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}"/>'
    )


def _polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="mark {kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points)
    return f'<polyline class="stroke {kind}" points="{joined}"/>{dots}'


def _band(
    x: Callable[[float], float],
    y: Callable[[float], float],
    strengths: Sequence[float],
    estimates: Sequence[Estimate],
    kind: str,
) -> str:
    """The curve with its interval behind it."""
    upper = [f"{x(s):.1f},{y(e.high):.1f}" for s, e in zip(strengths, estimates, strict=True)]
    lower = [f"{x(s):.1f},{y(e.low):.1f}" for s, e in zip(strengths, estimates, strict=True)]
    area = f'<polygon class="interval {kind}" points="{" ".join([*upper, *reversed(lower)])}"/>'
    return area + _polyline([(x(s), y(e.value)) for s, e in zip(strengths, estimates, strict=True)], kind)


def _lanes(places: Sequence[float], apart: float) -> list[int]:
    """A lane for each place, so that two in one lane are at least `apart`."""
    lanes: list[list[float]] = []
    chosen = [0] * len(places)
    for index in sorted(range(len(places)), key=lambda i: places[i]):
        free = next((n for n, lane in enumerate(lanes) if places[index] - lane[-1] >= apart), len(lanes))
        if free == len(lanes):
            lanes.append([])
        lanes[free].append(places[index])
        chosen[index] = free
    return chosen


def _spread(values: Sequence[float], x: Callable[[float], float], apart: float) -> list[float]:
    """Those of the ascending values whose labels do not touch."""
    kept: list[float] = []
    for value in values:
        if not kept or x(value) - x(kept[-1]) >= apart:
            kept.append(value)
    return kept
