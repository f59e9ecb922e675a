"""`trimtab rollout`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import Client, InFlight, Rollout, RolloutState, bare

from trimtab_server.cli import rollout_plan
from trimtab_server.cli.data_directory import opened_to_read, reported
from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.rollout_show import (
    candidate,
    line,
    show_evidence,
    show_list,
    show_plan,
    show_rollout,
    step,
)
from trimtab_server.cli.session import InFlightOption, JsonFlag, Session, plain, session

app = typer.Typer(
    help="Rollouts: from the active snapshot to a candidate, in steps, judged by a locked plan.",
    no_args_is_help=True,
)
app.add_typer(rollout_plan.app, name="plan")

NEWEST = "-"
RolloutArgument = Annotated[
    str, typer.Argument(metavar="[ROLLOUT]", help="Its id. Default: the one in force, else the newest.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; kept in the audit.")]
RequiredReason = Annotated[str, typer.Option(help="Why; kept in the history and in the audit.")]


@app.command()
def create(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="The candidate: display name, hash, or 8 digits of it.")],
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Analysis plan. Default: the server's own.")
    ] = None,
    reason: ReasonOption = "",
    expected_revision: Annotated[
        int, typer.Option(min=0, help="Refuse if another revision is active; 0: whatever is.")
    ] = 0,
    start_it: Annotated[bool, typer.Option("--start", help="Start it too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Lock a plan for a candidate. Nothing is served under it before the rollout is started.

    Example: trimtab rollout create honest-1 --plan plan.toml --reason "trial passed"
    """
    found = session(context, as_json)
    file = rollout_plan.read_file(plan)
    with found.client() as client:
        made = client.rollouts.create(snapshot, file, reason=reason, expected_revision=expected_revision)
        if start_it:
            made = client.rollouts.start(made.name, plan_hash=made.plan.hash, reason=reason)
    if found.json:
        found.emit_json({"rollout": made})
        return
    show_plan(found, made.plan)
    _say(found, made)
    if not start_it:
        found.out.print(f"start it with: trimtab rollout start {bare(made.name)}", markup=False)


@app.command()
def start(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    plan_hash: Annotated[str, typer.Option(metavar="SHA256", help="Refuse if another plan was locked.")] = "",
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Enter the first step of a rollout that was created.

    Example: trimtab rollout start 3f9c0a1b2d4e --reason "agreed on Monday"
    """
    _change(
        context, as_json, lambda client: client.rollouts.start(rollout, plan_hash=plan_hash, reason=reason)
    )


@app.command()
def status(context: typer.Context, rollout: RolloutArgument = NEWEST, as_json: JsonFlag = False) -> None:
    """Show where a rollout stands, with the latest evidence of each guardrail.

    Example: trimtab rollout status --json
    """
    found = session(context, as_json)
    with found.client() as client:
        shown = client.rollouts.get(rollout)
    if found.json:
        found.emit_json({"rollout": shown})
        return
    show_rollout(found, shown)


@app.command("list")
def list_rollouts(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List rollouts, the newest first.

    Example: trimtab rollout list --limit 5
    """
    found = session(context, as_json)
    with found.client() as client:
        rollouts = client.rollouts.list(limit=limit)
    if found.json:
        found.emit_json({"rollouts": rollouts})
        return
    show_list(found, rollouts)


@app.command()
def watch(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """Follow a rollout live, until it ends or Ctrl-C; exit code 1 if it ended without a promotion.

    With --json: one object per change and line.

    Example: trimtab rollout watch
    """
    found = session(context, as_json)
    newest: Rollout | None = None
    with found.client() as client, closing(client.rollouts.watch(rollout)) as changes:
        for change in changes:
            newest = change.rollout
            if found.json:
                print(json.dumps(plain(change), ensure_ascii=False), flush=True)
                continue
            found.out.print(line(newest, change.look), markup=False)
            if change.look is not None:
                show_evidence(found, change.look.evidence)
    if newest is not None and newest.state is not RolloutState.PROMOTED:
        raise CheckFailed


@app.command()
def pause(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Hold a rollout where it is; the weight stays, and guardrails go on.

    Example: trimtab rollout pause --reason "support is looking into a complaint"
    """
    _change(context, as_json, lambda client: client.rollouts.pause(rollout, reason=reason))


@app.command()
def resume(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Go on with a paused rollout; a step that waits for a person is done by that.

    Example: trimtab rollout resume --reason "complaint was about shipping"
    """
    _change(context, as_json, lambda client: client.rollouts.resume(rollout, reason=reason))


@app.command()
def promote(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    full: Annotated[
        bool, typer.Option("--full", help="Skip every step and activate: an admin, and a second admin.")
    ] = False,
    step_number: Annotated[
        int, typer.Option("--step", min=0, help="Refuse unless it is at this step; 0: where it is now.")
    ] = 0,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Go on to the next step without waiting for this one; the last step is left by a pass alone.

    Example: trimtab rollout promote --step 2 --reason "enough seen at 10%"
    """

    def change(client: Client) -> Rollout:
        if full:
            return client.rollouts.promote_full(rollout, reason=reason)
        expected = step_number - 1 if step_number else client.rollouts.get(rollout).step
        return client.rollouts.promote(rollout, expected_step=expected, reason=reason)

    _change(context, as_json, change)


@app.command()
def abort(
    context: typer.Context,
    reason: RequiredReason,
    rollout: RolloutArgument = NEWEST,
    in_flight: InFlightOption = "finish",
    as_json: JsonFlag = False,
) -> None:
    """Take the candidate away from everyone, now. The deployment's history is left as it is.

    Example: trimtab rollout abort --reason "customers complain about prices"
    """
    _change(
        context,
        as_json,
        lambda client: client.rollouts.abort(rollout, reason=reason, in_flight=InFlight(in_flight)),
    )


@app.command()
def retry(
    context: typer.Context,
    rollout: RolloutArgument = NEWEST,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a new rollout of a stopped one: same candidate, same plan, sessions drawn anew. It is not started.

    Example: trimtab rollout retry --reason "the alarm was the network's fault"
    """
    _change(context, as_json, lambda client: client.rollouts.retry(rollout, reason=reason))


@app.command()
def replay(
    context: typer.Context,
    rollout: Annotated[
        str, typer.Argument(metavar="[ROLLOUT]", help="Its id. Default: the one in force, else the newest.")
    ] = NEWEST,
    deployment: Annotated[str, typer.Option(help="Whose newest rollout.")] = "default",
    as_json: JsonFlag = False,
) -> None:
    """Judge the stored observations again, without a server; exit code 1 if a look comes out otherwise.

    Example: trimtab --data-dir ./data rollout replay 3f9c0a1b2d4e --json
    """
    from trimtab_server.rollouts import PlanError, ReferenceChanged
    from trimtab_server.steering.rollout_replay import compare_with_replay
    from trimtab_server.store import rollouts
    from trimtab_server.store.refusal import Refusal

    found = session(context, as_json)
    with reported(), opened_to_read(found) as database, database.read() as connection:
        newest = rollout == NEWEST
        record = (
            rollouts.newest(connection, deployment) if newest else rollouts.find(connection, bare(rollout))
        )
        if record is None:
            raise CommandFailed("ROLLOUT_NOT_FOUND", f"{found.data_dir} holds no such rollout")
        try:
            compared = compare_with_replay(connection, record)
        except Refusal as refusal:
            raise CommandFailed(
                refusal.reason, f"{record.name} cannot be judged again: its observations are no longer kept"
            ) from refusal
        except (PlanError, ReferenceChanged, ValueError) as error:
            raise CommandFailed(
                "ROLLOUT_DAMAGED", f"{record.name} cannot be judged again: {error}"
            ) from error
    if found.json:
        found.emit_json({"ok": compared.ok, **plain(compared)})
    else:
        words = "every look comes out as it was kept" if compared.ok else "looks come out otherwise"
        found.out.print(
            f"{compared.rollout}: {compared.observations} observations, {compared.looks} looks: {words}",
            markup=False,
        )
        for difference in compared.differences:
            found.out.print(f"- {difference}", markup=False)
    if not compared.ok:
        raise CheckFailed


def _change(context: typer.Context, as_json: bool, change: Callable[[Client], Rollout]) -> None:
    found = session(context, as_json)
    with found.client() as client:
        changed = change(client)
    if found.json:
        found.emit_json({"rollout": changed})
        return
    _say(found, changed)


def _say(found: Session, rollout: Rollout) -> None:
    words = f"rollout {bare(rollout.name)} of {candidate(rollout)}: {rollout.state}"
    if rollout.state.in_force:
        words += f", step {step(rollout)}, weight {rollout.weight}%"
    if rollout.promoted_revision:
        words += f", active as revision {bare(rollout.promoted_revision)}"
    found.out.print(words, markup=False)
