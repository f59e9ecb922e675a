"""Quantised colours for per-token read-outs.

A figure falls into one of eleven bins; each bin has a background and, so that colour is never the only channel, an
underline: waved towards the negative end, solid towards the positive end, dotted for the weaker half of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from PySide6.QtGui import QBrush, QColor, QTextCharFormat

from trimtab_gui.theme import Tokens

BIN_COUNT: Final = 11
_MIDDLE: Final = BIN_COUNT // 2


class Readout(StrEnum):
    """Which figure colours the tokens."""

    OFF = "off"
    PROJECTION = "projection"
    ENTROPY = "entropy"
    KL_TO_UNSTEERED = "kl_to_unsteered"


@dataclass(frozen=True)
class ColorScale:
    """Maps a figure to a bin. A diverging scale is symmetric about 0; a sequential one starts at 0."""

    limit: float
    diverging: bool

    @classmethod
    def fitting(cls, readout: Readout, values: Iterable[float]) -> ColorScale:
        """A scale whose limit holds 95% of the finite `values`, rounded up to a figure that reads well."""
        sizes = sorted(abs(value) for value in values if isfinite(value))
        wanted = sizes[int(0.95 * (len(sizes) - 1))] if sizes else 1.0
        return cls(limit=_round_up(wanted), diverging=readout is Readout.PROJECTION)

    def bin_of(self, value: float) -> int:
        """The bin of `value`, 0 to 10; figures past the limit fall into the outermost bin."""
        share = max(-1.0, min(1.0, value / self.limit))
        if self.diverging:
            return _MIDDLE + round(share * _MIDDLE)
        return round(max(0.0, share) * (BIN_COUNT - 1))

    def bounds(self) -> tuple[float, float]:
        return (-self.limit if self.diverging else 0.0, self.limit)


def _round_up(value: float) -> float:
    scale = 1e-3
    while True:
        for step in (1, 1.5, 2, 3, 5, 7):
            if value <= step * scale * (1 + 1e-9):
                return step * scale
        scale *= 10


def bin_format(index: int, diverging: bool, tokens: Tokens) -> QTextCharFormat:
    """The character format of one bin in one look."""
    result = QTextCharFormat()
    colors = tokens.diverging if diverging else tokens.sequential
    if colors[index]:
        result.setBackground(QBrush(QColor(colors[index])))
    result.setForeground(QBrush(QColor(tokens.text)))
    style = _underline(index, diverging)
    result.setUnderlineStyle(style)
    if style is not QTextCharFormat.UnderlineStyle.NoUnderline:
        result.setUnderlineColor(QColor(tokens.strong_border))
    return result


def _underline(index: int, diverging: bool) -> QTextCharFormat.UnderlineStyle:
    styles = QTextCharFormat.UnderlineStyle
    if not diverging:
        if index < 4:
            return styles.NoUnderline
        return styles.SingleUnderline if index >= 8 else styles.DotLine
    distance = index - _MIDDLE
    if abs(distance) < 2:
        return styles.NoUnderline
    if abs(distance) < 4:
        return styles.DotLine
    return styles.SingleUnderline if distance > 0 else styles.WaveUnderline
