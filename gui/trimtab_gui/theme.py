"""Light and dark looks from one set of colour tokens, on Qt's Fusion style.

The system's colour scheme is not followed: it is unknown under several platforms, while a palette of our own
looks the same everywhere. Plots and the read-out colours take the same tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from string import Template
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from trimtab_gui.icons import RESOURCES, write_glyphs


@dataclass(frozen=True)
class Tokens:
    """The colours of one look, as `#rrggbb`."""

    name: str
    window: str
    surface: str
    raised: str
    border: str
    strong_border: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    selection: str
    danger: str
    danger_soft: str
    on_danger: str
    warning: str
    warning_soft: str
    good: str
    good_soft: str
    lane_unsteered: str
    lane_prompt: str
    lane_steered: str
    lane_snapshot: str
    series: tuple[str, ...]
    # From "towards lying" through neutral to "towards honest": orange to blue, safe for colour-blind eyes.
    diverging: tuple[str, ...]
    # From low to high, for figures that have no sign.
    sequential: tuple[str, ...]


LIGHT: Final = Tokens(
    name="light",
    window="#f3f5f8",
    surface="#ffffff",
    raised="#f7f9fb",
    border="#dce2ea",
    strong_border="#7f8b9c",
    text="#18212c",
    muted="#566274",
    accent="#1c66a8",
    accent_hover="#17568f",
    on_accent="#ffffff",
    selection="#d6e6f5",
    danger="#b3261e",
    danger_soft="#fdecea",
    on_danger="#ffffff",
    warning="#8a5a00",
    warning_soft="#fff4dc",
    good="#13735b",
    good_soft="#e2f4ee",
    lane_unsteered="#6a7686",
    lane_prompt="#a3680a",
    lane_steered="#1c66a8",
    lane_snapshot="#6b4fa0",
    series=("#1c66a8", "#c45a00", "#13735b", "#6b4fa0", "#8a5a00", "#566274"),
    diverging=(
        "#f6ad6f",
        "#f9c394",
        "#fbd7b7",
        "#fce8d6",
        "#fdf4ec",
        "",
        "#edf4fa",
        "#d9e9f6",
        "#bddaef",
        "#9cc8e6",
        "#7bb5dd",
    ),
    sequential=(
        "",
        "#f4f0fa",
        "#ece5f6",
        "#e2d8f1",
        "#d8caec",
        "#cdbbe6",
        "#c2ade0",
        "#b89fda",
        "#ad91d4",
        "#a486cf",
        "#9b7bc9",
    ),
)

DARK: Final = Tokens(
    name="dark",
    window="#12161c",
    surface="#1a2028",
    raised="#212832",
    border="#303a47",
    strong_border="#6d7a8b",
    text="#e7ecf2",
    muted="#9eabbb",
    accent="#62aee8",
    accent_hover="#83c0ef",
    on_accent="#0a131c",
    selection="#274766",
    danger="#ff8f85",
    danger_soft="#3d201f",
    on_danger="#2a0806",
    warning="#e7b955",
    warning_soft="#382d16",
    good="#58c9a4",
    good_soft="#16332b",
    lane_unsteered="#a3afbd",
    lane_prompt="#e0a94a",
    lane_steered="#62aee8",
    lane_snapshot="#b59ae6",
    series=("#62aee8", "#f0954a", "#58c9a4", "#b59ae6", "#e7b955", "#9eabbb"),
    diverging=(
        "#8a4a12",
        "#744013",
        "#5e3615",
        "#492d18",
        "#35261c",
        "",
        "#1d2c3a",
        "#203a50",
        "#214866",
        "#21577e",
        "#1f6696",
    ),
    sequential=(
        "",
        "#241f33",
        "#2b243f",
        "#32294b",
        "#392e57",
        "#403363",
        "#47386f",
        "#4e3d7b",
        "#554287",
        "#5c4793",
        "#634c9f",
    ),
)

SPACING: Final = 8
#: Points of the text at 100%, and the sizes that can be chosen, in percent.
USUAL_POINTS: Final = 10.0
TEXT_SIZES: Final = (100, 110, 125, 150, 175, 200)
UI_FAMILIES: Final = ("Inter", "Noto Sans", "Noto Sans CJK JP", "Noto Sans JP", "IPAPGothic", "DejaVu Sans")
MONOSPACE_FAMILIES: Final = ("JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK JP")


def _mix(first: str, second: str, share: float) -> str:
    one, two = QColor(first), QColor(second)
    channels = (
        round(a * (1 - share) + b * share)
        for a, b in (
            (one.red(), two.red()),
            (one.green(), two.green()),
            (one.blue(), two.blue()),
        )
    )
    return "#{:02x}{:02x}{:02x}".format(*channels)


def palette_of(tokens: Tokens) -> QPalette:
    """The Qt palette of a look."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.window,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.raised,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.PlaceholderText: tokens.muted,
        QPalette.ColorRole.Button: tokens.surface,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.BrightText: tokens.danger,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.LinkVisited: tokens.accent,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Light: tokens.raised,
        QPalette.ColorRole.Mid: tokens.border,
        QPalette.ColorRole.Dark: tokens.strong_border,
        QPalette.ColorRole.Accent: tokens.accent,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    faded = QColor(_mix(tokens.text, tokens.window, 0.55))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    return palette


def style_sheet(tokens: Tokens, percent: int = 100) -> str:
    """The style sheet of a look; its small glyphs are written to a cache folder in the look's colours.

    `percent`: the size of the text; the boxes that hold one line of it grow with it.
    """
    glyphs = write_glyphs(tokens.name, ink=tokens.muted, on_accent=tokens.on_accent)
    plain = {name: value for name, value in vars(tokens).items() if isinstance(value, str)}
    sheet = Template((RESOURCES / "style.qss").read_text(encoding="utf-8"))
    text = sheet.substitute(
        plain,
        disabled=_mix(tokens.text, tokens.window, 0.55),
        scroll=_mix(tokens.muted, tokens.surface, 0.6),
        glyph_up=glyphs["up"],
        glyph_down=glyphs["down"],
        glyph_check=glyphs["check"],
    )
    return _grown(text, percent / 100)


def _grown(sheet: str, share: float) -> str:
    """The sheet with its text, and the boxes that hold a line of it, `share` times as large."""
    points = re.sub(r"(\d+(?:\.\d+)?)pt", lambda found: f"{float(found[1]) * share:g}pt", sheet)
    lines = points.splitlines(keepends=True)
    return "".join(line if "::drop-down" in line else _enlarged(line, share) for line in lines)


def _enlarged(line: str, share: float) -> str:
    # A disc stays one only if its rim grows along.
    rim = "|border|border-radius" if "QRadioButton::indicator" in line else ""
    return re.sub(
        rf"\b(min-height|max-height|width|height|icon-size{rim}): (\d+)px",
        lambda found: f"{found[1]}: {round(float(found[2]) * share)}px",
        line,
    )


def installed_families(wanted: tuple[str, ...]) -> list[str]:
    """Those of `wanted` that this machine has, in order."""
    present = set(QFontDatabase.families())
    return [family for family in wanted if family in present]


def monospace_font(points: float) -> QFont:
    """A fixed-width font for hashes and commands."""
    font = QFont(installed_families(MONOSPACE_FAMILIES) or ["monospace"])
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPointSizeF(points)
    return font


class Theme(QObject):
    """Which look is on, and how large the text is; tells when either changes."""

    changed = Signal()

    def __init__(self, application: QApplication, name: str = "light", text_percent: int = 100) -> None:
        super().__init__()
        self._application = application
        self._tokens = DARK if name == "dark" else LIGHT
        self._percent = text_percent
        families = installed_families(UI_FAMILIES)
        self._font = QFont(families) if families else application.font()
        application.setStyle("Fusion")
        self._apply()

    @property
    def tokens(self) -> Tokens:
        return self._tokens

    @property
    def is_dark(self) -> bool:
        return self._tokens is DARK

    def choose(self, name: str) -> None:
        """Switches to "light" or "dark"."""
        tokens = DARK if name == "dark" else LIGHT
        if tokens is self._tokens:
            return
        self._tokens = tokens
        self._apply()
        self.changed.emit()

    @property
    def text_percent(self) -> int:
        """The size of the text: 100 to 200."""
        return self._percent

    def choose_text_size(self, percent: int) -> None:
        """Sets the size of the text, 100 to 200 percent; what is outside becomes the nearest of the two."""
        percent = max(TEXT_SIZES[0], min(TEXT_SIZES[-1], percent))
        if percent != self._percent:
            self._percent = percent
            self._apply()
            self.changed.emit()

    def next_text_size(self, steps: int) -> int:
        """The size that is `steps` larger, or smaller, among those that can be chosen."""
        nearest = min(range(len(TEXT_SIZES)), key=lambda place: abs(TEXT_SIZES[place] - self._percent))
        return TEXT_SIZES[max(0, min(len(TEXT_SIZES) - 1, nearest + steps))]

    def color(self, token: str) -> QColor:
        return QColor(str(getattr(self._tokens, token)))

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """While many widgets are made and put into each other: what was made gets its look at the end, at once."""
        sheet = self._application.styleSheet()
        self._application.setStyleSheet("")
        try:
            yield
        finally:
            self._application.setStyleSheet(sheet)

    def _apply(self) -> None:
        font = QFont(self._font)
        font.setPointSizeF(USUAL_POINTS * self._percent / 100)
        # From no sheet to the new one takes a seventh of the time: nothing is polished with the old one's fonts.
        self._application.setStyleSheet("")
        self._application.setFont(font)
        self._application.setPalette(palette_of(self._tokens))
        self._application.setStyleSheet(style_sheet(self._tokens, self._percent))
