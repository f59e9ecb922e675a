"""Stage against stage: effect, normalised effect, transfer and representation stability of one arc as heat maps."""

from __future__ import annotations

import math
from statistics import median

from trimtab_vectors.study.report.cell_grid import Cell, CellGrid, Legend, heat_colour
from trimtab_vectors.study.report.document import Figure, Table
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.wording import Wording, excludes
from trimtab_vectors.study.results import ArcSummary, MatrixInterval


def effect_figure(arc: ArcSummary, say: Wording) -> Figure:
    """`E[s, t]`, nats at the reference strength."""
    cells = _known(arc.effect)
    told = sum(excludes(_low(arc.effect, s, t), _high(arc.effect, s, t), 0.0) for s, t, _ in cells)
    if cells:
        s, t, value = max(cells, key=lambda cell: cell[2])
        reading = say(
            "effect.reading",
            value=figure(value),
            vector=arc.stages[s],
            model=arc.stages[t],
            unclear=len(cells) - told,
            cells=len(cells),
        )
    else:
        reading = say("nothing_determined")
    return _figure(arc, arc.effect, say, "effect", reading, centre=0.0)


def normalised_figure(arc: ArcSummary, say: Wording) -> Figure:
    """Share of the gap between the lying and the honest prompt that steering closes."""
    last = len(arc.stages) - 1
    reading = say(
        "normalised.reading",
        stage=arc.stages[last],
        value=say.interval(*_cell_at(arc.normalised_effect, last, last)),
    )
    return _figure(arc, arc.normalised_effect, say, "normalised", reading, centre=0.0, most=2.0)


def transfer_figure(arc: ArcSummary, say: Wording) -> Figure:
    """A vector's effect over that of the stage's own vector."""
    elsewhere = [value for s, t, value in _known(arc.transfer) if s != t]
    if elsewhere:
        reading = say(
            "transfer.reading",
            low=figure(min(elsewhere)),
            high=figure(max(elsewhere)),
            median=figure(median(elsewhere)),
        )
    else:
        reading = say("nothing_determined")
    return _figure(arc, arc.transfer, say, "transfer", reading, centre=1.0, most=1.0)


def stability_figure(arc: ArcSummary, say: Wording) -> Figure:
    """Cosine between the stages' vectors, corrected for extraction noise."""
    elsewhere = [(s, t, value) for s, t, value in _known(arc.stability) if s != t]
    if elsewhere:
        s, t, value = min(elsewhere, key=lambda cell: cell[2])
        reading = say("stability.reading", value=figure(value), one=arc.stages[s], other=arc.stages[t])
    else:
        reading = say("nothing_determined")
    return _figure(arc, arc.stability, say, "stability", reading, centre=1.0, least=0.2, both_ways=False)


def _figure(
    arc: ArcSummary,
    matrix: MatrixInterval,
    say: Wording,
    key: str,
    reading: str,
    centre: float,
    most: float = math.inf,
    least: float = 0.0,
    both_ways: bool = True,
) -> Figure:
    """least, most: the colour is full at a distance from `centre` between these; numbers are printed whatever they
    are. both_ways: values lie on both sides of `centre`."""
    title = say(f"{key}.figure")
    away = max((abs(value - centre) for _, _, value in _known(matrix)), default=1.0)
    reach = min(max(away, least), most)
    cells = [
        [_cell(arc, matrix, s, t, say, centre, reach) for t in range(len(arc.stages))]
        for s in range(len(arc.stages))
    ]
    undefined = any(one.fill is None for row in cells for one in row)
    dotted = any(one.dotted for row in cells for one in row)
    legend = Legend(
        low=say("legend.up_to", value=f"{centre - reach:.3g}"),
        middle=f"{centre:g}",
        high=say("legend.from", value=f"{centre + reach:.3g}") if both_ways else "",
        hatched=say("legend.hatched") if undefined else "",
        dotted=say("legend.dotted", value=f"{centre:g}") if dotted else "",
    )
    rows, columns = say(f"{key}.rows"), say(f"{key}.columns")
    grid = CellGrid(title, arc.stages, arc.stages, rows, columns, cells, legend)
    table = Table(
        (say("rows_and_columns", rows=rows, columns=columns), *arc.stages),
        tuple(
            (name, *(say.interval(*_cell_at(matrix, s, t)) for t in range(len(arc.stages))))
            for s, name in enumerate(arc.stages)
        ),
    )
    return Figure(title, grid.draw(), reading, table, say("values_of", title=title))


def _cell(
    arc: ArcSummary, matrix: MatrixInterval, s: int, t: int, say: Wording, centre: float, reach: float
) -> Cell:
    value, low, high = _cell_at(matrix, s, t)
    note = f"{arc.stages[s]} → {arc.stages[t]}: {say.interval(value, low, high)}"
    if value is None:
        return Cell("–", None, note=note)
    # The diagonal of a ratio or a cosine is exactly the centre or one: there is nothing to tell.
    exact = low == high
    unclear = not exact and low is not None and not excludes(low, high, centre)
    return Cell(figure(value), heat_colour(value, centre, reach), dotted=unclear, note=note)


def _known(matrix: MatrixInterval) -> list[tuple[int, int, float]]:
    return [(s, t, v) for s, row in enumerate(matrix.value) for t, v in enumerate(row) if v is not None]


def _cell_at(matrix: MatrixInterval, s: int, t: int) -> tuple[float | None, float | None, float | None]:
    return matrix.value[s][t], _low(matrix, s, t), _high(matrix, s, t)


def _low(matrix: MatrixInterval, s: int, t: int) -> float | None:
    return matrix.low[s][t]


def _high(matrix: MatrixInterval, s: int, t: int) -> float | None:
    return matrix.high[s][t]
