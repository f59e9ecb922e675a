"""What makes a confirmation one: fresh prompts, and the same candidate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from trimtab_vectors.evaluation.honesty import normalise

from trimtab_server.trials.prompts import Prompt

#: Hexadecimal digits that are kept of a prompt's mark: 64 bits, with which no two prompts of a case will agree.
_DIGITS: Final = 16

_CHANGES: Final = {
    "missing": ("lane {lane} is missing", "レーン「{lane}」がありません"),
    "added": ("lane {lane} was added", "レーン「{lane}」が追加されています"),
    "other": ("lane {lane} steers otherwise", "レーン「{lane}」のステアリングが異なります"),
}

Configured = TypeVar("Configured")


def prompt_mark(secret: str, text: str) -> str:
    """What a case remembers of a prompt once its text is deleted: a keyed hash (HMAC-SHA256) of the normalised text.

    Keyed, so that whoever sees the mark alone cannot try texts against it. secret: hexadecimal, the case's own.
    """
    key, value = bytes.fromhex(secret), normalise(text).encode()
    return hmac.new(key, value, hashlib.sha256).hexdigest()[:_DIGITS]


def prompt_marks(secret: str, prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """Of all prompts, each once, sorted."""
    return tuple(sorted({prompt_mark(secret, prompt.prompt) for prompt in prompts}))


@dataclass(frozen=True)
class Repeats:
    """Prompts that were asked before: how many of `total`, and the ids of the first few."""

    count: int
    total: int
    first: tuple[str, ...]


def repeated(secret: str, prompts: Iterable[Prompt], asked: Collection[str], show: int = 5) -> Repeats | None:
    """The prompts whose marks are among those asked before; None if all of them are fresh."""
    given = tuple(prompts)
    found = [own.id for own in given if prompt_mark(secret, own.prompt) in asked]
    return Repeats(len(found), len(given), tuple(found[:show])) if found else None


@dataclass(frozen=True)
class LaneChange:
    """lane: its name."""

    lane: str
    how: Literal["missing", "added", "other"]

    def said_in(self, language: str) -> str:
        """In "en" or "ja"."""
        return _CHANGES[self.how][language == "ja"].format(lane=self.lane)


def lane_changes(locked: Mapping[str, Configured], found: Mapping[str, Configured]) -> tuple[LaneChange, ...]:
    """What is different between two sets of lanes, each by name; empty where nothing is."""
    gone = [LaneChange(name, "missing") for name in locked if name not in found]
    new = [LaneChange(name, "added") for name in found if name not in locked]
    both = [name for name in locked if name in found]
    other = [LaneChange(name, "other") for name in both if found[name] != locked[name]]
    return (*gone, *new, *other)


def released_prompt(lines: Iterable[str]) -> str:
    """The system prompt of a snapshot that says what a lane's lines say, in every language."""
    return "\n".join(lines)


def same_prompt(system_prompt: str, lines: Collection[str]) -> bool:
    """Whether a snapshot's system prompt is a lane's: one of its lines (for one language), or all of them."""
    said = normalise(system_prompt)
    return said in {normalise(line) for line in lines} or said == normalise(released_prompt(lines))
