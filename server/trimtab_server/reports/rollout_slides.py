"""A rollout in five slides, from its report: where it stands, the plan, the evidence, who did what, the limits."""

from __future__ import annotations

from trimtab_vectors.study.report.catalogue import read_catalogue
from trimtab_vectors.study.report.document import Figure, Language, Paragraph, Report, Section

from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.rollout_record import RolloutRecord
from trimtab_server.reports.rollout_report import rollout_report
from trimtab_server.reports.trial_report import TEXTS


def rollout_deck(record: RolloutRecord, language: Language = "en") -> Deck:
    """Five slides from the blocks of the report, which has the rest; the same record gives the same slides."""
    report = rollout_report(record, language)
    words = read_catalogue(TEXTS, language)
    return Deck(
        title=report.title,
        footer=report.subtitle,
        language=language,
        more=words("more_rows", count="{count}"),
        slides=(
            _answer(report),
            _slide(_named(report, "steps")),
            _evidence(_named(report, "guardrails")),
            _slide(_named(report, "who")),
            _limits(report),
        ),
    )


def _named(report: Report, name: str) -> Section:
    return next(section for section in report.sections if section.id == name)


def _slide(section: Section) -> Slide:
    return Slide(section.title, section.blocks)


def _answer(report: Report) -> Slide:
    """The headline as the title; the verdict at the left, how it came to it at the right."""
    section = _named(report, "answer")
    lead, card, said = section.blocks
    title = lead.text if isinstance(lead, Paragraph) else section.title
    return Slide(title, (card,), (said,), notes=section.title)


def _evidence(section: Section) -> Slide:
    """The guardrails as a table; how the evidence went, beside it, where looks were taken."""
    figures = tuple(block for block in section.blocks if isinstance(block, Figure))
    others = tuple(block for block in section.blocks if not isinstance(block, Figure))
    return Slide(section.title, others, figures)


def _limits(report: Report) -> Slide:
    """What was not shown, and where to look it up."""
    limits, kept = _named(report, "limits"), _named(report, "record")
    return Slide(limits.title, limits.blocks, kept.blocks)
