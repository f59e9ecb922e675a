"""`trimtab case`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import Case, CaseChoice, CaseDraft, CaseTrialRole, Client, bare

from trimtab_server.cli.case_draft import (
    CriteriaOption,
    GoalOption,
    LanesOption,
    NameOption,
    RisksOption,
    SnapshotOption,
    written,
)
from trimtab_server.cli.case_show import show_case, show_list, show_template
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, session

app = typer.Typer(
    help="Cases: one question from goal to decision, in six steps that each say what is missing.",
    no_args_is_help=True,
)

NEWEST = "-"


class Language(StrEnum):
    EN = "en"
    JA = "ja"


class Role(StrEnum):
    SMALL = "small"
    CONFIRMATION = "confirmation"


class Choice(StrEnum):
    SCALE = "scale"
    STOP = "stop"


CaseArgument = Annotated[str, typer.Argument(metavar="[CASE]", help="Its id. Default: the newest.")]
CaseOption = Annotated[str, typer.Option("--case", metavar="CASE", help="Its id. Default: the newest.")]
ReasonOption = Annotated[str, typer.Option(help="Why; kept in the audit.")]
LanguageOption = Annotated[Language, typer.Option("--language", help="Of what is printed.")]


@app.command()
def templates(
    context: typer.Context,
    template: Annotated[
        str, typer.Argument(metavar="[TEMPLATE]", help="Show this one whole; default: list them.")
    ] = "",
    language: LanguageOption = Language.EN,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write its criteria, and a file of prompts to fill in, here."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what a case can be started from, or show one: goal, criteria, which prompts to collect, risks.

    Example: trimtab case templates support --out support
    """
    found = session(context, as_json)
    with found.client() as client:
        known = client.cases.templates()
    if not template:
        if found.json:
            found.emit_json({"templates": known})
            return
        rows = [(own.id, own.title_ja if language is Language.JA else own.title) for own in known]
        found.table(("template", "title"), rows, "no templates")
        return
    chosen = next((own for own in known if own.id == template), None)
    if chosen is None:
        raise CommandFailed(
            "CASE_TEMPLATE_NOT_FOUND",
            f"there is no template {template}; use {', '.join(own.id for own in known)}",
        )
    made: list[Path] = []
    if out is not None:
        example = chosen.prompts.example_ja if language is Language.JA else chosen.prompts.example
        made = [out / "criteria.toml", out / "prompts.csv"]
        there = next((path for path in made if path.exists()), None)
        if there is not None:
            raise CommandFailed("FILE_EXISTS", f"{there} is there already; remove it, or name another DIR")
        out.mkdir(parents=True, exist_ok=True)
        made[0].write_text(chosen.criteria.text, encoding="utf-8")
        # Spreadsheets take a file for UTF-8 by this mark alone.
        made[1].write_text(example, encoding="utf-8-sig")
    if found.json:
        found.emit_json({"template": chosen, "files": made})
        return
    show_template(found, chosen, language.value)
    for path in made:
        found.out.print(f"wrote {path}", markup=False)


@app.command()
def new(
    context: typer.Context,
    template: Annotated[str, typer.Option(help="Start from this one (trimtab case templates).")] = "",
    name: NameOption = None,
    goal: GoalOption = None,
    risks: RisksOption = None,
    criteria: CriteriaOption = None,
    lanes: LanesOption = None,
    snapshot: SnapshotOption = None,
    language: LanguageOption = Language.EN,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Start a case; what is not given is taken from the template.

    Example: trimtab case new --template sales-honesty --goal "Honest answers about warranties"
    """
    found = session(context, as_json)
    draft = written(CaseDraft(template=template), name, goal, risks, criteria, lanes, snapshot)
    with found.client() as client:
        made = client.cases.create(draft, language=language.value, reason=reason)
    if found.json:
        found.emit_json({"case": made})
        return
    show_case(found, made, language.value)


@app.command()
def edit(
    context: typer.Context,
    case: CaseArgument = NEWEST,
    name: NameOption = None,
    goal: GoalOption = None,
    risks: RisksOption = None,
    criteria: CriteriaOption = None,
    lanes: LanesOption = None,
    snapshot: SnapshotOption = None,
    language: LanguageOption = Language.EN,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Write parts that are still open; the others stay as they are. Goal and criteria are open until the lock.

    Example: trimtab case edit --goal "Honest answers about warranties" --criteria criteria.toml
    """

    def change(client: Client) -> Case:
        seen = client.cases.get(case)
        draft = written(seen.draft, name, goal, risks, criteria, lanes, snapshot)
        return client.cases.update(draft, seen.name, version=seen.version, reason=reason)

    _change(context, as_json, language, change)


@app.command("list")
def list_cases(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    language: LanguageOption = Language.EN,
    as_json: JsonFlag = False,
) -> None:
    """List cases, the newest first, and the step that each of them waits for.

    Example: trimtab case list --limit 5
    """
    found = session(context, as_json)
    with found.client() as client:
        cases = client.cases.list(limit=limit)
    if found.json:
        found.emit_json({"cases": cases})
        return
    show_list(found, cases, language.value)


@app.command()
def show(
    context: typer.Context,
    case: CaseArgument = NEWEST,
    language: LanguageOption = Language.EN,
    as_json: JsonFlag = False,
) -> None:
    """Show where each step of a case stands, what is missing, and the command that does it.

    Example: trimtab case show --language ja
    """
    _change(context, as_json, language, lambda client: client.cases.get(case))


@app.command()
def lock(
    context: typer.Context,
    case: CaseArgument = NEWEST,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be locked, and write nothing.")
    ] = False,
    criteria_hash: Annotated[
        str, typer.Option(metavar="SHA256", help="Refuse if the criteria come to another hash.")
    ] = "",
    language: LanguageOption = Language.EN,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Fix goal, criteria and lanes, before any trial of the case.

    Example: trimtab case lock --reason "agreed with the head of sales"
    """

    def change(client: Client) -> Case:
        return client.cases.lock(case, criteria_hash=criteria_hash, validate_only=check, reason=reason)

    _change(context, as_json, language, change)


@app.command()
def criteria(
    context: typer.Context,
    case: CaseArgument = NEWEST,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")] = None,
) -> None:
    """Write the locked criteria as a file; `trimtab trial run FILE --case CASE` takes them by itself.

    Example: trimtab case criteria --out case.json
    """
    found = session(context)
    with found.client() as client:
        shown = client.cases.get(case)
    if shown.lock is None:
        raise CommandFailed(
            "CASE_STEP",
            f"the criteria of {shown.name} are not locked yet: trimtab case lock {bare(shown.name)}",
        )
    if out is None:
        typer.echo(shown.lock.criteria_json)
        return
    out.write_text(shown.lock.criteria_json + "\n", encoding="utf-8")
    found.err.print(f"wrote {out}", markup=False)


@app.command("attach-trial")
def attach_trial(
    context: typer.Context,
    trial: Annotated[str, typer.Argument(metavar="[TRIAL]", help="Its id. Default: the newest.")] = NEWEST,
    case: CaseOption = NEWEST,
    role: Annotated[
        Role | None, typer.Option(help="What it is in the case. Default: the step that is next.")
    ] = None,
    language: LanguageOption = Language.EN,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a trial by the locked criteria a part of the case; of a confirmation every prompt must be fresh.

    Example: trimtab case attach-trial 3f9c0a1b2d4e
    """
    chosen = CaseTrialRole.UNSPECIFIED if role is None else CaseTrialRole(role.value)
    _change(
        context,
        as_json,
        language,
        lambda client: client.cases.attach_trial(trial, case, role=chosen, reason=reason),
    )


@app.command()
def snapshot(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Display name of the snapshot.")],
    case: CaseOption = NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """Create the snapshot that the confirmation recommends: its lane's vectors and prompt, or the prompt alone.

    Example: trimtab case snapshot honest-1 && trimtab rollout create honest-1
    """
    found = session(context, as_json)
    with found.client() as client:
        shown = client.cases.get(case)
        if shown.candidate is None:
            raise CommandFailed(
                "CASE_STEP", f"{shown.name} has no candidate before its confirmation has passed"
            )
        made = client.create_snapshot(
            shown.candidate.steering,
            display_name=name,
            description=f"{shown.draft.display_name}: lane {shown.candidate.lane}",
        )
    if found.json:
        found.emit_json({"snapshot": made})
        return
    found.out.print(f"{made.name} {made.display_name}", markup=False)


@app.command("attach-rollout")
def attach_rollout(
    context: typer.Context,
    rollout: Annotated[
        str, typer.Argument(metavar="[ROLLOUT]", help="Its id. Default: the one in force, else the newest.")
    ] = NEWEST,
    case: CaseOption = NEWEST,
    language: LanguageOption = Language.EN,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a rollout of the confirmed candidate a part of the case.

    Example: trimtab case attach-rollout
    """
    _change(
        context, as_json, language, lambda client: client.cases.attach_rollout(rollout, case, reason=reason)
    )


@app.command()
def decide(
    context: typer.Context,
    choice: Annotated[Choice, typer.Argument(help="Scale it, or stop.")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    case: CaseOption = NEWEST,
    language: LanguageOption = Language.EN,
    as_json: JsonFlag = False,
) -> None:
    """Close a case for ever. To stop is possible at any time, to scale once the candidate was promoted.

    Example: trimtab case decide scale --reason "it held for two weeks"
    """
    chosen = CaseChoice(choice.value)
    _change(context, as_json, language, lambda client: client.cases.decide(chosen, case, reason=reason))


@app.command()
def export(
    context: typer.Context,
    case: CaseArgument = NEWEST,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")] = None,
) -> None:
    """Write the case with its trials, its rollout and the decision as one JSON document, for reports.

    Example: trimtab case export --out case.json
    """
    found = session(context)
    with found.client() as client:
        document = client.cases.export(case)
    if out is None:
        typer.echo(document.decode())
        return
    out.write_bytes(document + b"\n")
    found.err.print(f"wrote {out}", markup=False)


def _change(
    context: typer.Context, as_json: bool, language: Language, change: Callable[[Client], Case]
) -> None:
    found = session(context, as_json)
    with found.client() as client:
        changed = change(client)
    if found.json:
        found.emit_json({"case": changed})
        return
    show_case(found, changed, language.value)
