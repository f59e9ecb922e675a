"""`trimtab trial rate`: grades without lanes, at the keyboard or by a program."""

from __future__ import annotations

from typing import Annotated

import typer
from trimtab_client import Client, RatingProgress, RatingSheet, bare

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, session
from trimtab_server.cli.trial_show import record, show_result

_STOP = "q"


def rate(
    context: typer.Context,
    trial: Annotated[str, typer.Argument(metavar="[TRIAL]", help="Its id. Default: the newest.")] = "-",
    key: Annotated[str, typer.Option(help="Grade this reply alone, without questions.")] = "",
    grade: Annotated[int, typer.Option(min=0, help="With --key: 1 is the worst.")] = 0,
    sheet: Annotated[bool, typer.Option("--sheet", help="Show the next sheet, and grade nothing.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="End the rating: show lanes, and judge.")] = False,
    reason: Annotated[str, typer.Option(help="With --finish: why; kept in the audit.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Grade replies without knowing their lanes; q stops, and the next time goes on where it stopped.

    Example: trimtab trial rate 3f9c0a1b2d4e
    """
    found = session(context, as_json)
    if bool(key) != bool(grade):
        raise CommandFailed("OPTION_MISSING", "--key and --grade belong together: give both, or neither")
    with found.client() as client:
        if key:
            _say_progress(found, client.trials.rate(key, grade, trial))
        elif finish:
            _finish(found, client, trial, reason)
        elif sheet or found.json:
            _show_sheet(found, client.trials.rating_sheet(trial))
        else:
            _grade(found, client, trial)


def _grade(found: Session, client: Client, trial: str) -> None:
    """Sheet by sheet, until there is none, or the person stops."""
    name = client.trials.get(trial).name
    while True:
        sheet = client.trials.rating_sheet(name)
        if sheet.prompt is None:
            _say_progress(found, sheet.progress)
            found.out.print(
                f"nothing is left to grade; end it with: trimtab trial rate {bare(name)} --finish"
            )
            return
        _show_sheet(found, sheet)
        for number, reply in enumerate(sheet.replies, start=1):
            if reply.grade:
                continue
            given = _asked(number, sheet.scale)
            if given is None:
                _say_progress(found, client.trials.rating_sheet(name).progress)
                return
            client.trials.rate(reply.key, given, name)


def _asked(number: int, scale: int) -> int | None:
    """The grade that was typed; None to stop."""
    while True:
        text = typer.prompt(f"grade of reply {number}, 1 to {scale}, {_STOP} stops").strip().lower()
        if text == _STOP:
            return None
        if text.isdigit() and 1 <= int(text) <= scale:
            return int(text)


def _show_sheet(found: Session, sheet: RatingSheet) -> None:
    if found.json:
        found.emit_json({"sheet": sheet})
        return
    if sheet.prompt is None:
        found.out.print("nothing is left to grade", markup=False)
        return
    out = found.out
    out.print()
    if sheet.rubric:
        out.print(sheet.rubric, markup=False)
    if sheet.prompt.system:
        out.print(f"[{sheet.prompt.system}]", markup=False)
    out.print(f"> {sheet.prompt.prompt}", markup=False)
    for number, reply in enumerate(sheet.replies, start=1):
        given = f"  (graded {reply.grade})" if reply.grade else ""
        out.print(f"{number}. {reply.reply}{given}", markup=False)


def _say_progress(found: Session, progress: RatingProgress) -> None:
    if found.json:
        found.emit_json({"rating": progress})
        return
    words = f"{progress.done} of {progress.planned} replies graded by you, {progress.raters} rater(s)"
    alpha = progress.agreement.alpha
    if alpha is not None:
        words += f", agreement {alpha:.2f} (Krippendorff's alpha; above .8 is good, below .67 too little)"
    found.out.print(words, markup=False)


def _finish(found: Session, client: Client, trial: str, reason: str) -> None:
    finished = client.trials.finish_rating(trial, reason=reason)
    if found.json:
        found.emit_json(record(finished))
        return
    show_result(found, finished)
