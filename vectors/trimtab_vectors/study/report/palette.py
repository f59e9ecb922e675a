"""Colours: names that follow light and dark, and a diverging scale that colour-blind readers can tell apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

#: Okabe and Ito's hues, darkened or lightened until they read well on the paper.
LIGHT: Final[dict[str, str]] = {
    "ink": "#1b1f24",
    "soft": "#57606a",
    "rule": "#d5dae0",
    "paper": "#ffffff",
    "panel": "#f5f7f9",
    "first": "#0b62a8",
    "second": "#b8430a",
    "third": "#00735a",
    "fourth": "#8a3f83",
    "window": "#f2c230",
    "undefined": "#8b949e",
    "pass": "#cfe6d8",
    "fail": "#f2b79b",
    "unknown": "#e6e9ec",
}
DARK: Final[dict[str, str]] = {
    "ink": "#e6e8eb",
    "soft": "#a3acb6",
    "rule": "#3a424c",
    "paper": "#14171b",
    "panel": "#1d2228",
    "first": "#5cb2ee",
    "second": "#f08a4b",
    "third": "#35c69c",
    "fourth": "#d78bcd",
    "window": "#b98a00",
    "undefined": "#7d8690",
    "pass": "#1f4d38",
    "fail": "#7a3413",
    "unknown": "#333a42",
}

_LOW: Final = ((0.0, (0x1F, 0x5A, 0x96)), (0.5, (0x92, 0xBD, 0xE0)), (1.0, (0xF7, 0xF7, 0xF5)))
_HIGH: Final = ((0.0, (0xF7, 0xF7, 0xF5)), (0.5, (0xF3, 0xB4, 0x70)), (1.0, (0xA6, 0x46, 0x06)))


def diverging(position: float) -> str:
    """ "#rrggbb" for -1 (blue) over 0 (white) to 1 (orange); what lies beyond keeps the end's colour."""
    held = min(1.0, max(-1.0, position))
    stops, at = (_LOW, held + 1.0) if held < 0.0 else (_HIGH, held)
    for (left, one), (right, other) in pairwise(stops):
        if at <= right:
            part = (at - left) / (right - left)
            return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in zip(one, other, strict=True))
    raise AssertionError(f"{position} is no number")


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on "#rrggbb" (WCAG 2 relative luminance)."""
    parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.18 else "#16191d"
