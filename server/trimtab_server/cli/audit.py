"""`trimtab audit`."""

from __future__ import annotations

from typing import Annotated

import typer
from trimtab_client import abbreviated

from trimtab_server.cli.session import JsonFlag, local_time, session

app = typer.Typer(help="The append-only record of every change.", no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """The append-only record of every change. Example: trimtab audit list"""


@app.command("list")
def list_records(
    context: typer.Context,
    action: Annotated[str, typer.Option(help="Only this action, such as snapshot.activate.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List audit records, newest first: who, what, when, why.

    Example: trimtab audit list --action snapshot.activate --limit 10
    """
    found = session(context, as_json)
    with found.client() as client:
        log = client.audit_records(action=action, limit=limit)
    if found.json:
        found.emit_json({"audit_records": log.records, "head": log.head, "record_count": log.record_count})
        return
    found.table(
        ("#", "time", "actor", "action", "subject", "reason"),
        (
            (r.sequence, local_time(r.time), r.actor, r.action, _subject(r.subject), r.reason)
            for r in log.records
        ),
        "no audit records",
    )
    found.out.print(f"{log.record_count} records, head {log.head[:16]}", style="dim")


def _subject(name: str) -> str:
    collection, slash, _ = name.rpartition("/")
    return f"{collection}{slash}{abbreviated(name)}"
