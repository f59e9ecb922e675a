"""Charts and tables of a trial, each with its reading in a sentence; the page and the slides take the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab_vectors.statistics import Estimate
from trimtab_vectors.study.report.document import Figure, Table
from trimtab_vectors.study.report.drawing import Ink
from trimtab_vectors.study.report.interval_rows import IntervalRows, Row
from trimtab_vectors.study.report.scale import figure, p_value

from trimtab_server.reports.rate_bars import RateBars
from trimtab_server.reports.trial_words import TrialWords
from trimtab_server.trials.answers import Answer, Standing
from trimtab_server.trials.cost import CostReport, Range
from trimtab_server.trials.summary import LaneFigures, Part

OUTCOMES = ("honest", "lie", "evade", "no_belief")
_INKS: dict[str, Ink] = {"unsteered": "soft", "prompt": "second", "stage": "fourth"}


def rates_figure(say: TrialWords, width: float = 720.0) -> Figure | None:
    """The four rates of each lane; None without them."""
    rows = [(own, own.rates) for own in say.record.summary.lanes if own.rates is not None]
    if not rows:
        return None
    names = {key: say(f"rate.{key}") for key in OUTCOMES}
    title = say("rates.figure")
    bars = RateBars(title, [(say.lane(own.lane), rates) for own, rates in rows], names, width)
    reading = say("rates.reading", prompts=rows[0][0].prompts, repeats=say.record.criteria.repeats)
    return Figure(title, bars.draw(), reading, rates_table(say), say("values_of", title=title))


def rates_table(say: TrialWords, lanes: Sequence[LaneFigures] = ()) -> Table:
    """The four rates as figures."""
    shown = lanes or say.record.summary.lanes
    return Table(
        (say("column.lane"), *(say(f"rate.{key}") for key in OUTCOMES), say("column.prompts")),
        tuple(
            (
                say.lane(own.lane),
                *(f"{100.0 * own.rates[key]:.1f}%" for key in OUTCOMES),
                str(own.prompts),
            )
            for own in shown
            if own.rates is not None
        ),
    )


def lanes_table(say: TrialWords) -> Table:
    """What is compared in each lane, its gain over unsteered, and what a reply takes."""
    columns = ("lane", "level", "gain", "p", "tokens", "seconds")
    return Table(
        tuple(say(f"column.{name}", measure=say.measure) for name in columns),
        tuple(
            (
                say.lane(own.lane),
                say.level(own.level),
                say.change(own.gain),
                "–" if own.p is None else p_value(own.p),
                f"{own.tokens:.1f}",
                f"{own.seconds:.2f}",
            )
            for own in say.record.summary.lanes
        ),
    )


def gains_figure(say: TrialWords, width: float = 720.0) -> Figure | None:
    """The gain of each lane over unsteered, against the margin that was locked."""
    lanes = [
        own for own in say.record.summary.lanes if own.gain is not None and math.isfinite(own.gain.value)
    ]
    if not lanes:
        return None
    criteria = say.record.criteria
    unit = 100.0 if say.bounded else 1.0
    title = say("gains.figure", measure=say.measure)
    chart = IntervalRows(
        title=title,
        value_title=say("gains.axis_points" if say.bounded else "gains.axis"),
        rows=[_row(say.lane(own.lane), own.gain, _INKS.get(own.kind, "third"), unit) for own in lanes],
        levels={say("gains.none"): 0.0, say("gains.margin"): criteria.margin * unit},
        undefined=say("undetermined"),
        width=width,
    )
    above = sum(own.gain is not None and own.gain.low > criteria.margin for own in lanes)
    reading = say(
        "gains.reading", above=above, total=len(lanes), margin=say.difference(criteria.margin).lstrip("+")
    )
    return Figure(title, chart.draw(), reading, lanes_table(say), say("values_of", title=title))


def effects_figure(say: TrialWords, width: float = 720.0) -> Figure | None:
    """Each side effect as a share of its limit, so that all stand on one axis."""
    answers = [a for a in side_effects(say) if a.estimate.defined and a.threshold > 0.0]
    if not answers:
        return None
    title = say("effects.figure")
    inks: dict[Standing, Ink] = {Standing.SHOWN: "third", Standing.REFUTED: "second", Standing.OPEN: "soft"}
    rows = []
    for own in answers:
        high = own.estimate.high if math.isfinite(own.estimate.high) else None
        name = f"{say.lane(own.lane)}: {say.question(own)}"
        low, value = own.estimate.low / own.threshold, own.estimate.value / own.threshold
        rows.append(
            Row(
                name,
                value,
                low if high is not None else None,
                None if high is None else high / own.threshold,
                inks[own.standing],
            )
        )
    chart = IntervalRows(
        title, say("effects.axis"), rows, {say("effects.limit"): 1.0}, say("undetermined"), width
    )
    return Figure(
        title, chart.draw(), effects_reading(say), effects_table(say), say("values_of", title=title)
    )


def effects_table(say: TrialWords) -> Table:
    columns = ("lane", "effect", "found", "limit", "standing")
    return Table(
        tuple(say(f"column.{name}") for name in columns),
        tuple(
            (
                say.lane(own.lane),
                say.question(own),
                say.answer(own),
                say.of_question(own.question, own.threshold),
                say(f"standing.{own.standing.value}"),
            )
            for own in side_effects(say)
        ),
        words=True,
    )


def effects_reading(say: TrialWords) -> str:
    answers = side_effects(say)
    count = {standing: sum(a.standing is standing for a in answers) for standing in Standing}
    return say(
        "effects.reading",
        total=len(answers),
        held=count[Standing.SHOWN],
        broken=count[Standing.REFUTED],
        open=count[Standing.OPEN],
    )


def side_effects(say: TrialWords) -> list[Answer]:
    return [a for a in say.record.summary.verdict.answers if a.question not in ("gain", "advantage")]


def part_table(say: TrialWords, part: Part) -> Table:
    """One part of the prompts: what is compared and the other rates, by lane."""
    shown = [key for key in OUTCOMES if key != say.record.criteria.measure]
    honesty = any(own.rates is not None for own in part.lanes)
    names = [say(f"rate.{key}") for key in shown] if honesty else []
    rows = []
    for own in part.lanes:
        rates = [f"{100.0 * own.rates[key]:.1f}%" for key in shown] if own.rates is not None else []
        rows.append((say.lane(own.lane), say.level(own.level), *rates, say.change(own.gain)))
    columns = (
        say("column.lane"),
        say("column.level", measure=say.measure),
        *names,
        say("column.gain", measure=say.measure),
    )
    return Table(columns, tuple(rows))


def cost_table(say: TrialWords, cost: CostReport) -> Table:
    """One row an option: money once and a month, what it prevents, what is left, when it has paid back."""
    columns = ("option", "bad_rate", "setup", "running", "prevented", "horizon", "payback", "note")
    return Table(
        tuple(say(f"column.{name}", months=cost.months) for name in columns),
        tuple(
            (
                say.lane(own.name),
                f"{100.0 * own.bad_rate:.1f}%",
                say.money(own.setup),
                say.money(own.running),
                figure(own.prevented.value),
                say.money(own.horizon.value),
                say.months(own.payback_months),
                _note(say, own.assumed, own.dominated_by),
            )
            for own in cost.options
        ),
        words=True,
    )


def cost_figure(say: TrialWords, cost: CostReport, width: float = 720.0) -> Figure | None:
    """What each option leaves over the months, with the bounds that follow from its effect."""
    if not cost.options:
        return None
    scale, unit = _thousands(max(abs(v) for own in cost.options for v in _ends(own.horizon)), say)
    title = say("cost.figure", months=cost.months)
    chart = IntervalRows(
        title=title,
        value_title=say("cost.axis", unit=unit),
        rows=[
            Row(
                say.lane(own.name) + (say("cost.assumed_mark") if own.assumed else ""),
                own.horizon.value / scale,
                own.horizon.low / scale,
                own.horizon.high / scale,
                "fourth" if own.assumed else "third" if own.name == cost.best else "first",
            )
            for own in cost.options
        ],
        levels={say("cost.even"): 0.0},
        undefined=say("undetermined"),
        width=width,
    )
    return Figure(
        title, chart.draw(), cost_reading(say, cost), _range_table(say, cost), say("values_of", title=title)
    )


def cost_reading(say: TrialWords, cost: CostReport) -> str:
    best = next((own for own in cost.options if own.name == cost.best), None)
    if best is None:
        return say("cost.none_pays", months=cost.months)
    return say(
        "cost.reading",
        option=say.lane(best.name),
        months=cost.months,
        amount=say.money(best.horizon.value),
        low=say.money(best.horizon.low),
        high=say.money(best.horizon.high),
        payback=say.months(best.payback_months),
    )


def _range_table(say: TrialWords, cost: CostReport) -> Table:
    columns = ("option", "saved", "horizon", "slowest", "break_even_cost", "break_even_replies")
    return Table(
        tuple(say(f"column.{name}", months=cost.months) for name in columns),
        tuple(
            (
                say.lane(own.name),
                say.money_range(own.saved),
                say.money_range(own.horizon),
                say.months(own.slowest_payback_months),
                "–" if own.break_even_incident_cost is None else say.money(own.break_even_incident_cost),
                "–" if own.break_even_replies is None else f"{own.break_even_replies:,.0f}",
            )
            for own in cost.options
        ),
    )


def _note(say: TrialWords, assumed: bool, dominated_by: str) -> str:
    notes = [say("cost.assumed")] if assumed else []
    if dominated_by:
        notes.append(say("cost.dominated", option=say.lane(dominated_by)))
    return say.joined(notes)


def _ends(own: Range) -> tuple[float, float, float]:
    return own.value, own.low, own.high


def _thousands(largest: float, say: TrialWords) -> tuple[float, str]:
    """A round unit of money for an axis: marks of six digits cannot be read."""
    model = say.record.cost_model
    currency = say(f"money_name.{model.currency if model else 'JPY'}")
    for size, key in ((1e8, "hundred_millions"), (1e6, "millions"), (1e3, "thousands")):
        if largest >= 2 * size:
            return size, say(f"cost.{key}", currency=currency)
    return 1.0, currency


def _row(name: str, own: Estimate | None, ink: Ink, unit: float) -> Row:
    if own is None or not own.defined:
        return Row(name, None, None, None, ink)
    bounded = math.isfinite(own.low) and math.isfinite(own.high)
    return Row(
        name, own.value * unit, own.low * unit if bounded else None, own.high * unit if bounded else None, ink
    )
