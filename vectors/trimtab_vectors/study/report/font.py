"""A font for the PDF that has every character the report shows, Japanese ones among them.

What is embedded is a subset made on the spot: of the fonts that Japanese systems have, most hold their outlines as
cubic curves in a collection, which PDF writers in Python do not take; the glyphs that are needed are turned into
quadratic ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

from trimtab_vectors.study.plan import StudyError

#: Shown by any font for Japanese.
_PROOF: Final = "確認候補判定不能Aa1"
#: Of an em, by which an outline may change.
_TOLERANCE: Final = 0.001

_SYSTEM: Final[dict[str, tuple[str, ...]]] = {
    "linux": (
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/opentype/ipaexfont-gothic/ipaexg.ttf",
    ),
    "darwin": (
        "/System/Library/Fonts/ヒラギノ角ゴシック W3.ttc",
        "/System/Library/Fonts/Hiragino Sans GB.ttc",
    ),
    "win32": ("C:/Windows/Fonts/YuGothM.ttc", "C:/Windows/Fonts/meiryo.ttc", "C:/Windows/Fonts/msgothic.ttc"),
}


class FontError(StudyError):
    """No font for Japanese is there, or one that was given is none. The message says what to install."""


@dataclass(frozen=True)
class ReportFont:
    """One face of a font file."""

    path: Path

    @cached_property
    def _face(self) -> Any:
        try:
            if self.path.suffix.lower() in (".ttc", ".otc"):
                return _japanese_face(TTCollection(self.path, lazy=True))
            return TTFont(self.path, lazy=True)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise FontError(f"{self.path}: no OpenType or TrueType font ({error})") from error

    @cached_property
    def _characters(self) -> dict[int, str]:
        found: dict[int, str] = self._face.getBestCmap() or {}
        return found

    def has(self, text: str) -> bool:
        return all(ord(c) in self._characters for c in text)

    def shown(self, text: str) -> str:
        """The text with every character that the font lacks written as its code point: a name must not become
        boxes."""
        return "".join(c if ord(c) in self._characters else _code_point(c) for c in text)

    def subset(self, characters: Iterable[str]) -> tuple[str, BytesIO]:
        """(name, TrueType file) with these characters alone. The name follows from what is inside."""
        wanted = sorted({ord(c) for c in characters} & self._characters.keys())
        digest = hashlib.sha256(f"{self.path.name} {wanted}".encode()).hexdigest()[:12]
        name = f"Report-{digest}"
        return name, _true_type(self._face, {code: self._characters[code] for code in wanted}, name)


def find_font(given: Path | None = None) -> ReportFont:
    """The font given; else the one that comes with the science extra; else one of the system's.

    Raises:
        FontError: the one given is not for Japanese, or none is found.
        FileNotFoundError: the one given is not there.
    """
    if given is not None:
        font = ReportFont(given)
        if not font.has(_PROOF):
            raise FontError(
                f"{given} lacks Japanese characters; give a font that has them, such as Noto Sans JP"
            )
        return font
    looked = []
    for path in _places():
        looked.append(str(path))
        if path.is_file() and (font := ReportFont(path)).has(_PROOF):
            return font
    raise FontError(
        "no font with Japanese characters was found; install one (`pip install pylopdf-fonts-jp`, or your system's "
        f"Noto Sans CJK) or name a file with --font. Looked for: {', '.join(looked)}"
    )


def _places() -> Iterator[Path]:
    # The package is part of the science extra; where it is missing, the system's fonts come next.
    with contextlib.suppress(ModuleNotFoundError):
        yield Path(str(resources.files("pylopdf_fonts_jp") / "NotoSansJP-Regular.otf"))
    yield from (Path(place) for place in _SYSTEM.get(sys.platform, ()))


def _japanese_face(collection: Any) -> Any:
    """The face named JP, else the first: the others of a CJK collection draw some characters as in Chinese."""
    for face in collection.fonts:
        if " JP" in (face["name"].getDebugName(1) or ""):
            return face
    return collection.fonts[0]


def _true_type(face: Any, characters: dict[int, str], name: str) -> BytesIO:
    em = face["head"].unitsPerEm
    names = [".notdef", *dict.fromkeys(g for g in characters.values() if g != ".notdef")]
    source, glyphs, metrics = face.getGlyphSet(), {}, {}
    for glyph in names:
        pen = TTGlyphPen(None)
        # The outlines of OpenType/CFF run the other way round.
        source[glyph].draw(Cu2QuPen(pen, em * _TOLERANCE, reverse_direction="CFF " in face or "CFF2" in face))
        glyphs[glyph] = pen.glyph()
        metrics[glyph] = (round(source[glyph].width), 0)
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(characters)
    builder.setupGlyf(glyphs)
    table = builder.font["glyf"]
    builder.setupHorizontalMetrics({g: (w, getattr(table[g], "xMin", 0)) for g, (w, _) in metrics.items()})
    ascent, descent = face["hhea"].ascent, face["hhea"].descent
    builder.setupHorizontalHeader(ascent=ascent, descent=descent)
    builder.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name})
    builder.setupOS2(sTypoAscender=ascent, sTypoDescender=descent, usWinAscent=ascent, usWinDescent=-descent)
    builder.setupPost()
    font = builder.font
    font.recalcTimestamp = False
    font["head"].created = font["head"].modified = 0
    made = BytesIO()
    font.save(made, reorderTables=True)
    made.seek(0)
    return made


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
