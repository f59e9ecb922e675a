"""`trimtab canary`."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from trimtab_client import CanaryProgress, CanaryReply, CanaryRun, abbreviated

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, session

app = typer.Typer(help="The canary set: prompts with known answers.", no_args_is_help=True)


@app.callback()
def _canary() -> None:
    """The canary set: prompts with known answers. Example: trimtab canary run"""


@app.command()
def run(
    context: typer.Context,
    snapshot: Annotated[str, typer.Option(help="Snapshot to ask. Default: the active one.")] = "",
    count: Annotated[int, typer.Option(min=0, help="Prompts of each kind; 0: the server's default.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Draws the prompts: the same seed asks the same.")] = 0,
    replies: Annotated[bool, typer.Option("--replies", help="Also print each reply.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Draw prompts, have one snapshot answer them, and print the four rates of each kind.

    Example: trimtab canary run --snapshot honest-1 --count 60
    """
    found = session(context, as_json)
    said: list[CanaryReply] = []
    finished: CanaryRun | None = None
    with found.client() as client, found.progress() as progress:
        task = progress.add_task("canary set", total=None)
        events = client.run_canary(snapshot, count_per_kind=count, seed=seed, include_replies=replies)
        with closing(events):
            for event in events:
                if isinstance(event, CanaryProgress):
                    progress.update(task, completed=event.done, total=event.total)
                elif isinstance(event, CanaryReply):
                    said.append(event)
                else:
                    finished = event
    if finished is None:
        raise CommandFailed("CANARY_INCOMPLETE", "the server ended the canary run without its figures")
    if found.json:
        found.emit_json({"canary_run": finished, "replies": said})
        return
    _print_replies(found, said)
    print_rates(found, finished)


def _print_replies(found: Session, said: list[CanaryReply]) -> None:
    if said:
        found.table(("question", "outcome", "reply"), ((r.question_id, r.outcome, r.reply) for r in said), "")


def print_rates(found: Session, finished: CanaryRun) -> None:
    """Print the four rates of each kind of prompt."""
    found.table(
        ("kind", "n", "honest", "95%", "lie", "evade", "no belief"),
        (
            (
                r.kind.replace("_", " "),
                r.count,
                f"{r.honest:.3f}",
                f"{r.honest_lower:.2f}-{r.honest_upper:.2f}",
                f"{r.lie:.3f}",
                f"{r.evade:.3f}",
                f"{r.no_belief:.3f}",
            )
            for r in finished.rates
        ),
        "no rates",
    )
    found.out.print(
        f"snapshot {abbreviated(finished.snapshot)}, seed {finished.seed}, draw {finished.draw_hash[:12]}, "
        f"{finished.seconds:.1f} s",
        style="dim",
    )
