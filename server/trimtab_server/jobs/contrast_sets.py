"""Contrast sets before they are used: those beside a model, and what a set holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateError
from trimtab_vectors.extraction import (
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    Position,
    read_contrast_set,
    reading,
)

#: Pairs that a review shows.
_SHOWN: Final = 20
_ALWAYS: Final[tuple[Position, ...]] = ("last", "prompt_end", "all_mean")


@dataclass(frozen=True)
class Review:
    """What a set holds. languages: pairs by the script they are written in, "ja" or "en"."""

    name: str
    contrast_set: ContrastSet
    longest_tokens: int
    positions: tuple[Position, ...]

    @property
    def languages(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for pair in self.contrast_set.pairs:
            language = "ja" if any(map(_is_japanese, shown(pair.positive))) else "en"
            found[language] = found.get(language, 0) + 1
        return found

    @property
    def first(self) -> tuple[ContrastPair, ...]:
        """Pairs to show: of both splits, as they come."""
        return self.contrast_set.pairs[:_SHOWN]


def review(tokenizer: Any, contrast_set: ContrastSet, position: Position, name: str = "") -> Review:
    """Renders every pair the way an extraction would.

    Raises ContrastSetError that names the pair which cannot be read at `position`.
    """
    longest = 0
    for pair in contrast_set.pairs:
        for side, prompt in (("positive", pair.positive), ("negative", pair.negative)):
            try:
                tokens = reading(tokenizer, prompt, position).tokens
            except (ContrastSetError, TemplateError) as error:
                fault = error.fault if isinstance(error, ContrastSetError) else str(error)
                raise ContrastSetError(f"pair {pair.id!r}, {side} side: {fault}") from error
            longest = max(longest, len(tokens))
    answered = all(pair.positive.answer and pair.negative.answer for pair in contrast_set.pairs)
    positions: tuple[Position, ...] = (*_ALWAYS, "answer_mean") if answered else _ALWAYS
    return Review(name, contrast_set, longest, positions)


def shown(prompt: ContrastPrompt) -> str:
    """As people read it: turns apart, and the beginning of the reply after an arrow."""
    if prompt.text:
        return prompt.text
    turns = " ⏎ ".join(message.content for message in prompt.messages)
    return f"{turns} → {prompt.reply_prefix}" if prompt.reply_prefix else turns


def carried(directory: Path) -> dict[str, ContrastSet]:
    """The sets beside a model, by the names of their files. Raises ContrastSetError, with the file."""
    found: dict[str, ContrastSet] = {}
    for path in sorted((directory / "contrast").glob("*.jsonl")):
        try:
            found[path.stem] = read_contrast_set(path)
        except ContrastSetError as error:
            raise ContrastSetError(f"{path}: {error.fault}", error.line) from error
    return found


def of_hash(directory: Path, data_hash: str) -> ContrastSet | None:
    """The model's own set with this hash, as it is or with its sides exchanged."""
    for pairs in carried(directory).values():
        for own in (pairs, pairs.swapped()):
            if own.data_hash == data_hash:
                return own
    return None


def _is_japanese(character: str) -> bool:
    return "぀" <= character <= "ヿ" or "一" <= character <= "鿿"
