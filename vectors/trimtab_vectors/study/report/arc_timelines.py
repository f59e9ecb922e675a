"""One arc over its stages: receptivity, exportability, plasticity of read-out and of intervention, stability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trimtab_vectors.study.report.document import Figure, Table
from trimtab_vectors.study.report.timeline import Series, Shade, Threshold, Timeline
from trimtab_vectors.study.report.wording import Wording, excludes, known
from trimtab_vectors.study.results import ArcSummary, RunSummary, SeriesInterval, WindowRecord


def over_stages(
    arc: ArcSummary,
    say: Wording,
    key: str,
    series: Sequence[Series],
    reading: str,
    thresholds: Sequence[Threshold] = (),
    shade: Shade | None = None,
    more: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """A timeline with its table. more: further columns of the table."""
    title = say(f"{key}.figure")
    chart = Timeline(
        title=title,
        stages=arc.stages,
        under=[say("step", value=step) for step in arc.steps],
        stage_title=say("axis.stages"),
        value_title=say(f"{key}.axis"),
        series=series,
        thresholds=thresholds,
        shade=shade,
    )
    further = more or {}
    columns = (say("column.stage"), say("column.step"), *(own.name for own in series), *further)
    rows = tuple(
        (
            name,
            str(arc.steps[i]),
            *(
                say.interval(own.value[i], own.low[i] if own.low else None, own.high[i] if own.high else None)
                for own in series
            ),
            *(column[i] for column in further.values()),
        )
        for i, name in enumerate(arc.stages)
    )
    return Figure(title, chart.draw(), reading, Table(columns, rows), say("values_of", title=title))


def drawn(name: str, series: SeriesInterval, ink: str, *, hollow: bool = False) -> Series:
    return Series(name, series.value, ink, series.low, series.high, hollow=hollow)


def receptivity_figure(arc: ArcSummary, say: Wording) -> Figure:
    """How each stage answers to an average vector."""
    shade = shade_of(arc, "receptivity", say)
    reading = _from_to(arc, arc.receptivity, "receptivity.reading", say)
    if shade is not None:
        place = say.stages(arc.stages[shade.first], arc.stages[shade.last])
        reading += say("sentence_separator") + say("shaded", name=shade.name, stages=place)
    return over_stages(
        arc,
        say,
        "receptivity",
        [drawn(say("series.receptivity"), arc.receptivity, "first")],
        reading,
        [Threshold(say("level.no_effect"), 0.0)],
        shade,
    )


def exportability_figure(arc: ArcSummary, say: Wording) -> Figure:
    """How each stage's vector does on an average stage."""
    values = known(arc.exportability.value)
    reading = say("nothing_determined")
    if values:
        best, _ = max(values, key=lambda pair: pair[1])
        worst, _ = min(values, key=lambda pair: pair[1])
        reading = say(
            "exportability.reading",
            best=arc.stages[best],
            value=say.at(arc.exportability, best),
            worst=arc.stages[worst],
            low=say.at(arc.exportability, worst),
        )
    series = [drawn(say("series.exportability"), arc.exportability, "second")]
    return over_stages(arc, say, "exportability", series, reading, [Threshold(say("level.average"), 0.0)])


def readout_figure(arc: ArcSummary, say: Wording) -> Figure:
    """How steerable each stage is by its own vector, the first stage being 1."""
    reading = _from_to(arc, arc.readout_plasticity, "readout.reading", say)
    series = [drawn(say("series.readout"), arc.readout_plasticity, "first")]
    return over_stages(arc, say, "readout", series, reading, [Threshold(say("level.as_first"), 1.0)])


def intervention_figures(arc: ArcSummary, say: Wording) -> Iterator[Figure]:
    """What a push at a stage leaves behind, at the fixed lag and at the end; and how much of it is left."""
    found = arc.intervention
    if found is None:
        return
    values = known(found.lag.value)
    reading = say("nothing_determined")
    if values:
        best, _ = max(values, key=lambda pair: pair[1])
        reading = say(
            "intervention.reading",
            stage=arc.stages[best],
            lag=say.at(found.lag, best),
            end=say.at(found.end, best),
        )
    shade = shade_of(arc, "lag", say)
    if shade is not None:
        place = say.stages(arc.stages[shade.first], arc.stages[shade.last])
        reading += say("sentence_separator") + say("shaded", name=shade.name, stages=place)
    series = [
        drawn(say("series.lag"), found.lag, "first"),
        drawn(say("series.end"), found.end, "second", hollow=True),
    ]
    none = [Threshold(say("level.no_effect"), 0.0)]
    yield over_stages(arc, say, "intervention", series, reading, none, shade)
    left = known(found.retention.value)
    reading = say("nothing_determined")
    if left:
        reading = say(
            "retention.reading",
            low=say.share(min(v for _, v in left)),
            high=say.share(max(v for _, v in left)),
            known=len(left),
            stages=len(arc.stages),
        )
    series = [drawn(say("series.retention"), found.retention, "third")]
    levels = [Threshold(say("level.all_left"), 1.0), Threshold(say("level.nothing_left"), 0.0)]
    yield over_stages(arc, say, "retention", series, reading, levels)


def seeds_figure(arc: ArcSummary, window: WindowRecord, say: Wording) -> Figure | None:
    """The timeline of every seed, as the window rule judged it."""
    if not window.theta:
        return None
    confirmation = {f"seed-{seed}" for seed in arc.confirmation_seeds}
    series, columns = [], {}
    for name, values in window.theta.items():
        confirms = name.rsplit("/", 1)[-1] in confirmation
        role = "confirmation" if confirms else "discovery"
        ink, dash = ("first", ()) if confirms else ("second", (4.0, 2.5))
        series.append(Series(say(f"series.{role}"), values, ink, dash=dash, thin=True))
        columns[say(f"column.seed_{role}", seed=name.rsplit("-", 1)[-1])] = [say.number(v) for v in values]
    title = say("seeds.figure", statistic=say(f"statistic.{window.statistic}"))
    chart = Timeline(
        title,
        arc.stages,
        [say("step", value=step) for step in arc.steps],
        say("axis.stages"),
        say(f"unit_axis.{window.statistic}"),
        series,
        [Threshold(say("level.no_effect"), 0.0)],
        shade_of(arc, window.statistic, say),
    )
    table = Table(
        (say("column.stage"), *columns),
        tuple((name, *(c[i] for c in columns.values())) for i, name in enumerate(arc.stages)),
    )
    reading = say(
        "seeds.reading",
        discovery=len(arc.discovery_seeds),
        confirmation=len(arc.confirmation_seeds),
        verdict=say(f"verdict.{window.verdict}"),
    )
    return Figure(title, chart.draw(), reading, table, say("values_of", title=title))


def cosine_figure(arc: ArcSummary, runs: Sequence[RunSummary], say: Wording) -> Figure:
    """Corrected cosines to the first stage and to the one before, with the ceiling that noise leaves."""
    count = len(arc.stages)
    matrix = arc.stability
    since = Series(say("series.since_first"), matrix.value[0], "first", matrix.low[0], matrix.high[0])
    before = [(t - 1, t) for t in range(1, count)]
    local = Series(
        say("series.since_last"),
        [None, *(matrix.value[s][t] for s, t in before)],
        "third",
        [None, *(matrix.low[s][t] for s, t in before)],
        [None, *(matrix.high[s][t] for s, t in before)],
        hollow=True,
    )
    ceilings = [_mean([run.stability.ceilings[t] for run in runs]) for t in range(count)]
    ceiling = Series(say("series.ceiling"), ceilings, "soft", dash=(4.0, 2.5))
    last = count - 1
    reading = say(
        "cosine.reading",
        stage=arc.stages[last],
        value=say.interval(matrix.value[0][last], matrix.low[0][last], matrix.high[0][last]),
        first=arc.stages[0],
        ceiling=say.number(min((v for _, v in known(ceilings)), default=None)),
    )
    return over_stages(arc, say, "cosine", [since, local, ceiling], reading)


def own_against_first_figure(arc: ArcSummary, say: Wording) -> Figure:
    """The own vector's effect minus that of the first stage's vector, on the same stage and items."""
    own = arc.own_against_first
    difference = own.difference
    later = range(1, len(arc.stages))
    better = sum((difference.low[t] or 0.0) > 0.0 for t in later)
    worse = sum((difference.high[t] or 0.0) < 0.0 for t in later)
    reading = say(
        "own_first.reading", better=better, worse=worse, unclear=len(later) - better - worse, total=len(later)
    )
    more = {
        say("column.p"): [say.p(p) for p in own.p],
        say("column.p_holm"): [say.p(p) for p in own.p_holm],
    }
    return over_stages(
        arc,
        say,
        "own_first",
        [drawn(say("series.difference"), difference, "fourth")],
        reading,
        [Threshold(say("level.same"), 0.0)],
        more=more,
    )


def shade_of(arc: ArcSummary, statistic: str, say: Wording) -> Shade | None:
    """The place a statistic's verdict speaks of, where it is a confirmed or a candidate one."""
    for window in arc.windows:
        if window.statistic != statistic or window.first_stage is None or window.last_stage is None:
            continue
        if window.verdict not in ("confirmed", "candidate"):
            continue
        key = "late" if window.word == "late rise" else window.verdict
        places = arc.stages.index(window.first_stage), arc.stages.index(window.last_stage)
        return Shade(say(f"shade.{key}"), *places, solid=window.verdict == "confirmed")
    return None


def _from_to(arc: ArcSummary, series: SeriesInterval, key: str, say: Wording) -> str:
    last = len(arc.stages) - 1
    clear = excludes(series.low[last], series.high[last], 0.0)
    if series.value[last] is None:
        return say("nothing_determined")
    return say(
        key,
        first_stage=arc.stages[0],
        first=say.at(series, 0),
        last_stage=arc.stages[last],
        last=say.at(series, last),
    ) + ("" if clear else say("sentence_separator") + say("last_unclear"))


def _mean(values: Sequence[float | None]) -> float | None:
    """None where any is missing."""
    found = [v for v in values if v is not None]
    return sum(found) / len(found) if values and len(found) == len(values) else None
