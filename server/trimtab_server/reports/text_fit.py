"""How much room text takes on a slide, so that nothing runs over: widths by the metrics of Helvetica, which Arial and
its stand-ins share, and an em for each wide character."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from reportlab.pdfbase import pdfmetrics

#: Of the size, from one baseline to the next; set exactly in the file, so that every program keeps it.
LEADING: Final = 1.32
#: Programs differ a little in how they space letters.
_SLACK: Final = 1.04
_OTHER: Final = 0.75
#: Bold letters are so much wider, at most.
BOLD: Final = 1.08


def width(text: str, size: float) -> float:
    """Points that a line of text takes."""
    return _SLACK * size * sum(_em(character) for character in text)


def longest_word(text: str, size: float) -> float:
    """Points of the widest piece that should not be broken."""
    return max((width(piece.rstrip(), size) for piece in _pieces(text.replace("\n", " "))), default=0.0)


def line_count(text: str, size: float, room: float) -> int:
    """Lines that a text takes in so many points."""
    return sum(_wrapped(line, size, room) for line in text.split("\n"))


def height(text: str, size: float, room: float) -> float:
    """Points from the top of the first line to the foot of the last."""
    return line_count(text, size, room) * size * LEADING


def cut_to(text: str, size: float, room: float, lines: int) -> str:
    """The text, or as much of its start as takes no more than `lines` lines."""
    if line_count(text, size, room) <= lines:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if line_count(text[:middle].rstrip() + "…", size, room) <= lines:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def _wrapped(line: str, size: float, room: float) -> int:
    lines, used = 1, 0.0
    for piece in _pieces(line):
        need = width(piece, size)
        if used and used + width(piece.rstrip(), size) > room:
            lines, used = lines + 1, 0.0
        if need > room:
            # A word longer than the line is broken wherever it must be.
            for character in piece:
                step = width(character, size)
                if used and used + step > room:
                    lines, used = lines + 1, 0.0
                used += step
            continue
        used += need
    return lines


def _pieces(line: str) -> list[str]:
    """What may not be broken: words with the space after them, and wide characters one by one."""
    pieces: list[str] = []
    word = ""
    for character in line:
        if _wide(character):
            if word:
                pieces.append(word)
            pieces.append(character)
            word = ""
        else:
            word += character
            if character.isspace():
                pieces.append(word)
                word = ""
    return [*pieces, word] if word else pieces


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


@cache
def _em(character: str) -> float:
    if _wide(character):
        return 1.0
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return 1.0 if unicodedata.east_asian_width(character) == "A" else _OTHER
    return float(pdfmetrics.stringWidth(character, "Helvetica", 1.0))
