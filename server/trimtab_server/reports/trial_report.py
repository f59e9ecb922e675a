"""From a trial's record to the report's blocks."""

from __future__ import annotations

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

from trimtab_server.reports import trial_figures as figures
from trimtab_server.reports import trial_findings as findings
from trimtab_server.reports.trial_record import TrialRecord
from trimtab_server.reports.trial_words import TrialWords
from trimtab_server.trials.cost import CostModel
from trimtab_server.trials.criteria import Criteria

TEXTS = "trimtab_server.reports"
#: The colours of a study's verdicts, which mean the same: shown, not shown yet, shown to be otherwise.
_TONES: dict[str, Tone] = {
    "steer": "confirmed",
    "prompt": "confirmed",
    "pass": "confirmed",
    "fail": "candidate",
    "not_enough": "undecided",
    "error": "undecided",
}
_ROOM = 400


def trial_words(record: TrialRecord, language: Language) -> TrialWords:
    return TrialWords(read_catalogue(TEXTS, language), record)


def trial_report(record: TrialRecord, language: Language = "en") -> Report:
    """The whole report in one language; the same record gives the same report."""
    say = trial_words(record, language)
    sections = [
        _answer(say),
        _question(say),
        _results(say),
        _parts(say),
        _effects(say),
        _cost(say),
        _replies(say),
        Section("risks", say("risks.title"), (Bullets(findings.risks(say)),)),
        Section("limits", say("limits.title"), (Bullets(findings.not_shown(say)),)),
        Section("next", say("next.title"), (Bullets(findings.next_gates(say)),)),
        _record(say),
    ]
    return Report(
        title=say("title.trial", name=record.criteria.name),
        subtitle=say("subtitle.trial", trial=record.trial, lock=record.lock[:16]),
        language=language,
        contents=say("contents"),
        values=say("values"),
        sections=tuple(sections),
    )


def verdict_card(say: TrialWords) -> VerdictCard:
    verdict = say.record.summary.verdict
    key = say.verdict_key
    about = say.about
    title = say("verdict.title") if about is None else say("verdict.title_lane", lane=say.lane(about.lane))
    return VerdictCard(_TONES[key], say(f"verdict.{key}"), title, verdict.reason_in(say.language))


def locked_table(say: TrialWords) -> Table:
    """What was fixed before the first reply."""
    criteria, record = say.record.criteria, say.record
    facts = [
        ("measure", say("locked.measured", measure=say.measure, pressure=say.deciding)),
        ("margin", say.difference(criteria.margin)),
        ("prompt_margin", say.difference(criteria.prompt_margin).lstrip("+")),
        ("prompts", say("locked.prompts_of", prompts=len(record.prompts), groups=record.prompts.groups)),
        ("min_prompts", str(criteria.min_prompts)),
        (
            "repeats",
            say("locked.seeds", repeats=criteria.repeats, seeds=say.joined(map(str, criteria.seeds))),
        ),
        ("alpha", f"{criteria.alpha:g}"),
        ("scorer", say(f"scorer.{criteria.scorer.kind}")),
        ("sampling", _sampling(say, criteria)),
        ("effects", say.joined(_limits(say, criteria))),
    ]
    return Table(
        (say("column.locked"), say("column.value")),
        tuple((say(f"locked.{key}"), value) for key, value in facts if value),
        words=True,
    )


def lock_table(say: TrialWords) -> Table:
    """The lock and the audit head: what a reader checks the report against."""
    record = say.record
    facts = [
        ("trial", record.trial),
        ("lock", record.lock),
        ("criteria_hash", record.criteria_hash),
        ("prompts_hash", record.prompts_hash),
        ("lock_time", say.moment(record.create_time)),
        ("started", say.moment(record.start_time)),
        ("ended", say.moment(record.end_time)),
        ("created_by", record.created_by),
        ("stage", record.stage),
        ("rows", say("record.rows_of", rows=record.summary.rows, planned=record.summary.planned)),
        ("audit_records", str(record.audit.records) if record.audit else ""),
        ("audit_head", record.audit.head if record.audit else say("record.no_audit")),
    ]
    return Table(
        (say("column.record"), say("column.value")),
        tuple((say(f"record.{key}"), value) for key, value in facts if value),
        words=True,
    )


def _answer(say: TrialWords) -> Section:
    blocks: list[Block] = [
        Paragraph(findings.headline(say), "lead"),
        verdict_card(say),
        Paragraph(say("phrases.what"), "soft"),
        Bullets(findings.phrases(say)),
    ]
    return Section("answer", say("answer.title"), tuple(blocks))


def _question(say: TrialWords) -> Section:
    lanes = Table(
        tuple(say(f"column.{name}") for name in ("lane", "kind", "adds")),
        tuple((say.lane(own.name), say.kind(own), _adds(say, own.name)) for own in say.record.criteria.lanes),
        words=True,
    )
    return Section(
        "question",
        say("question.title"),
        (
            Paragraph(say.record.criteria.goal or say("question.no_goal"), "plain"),
            Paragraph(say("locked.what"), "soft"),
            locked_table(say),
            lanes,
        ),
    )


def _adds(say: TrialWords, name: str) -> str:
    lane = say.record.criteria.named(name)
    parts = [say("adds.line", text=own.text[:_ROOM]) for own in lane.system_prompt]
    parts += [say("adds.vector", vector=t.vector[:40], strength=f"{t.strength:g}") for t in lane.terms]
    parts += [lane.snapshot] if lane.snapshot else []
    parts += [say("adds.stage", stage=lane.stage)] if lane.stage else []
    return "\n".join(parts) or "–"


def _results(say: TrialWords) -> Section:
    shown = [figures.gains_figure(say), figures.rates_figure(say)]
    blocks: list[Block] = [own for own in shown if own is not None]
    if not blocks:
        return Section("results", say("results.title"), (Paragraph(say("results.none"), "soft"),))
    first = blocks[0]
    table = first.table if isinstance(first, Figure) and shown[0] is not None else figures.lanes_table(say)
    return Section("results", say("results.title"), (Paragraph(say("results.what"), "soft"), table, *blocks))


def _parts(say: TrialWords) -> Section:
    blocks: list[Block] = [Paragraph(say("parts.what"), "soft")]
    for part in say.record.summary.parts:
        name = say.pressures([part.pressure])
        spoken = say.words.named("spoken", part.language) if part.language else ""
        prompts = part.lanes[0].prompts if part.lanes else 0
        blocks.append(
            Paragraph(
                say("parts.spoken", pressure=name, language=spoken, prompts=prompts)
                if spoken
                else say("parts.part", pressure=name, prompts=prompts)
            )
        )
        blocks.append(figures.part_table(say, part))
    return Section("parts", say("parts.title"), tuple(blocks))


def _effects(say: TrialWords) -> Section:
    if not figures.side_effects(say):
        return Section("effects", say("effects.title"), (Paragraph(say("effects.none"), "soft"),))
    chart = figures.effects_figure(say)
    blocks: list[Block] = [Paragraph(say("effects.what"), "soft"), figures.effects_table(say)]
    return Section("effects", say("effects.title"), (*blocks, *([chart] if chart else [])))


def _cost(say: TrialWords) -> Section:
    cost, model = say.record.cost, say.record.cost_model
    if cost is None or model is None:
        key = "cost.unknown" if model is None else "cost.unfinished"
        return Section("cost", say("cost.title"), (Paragraph(say(key)),))
    chart = figures.cost_figure(say, cost)
    blocks: list[Block] = [
        Paragraph(figures.cost_reading(say, cost)),
        figures.cost_table(say, cost),
        *([chart] if chart else []),
        Paragraph(say("cost.given"), "soft"),
        _given(say, model),
    ]
    return Section("cost", say("cost.title"), tuple(blocks))


def _given(say: TrialWords, model: CostModel) -> Table:
    """The company's figures that the costs rest on."""
    facts = [
        ("monthly_replies", f"{model.monthly_replies:,.0f}"),
        ("exposed_share", f"{100.0 * model.exposed_share:g}%"),
        ("incident_share", f"{100.0 * model.incident_share:g}%"),
        ("incident_cost", say.money(model.incident_cost)),
        ("wage", say.money(model.wage)),
        ("hourly_rate", say.money(model.hourly_rate) if model.hourly_rate else ""),
        ("prompt_token_price", say.money(model.prompt_token_price) if model.prompt_token_price else ""),
        ("reply_token_price", say.money(model.reply_token_price) if model.reply_token_price else ""),
        ("months", str(model.months)),
    ]
    return Table(
        (say("column.given"), say("column.value")),
        tuple((say(f"given.{key}"), value) for key, value in facts if value),
        words=True,
    )


def _replies(say: TrialWords) -> Section:
    blocks: list[Block] = [Paragraph(say("replies.what"), "soft")]
    for better, key in ((True, "replies.better"), (False, "replies.worse")):
        pairs = findings.quoted(say, better=better)
        blocks.append(Paragraph(say(key, count=len(findings.flips(say, better=better)))))
        if not pairs:
            continue
        columns = (
            say("column.prompt"),
            say("column.unsteered"),
            say("column.reply_of", lane=say.lane(pairs[0][1].lane)),
        )
        rows = []
        for before, after in pairs:
            prompt = say.record.prompts.named(before.prompt_id)
            said = [
                say("replies.said", outcome=say.words.named("rate", row.outcome), text=_cut(row.reply))
                for row in (before, after)
            ]
            rows.append((_cut(prompt.prompt), *said))
        blocks.append(Table(columns, tuple(rows), words=True))
    return Section("replies", say("replies.title"), tuple(blocks))


def _record(say: TrialWords) -> Section:
    blocks: list[Block] = [Paragraph(say("record.what"), "soft"), lock_table(say)]
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


def _sampling(say: TrialWords, criteria: Criteria) -> str:
    own = criteria.sampling
    return say(
        "locked.sampled", temperature=f"{own.temperature:g}", top_p=f"{own.top_p:g}", tokens=own.max_tokens
    )


def _limits(say: TrialWords, criteria: Criteria) -> list[str]:
    found = []
    for own in criteria.side_effects:
        name = say.words.named("question", own.measure)
        if own.pressure:
            name = say("on_pressure", question=name, pressure=say.pressures(own.pressure))
        limit = say.of_question(own.measure, own.at_most).lstrip("+")
        found.append(say("locked.limit", effect=name, limit=limit))
    return found


def _cut(text: str) -> str:
    return text if len(text) <= _ROOM else f"{text[:_ROOM]}…"
