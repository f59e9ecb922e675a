"""The first screen: the question, the answer in one sentence, and a card for each judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, cast

from trimtab_vectors.study.report.document import (
    Block,
    Bullets,
    Figure,
    Paragraph,
    Section,
    Table,
    Tone,
    VerdictCard,
)
from trimtab_vectors.study.report.interval_rows import IntervalRows, Row
from trimtab_vectors.study.report.wording import Wording
from trimtab_vectors.study.results import ArcSummary, Summary, WindowRecord

#: An advantage over a prompt that would not matter, as the study's recommendation takes it.
_MARGIN = 0.05
_PLANTED = {"planted_window": "confirmed", "planted_null": "none"}


def answer_section(summary: Summary, say: Wording) -> Section:
    """What a reader who reads nothing else must know."""
    blocks: list[Block] = [
        Paragraph(say("answer.question"), "soft"),
        Paragraph(_headline(summary, say), "lead"),
    ]
    planted = _planted_line(summary, say)
    if planted:
        blocks.append(Paragraph(planted))
    return Section("answer", say("answer.title"), (*blocks, _overview(summary, say)))


def judgements_section(summary: Summary, say: Wording) -> Section:
    """Every judgement in one sentence with its reasons."""
    cards = tuple(_card(arc, window, say) for arc in _arcs(summary) for window in arc.windows)
    return Section("judgements", say("judgements.title"), (Paragraph(say("judgements.words")), *cards))


def prompts_section(summary: Summary, say: Wording) -> Section:
    """Whether a prompt would do, for every arc at its last stage."""
    arcs = summary.arcs
    inks = {"steer": "third", "a prompt is enough": "second"}
    chart = IntervalRows(
        title=say("enough.figure"),
        value_title=say("enough.axis"),
        rows=[
            Row(
                say.arc_name(arc),
                arc.cost.advantage.value,
                arc.cost.advantage.low,
                arc.cost.advantage.high,
                inks.get(arc.cost.recommendation, "soft"),
            )
            for arc in arcs
        ],
        levels={say("enough.same"): 0.0, say("enough.margin"): _MARGIN},
        undefined=say("undetermined"),
    )
    counts = Counter(arc.cost.recommendation for arc in arcs)
    table = Table(
        (say("column.arc"), say("column.advantage"), say("column.recommendation")),
        tuple(
            (
                say.arc_name(arc),
                say.interval(arc.cost.advantage.value, arc.cost.advantage.low, arc.cost.advantage.high),
                say(f"recommendation.{arc.cost.recommendation}"),
            )
            for arc in arcs
        ),
    )
    reading = say(
        "enough.reading",
        total=len(arcs),
        steer=counts["steer"],
        enough=counts["a prompt is enough"],
        undecided=counts["undecided"],
    )
    figure = Figure(chart.title, chart.draw(), reading, table, say("values_of", title=chart.title))
    return Section("enough", say("enough.title"), (Paragraph(say("enough.what")), figure))


def planted_section(summary: Summary, say: Wording) -> Section | None:
    """What the rule said where the answer was known; None without planted arcs."""
    arcs = [arc for arc in summary.arcs if arc.arc in _PLANTED]
    if not arcs:
        return None
    rows = tuple(
        (
            say.arc_name(arc),
            say(f"statistic.{window.statistic}"),
            say(f"verdict.{_PLANTED[arc.arc]}"),
            say(f"verdict.{window.verdict}"),
            say.stages(window.first_stage, window.last_stage),
        )
        for arc in arcs
        for window in arc.windows
    )
    columns = ("arc", "statistic", "planted", "found", "stages")
    table = Table(tuple(say(f"column.{name}") for name in columns), rows, words=True)
    judged = _judged(summary)
    remark = say("planted.judged", statistic=say(f"statistic.{judged}")) if judged else say("planted.all")
    return Section(
        "planted", say("planted.title"), (Paragraph(say("planted.what")), table, Paragraph(remark, "soft"))
    )


def caveats_section(summary: Summary, say: Wording) -> Section:
    """What limits everything above."""
    always = ("caveats.described", "caveats.cosine", "caveats.published")
    said = [say.words.sentence(caveat) for caveat in summary.caveats]
    return Section(
        "caveats",
        say("caveats.title"),
        (Bullets(tuple(said)), Paragraph(say("caveats.more")), Bullets(tuple(say(key) for key in always))),
    )


def _headline(summary: Summary, say: Wording) -> str:
    own = [w for arc in summary.arcs if arc.arc not in _PLANTED for w in arc.windows]
    judged = own or [w for arc in summary.arcs for w in arc.windows]
    if not judged:
        return say("answer.nothing_judged")
    counts = Counter(_headed(w) for w in judged)
    for verdict in ("confirmed", "late", "candidate"):
        if counts[verdict]:
            return say(f"answer.{verdict}", count=counts[verdict], total=len(judged))
    if counts["none"] == len(judged):
        return say("answer.none", total=len(judged))
    return say("answer.undecided", count=counts["undecided"], total=len(judged))


def _arcs(summary: Summary) -> list[ArcSummary]:
    """A fine-tune as it comes stands before those made to test the method."""
    return sorted(summary.arcs, key=lambda arc: arc.arc in _PLANTED)


def _overview(summary: Summary, say: Wording) -> Table:
    """One line an arc: the verdict of each statistic with its stages, and whether a prompt would do."""
    statistics = list(dict.fromkeys(w.statistic for arc in summary.arcs for w in arc.windows))
    columns = (say("column.arc"), *(say(f"statistic.{s}") for s in statistics), say("column.prompt"))
    return Table(
        columns,
        tuple(
            (
                say.arc_name(arc),
                *(_found(arc, statistic, say) for statistic in statistics),
                say(f"recommendation.{arc.cost.recommendation}"),
            )
            for arc in _arcs(summary)
        ),
        words=True,
    )


def _found(arc: ArcSummary, statistic: str, say: Wording) -> str:
    for window in arc.windows:
        if window.statistic == statistic:
            word = say(f"verdict.{window.verdict}")
            if window.verdict not in ("confirmed", "candidate"):
                return word
            late = "late" if window.word == "late rise" else "place"
            return say(
                f"overview.{late}", word=word, stages=say.stages(window.first_stage, window.last_stage)
            )
    return "–"


def _headed(window: WindowRecord) -> str:
    """A late rise is confirmed, and no window: it does not close."""
    return "late" if window.word == "late rise" else window.verdict


def _planted_line(summary: Summary, say: Wording) -> str:
    parts = []
    for name, expected in _PLANTED.items():
        verdict = getattr(summary, name)
        if verdict is not None:
            key = f"answer.{name}_{'right' if verdict == expected else 'wrong'}"
            parts.append(say(key, verdict=say(f"verdict.{verdict}")))
    return say("sentence_separator").join(parts)


def _card(arc: ArcSummary, window: WindowRecord, say: Wording) -> VerdictCard:
    figures = window.figures
    rise = figures.get("rise")
    sentence = say(
        f"card.{_headed(window)}",
        stages=say.stages(window.first_stage, window.last_stage),
        first=window.first_stage or say("undetermined"),
        rise=say.number(rise),
        low=say.number(figures.get("rise_low")),
        smallest=say.number(window.smallest_effect),
        unit=say(f"unit.{window.statistic}"),
        seeds=len(arc.confirmation_seeds),
    )
    title = say("card.title", arc=say.arc_name(arc), statistic=say(f"statistic.{window.statistic}"))
    return VerdictCard(
        tone=cast(Tone, window.verdict),
        word=say(f"verdict.{window.verdict}"),
        title=title,
        sentence=sentence,
        reasons=tuple(_reasons(window, say)),
    )


def _reasons(window: WindowRecord, say: Wording) -> Iterator[str]:
    yield from (say.words.sentence(reason) for reason in window.reasons)


def _judged(summary: Summary) -> str | None:
    """The statistic that planted arcs are judged by, as the plan has it."""
    window: dict[str, Any] = summary.plan.get("window", {})
    statistics: Sequence[str] = window.get("statistics", ())
    if window.get("planted"):
        return str(window["planted"])
    if not statistics:
        return None
    return "lag" if "lag" in statistics else statistics[0]
