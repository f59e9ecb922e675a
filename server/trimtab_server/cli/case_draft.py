"""What a case is written from, as options of a command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import CaseDraft, CriteriaFile

from trimtab_server.cli.failure import CommandFailed

GoalOption = Annotated[str | None, typer.Option(help="What shall be reached, and for whom.")]
RisksOption = Annotated[str | None, typer.Option(help="What could go wrong.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What people call it.")]
CriteriaOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Criteria, .toml or .json, as of a trial.")
]
LanesOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Names from the criteria, or unsteered,prompt,steered,steered+prompt. Default: those of the criteria.",
    ),
]
SnapshotOption = Annotated[
    str | None,
    typer.Option(help="What steered lanes steer with, unless the criteria say it. Default: the active one."),
]


def written(
    draft: CaseDraft,
    name: str | None,
    goal: str | None,
    risks: str | None,
    criteria: Path | None,
    lanes: str | None,
    snapshot: str | None,
) -> CaseDraft:
    """The draft with what was given in place of what it has.

    Raises:
        CommandFailed: FILE_UNREADABLE, the file of criteria.
    """
    draft = replace(
        draft,
        display_name=draft.display_name if name is None else name,
        goal=draft.goal if goal is None else goal,
        risks=draft.risks if risks is None else risks,
        snapshot=draft.snapshot if snapshot is None else snapshot,
    )
    if criteria is not None:
        draft = replace(draft, criteria=_file(criteria))
    if lanes is not None:
        draft = replace(draft, lanes=tuple(own.strip() for own in lanes.split(",") if own.strip()))
    return draft


def _file(path: Path) -> CriteriaFile:
    try:
        return CriteriaFile(path.read_text(encoding="utf-8"), path.suffix.lower().removeprefix("."))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed("FILE_UNREADABLE", f"{path} cannot be read as UTF-8 text: {error}") from error
