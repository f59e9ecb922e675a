"""The four rates of each lane as one bar of four parts, each with its figure; hatched where replies lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_vectors.study.report.drawing import Box, Drawing, Label, Shape, hatching, shortened, text_width

_ROW: Final = 34.0
_BAR: Final = 22.0
#: Part -> (fill, letters).
_INKS: Final = {
    "honest": ("third", "paper"),
    "lie": ("second", "paper"),
    "evade": ("unknown", "ink"),
    "no_belief": ("rule", "ink"),
}


@dataclass(frozen=True)
class RateBars:
    """rows: lane -> rates of the four outcomes, which sum to 1. names: what the outcomes are called."""

    title: str
    rows: Sequence[tuple[str, Mapping[str, float]]]
    names: Mapping[str, str]
    width: float = 720.0

    def draw(self) -> Drawing:
        left = min(0.36 * self.width, max(text_width(name, 12.0) for name, _ in self.rows)) + 14.0
        shapes, top = self._legend(left)
        room = self.width - left - 4.0
        for number, (name, rates) in enumerate(self.rows):
            y = top + number * _ROW
            shapes.append(
                Label(
                    left - 10.0, y + 15.5, shortened(name, 12.0, left - 12.0), 12.0, "ink", "end", role="lane"
                )
            )
            x = left
            for key, (fill, ink) in _INKS.items():
                part = rates[key] * room
                shapes += self._part(key, x, y, part, rates[key], fill, ink)
                x += part
        return Drawing(self.width, top + _ROW * len(self.rows), self.title, tuple(shapes))

    def _part(
        self, key: str, x: float, y: float, width: float, rate: float, fill: str, ink: str
    ) -> list[Shape]:
        if width <= 0.0:
            return []
        text = f"{100.0 * rate:.0f}%"
        shapes: list[Shape] = [
            Box(x, y, width, _BAR, fill=fill, ink="paper", role=key, note=f"{self.names[key]}: {text}")
        ]
        if key == "lie":
            shapes.append(hatching(x, y, width, _BAR, "paper", step=9.0))
        need = text_width(text, 12.0)
        if need + 4.0 <= width:
            if key == "lie":
                # On the hatching letters would be hard to read.
                shapes.append(Box(x + (width - need) / 2 - 1, y + 3, need + 2, _BAR - 6, fill=fill))
            shapes.append(Label(x + width / 2, y + 15.5, text, 12.0, ink, "middle", role="rate"))
        return shapes

    def _legend(self, left: float) -> tuple[list[Shape], float]:
        shapes: list[Shape] = []
        x, y = 2.0, 4.0
        for key, (fill, _) in _INKS.items():
            need = 18.0 + text_width(self.names[key], 12.0) + 14.0
            if x > 2.0 and x + need > self.width:
                x, y = 2.0, y + 19.0
            shapes.append(Box(x, y, 13.0, 13.0, fill=fill, ink="soft"))
            if key == "lie":
                shapes.append(hatching(x, y, 13.0, 13.0, "paper", step=6.0))
            shapes.append(Label(x + 18.0, y + 11.0, self.names[key], 12.0, "ink"))
            x += need
        return shapes, y + 27.0
