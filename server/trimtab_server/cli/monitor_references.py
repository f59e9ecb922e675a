"""`trimtab monitor record-reference`, `references` and `retention`."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from trimtab_client import Reference, ReferenceProgress, ReferenceSource, Retention, abbreviated

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, local_time, session


def record_reference(
    context: typer.Context,
    replies: Annotated[int, typer.Option(min=0, help="How many; 0: 500. At least 200.")] = 0,
    canary: Annotated[
        bool, typer.Option("--canary", help="Ask the canary set instead of taking live replies.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Record how replies of the active snapshot look now: their drift is watched from here on.

    Record while you are content with the replies: what is recorded counts as healthy. Live replies are compared
    with live ones only; a reference of canary questions is for a rollout's plan.

    Example: trimtab monitor record-reference --replies 500
    """
    found = session(context, as_json)
    source = ReferenceSource.CANARY if canary else ReferenceSource.LIVE
    recorded: Reference | None = None
    with found.client() as client, found.progress() as progress:
        task = progress.add_task("reference", total=None)
        with closing(client.record_reference(source, replies=replies)) as events:
            for event in events:
                if isinstance(event, ReferenceProgress):
                    progress.update(task, completed=event.done, total=event.total)
                else:
                    recorded = event
    if recorded is None:
        raise CommandFailed("REFERENCE_INCOMPLETE", "the server ended without a reference; record again")
    if found.json:
        found.emit_json({"reference": recorded})
        return
    _print_signals(found, recorded)


def references(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    signals: Annotated[bool, typer.Option("--signals", help="Also the signals of each.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the recorded references, and which of them still describe what is active.

    With --signals also the id and hash of each signal's values, which a rollout's plan names.

    Example: trimtab monitor references --signals
    """
    found = session(context, as_json)
    with found.client() as client:
        recorded = client.references(limit=limit)
    if found.json:
        found.emit_json({"references": recorded})
        return
    found.table(
        ("reference", "source", "replies", "snapshot", "recorded", ""),
        (
            (
                r.name.rpartition("/")[2],
                r.source.value,
                r.reply_count,
                abbreviated(r.snapshot),
                local_time(r.create_time),
                f"stale: {r.stale}" if r.stale else "",
            )
            for r in recorded
        ),
        "no references; record one: trimtab monitor record-reference",
    )
    if signals:
        for one in recorded:
            _print_signals(found, one)


def retention(
    context: typer.Context,
    days: Annotated[int | None, typer.Option(min=1, help="Keep the figures of replies so long.")] = None,
    text_days: Annotated[
        int | None, typer.Option(min=0, help="Keep prompts and replies so long; 0: not at all.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why text is kept; it stays in the record.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Show how long replies are kept, or change it (admin).

    Figures are kept for 183 days and text not at all, unless you change that. What goes is in the audit.

    Example: trimtab monitor retention --days 365
    """
    found = session(context, as_json)
    with found.client() as client:
        kept = client.retention()
        if days is not None or text_days is not None:
            kept = client.update_retention(
                kept.reply_days if days is None else days,
                kept.text_days if text_days is None else text_days,
                reason=reason,
            )
    if found.json:
        found.emit_json(kept)
        return
    _print_retention(found, kept)


def _print_retention(found: Session, kept: Retention) -> None:
    found.facts(
        (
            ("figures of replies", f"{kept.reply_days} days"),
            ("prompts and replies", f"{kept.text_days} days" if kept.text_days else "not kept"),
            ("changed", local_time(kept.change_time)),
        )
    )


def _print_signals(found: Session, recorded: Reference) -> None:
    found.out.print(f"{recorded.name.rpartition('/')[2]}  {recorded.reply_count} replies", style="bold")
    found.table(
        ("signal", "n", "mean", "sd", "batch", "drift", "id in a plan", "hash"),
        (
            (
                s.signal.value.replace("_", " "),
                s.count,
                f"{s.mean:.4g}",
                f"{s.standard_deviation:.3g}",
                s.batch,
                f"not watched: {s.unwatched}" if s.unwatched else "watched",
                s.id,
                s.hash[:12],
            )
            for s in recorded.signals
        ),
        "no signals",
    )
