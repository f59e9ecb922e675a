"""A study in five slides, taken from its report: the answer, the judgements, a prompt, the plan, what limits it."""

from __future__ import annotations

from trimtab_vectors.study.report import build_report
from trimtab_vectors.study.report.catalogue import Catalogue, read_catalogue
from trimtab_vectors.study.report.document import (
    Block,
    Language,
    Paragraph,
    Report,
    Section,
    Table,
    VerdictCard,
)
from trimtab_vectors.study.results import Summary

from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.trial_report import TEXTS

_SECTIONS = ("answer", "judgements", "enough", "plan", "caveats")
#: Blocks of the plan's section before the doses that were tried.
_LOCKED = 4


def study_deck(summary: Summary, language: Language = "en") -> Deck:
    """Slides from the blocks of the study's report, which has the rest."""
    report = build_report(summary, language)
    words = read_catalogue(TEXTS, language)
    return Deck(
        title=report.title,
        footer=f"{report.title} · {words('subtitle.study', hash=summary.plan_hash[:16])}",
        language=language,
        more=words("more_rows", count="{count}"),
        slides=tuple(_slide(_named(report, name), words) for name in _SECTIONS),
    )


def _named(report: Report, name: str) -> Section:
    return next(section for section in report.sections if section.id == name)


def _slide(section: Section, words: Catalogue) -> Slide:
    """The section; what it leads with becomes the title. Of the plan, what was locked and the doses."""
    blocks: list[Block] = list(section.blocks)
    if section.id == "plan":
        return Slide(section.title, tuple(blocks[: _LOCKED // 2]), tuple(blocks[_LOCKED // 2 : _LOCKED]))
    cards = [own for own in blocks if isinstance(own, VerdictCard)]
    if cards:
        # As rows of a table they all find room, or it is said how many did not.
        blocks = [own for own in blocks if not isinstance(own, VerdictCard)]
        columns = tuple(words(f"column.{name}") for name in ("judged", "verdict", "why"))
        blocks.append(Table(columns, tuple((c.title, c.word, c.sentence) for c in cards), words=True))
    lead = next((own for own in blocks if isinstance(own, Paragraph) and own.kind == "lead"), None)
    if lead is None:
        return Slide(section.title, tuple(blocks))
    return Slide(lead.text, tuple(own for own in blocks if own is not lead))
