"""`trimtab trial`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import (
    Case,
    Client,
    CriteriaFile,
    PromptFile,
    Trial,
    TrialCheck,
    TrialDraft,
    TrialRowFilter,
    TrialState,
    bare,
)

from trimtab_server.cli import trial_rate
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, plain, session
from trimtab_server.cli.trial_cost import cost_figures, show_cost
from trimtab_server.cli.trial_show import (
    follow,
    record,
    rows_json,
    show_list,
    show_result,
    show_rows,
    show_trial,
    time_left,
)

app = typer.Typer(
    help="Trials: company prompts over two or more lanes, judged by criteria that are locked first.",
    no_args_is_help=True,
)

NEWEST = "-"
TrialArgument = Annotated[str, typer.Argument(metavar="[TRIAL]", help="Its id. Default: the newest.")]
PromptArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Prompts: .csv, .tsv, .jsonl or .xlsx; the column prompt is enough."),
]
CriteriaOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Criteria, .toml or .json. Default: the server's own for such prompts."
    ),
]
LanesOption = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Names from the criteria, or unsteered,prompt,steered,steered+prompt. Default: those of the criteria.",
    ),
]
SnapshotOption = Annotated[
    str,
    typer.Option(help="What steered lanes steer with, unless the criteria say it. Default: the active one."),
]
RepeatsOption = Annotated[int, typer.Option(min=0, help="Replies to each prompt; 0: as the criteria say.")]
NameOption = Annotated[str, typer.Option("--name", help="Default: that of the criteria.")]
HurryOption = Annotated[
    bool, typer.Option("--hurry", help="Take slots as a chat does, not only those that nobody wants.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; kept in the audit.")]


@app.command()
def run(
    context: typer.Context,
    file: PromptArgument,
    criteria: CriteriaOption = None,
    lanes: LanesOption = "",
    snapshot: SnapshotOption = "",
    repeats: RepeatsOption = 0,
    name: NameOption = "",
    case: Annotated[
        str,
        typer.Option(
            metavar="CASE", help="As a part of this case (- for the newest), by its locked criteria."
        ),
    ] = "",
    hurry: HurryOption = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it, and do not wait.")] = False,
    keep_days: Annotated[
        int, typer.Option(min=0, help="Days that prompts and replies are kept after the end; 0: half a year.")
    ] = 0,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Lock the criteria, ask every lane, judge. Exit code 0 when it ran to a verdict, whatever the verdict.

    Example: trimtab trial run sample.csv --criteria criteria.toml --lanes unsteered,prompt,steered --json
    """
    found = session(context, as_json)
    draft = _draft(file, criteria, lanes, snapshot, repeats, name)
    with found.client() as client:
        if case:
            draft = _of_case(draft, client.cases.get(case))
        checked = client.trials.check(draft)
        _say_check(found, checked)
        # Part of its case before its first reply: which trials count is not chosen by how they came out.
        made = client.trials.create(
            draft, lock_hash=checked.lock.hash, case=case, keep_days=keep_days, reason=reason
        )
        started = client.trials.run(made.name, lock_hash=made.lock.hash, hurry=hurry, reason=reason)
        found.err.print(f"trial {bare(made.name)} is running, locked as {made.lock.hash[:12]}", markup=False)
        _end(found, client, started, detach=detach)


@app.command()
def check(
    context: typer.Context,
    file: PromptArgument,
    criteria: CriteriaOption = None,
    lanes: LanesOption = "",
    snapshot: SnapshotOption = "",
    repeats: RepeatsOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Say what a trial would ask, and what is wrong with its files. Nothing is written and nothing asked.

    Example: trimtab trial check prompts.xlsx --lanes unsteered,prompt,steered
    """
    found = session(context, as_json)
    draft = _draft(file, criteria, lanes, snapshot, repeats, "")
    with found.client() as client:
        checked = client.trials.check(draft)
    if found.json:
        found.emit_json({"check": checked})
        return
    found.facts(
        (
            ("prompts", f"{checked.prompt_count} in {checked.group_count} independent groups"),
            ("pressures", _counts(checked.pressures)),
            ("languages", _counts(checked.languages)),
            ("scorer", checked.scorer),
            ("rows", f"{checked.rows}, {checked.repeats} time(s) each prompt and lane"),
            (
                "takes about",
                "" if checked.seconds is None else time_left(checked.seconds).removesuffix(" left"),
            ),
            ("lock", checked.lock.hash),
        )
    )
    found.table(
        ("lane", "kind", "stage", "steering"),
        ((lane.name, lane.kind, bare(lane.stage), "; ".join(lane.steering)) for lane in checked.lanes),
        "no lanes",
    )
    for remark in checked.remarks:
        found.out.print(f"- {remark}", markup=False)


@app.command()
def start(
    context: typer.Context,
    trial: TrialArgument = NEWEST,
    lock_hash: Annotated[
        str, typer.Option(metavar="SHA256", help="Refuse if something else was locked.")
    ] = "",
    hurry: HurryOption = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Start a trial that was created, in a window for example, and not started.

    Example: trimtab trial start 3f9c0a1b2d4e
    """
    found = session(context, as_json)
    with found.client() as client:
        started = client.trials.run(trial, lock_hash=lock_hash, hurry=hurry, reason=reason)
        _end(found, client, started, detach=detach)


@app.command()
def resume(
    context: typer.Context,
    trial: TrialArgument = NEWEST,
    hurry: HurryOption = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Ask what is missing of a trial that was paused, or interrupted by a crash; the figures are as if it never was.

    Example: trimtab trial resume 3f9c0a1b2d4e
    """
    found = session(context, as_json)
    with found.client() as client:
        _end(found, client, client.trials.resume(trial, hurry=hurry, reason=reason), detach=detach)


@app.command()
def pause(
    context: typer.Context,
    trial: TrialArgument = NEWEST,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Stop asking; what is there stays.

    Example: trimtab trial pause --reason "the machine is needed"
    """
    _change(context, as_json, lambda client: client.trials.pause(trial, reason=reason))


@app.command("list")
def list_trials(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List trials, the newest first.

    Example: trimtab trial list --limit 5
    """
    found = session(context, as_json)
    with found.client() as client:
        trials = client.trials.list(limit=limit)
    if found.json:
        found.emit_json({"trials": trials})
        return
    show_list(found, trials)


@app.command()
def show(context: typer.Context, trial: TrialArgument = NEWEST, as_json: JsonFlag = False) -> None:
    """Show where a trial stands, and its verdict.

    Example: trimtab trial show --json
    """
    found = session(context, as_json)
    with found.client() as client:
        shown = client.trials.get(trial)
    if found.json:
        found.emit_json(record(shown))
        return
    show_trial(found, shown)


@app.command()
def rows(
    context: typer.Context,
    trial: TrialArgument = NEWEST,
    lane: Annotated[list[str] | None, typer.Option(help="Of these lanes.")] = None,
    outcome: Annotated[list[str] | None, typer.Option(help="With these outcomes, such as lie.")] = None,
    pressure: Annotated[list[str] | None, typer.Option(help="Of prompts under these pressures.")] = None,
    prompt: Annotated[str, typer.Option(help="Of the prompt with this id.")] = "",
    language: Annotated[str, typer.Option(help="Of prompts in this language.")] = "",
    text: Annotated[str, typer.Option(help="With this text in the reply.")] = "",
    repeat: Annotated[int, typer.Option(min=0, help="Of this repeat; 0: all.")] = 0,
    errors: Annotated[bool, typer.Option("--errors", help="That failed.")] = False,
    probes: Annotated[bool, typer.Option("--probes", help="Belief probes too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List replies, in the order of the plan.

    Example: trimtab trial rows --lane steered --outcome lie
    """
    found = session(context, as_json)
    chosen = TrialRowFilter(
        lanes=tuple(lane or ()),
        outcomes=tuple(outcome or ()),
        prompt_id=prompt,
        pressures=tuple(pressure or ()),
        language=language,
        text=text,
        errors_only=errors,
        probes=probes,
        repeat=repeat,
    )
    with found.client() as client:
        total = client.trials.row_page(trial, chosen, size=1).total
        listed = client.trials.rows(trial, chosen, limit=limit)
    if found.json:
        found.emit_json({"rows": rows_json(listed), "total": total})
        return
    show_rows(found, listed, total)


@app.command()
def rerun(
    context: typer.Context,
    row: Annotated[int, typer.Argument(min=1, help="Its number (trimtab trial rows).")],
    trial: TrialArgument = NEWEST,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Ask one row again, and judge again if there was a verdict.

    Example: trimtab trial rerun 214 --reason "it had failed"
    """
    found = session(context, as_json)
    with found.client() as client:
        made = client.trials.rerun_row(row, trial, reason=reason)
    if found.json:
        found.emit_json({"row": made})
        return
    show_rows(found, [made], 1)


@app.command()
def cost(
    context: typer.Context,
    figures: Annotated[
        Path, typer.Argument(metavar="FILE", help="The company's figures, TOML; as for reports.")
    ],
    trial: TrialArgument = NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """Show what the lanes of a finished trial cost and save, beside a small fine-tune.

    Example: trimtab trial cost cost.toml
    """
    found = session(context, as_json)
    given = cost_figures(figures)
    with found.client() as client:
        answer = client.trials.cost(given, trial)
    if found.json:
        found.emit_json(plain(answer))
        return
    show_cost(found, answer)


@app.command()
def export(
    context: typer.Context,
    trial: TrialArgument = NEWEST,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")] = None,
) -> None:
    """Write everything about a trial as one JSON document: what reports are made from.

    Example: trimtab trial export --out trial.json
    """
    found = session(context)
    with found.client() as client:
        document = client.trials.export(trial)
    if out is None:
        typer.echo(document.decode())
        return
    out.write_bytes(document + b"\n")
    found.err.print(f"wrote {out}", markup=False)


@app.command()
def delete(
    context: typer.Context,
    trial: Annotated[str, typer.Argument(help="Its id.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
    as_json: JsonFlag = False,
) -> None:
    """Delete prompts, replies and grades. What was locked, by hash, and what was decided stays.

    Example: trimtab trial delete 3f9c0a1b2d4e --reason "customer data"
    """
    _change(context, as_json, lambda client: client.trials.delete_rows(trial, reason=reason))


@app.command()
def sample(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to; default: here.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the sample that ships with the embedded model: prompts, and criteria to judge them by.

    Example: trimtab trial sample && trimtab trial run sample.csv --criteria criteria.toml
    """
    from trimtab_vectors.organism.layout import shipped_model_dir

    found = session(context, as_json)
    source = shipped_model_dir() / "trial"
    written = [directory / name for name in ("sample.csv", "criteria.toml")]
    there = [path for path in written if path.exists()]
    if there and not force:
        raise CommandFailed("FILE_EXISTS", f"{there[0]} is there already; remove it, or use --force")
    directory.mkdir(parents=True, exist_ok=True)
    for path in written:
        path.write_bytes((source / path.name).read_bytes())
    if found.json:
        found.emit_json({"prompts": written[0], "criteria": written[1]})
        return
    found.out.print(
        f"wrote {written[0]} and {written[1]}; try: trimtab trial run {written[0]} --criteria {written[1]}",
        markup=False,
    )


app.command("rate")(trial_rate.rate)


def _draft(
    file: Path, criteria: Path | None, lanes: str, snapshot: str, repeats: int, name: str
) -> TrialDraft:
    return TrialDraft(
        prompts=PromptFile(file.name, _content(file)),
        criteria=CriteriaFile() if criteria is None else _criteria(criteria),
        lanes=tuple(own.strip() for own in lanes.split(",") if own.strip()),
        snapshot=snapshot,
        repeats=repeats,
        display_name=name,
    )


def _of_case(draft: TrialDraft, case: Case) -> TrialDraft:
    """The draft with the criteria that a case has locked.

    Raises:
        CommandFailed: it has none yet, or the command line asks for others.
    """
    if case.lock is None:
        raise CommandFailed(
            "CASE_STEP",
            f"the criteria of {case.name} are not locked yet: trimtab case lock {bare(case.name)}",
        )
    if draft.criteria.text or draft.lanes or draft.snapshot or draft.repeats:
        raise CommandFailed(
            "CASE_LOCKED",
            f"{case.name} has locked criteria, lanes and repeats; leave out --criteria, --lanes, --snapshot, --repeats",
        )
    return replace(draft, criteria=case.lock.criteria)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandFailed("FILE_UNREADABLE", f"{file} cannot be read: {error.strerror}") from error


def _criteria(file: Path) -> CriteriaFile:
    try:
        return CriteriaFile(_content(file).decode(), file.suffix.lower().removeprefix("."))
    except UnicodeDecodeError as error:
        raise CommandFailed("FILE_UNREADABLE", f"{file} is not UTF-8 text; save it as UTF-8") from error


def _counts(counts: object) -> str:
    assert isinstance(counts, dict), "counts of a check are a dictionary"
    return ", ".join(f"{count} {name or 'unmarked'}" for name, count in counts.items())


def _say_check(found: Session, checked: TrialCheck) -> None:
    lanes = ", ".join(lane.name for lane in checked.lanes)
    takes = "" if checked.seconds is None else f", about {time_left(checked.seconds).removesuffix(' left')}"
    found.err.print(
        f"{checked.prompt_count} prompts in lanes {lanes}, {checked.repeats} time(s): {checked.rows} rows{takes}",
        markup=False,
    )
    for remark in checked.remarks:
        found.err.print(f"- {remark}", markup=False)


def _end(found: Session, client: Client, started: Trial, *, detach: bool) -> None:
    """Waits for the end unless told not to, and prints what came of it."""
    shown = started if detach else follow(found, client, started)
    if found.json:
        found.emit_json(record(shown) if not detach else {"trial": shown.name, "state": plain(shown.state)})
    elif shown.state is TrialState.RATING:
        found.out.print(
            f"every reply is there; grade them with: trimtab trial rate {bare(shown.name)}", markup=False
        )
    elif shown.result is not None:
        show_result(found, shown)
    else:
        show_trial(found, shown)


def _change(context: typer.Context, as_json: bool, change: Callable[[Client], Trial]) -> None:
    found = session(context, as_json)
    with found.client() as client:
        changed = change(client)
    if found.json:
        found.emit_json({"trial": changed.name, "state": changed.state})
        return
    show_trial(found, changed)
