"""A trial in five slides: verdict, question, results, costs, and what to beware of."""

from __future__ import annotations

from typing import Final

from trimtab_vectors.study.report.document import Block, Bullets, Language, Paragraph, VerdictCard

from trimtab_server.reports import trial_figures as figures
from trimtab_server.reports import trial_findings as findings
from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.trial_record import TrialRecord
from trimtab_server.reports.trial_report import locked_table, trial_words, verdict_card
from trimtab_server.reports.trial_words import TrialWords

#: Of a chart in one of two columns, a quarter smaller than it will be.
_HALF: Final = 340.0


def trial_deck(record: TrialRecord, language: Language = "en") -> Deck:
    """Five slides; the same record gives the same slides."""
    say = trial_words(record, language)
    title = say("title.trial", name=record.criteria.name)
    return Deck(
        title=title,
        footer=say.joined(
            [
                say("title.trial", name=record.criteria.name),
                say("subtitle.trial", trial=record.trial, lock=record.lock[:16]),
            ]
        ),
        language=language,
        more=say("more_rows", count="{count}"),
        slides=(_verdict(say), _question(say), _results(say), _cost(say), _beware(say)),
    )


def _verdict(say: TrialWords) -> Slide:
    card: VerdictCard = verdict_card(say)
    phrases = findings.phrases(say)
    right: tuple[Block, ...] = (Paragraph(say("phrases.title"), "soft"), Bullets(phrases)) if phrases else ()
    gate = findings.next_gates(say)[0]
    return Slide(
        findings.headline(say),
        (card, Paragraph(gate)),
        right,
        notes=say("phrases.what") + "\n" + "\n".join(phrases),
    )


def _question(say: TrialWords) -> Slide:
    goal = say.record.criteria.goal or say("question.no_goal")
    lock = say("locked.what") + say("sentence_separator") + f"SHA-256 {say.record.lock}"
    return Slide(
        say("question.title"),
        (Paragraph(goal), locked_table(say), Paragraph(lock, "soft")),
    )


def _results(say: TrialWords) -> Slide:
    gains, rates = figures.gains_figure(say, _HALF), figures.rates_figure(say, _HALF)
    left: list[Block] = [gains] if gains else [Paragraph(say("results.none"), "soft")]
    if figures.side_effects(say):
        left += [
            Paragraph(say("phrase.effects", reading=figures.effects_reading(say))),
            figures.effects_table(say),
        ]
    right: list[Block] = [rates] if rates else [figures.lanes_table(say)]
    return Slide(say("results.title"), tuple(left), tuple(right), notes=say("results.what"))


def _cost(say: TrialWords) -> Slide:
    cost = say.record.cost
    title = say("cost.title")
    if cost is None:
        key = "cost.unknown" if say.record.cost_model is None else "cost.unfinished"
        return Slide(title, (Paragraph(say(key)), figures.lanes_table(say)))
    chart = figures.cost_figure(say, cost, 704.0)
    return Slide(title, (figures.cost_table(say, cost), *([chart] if chart else [])), notes=say("cost.given"))


def _beware(say: TrialWords) -> Slide:
    record = say.record
    head = record.audit.head if record.audit else say("record.no_audit")
    return Slide(
        say("risks.slide"),
        (
            Paragraph(say("risks.title"), "soft"),
            Bullets(findings.risks(say)),
            Paragraph(say("next.title"), "soft"),
            Bullets(findings.next_gates(say)),
        ),
        (
            Paragraph(say("limits.title"), "soft"),
            Bullets(findings.not_shown(say)),
            Paragraph(f"{say('record.audit_head')}: {head}", "soft"),
        ),
    )
