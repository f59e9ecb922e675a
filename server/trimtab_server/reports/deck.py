"""Slides as blocks, the same blocks that a report is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab_vectors.study.report.document import Block, Language


@dataclass(frozen=True)
class Slide:
    """title: what the slide says, as a sentence where there is one. left, right: blocks in columns; without right ones
    the left ones take the whole width. notes: what a speaker reads."""

    title: str
    left: tuple[Block, ...]
    right: tuple[Block, ...] = ()
    notes: str = ""

    @property
    def blocks(self) -> Iterator[Block]:
        yield from self.left
        yield from self.right


@dataclass(frozen=True)
class Deck:
    """footer: on every slide. more: said below a list or table that did not fit, with its `{count}`."""

    title: str
    footer: str
    language: Language
    more: str
    slides: tuple[Slide, ...]
