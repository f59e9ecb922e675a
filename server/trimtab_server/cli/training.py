"""`trimtab training`: a fine-tune that is still running, by the journal its callback writes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from trimtab_vectors.training.journal import (
    JournalError,
    Record,
    current_path,
    follow,
    latest,
    read_journal,
)

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(help="Watch a fine-tune while it runs.", no_args_is_help=True)

_COLUMNS = ("step", "stage", "margin", "change", "slope", "wrong", "alike", "shift", "KL", "s")
_INTERVAL_SECONDS = 0.5


@app.command()
def watch(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="The journal, training.jsonl, or the model directory it lies in.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Print what is there and end.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also measurements on paths that were left.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Follow the figures of each stage and what was done; ends with Ctrl-C.

    With --json: the last measurement alone, as it stands in the journal.

    Example: trimtab training watch runs/sales/training.jsonl
    """
    found = session(context, as_json)
    journal = file / "training.jsonl" if file.is_dir() else file
    try:
        if found.json:
            found.emit_json(_last_measurement(journal))
        elif once:
            records = read_journal(journal)
            found.out.print(figures_table(_measurements(records, every)))
            _print_events(found, records)
        else:
            _follow(found, journal, every)
    except FileNotFoundError as error:
        raise CommandFailed("FILE_NOT_FOUND", f"there is no journal {journal}; give its file") from error
    except JournalError as error:
        raise CommandFailed("FILE_INVALID", str(error)) from error


def figures_table(measurements: Iterable[Record]) -> Table:
    """One row a stage: what a person compares from one to the next."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for record in measurements:
        table.add_row(*(Text(cell) for cell in _row(record)))
    return table


def event_line(record: Record) -> str | None:
    """What happened beside measuring, in one line; None for records that say nothing to a person."""
    kind, step = record["kind"], record["step"]
    if kind == "action":
        cost = record["cost"]
        phase = f" ({record['phase']})" if "phase" in record else ""
        spent = f"; {cost['steps']} steps, {cost['seconds']:.1f} s" if cost["steps"] else ""
        return f"step {step}  {record['action']}{phase}: {record['why']}{spent}{_outcome(record)}"
    if kind == "refused":
        return f"step {step}  {record['action']} refused: {record['why']}"
    if kind == "skipped":
        return f"step {step}  {record['stage']} was not measured: {record['why']}"
    if kind == "resumed":
        return f"step {step}  resumed, branch {record['branch']}"
    return None


def _follow(found: Session, journal: Path, every: bool) -> None:
    from rich.live import Live

    records: list[Record] = []
    if not journal.is_file():
        found.err.print(f"waiting for {journal}", markup=False)
    with Live(figures_table(()), console=found.out, auto_refresh=False) as live:
        for new in follow(journal):
            if new:
                records += new
                for line in filter(None, map(event_line, new)):
                    live.console.print(line, markup=False)
                live.update(figures_table(_measurements(records, every)), refresh=True)
            time.sleep(_INTERVAL_SECONDS)


def _print_events(found: Session, records: Sequence[Record]) -> None:
    for line in filter(None, map(event_line, records)):
        found.out.print(line, markup=False)


def _measurements(records: Sequence[Record], every: bool) -> list[Record]:
    return latest(records, "measurement") if every else current_path(records, "measurement")


def _last_measurement(journal: Path) -> Record:
    measured = [record for record in read_journal(journal) if record["kind"] == "measurement"]
    if not measured:
        raise CommandFailed("NOT_FOUND", f"{journal} holds no measurement yet")
    return measured[-1]


def _row(record: Record) -> tuple[str, ...]:
    layers = list(record["layers"].values())
    kl = record["kl_to_first"]
    seconds = sum(v for k, v in record["seconds"].items() if k != "allowed" and v is not None)
    return (
        str(record["step"]),
        record["stage"] + (f" {record['share']:.0%}" if record["shrunk"] else ""),
        _with_half_width(record["margin"]),
        _with_half_width(record["margin_change"]),
        _with_half_width(record["steerability"]["slope"]),
        f"{record['steerability']['anti_steerable']:.0%}",
        _mean([own["similarity"] for own in layers]),
        _mean([own["finetuning_shift"] for own in layers]),
        "" if kl is None else f"{kl['value']:.3f}",
        f"{seconds:.0f}",
    )


def _with_half_width(figure: dict[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    digits = 2 if abs(figure["value"]) < 10 else 1
    value = f"{figure['value']:.{digits}f}"
    if figure["low"] is None or figure["high"] is None:
        return value
    return f"{value} ±{(figure['high'] - figure['low']) / 2:.{digits}f}"


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.2f}" if known else ""


def _outcome(record: Record) -> str:
    if record["action"] == "twins":
        return f"; arm over twin {_with_half_width(record['effect'])} nats after {record['lag']} steps"
    if record["action"] == "push":
        return f"; margin gained {_with_half_width(record['margin_gain'])} nats"
    if record["action"] == "revert":
        return f"; back to {record['to']}"
    return ""
