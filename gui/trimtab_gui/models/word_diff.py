"""What differs between two texts, word by word, in any script."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from PySide6.QtCore import QTextBoundaryFinder

#: Longer replies are compared line by line: the matcher's work grows with the square.
MOST_WORDS: Final = 2000


@dataclass(frozen=True)
class Piece:
    """A stretch of the second text; `is_new`: the first has something else there, or nothing."""

    text: str
    is_new: bool


def words(text: str) -> list[str]:
    """A text cut at the boundaries of words; joined they are the text."""
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, text)
    # Qt counts UTF-16 units.
    units = text.encode("utf-16-le")
    found, start = [], 0
    while (end := finder.toNextBoundary()) >= 0:
        found.append(units[2 * start : 2 * end].decode("utf-16-le"))
        start = end
    return found


def compare(first: str, second: str) -> tuple[Piece, ...]:
    """The second text, with what is new in it against the first."""
    one, other = words(first), words(second)
    if max(len(one), len(other)) > MOST_WORDS:
        one, other = first.splitlines(keepends=True), second.splitlines(keepends=True)
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return tuple(
        Piece("".join(other[start:end]), tag != "equal")
        for tag, _, _, start, end in matcher.get_opcodes()
        if end > start
    )
