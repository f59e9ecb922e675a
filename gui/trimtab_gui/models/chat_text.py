"""Finding words in chats as people mean them: full-width or half-width, large or small, hiragana or katakana."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

_KATAKANA: Final = range(0x30A1, 0x30F7)
_TO_HIRAGANA: Final = 0x60


class _Folds(dict[int, str]):
    """Each character's fold, worked out once. Decomposed (NFKD), so that the fold of a text is that of its parts."""

    def __missing__(self, code: int) -> str:
        parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        folded = "".join(chr(ord(part) - _TO_HIRAGANA) if ord(part) in _KATAKANA else part for part in parts)
        self[code] = folded
        return folded


class Folding:
    """Folds texts and finds folded words in them."""

    def __init__(self) -> None:
        self._folds = _Folds()

    def fold(self, text: str) -> str:
        """The form that is compared. Never shorter than `text`."""
        return text.casefold() if text.isascii() else text.translate(self._folds)

    def find(self, text: str, folded_query: str) -> list[tuple[int, int]]:
        """Where a folded query occurs in a text, as (start, end) of the text itself, without overlaps."""
        if not folded_query:
            return []
        folded = self.fold(text)
        places = []
        start = folded.find(folded_query)
        while start >= 0:
            end = start + len(folded_query)
            # は is no は in ば: what follows must not belong to the last character.
            if end == len(folded) or not unicodedata.combining(folded[end]):
                places.append((start, end))
            else:
                end = start + 1
            start = folded.find(folded_query, end)
        if not places or len(folded) == len(text):
            return places
        return self._unfolded(text, places)

    def _unfolded(self, text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The same places counted in characters of the text."""
        origin: list[int] = []
        for index, character in enumerate(text):
            origin.extend([index] * len(self._folds[ord(character)]))
        return [(origin[start], origin[end - 1] + 1) for start, end in places]


@dataclass(frozen=True)
class Found:
    """A place in a chat: characters `start` to `end` of the text of turn `turn` of a lane."""

    lane: str
    turn: int
    start: int
    end: int


def snippet(text: str, start: int, end: int, around: int = 40) -> tuple[str, int, int]:
    """One line around a place, and where the place is in it."""
    first, last = max(0, start - around), min(len(text), end + around)
    before, after = "…" if first else "", "…" if last < len(text) else ""
    line = before + text[first:last] + after
    line = "".join(" " if character.isspace() else character for character in line)
    return line, start - first + len(before), end - first + len(before)
