"""A case in six slides: decision, path, question, results, costs, and what to beware of."""

from __future__ import annotations

from trimtab_vectors.study.report.document import Block, Bullets, Language, Paragraph

from trimtab_server.reports import trial_findings as findings
from trimtab_server.reports.case_record import CaseRecord
from trimtab_server.reports.case_report import (
    CaseWords,
    case_words,
    decision_card,
    headline,
    path_table,
    phrases,
    risks,
    trials_table,
)
from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.trial_report import trial_words
from trimtab_server.reports.trial_slides import trial_deck

#: Of the telling trial's own deck: its question, results and costs.
_OF_TRIAL = slice(1, 4)


def case_deck(record: CaseRecord, language: Language = "en") -> Deck:
    """Six slides, three where there is no trial to show yet; the same record gives the same slides."""
    say = case_words(record, language)
    title = say("title.case", name=record.display_name)
    telling = record.telling
    shown = telling.record if telling is not None else None
    trial = () if shown is None else trial_deck(shown, language).slides[_OF_TRIAL]
    return Deck(
        title=title,
        footer=say.joined([title, say("subtitle.case", name=record.name)]),
        language=language,
        more=say("more_rows", count="{count}"),
        slides=(_decision(say), _path(say), *trial, _beware(say)),
    )


def _decision(say: CaseWords) -> Slide:
    said = phrases(say)
    right: tuple[Block, ...] = (Paragraph(say("case.phrases"), "soft"), Bullets(said)) if said else ()
    goal = Paragraph(say.record.goal or say("question.no_goal"))
    return Slide(headline(say), (decision_card(say), goal), right, notes="\n".join(said))


def _path(say: CaseWords) -> Slide:
    blocks: list[Block] = [path_table(say)]
    if say.record.trials:
        blocks.append(trials_table(say))
    return Slide(say("case.path"), tuple(blocks), notes=say("case.path_what"))


def _beware(say: CaseWords) -> Slide:
    found = risks(say)
    head = say.record.audit.head if say.record.audit else say("record.no_audit")
    left: Block = Bullets(found) if found else Paragraph(say("case.no_risks"), "soft")
    telling = say.record.telling
    right: list[Block] = []
    if telling is not None and telling.record is not None:
        unseen = findings.not_shown(trial_words(telling.record, say.language))
        right += [Paragraph(say("limits.title"), "soft"), Bullets(unseen)]
    if say.record.decision is not None:
        hashed = f"{say('record.case_basis_hash')}: {say.record.decision.basis_hash}"
        right.append(Paragraph(hashed, "soft"))
    right.append(Paragraph(f"{say('record.audit_head')}: {head}", "soft"))
    return Slide(say("risks.slide"), (Paragraph(say("risks.title"), "soft"), left), tuple(right))
