"""Light and dark looks from one set of colour tokens, on Qt's Fusion style.

The system's colour scheme is not followed: it is unknown under several platforms, while a palette of our own
looks the same everywhere. Plots and the read-out colours take the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from trimtab_gui.icons import write_glyphs


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
    strong_border="#8793a3",
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
UI_FAMILIES: Final = ("Inter", "Noto Sans", "Noto Sans CJK JP", "Noto Sans JP", "IPAPGothic", "DejaVu Sans")
MONOSPACE_FAMILIES: Final = ("JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK JP")

_SHEET: Final = Template(
    """
QWidget { color: $text; }
QMainWindow, QDialog { background: $window; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 6px; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: 15pt; font-weight: 600; }
QLabel[role="heading"] { font-size: 11pt; font-weight: 600; }
QLabel[role="caption"] { color: $muted; font-size: 9pt; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="error"] { color: $danger; }
QLabel[role="code"] { font-family: "DejaVu Sans Mono", "Noto Sans Mono CJK JP"; background: $raised;
  border: 1px solid $border; border-radius: 4px; padding: 6px 10px; }

QFrame[role="card"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[role="bar"] { background: $surface; border: none; border-bottom: 1px solid $border; }
QFrame[role="rail"] { background: $surface; border: none; border-right: 1px solid $border; }
QFrame[role="strip"] { background: $raised; border: none; border-bottom: 1px solid $border; }
QFrame[role="strip"][tone="danger"] { background: $danger_soft; border-bottom: 1px solid $danger; }
QFrame[role="strip"][tone="warning"] { background: $warning_soft; border-bottom: 1px solid $warning; }
QFrame[role="strip"][tone="good"] { background: $good_soft; border-bottom: 1px solid $good; }
QFrame[role="separator"] { background: $border; border: none; }
QFrame[role="plain"] { background: transparent; border: none; }

QLabel[role="chip"] { background: $raised; border: 1px solid $border; border-radius: 10px; padding: 2px 9px; }
QLabel[role="chip"][tone="good"] { background: $good_soft; border-color: $good; color: $good; }
QLabel[role="chip"][tone="warning"] { background: $warning_soft; border-color: $warning; color: $warning; }
QLabel[role="chip"][tone="danger"] { background: $danger_soft; border-color: $danger; color: $danger; }

QPushButton { background: $surface; border: 1px solid $border; border-radius: 6px; padding: 5px 14px; min-height: 20px; }
QPushButton:hover { border-color: $strong_border; background: $raised; }
QPushButton:pressed { background: $selection; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; }
QPushButton:disabled { color: $disabled; background: $window; border-color: $border; }
QPushButton[tone="accent"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[tone="accent"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[tone="accent"]:disabled { background: $border; color: $muted; border-color: $border; }
QPushButton[tone="danger"] { color: $danger; border-color: $danger; font-weight: 600; }
QPushButton[tone="danger"]:hover { background: $danger_soft; }
QPushButton[tone="danger"]:disabled { color: $disabled; border-color: $border; }
QPushButton[tone="flat"], QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px 8px; }
QPushButton[tone="flat"]:hover, QToolButton:hover { background: $raised; border-color: $border; }
QPushButton[tone="flat"]:focus { border-color: $accent; }
QToolButton::menu-indicator { image: none; width: 0; }
QToolButton:checked { background: $selection; }
QToolButton[role="room"] { border-radius: 8px; padding: 8px 2px 6px 2px; font-size: 9pt; color: $muted; }
QToolButton[role="room"]:checked { background: $selection; color: $text; font-weight: 600; }

QLineEdit, QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
  background: $surface; border: 1px solid $strong_border; border-radius: 6px; padding: 4px 8px;
  selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { min-height: 20px; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border: 1px solid $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QComboBox:disabled, QDoubleSpinBox:disabled { color: $disabled; border-color: $border; }
QSpinBox, QDoubleSpinBox { padding-right: 20px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-origin: border; subcontrol-position: top right; width: 18px; border: none; margin: 1px 1px 0 0; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-origin: border; subcontrol-position: bottom right; width: 18px; border: none; margin: 0 1px 1px 0; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url($glyph_up); width: 8px; height: 8px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url($glyph_down); width: 8px; height: 8px; }
QComboBox { padding-right: 24px; }
QComboBox::drop-down { subcontrol-origin: border; subcontrol-position: center right; width: 22px; border: none; }
QComboBox::down-arrow { image: url($glyph_down); width: 9px; height: 9px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; selection-background-color: $selection; selection-color: $text; outline: none; padding: 4px; }
QCheckBox { spacing: 8px; background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 1px 2px; }
QCheckBox:focus { border-color: $accent; }
QCheckBox::indicator { width: 16px; height: 16px; border: 1px solid $strong_border; border-radius: 4px; background: $surface; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($glyph_check); }

QTextBrowser[role="transcript"] { background: $surface; border: none; padding: 4px 10px; }
QTextBrowser[role="transcript"]:focus { border: 1px solid $accent; border-radius: 4px; }
QTableView, QListView { background: $surface; alternate-background-color: $raised; border: 1px solid $border; border-radius: 6px;
  gridline-color: $border; selection-background-color: $selection; selection-color: $text; outline: none; }
QTableView:focus, QListView:focus { border-color: $accent; }
QTableView::item { padding: 3px 8px; border: none; }
QListView::item { padding: 6px 8px; border-radius: 4px; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $border; padding: 5px 8px; font-size: 9pt; font-weight: 600; }
QTableCornerButton::section { background: $surface; border: none; }

QTabWidget::pane { border: none; }
QTabBar { qproperty-drawBase: 0; background: transparent; }
QTabBar::tab { background: transparent; color: $muted; border: none; border-bottom: 2px solid transparent; padding: 8px 14px; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; font-weight: 600; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:focus { color: $accent; }

QMenuBar { background: $surface; border-bottom: 1px solid $border; padding: 1px 6px; }
QMenuBar::item { background: transparent; padding: 4px 10px; border-radius: 4px; }
QMenuBar::item:selected { background: $selection; }
QMenu { background: $surface; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 24px; border-radius: 4px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $selection; }
QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $scroll; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $strong_border; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: $raised; border: 1px solid $border; border-radius: 5px; text-align: center; min-height: 16px; max-height: 16px; font-size: 9pt; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }
"""
)


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


def style_sheet(tokens: Tokens) -> str:
    """The style sheet of a look; its small glyphs are written to a cache folder in the look's colours."""
    glyphs = write_glyphs(tokens.name, ink=tokens.muted, on_accent=tokens.on_accent)
    plain = {name: value for name, value in vars(tokens).items() if isinstance(value, str)}
    return _SHEET.substitute(
        plain,
        disabled=_mix(tokens.text, tokens.window, 0.55),
        scroll=_mix(tokens.muted, tokens.surface, 0.6),
        glyph_up=glyphs["up"],
        glyph_down=glyphs["down"],
        glyph_check=glyphs["check"],
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
    """Which look is on; tells when it changes."""

    changed = Signal()

    def __init__(self, application: QApplication, name: str = "light") -> None:
        super().__init__()
        self._application = application
        self._tokens = DARK if name == "dark" else LIGHT
        families = installed_families(UI_FAMILIES)
        font = QFont(families) if families else application.font()
        font.setPointSizeF(10)
        application.setStyle("Fusion")
        application.setFont(font)
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

    def color(self, token: str) -> QColor:
        return QColor(str(getattr(self._tokens, token)))

    def _apply(self) -> None:
        self._application.setPalette(palette_of(self._tokens))
        self._application.setStyleSheet(style_sheet(self._tokens))
