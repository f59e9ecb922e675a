"""Two replies word by word, as data that a view can draw. Japanese, which has no spaces, is cut where the script
changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

#: Longer replies are compared line by line: the matcher's work grows with the square.
MOST_WORDS: Final = 4000
_WORD: Final = re.compile(
    r"\s+"
    r"|[^\W\d_぀-ヿ㐀-鿿豈-﫿ｦ-ﾟ]+(?:['’-][^\W\d_぀-ヿ㐀-鿿豈-﫿ｦ-ﾟ]+)*"  # a word of a script with spaces
    r"|\d+(?:[.,:]\d+)*"
    r"|[㐀-鿿豈-﫿々〆]+"
    r"|[゠-ヿｦ-ﾟー]+"
    r"|[぀-ゟ]+"
    r"|."
)


@dataclass(frozen=True)
class Segment:
    """A stretch of both replies. change: "same", "changed", "removed" (right is
    empty) or "added" (left is empty)."""

    change: Literal["same", "changed", "removed", "added"]
    left: str
    right: str

    def as_dict(self) -> dict[str, Any]:
        return {"change": self.change, "left": self.left, "right": self.right}


def words(text: str) -> list[str]:
    """A text cut into words, spaces and signs; joined they are the text."""
    return [own for line in text.splitlines(keepends=True) for own in _WORD.findall(line)]


def word_diff(left: str, right: str) -> tuple[Segment, ...]:
    """What differs between two texts. The lefts joined are `left`, the rights `right`."""
    one, other = words(left), words(right)
    if max(len(one), len(other)) > MOST_WORDS:
        one, other = left.splitlines(keepends=True), right.splitlines(keepends=True)
    names: dict[str, Literal["same", "changed", "removed", "added"]] = {
        "equal": "same",
        "replace": "changed",
        "delete": "removed",
        "insert": "added",
    }
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return tuple(
        Segment(names[tag], "".join(one[a:b]), "".join(other[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
    )
