"""From a case's record to the report's blocks: the answer, the path to it, its trials, its release, the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from trimtab_vectors.study.report.catalogue import read_catalogue
from trimtab_vectors.study.report.document import (
    Block,
    Bullets,
    Language,
    Paragraph,
    Report,
    Section,
    Table,
    Tone,
    VerdictCard,
)
from trimtab_vectors.study.report.wording import Wording

from trimtab_server.reports import trial_findings as findings
from trimtab_server.reports.case_record import CaseRecord, CaseTrial
from trimtab_server.reports.rollout_report import RolloutWords, rollout_report
from trimtab_server.reports.rollout_report import headline as rollout_headline
from trimtab_server.reports.trial_report import TEXTS, locked_table, trial_report, trial_words
from trimtab_server.rollouts.verdict import Verdict

_TONES: Final[dict[str, Tone]] = {"scale": "confirmed", "stop": "candidate", "open": "undecided"}
#: Of the telling trial's own report, in its order.
_OF_TRIAL: Final = ("results", "parts", "effects", "cost", "replies", "limits")
#: Of the rollout's own report.
_OF_ROLLOUT: Final = ("steps", "guardrails", "looks", "who")


@dataclass(frozen=True)
class CaseWords(Wording):
    """Wording with the case at hand."""

    record: CaseRecord

    @property
    def language(self) -> Language:
        return self.words.language

    @property
    def outcome(self) -> str:
        """ "scale", "stop" or "open"."""
        return "open" if self.record.decision is None else self.record.decision.choice

    def moment(self, nanoseconds: int) -> str:
        """In UTC, to the second; empty for 0."""
        if not nanoseconds:
            return ""
        return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def role(self, trial: CaseTrial) -> str:
        return self(f"case_role.{trial.role}")

    def verdict(self, trial: CaseTrial) -> str:
        """In a word or two, with its recommendation."""
        if trial.verdict == Verdict.PASS and trial.recommendation:
            return self(f"verdict.{'steer' if trial.recommendation == 'steer' else 'prompt'}")
        keys = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.NOT_ENOUGH_DATA: "not_enough"}
        return self(f"verdict.{keys.get(Verdict(trial.verdict), 'error')}") if trial.verdict else "–"


def case_words(record: CaseRecord, language: Language) -> CaseWords:
    return CaseWords(read_catalogue(TEXTS, language), record)


def case_report(record: CaseRecord, language: Language = "en") -> Report:
    """The whole report in one language; the same record gives the same report."""
    say = case_words(record, language)
    return Report(
        title=say("title.case", name=record.display_name),
        subtitle=say("subtitle.case", name=record.name),
        language=language,
        contents=say("contents"),
        values=say("values"),
        sections=(
            _answer(say),
            _question(say),
            _path(say),
            _trials(say),
            *_telling(say),
            *_release(say),
            _risks(say),
            _record(say),
        ),
    )


def headline(say: CaseWords) -> str:
    """The answer in one sentence."""
    record, telling = say.record, say.record.telling
    if record.decision is None:
        step = record.step
        return say("case_headline.open", what="" if step is None else step.sentence_in(say.language))
    if record.decision.choice == "stop":
        return say("case_headline.stop", reason=_stopped(record.decision.reason))
    if telling is None or telling.record is None:
        return say("case_headline.scale_bare")
    own = trial_words(telling.record, say.language)
    about, unsteered = own.about, own.unsteered
    if about is None or unsteered is None:
        return say("case_headline.scale_bare")
    return say(
        "case_headline.scale",
        measure=own.measure,
        unsteered=own.amount(unsteered.level.value),
        value=own.amount(about.level.value),
        lane=own.lane(about.lane),
        prompts=about.prompts,
    )


def decision_card(say: CaseWords) -> VerdictCard:
    decision, step = say.record.decision, say.record.step
    if decision is None:
        sentence = "" if step is None else step.sentence_in(say.language)
    else:
        sentence = say(
            "case.decided", actor=decision.actor, time=say.moment(decision.time), reason=decision.reason
        )
    return VerdictCard(
        _TONES[say.outcome], say(f"case_outcome.{say.outcome}"), say("case.decision"), sentence
    )


def phrases(say: CaseWords) -> tuple[str, ...]:
    """What each part found, in sentences for a board."""
    found = []
    for role in ("small", "confirmation"):
        trial = say.record.trial(role)
        if trial is None or not trial.verdict:
            continue
        said = (
            trial.reason_in(say.language)
            if trial.record is None
            else findings.headline(trial_words(trial.record, say.language))
        )
        found.append(say("case.phrase_trial", role=say.role(trial), sentence=said))
    rollout = say.record.rollout
    if rollout is not None and rollout.record is not None:
        own = RolloutWords(say.words, rollout.record)
        found.append(say("case.phrase_rollout", sentence=rollout_headline(own)))
    if say.record.other_trials:
        found.append(say("case.others", count=len(say.record.other_trials)))
    return tuple(found)


def path_table(say: CaseWords) -> Table:
    """Every step, and where it stands."""
    return Table(
        tuple(say(f"column.{name}") for name in ("case_step", "standing", "text")),
        tuple(
            (
                say(f"case_step.{own.step}"),
                say(f"case_state.{own.state}"),
                own.sentence_in(say.language),
            )
            for own in say.record.steps
        ),
        words=True,
    )


def trials_table(say: CaseWords) -> Table:
    """All trials of the case, those too that others took the place of."""
    return Table(
        tuple(say(f"column.{name}") for name in ("case_role", "prompts", "verdict", "locked_as")),
        tuple(
            (
                say.role(own) if own.decides else say("case.replaced", role=say.role(own)),
                str(own.prompts),
                say.verdict(own),
                own.lock_hash[:16],
            )
            for own in say.record.trials
        ),
        words=True,
    )


def risks(say: CaseWords) -> tuple[str, ...]:
    """As the operators wrote them, then what the telling trial shows."""
    written = tuple(line.strip("-・* \t") for line in say.record.risks.splitlines() if line.strip("-・* \t"))
    telling = say.record.telling
    if telling is None or telling.record is None:
        return written
    return (*written, *findings.risks(trial_words(telling.record, say.language)))


def _answer(say: CaseWords) -> Section:
    blocks: list[Block] = [Paragraph(headline(say), "lead"), decision_card(say)]
    said = phrases(say)
    if said:
        blocks += [Paragraph(say("case.phrases"), "soft"), Bullets(said)]
    return Section("answer", say("answer.title"), tuple(blocks))


def _question(say: CaseWords) -> Section:
    record, lock = say.record, say.record.lock
    blocks: list[Block] = [Paragraph(record.goal or say("question.no_goal"))]
    if lock is None:
        blocks.append(Paragraph(say("case.not_locked"), "soft"))
    else:
        said = say("case.locked", time=say.moment(lock.time), actor=lock.actor, hash=lock.criteria_hash)
        blocks.append(Paragraph(said, "soft"))
    if record.telling is not None and record.telling.record is not None:
        blocks.append(locked_table(trial_words(record.telling.record, say.language)))
    return Section("question", say("question.title"), tuple(blocks))


def _path(say: CaseWords) -> Section:
    return Section("path", say("case.path"), (Paragraph(say("case.path_what"), "soft"), path_table(say)))


def _trials(say: CaseWords) -> Section:
    if not say.record.trials:
        return Section("trials", say("case.trials"), (Paragraph(say("case.no_trials"), "soft"),))
    blocks: list[Block] = [Paragraph(say("case.trials_what"), "soft"), trials_table(say)]
    gone = [say.role(own) for own in say.record.trials if own.verdict and own.record is None]
    if gone:
        blocks.append(Paragraph(say("case.deleted", roles=say.joined(gone)), "soft"))
    others = say.record.other_trials
    if others:
        blocks.append(Paragraph(say("case.others", count=len(others)), "soft"))
    return Section("trials", say("case.trials"), tuple(blocks))


def _telling(say: CaseWords) -> tuple[Section, ...]:
    """The figures of the trial that decides, as in its own report."""
    telling = say.record.telling
    if telling is None or telling.record is None:
        return ()
    sections = {own.id: own for own in trial_report(telling.record, say.language).sections}
    return tuple(
        replace(own, title=say("case.part", part=say.role(telling), title=own.title))
        for id in _OF_TRIAL
        if (own := sections.get(id)) is not None
    )


def _release(say: CaseWords) -> tuple[Section, ...]:
    rollout = say.record.rollout
    if rollout is None or rollout.record is None:
        return ()
    report = rollout_report(rollout.record, say.language)
    sections = {own.id: own for own in report.sections}
    return tuple(
        Section(f"release-{id}", say("case.part", part=say("case.release"), title=own.title), own.blocks)
        for id in _OF_ROLLOUT
        if (own := sections.get(id)) is not None
    )


def _risks(say: CaseWords) -> Section:
    found = risks(say)
    block: Block = Bullets(found) if found else Paragraph(say("case.no_risks"), "soft")
    return Section("risks", say("risks.title"), (block,))


def _record(say: CaseWords) -> Section:
    blocks: list[Block] = [Paragraph(say("case.record_what"), "soft"), record_table(say)]
    if say.record.deeds:
        deeds = Table(
            tuple(say(f"column.{name}") for name in ("time", "who", "what", "why", "record")),
            tuple(
                (
                    say.moment(own.time),
                    own.actor,
                    own.action,
                    own.reason or "–",
                    f"{own.sequence}: {own.hash[:16]}",
                )
                for own in say.record.deeds
            ),
            words=True,
        )
        blocks += [Paragraph(say("rollout.who_what"), "soft"), deeds]
    return Section("record", say("record.title"), tuple(blocks))


def record_table(say: CaseWords) -> Table:
    """What a reader checks the report against."""
    record, lock, decision = say.record, say.record.lock, say.record.decision
    trials = [(f"case_{own.role}", f"{own.name} ({own.lock_hash})") for own in record.trials if own.decides]
    rollout = record.rollout
    facts = [
        ("case", record.name),
        ("created_by", record.created_by),
        ("criteria_hash", lock.criteria_hash if lock else ""),
        ("case_lanes_hash", lock.lanes_hash if lock else ""),
        *trials,
        ("rollout", f"{rollout.name} ({rollout.plan_hash})" if rollout else ""),
        ("candidate", rollout.candidate_snapshot if rollout else ""),
        ("case_basis_hash", decision.basis_hash if decision else ""),
        ("audit_records", str(record.audit.records) if record.audit else ""),
        ("audit_head", record.audit.head if record.audit else say("record.no_audit")),
    ]
    return Table(
        (say("column.record"), say("column.value")),
        tuple((say(f"record.{key}"), value) for key, value in facts if value),
        words=True,
    )


def _stopped(reason: str) -> str:
    """Without its last stop, since the sentence has its own."""
    return reason.strip().rstrip(".。")
