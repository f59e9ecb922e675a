"""`trimtab study`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from rich.progress import TaskID
    from trimtab_vectors.plasticity import PlantedVerdicts, SimulationCheck
    from trimtab_vectors.study import StudyProgress, Summary

app = typer.Typer(
    help="Stage by stage: where a small push works best, and whether that is real.", no_args_is_help=True
)


@app.callback()
def study() -> None:
    """Stage by stage: where a small push works best, and whether that is real."""


PlanArgument = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study's plan.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes, stages side by side. Default: one for each device.")
]


@app.command()
def run(
    context: typer.Context,
    plan: PlanArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The study's directory; one begun goes on.")],
    devices: Annotated[
        str, typer.Option("--devices", "--device", help="cpu, cuda:0 or cuda:0,cuda:1.")
    ] = "cpu",
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a study, or go on with one; it writes DIR/summary.json.

    Example: trimtab study run STUDY.toml --out results --devices cuda:0,cuda:1 --workers 16
    """
    found = session(context, as_json)
    named = devices.split(",")
    with _studying() as science:
        study = science.open_study(plan, out)
        count = workers or len(named)
        with found.progress() as progress:
            task = progress.add_task("reading the plan", total=None)

            def report(state: StudyProgress) -> None:
                left = "" if state.seconds_left is None else f", {_duration(state.seconds_left)} left"
                progress.update(
                    task, description=f"{state.phase}{left}", completed=state.done, total=state.total
                )

            command = f"trimtab study run {plan.name} --devices {devices} --workers {count}"
            done = science.run_study(study, devices=named, workers=count, progress=report, command=command)
            progress.update(task, description="indices and verdicts")
            summary = science.summarise(study)
    if found.json:
        found.emit_json(
            {
                "summary": out / "summary.json",
                "computed": done.computed,
                "found": done.found,
                "seconds": done.seconds,
                "planted_window": summary.planted_window,
                "planted_null": summary.planted_null,
                "windows": [
                    {
                        "architecture": arc.architecture,
                        "arc": arc.arc,
                        **window.model_dump(exclude={"theta", "figures"}),
                    }
                    for arc in summary.arcs
                    for window in arc.windows
                ],
            }
        )
        return
    _show_summary(found, summary)
    computed = sum(done.computed.values())
    found.out.print(f"{out / 'summary.json'}: {computed} cells computed in {done.seconds:g} s", markup=False)


@app.command("plan")
def show_plan(
    context: typer.Context,
    plan: PlanArgument,
    device: Annotated[str, typer.Option(help="cpu, cuda:0, ...: where the probe runs.")] = "cpu",
    workers: WorkersOption = None,
    probe: Annotated[bool, typer.Option(help="Load one stage and time a little of the work.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Say what a study would take, and check its plan and every file it names.

    Example: trimtab study plan STUDY.toml --device cuda:0 --workers 8
    """
    found = session(context, as_json)
    with _studying() as science:
        study = science.open_study(plan, plan.parent)
        told = science.estimate(study, device=device, workers=workers or 1, probe=probe)
    if found.json:
        names = [run.name for run in study.runs]
        found.emit_json({"name": study.plan.name, "hash": study.plan.hash, "runs": names, **told.as_dict()})
        return
    found.facts([("study", study.plan.name), ("hash", study.plan.hash)])
    found.table(
        ("run", "role", "stages"), ((r.name, r.role, len(r.stages)) for r in study.runs), "there is no run"
    )
    found.table(
        ("cells", "count", "scored rows"),
        ((kind, count, told.rows.get(kind, "")) for kind, count in told.cells.items()),
        "there is no cell",
    )
    seconds = "" if told.seconds is None else f"about {_duration(told.seconds)} with {workers or 1} workers"
    found.facts([("prompts read for vectors", str(told.readings)), ("time", seconds)])


@app.command()
def status(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A study's directory.")],
    as_json: JsonFlag = False,
) -> None:
    """Say how far a study is, also while it runs.

    Example: trimtab study status results
    """
    found = session(context, as_json)
    with _studying() as science:
        state = science.study_status(out)
    if found.json:
        found.emit_json(state.as_dict())
        return
    found.table(
        ("cells", "done", "of"), ((kind, done, total) for kind, (done, total) in state.cells.items()), ""
    )
    left = "" if state.seconds_left is None else _duration(state.seconds_left)
    found.facts(
        [
            ("dose", "locked" if state.dose_locked else "not chosen yet"),
            ("summary", "written" if state.summarised else "not written yet"),
            ("time left", "" if state.complete else left),
        ]
    )


class ReportLanguage(StrEnum):
    EN = "en"
    JA = "ja"


@app.command()
def report(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The study's directory.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page. Default, if no --pdf: DIR/report.html.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a PDF as well, or alone.")] = None,
    language: Annotated[ReportLanguage, typer.Option(help="Of the report.")] = ReportLanguage.EN,
    font: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of the PDF; it must have Japanese characters.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a study's report as one page of HTML, as a PDF, or as both.

    Example: trimtab study report results --out report.html --pdf report.pdf --language ja
    """
    found = session(context, as_json)
    with _studying():
        try:
            from trimtab_vectors.study.report.files import ReportFiles, write_report

            files = ReportFiles.of(directory, out, pdf)
            written = write_report(directory, files, language.value, font)
        except ModuleNotFoundError as error:
            raise needs_science(error) from error
    if found.json:
        found.emit_json({**written, "language": language})
        return
    for path in written.values():
        found.out.print(str(path), markup=False)


@contextmanager
def _studying() -> Iterator[Any]:
    """`trimtab_vectors.study`; what a study cannot do becomes one line."""
    try:
        from trimtab_vectors import study as science
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    try:
        yield science
    except science.StudyError as error:
        raise CommandFailed(_reason(error), str(error)) from error
    except FileNotFoundError as error:
        raise CommandFailed("FILE_NOT_FOUND", str(error)) from error


def _reason(error: Exception) -> str:
    """PlanError -> STUDY_PLAN_INVALID and so on: one stable word for programs."""
    reasons = {
        "PlanError": "STUDY_PLAN_INVALID",
        "LockError": "STUDY_LOCKED",
        "CellError": "STUDY_INCOMPLETE",
        "WorkerError": "STUDY_WORKER_FAILED",
        "UnsuitableModelError": "STUDY_MODEL_UNSUITABLE",
        "FontError": "FONT_MISSING",
    }
    return reasons.get(type(error).__name__, "STUDY_FAILED")


def _show_summary(found: Session, summary: Summary) -> None:
    found.table(
        ("architecture", "arc", "seeds", "dose", "statistic", "verdict", "stages", "why not more"),
        (
            (
                arc.architecture,
                arc.arc,
                f"{len(arc.discovery_seeds)} + {len(arc.confirmation_seeds)}",
                f"{arc.strength:g} at {','.join(map(str, arc.layers))}",
                window.statistic,
                window.verdict if window.word is None else f"{window.verdict} {window.word}",
                f"{window.first_stage} to {window.last_stage}" if window.first_stage else "",
                "; ".join(window.reasons),
            )
            for arc in summary.arcs
            for window in arc.windows
        ),
        "nothing was judged",
    )
    for caveat in summary.caveats:
        found.out.print(f"- {caveat}", markup=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


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
