"""A report as blocks, without a form: the page and the PDF show the same blocks, so they cannot say two things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from trimtab_vectors.study.report.drawing import Drawing

Language = Literal["en", "ja"]
#: How a verdict is coloured; the word stands beside it always.
Tone = Literal["confirmed", "candidate", "none", "undecided"]


@dataclass(frozen=True)
class Paragraph:
    """kind: "lead" is the answer in large letters, "soft" a remark."""

    text: str
    kind: Literal["plain", "lead", "soft"] = "plain"


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The first column names a row; the others hold figures unless `words`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: bool = False


@dataclass(frozen=True)
class VerdictCard:
    """One judgement: what was judged, the verdict in one word and one sentence, and why no more is said."""

    tone: Tone
    word: str
    title: str
    sentence: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A chart with its reading in one sentence and the values it shows."""

    title: str
    drawing: Drawing
    reading: str
    table: Table
    table_title: str


Block: TypeAlias = Paragraph | Bullets | Table | VerdictCard | Figure


@dataclass(frozen=True)
class Section:
    """id: names the place in the page."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """contents: the title of the list of sections, which a page shows after the first one. values: of the tables
    behind the charts, where they stand together."""

    title: str
    subtitle: str
    language: Language
    contents: str
    values: str
    sections: tuple[Section, ...]

    @property
    def texts(self) -> Iterator[str]:
        """Every string that is shown."""
        yield from (self.title, self.subtitle, self.contents, self.values)
        for section in self.sections:
            yield section.title
            for block in section.blocks:
                yield from _texts(block)


def _texts(block: Block) -> Iterable[str]:
    match block:
        case Paragraph():
            return [block.text]
        case Bullets():
            return block.items
        case Table():
            return [*block.columns, *(cell for row in block.rows for cell in row)]
        case VerdictCard():
            return [block.word, block.title, block.sentence, *block.reasons]
        case Figure():
            return [block.title, block.reading, block.table_title, *block.drawing.texts, *_texts(block.table)]
