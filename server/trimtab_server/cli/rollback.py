"""`trimtab rollback`."""

from __future__ import annotations

from typing import Annotated

import typer
from trimtab_client import InFlight, abbreviated

from trimtab_server.cli.session import InFlightOption, JsonFlag, Session, session


def rollback(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; kept in the history and in the audit.")],
    snapshot: Annotated[
        str,
        typer.Argument(help="Earlier snapshot. Default: the last one that was not itself rolled back."),
    ] = "",
    unsteered: Annotated[
        bool, typer.Option("--unsteered", help="Go to the unsteered snapshot of revision 1.")
    ] = False,
    in_flight: InFlightOption = "finish",
    offline: Annotated[
        bool,
        typer.Option("--offline", help="With no server running: in the data directory, for its next start."),
    ] = False,
    deployment: Annotated[str, typer.Option(help="Of which deployment.")] = "default",
    as_json: JsonFlag = False,
) -> None:
    """Make an earlier snapshot active again, as one step. It also aborts a rollout that is running.

    Example: trimtab rollback --reason "canary set fell to .40" --in-flight cancel

    Example: trimtab --data-dir ./data rollback --offline --unsteered --reason "the server does not start"
    """
    found = session(context, as_json)
    if unsteered and snapshot:
        raise typer.BadParameter("give a snapshot or --unsteered, not both")
    if offline:
        _offline(found, deployment, snapshot, unsteered, reason)
        return
    with found.client() as client:
        revision = client.rollback(
            snapshot, reason=reason, unsteered=unsteered, in_flight=InFlight(in_flight), deployment=deployment
        )
    if found.json:
        found.emit_json({"revision": revision})
        return
    name = revision.snapshot_display_name or abbreviated(revision.snapshot)
    undone = f", undoing revision {revision.rolled_back}" if revision.rolled_back else ""
    found.out.print(f"revision {revision.number}: {name} is active{undone}", markup=False)


def _offline(found: Session, deployment: str, snapshot: str, unsteered: bool, reason: str) -> None:
    from trimtab_server.cli.offline_rollback import roll_back_offline

    revision = roll_back_offline(found.data_dir, deployment, snapshot, unsteered=unsteered, reason=reason)
    if found.json:
        found.emit_json({"revision": revision})
        return
    name = revision.snapshot_display_name or abbreviated(revision.snapshot)
    found.out.print(
        f"revision {revision.number}: {name} is active, undoing revision {revision.rolled_back}; "
        "the next start of the server serves it",
        markup=False,
    )
