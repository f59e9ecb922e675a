"""Numbers in a text, in digits or kanji: 1,200 / 1200 / １２００ / 1.2 thousand / 千二百 / 1万2千."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DIGITS: Final = {own: value for value, own in enumerate("〇一二三四五六七八九")} | {"零": 0}
_SMALL: Final = {"十": 10, "百": 100, "千": 1000}
_LARGE: Final = {"万": 10**4, "億": 10**8, "兆": 10**12}
_WORDS: Final = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_KANJI: Final = "".join((*_DIGITS, *_SMALL, *_LARGE))
_NUMBER: Final = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_TOKEN: Final = re.compile(
    # A minus stands only where no word or number ends: 3-4 is two positive numbers.
    rf"((?:(?<![\w.,])-)?{_NUMBER})(?:\s*(thousand|million|billion|trillion)\b)?|([{_KANJI}])"
)


def numbers_in(text: str) -> tuple[float, ...]:
    """Every number that a text names, in order.

    Kanji and digits may mix as they do in prices (1万2千). A single kanji digit counts too, so that 三年 is 3; 一 in a
    word such as 一緒 is read as 1.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[float] = []
    run: list[float | str] = []
    end = 0
    for match in _TOKEN.finditer(folded):
        if match.start() != end or (run and match[2]):
            found += _value(run)
            run = []
        end = match.end()
        if match[3]:
            run.append(match[3])
        elif match[2]:
            found.append(_plain(match[1]) * _WORDS[match[2]])
        else:
            if run and isinstance(run[-1], float):
                found += _value(run)
                run = []
            run.append(_plain(match[1]))
    return tuple(found + _value(run))


def _plain(digits: str) -> float:
    return float(digits.replace(",", ""))


def _value(run: list[float | str]) -> list[float]:
    """One number of a run of digits and kanji: sections of at most 千, closed by 万, 億, 兆."""
    if not run:
        return []
    total, section, current = 0.0, 0.0, None
    for own in run:
        if isinstance(own, float):
            current = own
        elif own in _DIGITS:
            current = (0.0 if current is None else current) * 10 + _DIGITS[own]
        elif own in _SMALL:
            section += (1.0 if current is None else current) * _SMALL[own]
            current = None
        else:
            section += 0.0 if current is None else current
            total += (section or 1.0) * _LARGE[own]
            section, current = 0.0, None
    return [total + section + (0.0 if current is None else current)]
