"""From a rollout's record to the report's blocks: where it stands, the plan, the evidence, and who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from trimtab_client.rollout_types import GuardrailEvidence, RolloutLook, Verdict
from trimtab_vectors.study.report.catalogue import read_catalogue
from trimtab_vectors.study.report.document import (
    Block,
    Bullets,
    Figure,
    Language,
    Paragraph,
    Report,
    Section,
    Table,
    Tone,
    VerdictCard,
)
from trimtab_vectors.study.report.drawing import Ink, shortened
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.timeline import Series, Threshold, Timeline
from trimtab_vectors.study.report.wording import Wording

from trimtab_server.reports.rollout_record import RolloutRecord
from trimtab_server.reports.trial_report import TEXTS

_TONES: dict[str, Tone] = {
    "promoted": "confirmed",
    "failed": "candidate",
    "aborted": "candidate",
    "running": "none",
}
_INKS: tuple[Ink, ...] = ("first", "second", "third", "fourth", "soft")
#: Looks on one axis; of more the newest are drawn, and the table has all.
_DRAWN = 24


@dataclass(frozen=True)
class RolloutWords(Wording):
    record: RolloutRecord

    def verdict(self, own: Verdict) -> str:
        return self(f"rollout_verdict.{'none' if own is Verdict.UNSPECIFIED else own.value}")

    def moment(self, own: datetime | None) -> str:
        return "" if own is None else own.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def rollout_report(record: RolloutRecord, language: Language = "en") -> Report:
    """The whole report in one language; the same record gives the same report."""
    say = RolloutWords(read_catalogue(TEXTS, language), record)
    rollout = record.rollout
    return Report(
        title=say("title.rollout", candidate=record.candidate),
        subtitle=say("subtitle.rollout", name=rollout.name, hash=rollout.plan.hash[:16]),
        language=language,
        contents=say("contents"),
        values=say("values"),
        sections=(
            _answer(say),
            _steps(say),
            _guardrails(say),
            _looks(say),
            _who(say),
            Section(
                "limits",
                say("rollout.limits"),
                (Bullets(tuple(say.words.sentence(own) for own in rollout.limits_of_method)),),
            ),
            _record(say),
        ),
    )


def headline(say: RolloutWords) -> str:
    """Where the rollout stands, in one sentence."""
    rollout = say.record.rollout
    return say(
        f"rollout_headline.{rollout.state.value}",
        candidate=say.record.candidate,
        step=rollout.step + 1,
        steps=len(rollout.plan.steps),
        weight=rollout.weight,
    )


def _answer(say: RolloutWords) -> Section:
    rollout = say.record.rollout
    said = [
        say(
            "rollout.phrase_steps",
            step=rollout.step + 1,
            steps=len(rollout.plan.steps),
            weight=rollout.weight,
        ),
        say("rollout.phrase_looks", looks=rollout.look_count),
    ]
    if rollout.reason:
        said.append(say("rollout.phrase_reason", reason=rollout.reason))
    if rollout.changed_by:
        said.append(say("rollout.phrase_by", actor=rollout.changed_by))
    state = say(f"rollout_state.{rollout.state.value}")
    card = VerdictCard(
        _TONES.get(rollout.state.value, "undecided"),
        state,
        say("verdict.title"),
        say.verdict(rollout.verdict),
    )
    return Section(
        "answer", say("rollout.title_answer"), (Paragraph(headline(say), "lead"), card, Bullets(tuple(said)))
    )


def _steps(say: RolloutWords) -> Section:
    rollout = say.record.rollout
    reached = _reached(say.record)
    table = Table(
        tuple(say(f"column.{name}") for name in ("step", "text", "weight", "reached")),
        tuple(
            (
                str(number + 1),
                say.words.sentence(step.text),
                f"{step.weight}%",
                say.moment(reached.get(number)) or "–",
            )
            for number, step in enumerate(rollout.plan.steps)
        ),
        words=True,
    )
    locked = say(
        "rollout.steps_what", hash=rollout.plan.hash[:16], budget=f"{rollout.plan.false_alarm_budget:.1%}"
    )
    return Section("steps", say("rollout.steps"), (Paragraph(locked, "soft"), table))


def _reached(record: RolloutRecord) -> dict[int, datetime]:
    """When each step was first seen, as far as its looks tell."""
    found: dict[int, datetime] = {}
    for look in record.looks:
        if look.time is not None:
            found.setdefault(look.step, look.time)
    return found


def _guardrails(say: RolloutWords) -> Section:
    rollout = say.record.rollout
    tests = {own.name: own for own in rollout.plan.guardrails}
    columns = ("guardrail", "test", "verdict", "count", "measured", "evidence", "acts")
    rows = []
    for own in rollout.evidence:
        test = tests.get(own.guardrail)
        rows.append(
            (
                own.guardrail,
                "" if test is None else test.test.replace("_", " "),
                say.verdict(own.verdict),
                str(own.count),
                say.interval(own.estimate, own.lower, own.upper) if own.estimate is not None else "–",
                _percent(share(own)),
                say("rollout.acts" if own.acts else "rollout.shown_only"),
            )
        )
    if not rows:
        return Section(
            "guardrails", say("rollout.guardrails"), (Paragraph(say("rollout.no_evidence"), "soft"),)
        )
    table = Table(tuple(say(f"column.{name}") for name in columns), tuple(rows), words=True)
    blocks: list[Block] = [Paragraph(say("rollout.guardrails_what"), "soft"), table]
    chart = _evidence_figure(say)
    return Section("guardrails", say("rollout.guardrails"), (*blocks, *([chart] if chart else [])))


def _evidence_figure(say: RolloutWords) -> Figure | None:
    """Evidence of each acting guardrail at each look, as a share of what trips it."""
    looks = [own for own in say.record.looks if own.evidence]
    names = list(dict.fromkeys(e.guardrail for own in looks for e in own.evidence if e.acts and e.threshold))
    if not looks or not names:
        return None
    values = {name: [_at(own, name) for own in looks] for name in names}
    drawn = slice(-_DRAWN, None)
    title = say("rollout.figure")
    chart = Timeline(
        title=title,
        stages=[str(own.number) for own in looks[drawn]],
        under=(),
        stage_title=say("rollout.axis_looks"),
        value_title=say("rollout.axis_evidence"),
        series=[
            Series(
                shortened(name, 12.0, 260.0),
                values[name][drawn],
                _INKS[i % len(_INKS)],
                hollow=i >= len(_INKS),
            )
            for i, name in enumerate(names)
        ],
        thresholds=[Threshold(say("rollout.trips"), 100.0), Threshold("", 0.0)],
    )
    last = {name: values[name][-1] or 0.0 for name in names}
    nearest = max(last, key=lambda name: last[name])
    reading = say("rollout.figure_reading", guardrail=nearest, share=f"{last[nearest]:.0f}%")
    table = Table(
        (say("column.look"), *names),
        tuple(
            (str(own.number), *("–" if v is None else f"{v:.0f}%" for v in (values[n][i] for n in names)))
            for i, own in enumerate(looks)
        ),
    )
    return Figure(title, chart.draw(), reading, table, say("values_of", title=title))


def share(own: GuardrailEvidence) -> float | None:
    """How far the evidence has come, in percent of what trips the guardrail; None for a rule that is no statistic."""
    if own.evidence is None or not own.threshold:
        return None
    return 100.0 * max(0.0, own.evidence / own.threshold)


def _at(look: RolloutLook, name: str) -> float | None:
    return next((share(own) for own in look.evidence if own.guardrail == name), None)


def _looks(say: RolloutWords) -> Section:
    looks = say.record.looks
    if not looks:
        return Section("looks", say("rollout.looks"), (Paragraph(say("rollout.no_looks"), "soft"),))
    table = Table(
        tuple(say(f"column.{name}") for name in ("look", "time", "step", "weight", "verdict", "action")),
        tuple(
            (
                str(own.number),
                say.moment(own.time),
                str(own.step + 1),
                f"{own.weight}%",
                say.verdict(own.verdict),
                say.words.named("look_action", own.action),
            )
            for own in looks
        ),
        words=True,
    )
    return Section("looks", say("rollout.looks"), (table,))


def _who(say: RolloutWords) -> Section:
    audit = say.record.audit
    if not audit:
        return Section("who", say("rollout.who"), (Paragraph(say("rollout.no_audit"), "soft"),))
    table = Table(
        tuple(say(f"column.{name}") for name in ("time", "who", "what", "why", "record")),
        tuple(
            (
                say.moment(own.time),
                own.actor,
                own.action,
                own.reason or "–",
                f"{own.sequence}: {own.hash[:16]}",
            )
            for own in audit
        ),
        words=True,
    )
    return Section("who", say("rollout.who"), (Paragraph(say("rollout.who_what"), "soft"), table))


def _record(say: RolloutWords) -> Section:
    rollout, head = say.record.rollout, say.record.head
    facts = [
        ("rollout", rollout.name),
        ("plan", rollout.plan.hash),
        ("stable", rollout.stable_snapshot),
        ("candidate", rollout.candidate_snapshot),
        ("created", _by(say.moment(rollout.create_time), rollout.created_by)),
        ("started", say.moment(rollout.start_time)),
        ("ended", _by(say.moment(rollout.end_time), rollout.changed_by)),
        ("revision", rollout.promoted_revision),
        ("looks", str(rollout.look_count)),
        ("audit_records", str(head.records) if head else ""),
        ("audit_head", head.head if head else say("record.no_audit")),
    ]
    table = Table(
        (say("column.record"), say("column.value")),
        tuple((say(f"record.{key}"), value) for key, value in facts if value),
        words=True,
    )
    return Section("record", say("record.title"), (table,))


def _by(moment: str, actor: str) -> str:
    return f"{moment}, {actor}" if moment and actor else moment


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{figure(value)}%"
