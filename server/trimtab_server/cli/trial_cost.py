"""Costs of a trial on a terminal, from a file of the company's figures."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from trimtab_client import CostFigures, CostOption, TrialCost

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session


def cost_figures(file: Path) -> CostFigures:
    """The figures in a TOML file.

    Raises:
        CommandFailed: FIGURES_INVALID, with the key at fault.
    """
    try:
        given: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandFailed("FIGURES_INVALID", f"{file} cannot be read: {error}") from error
    known = set(CostFigures.__dataclass_fields__)
    unknown = sorted(given.keys() - known)
    if unknown:
        raise CommandFailed(
            "FIGURES_INVALID", f"{file}: {unknown[0]!r} is no figure; use {', '.join(sorted(known))}"
        )
    try:
        return TypeAdapter(CostFigures).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandFailed("FIGURES_INVALID", f"{file}: {place}: {first['msg']}") from error


def show_cost(found: Session, cost: TrialCost) -> None:
    """One line for each figure, one column for each option."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for option in cost.options:
        name = f"{option.name} (assumed)" if option.assumed else option.name
        table.add_column(name, justify="right")
    for title, cells in _lines(cost):
        table.add_row(title, *cells)
    found.out.print(table)
    if cost.best == "unsteered":
        found.out.print(f"over {cost.months} months no option leaves any money: unsteered costs least")
    else:
        found.out.print(f"over {cost.months} months {cost.best} leaves most", markup=False)
    for option in cost.options:
        if option.dominated_by:
            found.out.print(
                f"{option.name} is dominated: {option.dominated_by} costs no more and does no less",
                markup=False,
            )


def _lines(cost: TrialCost) -> list[tuple[str, list[str]]]:
    digits = 0 if cost.currency == "JPY" else 2

    def money(value: float | None) -> str:
        return "-" if value is None else f"{value:,.{digits}f} {cost.currency}"

    def months(value: float | None) -> str:
        return "never" if value is None else f"{value:.1f} months"

    def each(text: Any) -> list[str]:
        return [text(own) for own in cost.options]

    def horizon(own: CostOption) -> str:
        return f"{money(own.horizon.value)} ({own.horizon.low:,.{digits}f} to {own.horizon.high:,.{digits}f})"

    return [
        ("bad replies left", each(lambda own: f"{own.bad_rate:.0%}")),
        ("to get there, once", each(lambda own: money(own.setup))),
        ("more a month", each(lambda own: money(own.running))),
        ("incidents prevented a month", each(lambda own: f"{own.prevented.value:,.1f}")),
        ("saved a month", each(lambda own: money(own.saved.value))),
        (f"left over {cost.months} months", each(horizon)),
        ("pays back after", each(lambda own: months(own.payback_months))),
        ("breaks even if an incident costs", each(lambda own: money(own.break_even_incident_cost))),
        (
            "breaks even at replies a month",
            each(lambda own: "-" if own.break_even_replies is None else f"{own.break_even_replies:,.0f}"),
        ),
    ]
