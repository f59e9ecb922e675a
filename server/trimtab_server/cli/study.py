"""`trimtab study`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.session import JsonFlag, session

if TYPE_CHECKING:
    from rich.progress import TaskID
    from trimtab_vectors.plasticity import PlantedVerdicts, SimulationCheck

app = typer.Typer(
    help="Stage by stage: where a small push works best, and whether that is real.", no_args_is_help=True
)


@app.callback()
def study() -> None:
    """Stage by stage: where a small push works best, and whether that is real."""


@app.command()
def check(
    context: typer.Context,
    seed: Annotated[int, typer.Option(min=0, help="Draws the simulated timelines.")] = 0,
    timelines: Annotated[int, typer.Option(min=1, help="Simulated timelines of each kind.")] = 10_000,
    as_json: JsonFlag = False,
) -> None:
    """Measure how often the critical-window rule errs on simulated timelines, and read what the shipped study
    found; exit code 1 unless all of it holds.

    Example: trimtab study check --seed 7
    """
    found = session(context, as_json)
    try:
        from trimtab_vectors.plasticity import StudySummaryError, read_planted, run_check
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    try:
        planted = read_planted()
    except StudySummaryError as error:
        raise CommandFailed("STUDY_SUMMARY_INVALID", str(error)) from error
    with found.progress() as progress:
        tasks: dict[str, TaskID] = {}

        def report(scenario: str, done: int, total: int) -> None:
            if scenario not in tasks:
                tasks[scenario] = progress.add_task(scenario, total=total)
            progress.update(tasks[scenario], completed=done)

        simulated = run_check(seed, timelines, progress=report)
    ok = simulated.ok and planted.ok
    if found.json:
        found.emit_json(_record(simulated, planted, ok))
    else:
        found.table(("", "line", "value", "95% interval", "limit"), _lines(simulated, planted), "")
        found.out.print(f"seed {seed}, {timelines} simulated timelines of each kind", markup=False)
    if not ok:
        raise CheckFailed


def _record(simulated: SimulationCheck, planted: PlantedVerdicts, ok: bool) -> dict[str, Any]:
    shares = {
        "false_windows": simulated.false_windows,
        "power": simulated.power,
        "missed_as_none": simulated.missed_as_none,
    }
    intervals = {name: {t: [s.low, s.high] for t, s in of.items()} for name, of in shares.items()}
    late = simulated.late_rises_called_window
    return {
        "ok": ok,
        "false_windows": {t: s.share for t, s in simulated.false_windows.items()},
        "power": simulated.least_power,
        "planted_window": planted.planted_window,
        "planted_null": planted.planted_null,
        "power_by_trend": {t: s.share for t, s in simulated.power.items()},
        "missed_as_none": {t: s.share for t, s in simulated.missed_as_none.items()},
        "late_rises_called_window": late.share,
        "intervals": {**intervals, "late_rises_called_window": [late.low, late.high]},
        "limits": simulated.limits,
        "verdicts": simulated.verdicts,
        "seeds": {"discovery": simulated.discovery_seeds, "confirmation": simulated.confirmation_seeds},
        "seed": simulated.seed,
        "timelines": simulated.timelines,
    }


def _lines(simulated: SimulationCheck, planted: PlantedVerdicts) -> list[tuple[str, str, str, str, str]]:
    false_limit, power_limit = simulated.limits["false_windows"], simulated.limits["power"]
    rows = [
        (
            ("ok" if s.share <= false_limit else "FAIL") if limited else "",
            f"false windows, {trend}",
            f"{s.share:.4f}",
            f"{s.low:.4f} to {s.high:.4f}",
            f"at most {false_limit:g}" if limited else "",
        )
        for trend, s in simulated.false_windows.items()
        for limited in [trend in simulated.limited_trends]
    ]
    rows += [
        (
            "ok" if s.share >= power_limit else "FAIL",
            f"planted windows found, {trend}",
            f"{s.share:.4f}",
            f"{s.low:.4f} to {s.high:.4f}",
            f"at least {power_limit:g}",
        )
        for trend, s in simulated.power.items()
    ]
    late = simulated.late_rises_called_window
    rows.append(
        ("", "late rises called window", f"{late.share:.4f}", f"{late.low:.4f} to {late.high:.4f}", "")
    )
    for name, value, limit in (
        ("shipped study, planted window", planted.planted_window, "confirmed"),
        ("shipped study, planted null", planted.planted_null, "none"),
    ):
        rows.append(("ok" if value == limit else "FAIL", name, value, "", limit))
    return rows
