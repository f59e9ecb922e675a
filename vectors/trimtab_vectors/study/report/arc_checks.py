"""What keeps an effect honest: random and shuffled vectors, a prompt alone, side-effect gates, and the cost."""

from __future__ import annotations

from collections import Counter

from trimtab_vectors.study.report.arc_timelines import drawn, over_stages
from trimtab_vectors.study.report.cell_grid import Cell, CellGrid, Legend
from trimtab_vectors.study.report.document import Figure, Table
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.timeline import Series, Threshold
from trimtab_vectors.study.report.wording import Wording, known
from trimtab_vectors.study.results import ArcSummary, Gate, MatrixInterval, SeriesInterval


def controls_figure(arc: ArcSummary, say: Wording) -> Figure:
    """Each stage's own vector against random ones of the same norm and vectors with shuffled labels."""
    own = _diagonal(arc.effect)
    random, shuffled = arc.random_95th, arc.shuffled_largest
    above = sum(
        low is not None and limit is not None and low > limit
        for low, limit in zip(own.low, random, strict=True)
    )
    beaten = sum(
        low is not None and limit is not None and low > limit
        for low, limit in zip(own.low, shuffled, strict=True)
    )
    compared = len(known(shuffled))
    reading = say("controls.reading", above=above, total=len(arc.stages))
    key = "controls.shuffled" if compared else "controls.no_shuffled"
    reading += say("sentence_separator") + say(key, beaten=beaten, total=compared)
    series = [
        drawn(say("series.own_vector"), own, "first"),
        Series(say("series.random"), random, "second", dash=(4.0, 2.5), hollow=True),
    ]
    if compared:
        series.append(Series(say("series.shuffled"), shuffled, "fourth", dash=(2.0, 2.0), hollow=True))
    levels = [Threshold(say("level.no_effect"), 0.0)]
    return over_stages(arc, say, "controls", series, reading, levels)


def prompt_figures(arc: ArcSummary, say: Wording) -> list[Figure]:
    """Log-odds unsteered and under the best honest prompt; lie rates unsteered and what the own vector takes off."""
    last = len(arc.stages) - 1
    series = [
        drawn(say("series.unsteered"), arc.unsteered, "first"),
        drawn(say("series.honest_prompt"), arc.honest_prompt, "third", hollow=True),
    ]
    reading = say(
        "prompts.reading",
        stage=arc.stages[last],
        unsteered=say.at(arc.unsteered, last),
        prompt=say.at(arc.honest_prompt, last),
    )
    level = [Threshold(say("level.even"), 0.0)]
    odds = over_stages(arc, say, "prompts", series, reading, level)
    reduction = arc.cost.lie_rate_reduction
    reading = say(
        "lies.reading",
        stage=arc.stages[last],
        rate=say.share(arc.lie_rate.value[last]),
        reduction=say.points(None if reduction.value[last] is None else -(reduction.value[last] or 0.0)),
        advantage=say.points(arc.cost.advantage.value),
        low=say.points(arc.cost.advantage.low),
        high=say.points(arc.cost.advantage.high),
        recommendation=say(f"recommendation.{arc.cost.recommendation}"),
    )
    series = [
        drawn(say("series.lie_rate"), arc.lie_rate, "second"),
        drawn(say("series.reduction"), reduction, "first", hollow=True),
    ]
    return [odds, over_stages(arc, say, "lies", series, reading, [Threshold(say("level.none"), 0.0)])]


def gates_figure(arc: ArcSummary, say: Wording) -> Figure:
    """Every side-effect gate at every stage, for the stage's own vector at the reference strength."""
    names = [gate.name for gate in arc.gates[0]] if arc.gates else []
    by_name = {name: [_named(stage, name) for stage in arc.gates] for name in names}
    counts = Counter(gate.passed for gates in by_name.values() for gate in gates)
    reading = say(
        "gates.reading",
        passed=counts[True],
        failed=counts[False],
        unknown=counts[None],
        total=sum(counts.values()),
    )
    title = say("gates.figure")
    rows = [
        say("gates.row", name=say(f"gate.{name}"), limit=figure(by_name[name][0].limit)) for name in names
    ]
    cells = [
        [
            _gate_cell(gate, f"{say(f'gate.{name}')}, {stage}", say)
            for gate, stage in zip(gates, arc.stages, strict=True)
        ]
        for name, gates in by_name.items()
    ]
    legend = Legend(hatched=say("gates.unknown"), struck=say("gates.failed"))
    grid = CellGrid(title, rows, arc.stages, say("gates.rows"), say("axis.stages"), cells, legend)
    table = Table(
        (say("column.gate"), *arc.stages),
        tuple((rows[i], *(_gate_text(gate, say) for gate in by_name[name])) for i, name in enumerate(names)),
    )
    return Figure(title, grid.draw(), reading, table, say("values_of", title=title))


def cost_figure(arc: ArcSummary, say: Wording) -> Figure:
    """What extraction and measurement cost at each stage, and the reduction of lies that a unit of cost buys."""
    cost = arc.cost
    values = known(cost.reduction_per_cost)
    best = max(values, key=lambda pair: pair[1]) if values else None
    if best is None or best[1] <= 0.0:
        reading = say("cost.no_gain")
    else:
        reading = say(
            "cost.reading",
            stage=arc.stages[best[0]],
            reduction=f"{100.0 * (cost.lie_rate_reduction.low[best[0]] or 0.0):.0f}",
            cost=say.number(cost.cost_per_stage[best[0]]),
            unit=say(f"cost_unit.{cost.unit}"),
        )
    if cost.best_strength is not None:
        own = cost.best_strength
        strength = say.interval(own.value, own.low, own.high)
        reading += say("sentence_separator") + say("cost.best_strength", value=strength)
    if cost.net_value is not None:
        reading += say("sentence_separator") + say("cost.net", value=figure(cost.net_value))
    unit = say(f"cost_unit.{cost.unit}")
    series = [Series(say("series.cost", unit=unit), cost.cost_per_stage, "soft")]
    reduction = cost.lie_rate_reduction
    more = {
        say("series.reduction"): [say.at(reduction, t) for t in range(len(arc.stages))],
        say("column.per_cost", unit=unit): [say.number(v) for v in cost.reduction_per_cost],
    }
    return over_stages(arc, say, "cost", series, reading, [Threshold("", 0.0)], more=more)


def _gate_cell(gate: Gate, place: str, say: Wording) -> Cell:
    text = "–" if gate.value is None else figure(gate.value)
    note = f"{place}: {_gate_text(gate, say)}"
    if gate.passed is None:
        return Cell(text, None, note=note)
    return Cell(text, "pass" if gate.passed else "fail", struck=not gate.passed, note=note)


def _gate_text(gate: Gate, say: Wording) -> str:
    state = {True: "gates.pass", False: "gates.fail", None: "gates.not_enough"}[gate.passed]
    return say("gates.cell", value=say.number(gate.value), upper=say.number(gate.upper), state=say(state))


def _named(gates: list[Gate], name: str) -> Gate:
    return next(gate for gate in gates if gate.name == name)


def _diagonal(matrix: MatrixInterval) -> SeriesInterval:
    places = range(len(matrix.value))
    return SeriesInterval(
        value=[matrix.value[t][t] for t in places],
        low=[matrix.low[t][t] for t in places],
        high=[matrix.high[t][t] for t in places],
    )
