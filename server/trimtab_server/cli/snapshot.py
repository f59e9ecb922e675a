"""`trimtab snapshot`."""

from __future__ import annotations

from typing import Annotated

import typer
from trimtab_client import Operator, Sampling, Snapshot, Steering, SteeringTerm, Vector, abbreviated, bare

from trimtab_server.cli.references import resolve_stage, resolve_terms
from trimtab_server.cli.session import JsonFlag, Session, local_time, session
from trimtab_server.cli.term_options import SYNTAX, operation
from trimtab_server.cli.vectors import spans

app = typer.Typer(help="Snapshots: record, compare, activate.", no_args_is_help=True)

SnapshotArgument = Annotated[str, typer.Argument(help="Display name, hash, or at least 8 digits of it.")]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Display name.")],
    vector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:STRENGTH[:LAYERS]]",
            help=f"A vector with its dose; may be repeated. In quotes, options may follow: {SYNTAX}.",
        ),
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Stage. Default: the active snapshot's.")] = None,
    system: Annotated[str, typer.Option(help="System prompt put before the caller's own.")] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    temperature: Annotated[float, typer.Option(min=0, help="Default temperature; 0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Default nucleus; 1 cuts nothing.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=0, help="Default reply length; 0: the server's.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Also vectors made for another model or stage; is recorded.")
    ] = False,
    activate_it: Annotated[bool, typer.Option("--activate", help="Make it active too.")] = False,
    reason: Annotated[str, typer.Option(help="Why, with --activate.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Record a steering configuration. The same one is the same snapshot, whatever its name.

    Example: trimtab snapshot create honest-1 --vector honesty:0.8:3 --activate --reason "trial passed"
    """
    found = session(context, as_json)
    with found.client() as client:
        steering = Steering(resolve_stage(client, stage), resolve_terms(client, vector or (), force), system)
        sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
        made = client.create_snapshot(steering, sampling=sampling, display_name=name, description=description)
        revision = client.activate_snapshot(made.name, reason=reason) if activate_it else None
    if found.json:
        found.emit_json({"snapshot": made, "revision": revision})
        return
    found.out.print(f"{made.name} {made.display_name}", markup=False)
    if revision is not None:
        found.out.print(f"revision {revision.number}: it is active")


@app.command("list")
def list_snapshots(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List snapshots, with the active one marked.

    Example: trimtab snapshot list
    """
    found = session(context, as_json)
    with found.client() as client:
        snapshots = client.snapshots()
        active = client.deployment().active_revision
    if found.json:
        found.emit_json({"snapshots": snapshots, "active": active.snapshot, "revision": active.number})
        return
    found.table(
        ("snapshot", "name", "stage", "steering", "created", "by", ""),
        (
            (
                abbreviated(s.name),
                s.display_name,
                bare(s.steering.stage),
                summary(s),
                local_time(s.create_time),
                s.created_by,
                "active" if s.name == active.snapshot else "",
            )
            for s in snapshots
        ),
        "no snapshots",
    )


@app.command()
def show(context: typer.Context, snapshot: SnapshotArgument, as_json: JsonFlag = False) -> None:
    """Show one snapshot.

    Example: trimtab snapshot show honest-1
    """
    found = session(context, as_json)
    with found.client() as client:
        shown = client.snapshot(snapshot)
        vectors = {v.name: v for v in client.vectors()}
    if found.json:
        found.emit_json({"snapshot": shown})
        return
    _show(found, shown, vectors)


def _show(found: Session, shown: Snapshot, vectors: dict[str, Vector]) -> None:
    sampling = shown.sampling
    found.facts(
        [
            ("name", shown.name),
            ("display name", shown.display_name),
            ("description", shown.description),
            ("stage", bare(shown.steering.stage)),
            ("system prompt", shown.steering.system_prompt),
            ("sampling", f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}"),
            ("created", f"{local_time(shown.create_time)} by {shown.created_by}"),
        ]
    )
    found.table(
        ("vector", "strength", "layers", "operator", "positions", ""),
        (
            (
                _vector_name(term, vectors),
                f"{term.strength:g}",
                spans(term.layers) or "all",
                operation(term, abbreviated),
                term.positions,
                "forced" if term.force else "",
            )
            for term in shown.steering.terms
        ),
        "no vectors",
    )


@app.command()
def diff(
    context: typer.Context,
    base: SnapshotArgument,
    other: Annotated[str, typer.Argument(help="The one to compare with. Default: the active one.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Show what changes from one snapshot to another.

    Example: trimtab snapshot diff unsteered honest-1
    """
    found = session(context, as_json)
    with found.client() as client:
        against = other or client.deployment().active_snapshot.name
        changes = client.diff_snapshots(base, against)
    if found.json:
        found.emit_json({"base": base, "other": against, "changes": changes})
        return
    found.table(
        ("field", "before", "after"),
        ((c.path, c.before, c.after) for c in changes),
        "no difference",
    )


@app.command()
def activate(
    context: typer.Context,
    snapshot: SnapshotArgument,
    reason: Annotated[str, typer.Option(help="Why; kept in the history and in the audit.")] = "",
    expected_revision: Annotated[
        int, typer.Option(min=0, help="Refuse if another revision is active; 0: whatever is.")
    ] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also while a rollout is in force, which is aborted.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a snapshot what new requests get.

    Example: trimtab snapshot activate honest-1 --reason "trial passed" --expected-revision 3
    """
    found = session(context, as_json)
    with found.client() as client:
        revision = client.activate_snapshot(
            snapshot, reason=reason, expected_revision=expected_revision, replace=replace
        )
    if found.json:
        found.emit_json({"revision": revision})
        return
    name = revision.snapshot_display_name or abbreviated(revision.snapshot)
    found.out.print(f"revision {revision.number}: {name} is active", markup=False)


def summary(snapshot: Snapshot) -> str:
    """A snapshot's steering in a few words."""
    parts = [
        f"{abbreviated(t.vector)} {_what(t)}{t.strength:g} at {spans(t.layers) or 'all'}"
        for t in snapshot.steering.terms
    ]
    if snapshot.steering.system_prompt:
        parts.append("a system prompt")
    return ", ".join(parts) or "unsteered"


def _what(term: SteeringTerm) -> str:
    how = operation(term, abbreviated)
    return "x " if how == Operator.ADD else f"{how} x "


def _vector_name(term: SteeringTerm, vectors: dict[str, Vector]) -> str:
    known = vectors.get(term.vector)
    return f"{abbreviated(term.vector)} {known.display_name if known else ''}".strip()
