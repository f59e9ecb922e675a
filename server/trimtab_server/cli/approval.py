"""`trimtab approval`."""

from __future__ import annotations

from typing import Annotated

import typer
from trimtab_client import bare

from trimtab_server.cli.session import JsonFlag, local_time, session

app = typer.Typer(help="Decisions that take two admins.", no_args_is_help=True)


@app.command("list")
def list_approvals(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those approved, cancelled and expired.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="At most so many, newest first.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what waits for a second person. To approve it, make the same call with your own token.

    Example: trimtab approval list
    """
    found = session(context, as_json)
    with found.client() as client:
        approvals = client.approvals(waiting=not everything, limit=limit)
    if found.json:
        found.emit_json({"approvals": approvals})
        return
    found.table(
        ("id", "state", "action", "subject", "proposed by", "reason", "until", "approved by"),
        (
            (
                bare(a.name),
                a.state,
                a.action,
                a.subject if a.facts in ("", "{}") else f"{a.subject} {a.facts}",
                a.proposer,
                a.proposer_reason,
                local_time(a.expire_time),
                a.approver,
            )
            for a in approvals
        ),
        "nothing waits for a second person" if not everything else "no approvals",
    )


@app.command()
def cancel(
    context: typer.Context,
    approval: Annotated[str, typer.Argument(help="Id, from `trimtab approval list`.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the record.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Take a proposal back before a second person approves it.

    Example: trimtab approval cancel 7f3a19c2 --reason "the plan changed"
    """
    found = session(context, as_json)
    with found.client() as client:
        cancelled = client.cancel_approval(approval, reason=reason)
    if found.json:
        found.emit_json({"approval": cancelled})
        return
    found.out.print(f"{bare(cancelled.name)} ({cancelled.action}) is cancelled", markup=False)
