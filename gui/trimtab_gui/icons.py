"""Our own line icons, drawn from SVG paths in whatever colour the look asks for."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path
from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

RESOURCES: Final = Path(__file__).parent / "resources"

# Bodies for a 24 x 24 view box; strokes take the colour.
_BODIES: Final = {
    "chat": '<path d="M4 5h16v11H10l-4 4v-4H4z"/><path d="M8 9h8M8 12h5"/>',
    "evidence": (
        '<path d="M10 3v6L4.5 19a1.4 1.4 0 0 0 1.2 2h12.6a1.4 1.4 0 0 0 1.2-2L14 9V3"/>'
        '<path d="M8.5 3h7M7.5 15h9"/>'
    ),
    "release": (
        '<path d="M4 18h6l4-12h6"/>'
        '<circle cx="4" cy="18" r="1.6"/>'
        '<circle cx="20" cy="6" r="1.6"/>'
        '<path d="M17 12l3 3 3-3M20 15V9.5" transform="translate(-2 4)"/>'
    ),
    "record": '<path d="M6 3h9l4 4v14H6z"/><path d="M15 3v4h4M9 12h7M9 16h7"/>',
    "send": '<path d="M5 12h13M12.5 6l6 6-6 6"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="1.5"/>',
    "more": ('<circle cx="6" cy="12" r="1"/><circle cx="12" cy="12" r="1"/><circle cx="18" cy="12" r="1"/>'),
    "add": '<path d="M12 5v14M5 12h14"/>',
    "close": '<path d="M6 6l12 12M18 6L6 18"/>',
    "alarm": '<path d="M12 4l9 16H3z"/><path d="M12 10v4M12 17v.2"/>',
    "rollback": '<path d="M4 9h10a5 5 0 0 1 0 10H9"/><path d="M8 5L4 9l4 4"/>',
    "unsteered": '<circle cx="12" cy="12" r="8"/><path d="M6.5 17.5l11-11"/>',
    "latest": '<path d="M12 5v13M6 12l6 6 6-6"/>',
    "earlier": '<path d="M6 14l6-6 6 6"/>',
    "later": '<path d="M6 10l6 6 6-6"/>',
    "chats": '<path d="M4 6h16M4 12h16M4 18h10"/>',
    "preset": (
        '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>'
    ),
    "run": '<path d="M8 5l11 7-11 7z"/>',
    "theme": '<circle cx="12" cy="12" r="8"/><path d="M12 4v16a8 8 0 0 0 0-16z" fill="INK"/>',
    "language": (
        '<circle cx="12" cy="12" r="8.5"/>'
        '<path d="M3.5 12h17M12 3.5c3 2.6 3 14.4 0 17M12 3.5c-3 2.6-3 14.4 0 17"/>'
    ),
}

_GLYPHS: Final = {
    "up": '<path d="M5 15l7-7 7 7"/>',
    "down": '<path d="M5 9l7 7 7-7"/>',
    "check": '<path d="M5 12.5l5 5 9-11"/>',
}


def _document(body: str, ink: str, width: float = 1.7) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{ink}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round">'
        f"{body.replace('INK', ink)}</svg>"
    )


@lru_cache(maxsize=512)
def icon(name: str, ink: str, size: int = 24) -> QIcon:
    """The icon called `name` with strokes of colour `ink`, sharp from `size` pixels to twice that.

    Large text takes large icons, and so do dense screens. Drawn once: buttons ask for theirs at every change.
    """
    renderer = QSvgRenderer(QByteArray(_document(_BODIES[name], ink).encode()))
    result = QIcon()
    for larger, dense in product((1.0, 1.25, 1.5, 2.0), (1, 2)):
        side = round(size * larger) * dense
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, side, side))
        painter.end()
        pixmap.setDevicePixelRatio(dense)
        result.addPixmap(pixmap)
    return result


def application_icon() -> QIcon:
    """The window's icon."""
    return QIcon(str(RESOURCES / "trimtab.svg"))


def write_glyphs(look: str, *, ink: str, on_accent: str) -> dict[str, str]:
    """Writes the glyphs a style sheet needs as files (a style sheet takes images by path only)."""
    folder = user_cache_path("trimtab") / "glyphs"
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, str] = {}
    for name, body in _GLYPHS.items():
        path = folder / f"{name}-{look}.svg"
        color = on_accent if name == "check" else ink
        text = _document(body, color, 2.6)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        paths[name] = path.as_posix()
    return paths
