"""`trimtab chat`: one reply, a conversation, or lanes side by side."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from trimtab_client import (
    Active,
    ByName,
    Client,
    Inline,
    Lane,
    Message,
    ReadoutOptions,
    ReplyDelta,
    ReplyEvent,
    ReplyFinished,
    ReplyStarted,
    Role,
    Sampling,
    Steering,
    SteeringSource,
    TokenReadout,
    Unsteered,
    abbreviated,
    bare,
    qualified,
)

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.references import resolve_stage, resolve_terms
from trimtab_server.cli.session import JsonFlag, Session, session
from trimtab_server.cli.term_options import SYNTAX

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Lanes are printed side by side when each has at least this many columns.
_LANE_COLUMNS = 36

_HELP = "/reset forgets the conversation, /quit ends, Ctrl-C stops a reply"


@dataclass
class Reply:
    """A reply as it grows."""

    lane: str
    text: str = ""
    started: ReplyStarted | None = None
    finished: ReplyFinished | None = None
    tokens: list[TokenReadout] = field(default_factory=list)

    def take(self, event: ReplyEvent) -> None:
        if isinstance(event, ReplyStarted):
            self.started = event
        elif isinstance(event, ReplyDelta):
            self.text += event.text
            self.tokens += event.tokens
        else:
            self.finished = event

    def as_object(self, readouts: bool) -> dict[str, Any]:
        """What --json prints of it."""
        made: dict[str, Any] = {"lane": self.lane, "text": self.text, "finished": self.finished}
        return made | ({"tokens": self.tokens} if readouts else {})


@dataclass(frozen=True)
class Conversation:
    """How every turn is asked."""

    lanes: tuple[tuple[str, SteeringSource], ...]
    sampling: Sampling | None
    readouts: ReadoutOptions | None


def chat(
    context: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Argument(help="What to say. Without it: a conversation, or standard input if that is a pipe."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Lanes side by side: unsteered, and what the options name.")
    ] = False,
    snapshot: Annotated[
        list[str] | None, typer.Option(help="Answer with this snapshot; a lane each with --compare.")
    ] = None,
    vector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:STRENGTH[:LAYERS]]",
            help=f"Steer with this vector; may be repeated. In quotes, options may follow: {SYNTAX}.",
        ),
    ] = None,
    unsteered: Annotated[bool, typer.Option("--unsteered", help="Answer without vectors.")] = False,
    system: Annotated[str, typer.Option(help="System message of the conversation.")] = "",
    stage: Annotated[str | None, typer.Option(help="Stage. Default: the active snapshot's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Repeats a reply exactly.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="0 is greedy.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest reply.")] = None,
    readouts: Annotated[
        bool, typer.Option("--readouts", help="Also projection, entropy and KL to unsteered per token.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also vectors made for another model or stage; is recorded.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Chat with the hosted model; by default with what is active.

    Example: trimtab chat --compare --vector honesty:0.8:3 "Is the warranty five years?"
    """
    found = session(context, as_json)
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
        if not prompt:
            raise typer.BadParameter("standard input is empty; give a prompt")
    if prompt is None and found.json:
        raise typer.BadParameter("--json needs a prompt")
    with found.client() as client:
        lanes = _lanes(client, compare, snapshot or [], vector or [], unsteered, stage, force)
        asked = Conversation(
            lanes,
            _sampling(client, seed, temperature, max_tokens),
            ReadoutOptions(projection=True, entropy=True, kl_to_unsteered=True) if readouts else None,
        )
        opening = (Message(Role.SYSTEM, system),) if system else ()
        if prompt is None:
            _converse(found, client, asked, opening)
        else:
            histories = {name: (*opening, Message(Role.USER, prompt)) for name, _ in lanes}
            replies = _answer(found, client, asked, histories)
            if found.json:
                found.emit_json(_as_object(replies, compare, readouts))


def _lanes(
    client: Client,
    compare: bool,
    snapshots: list[str],
    vectors: list[str],
    unsteered: bool,
    stage: str | None,
    force: bool,
) -> tuple[tuple[str, SteeringSource], ...]:
    """Lane names and where their steering comes from; one lane unless they are compared."""
    named: list[tuple[str, SteeringSource]] = [
        (name, ByName(qualified("snapshots", name))) for name in snapshots
    ]
    if vectors:
        steering = Steering(resolve_stage(client, stage), resolve_terms(client, vectors, force))
        named.append(("steered", Inline(steering)))
    plain = ("unsteered", Unsteered(resolve_stage(client, stage) if stage else ""))
    if compare:
        return (plain, *(named or [("active", Active())]))
    if unsteered or (stage and not named):
        named.append(plain)
    if len(named) > 1:
        raise typer.BadParameter("--snapshot, --vector and --unsteered are one reply each; add --compare")
    return tuple(named) or (("active", Active()),)


def _sampling(
    client: Client, seed: int | None, temperature: float | None, max_tokens: int | None
) -> Sampling | None:
    """None keeps the snapshot's defaults; what is given replaces its part of the active one's."""
    if seed is None and temperature is None and max_tokens is None:
        return None
    default = client.deployment().active_snapshot.sampling
    return Sampling(
        temperature=default.temperature if temperature is None else temperature,
        top_p=default.top_p,
        top_k=default.top_k,
        seed=default.seed if seed is None else seed,
        max_tokens=default.max_tokens if max_tokens is None else max_tokens,
        stop=default.stop,
    )


def _as_object(replies: Sequence[Reply], compare: bool, readouts: bool) -> dict[str, Any]:
    if compare:
        return {"lanes": [reply.as_object(readouts) for reply in replies]}
    return replies[0].as_object(readouts)


def _converse(found: Session, client: Client, asked: Conversation, opening: tuple[Message, ...]) -> None:
    """Turn by turn; every lane keeps its own history."""
    found.err.print(_HELP, style="dim")
    histories = {name: opening for name, _ in asked.lanes}
    while True:
        try:
            said = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
            return
        if said == "/quit":
            return
        if said == "/reset":
            histories = {name: opening for name, _ in asked.lanes}
        elif said.startswith("/"):
            found.err.print(_HELP, style="dim")
        elif said:
            turn = {name: (*past, Message(Role.USER, said)) for name, past in histories.items()}
            try:
                replies = _answer(found, client, asked, turn)
            except KeyboardInterrupt:
                found.err.print("\nstopped; the turn is forgotten", style="dim")
                continue
            histories = {r.lane: (*turn[r.lane], Message(Role.ASSISTANT, r.text)) for r in replies}


def _answer(
    found: Session, client: Client, asked: Conversation, histories: dict[str, tuple[Message, ...]]
) -> list[Reply]:
    """Stream one turn of all lanes, printing as it comes."""
    replies = {name: Reply(name) for name, _ in asked.lanes}
    with closing(_events(client, asked, histories)) as events:
        if found.json:
            for lane, event in events:
                replies[lane].take(event)
        elif len(replies) == 1:
            _print_stream(found, events, next(iter(replies.values())))
        else:
            print_lanes(found, events, replies)
    unfinished = [reply.lane for reply in replies.values() if reply.finished is None]
    if unfinished:
        raise CommandFailed("REPLY_INCOMPLETE", f"the server ended without finishing {', '.join(unfinished)}")
    if not found.json:
        _print_ends(found, replies.values(), asked.readouts is not None)
    return list(replies.values())


def _events(
    client: Client, asked: Conversation, histories: dict[str, tuple[Message, ...]]
) -> Generator[tuple[str, ReplyEvent], None, None]:
    if len(asked.lanes) > 1:
        lanes = [Lane(name, histories[name], source) for name, source in asked.lanes]
        with closing(client.compare(lanes, sampling=asked.sampling, readouts=asked.readouts)) as compared:
            yield from compared
        return
    name, source = asked.lanes[0]
    stream = client.chat(histories[name], source=source, sampling=asked.sampling, readouts=asked.readouts)
    with closing(stream) as events:
        for event in events:
            yield name, event


def _print_stream(found: Session, events: Iterator[tuple[str, ReplyEvent]], reply: Reply) -> None:
    for _, event in events:
        reply.take(event)
        if isinstance(event, ReplyDelta):
            print(event.text, end="", flush=True)
    print()


def print_lanes(found: Session, events: Iterator[tuple[str, ReplyEvent]], replies: dict[str, Reply]) -> None:
    """Print lanes as they grow, side by side where the terminal is wide enough, else at the end."""
    side_by_side = found.out.is_terminal and found.out.width >= _LANE_COLUMNS * len(replies)
    if not side_by_side:
        for lane, event in events:
            replies[lane].take(event)
        for reply in replies.values():
            found.out.print(f"[{reply.lane}]", style="bold", markup=False)
            found.out.print(reply.text, markup=False, soft_wrap=True)
        return
    from rich.live import Live

    with Live(_panels(replies.values()), console=found.out, refresh_per_second=15) as live:
        for lane, event in events:
            replies[lane].take(event)
            live.update(_panels(replies.values()))


def _panels(replies: Any) -> RenderableType:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(expand=True)
    shown = list(replies)
    for _ in shown:
        grid.add_column(ratio=1)
    grid.add_row(*(Panel(Text(r.text), title=r.lane, title_align="left") for r in shown))
    return grid


def _print_ends(found: Session, replies: Any, readouts: bool) -> None:
    """What was used and how it ended, on standard error: standard output is the reply."""
    for reply in replies:
        end = reply.finished
        if readouts:
            found.table(
                ("token", "log p", "projection", "entropy", "KL"),
                (
                    (
                        repr(t.text),
                        *map(_figure, (t.log_probability, t.projection, t.entropy, t.kl_to_unsteered)),
                    )
                    for t in reply.tokens
                ),
                "no tokens",
            )
        seconds = end.timings.prefill_seconds + end.timings.decode_seconds
        rate = f", {end.usage.reply_tokens / seconds:.0f} tokens/s" if seconds > 0 else ""
        revision = f", revision {bare(end.steering.revision)}" if end.steering.revision else ""
        gates = end.conditions_open
        conditions = f", {sum(gates)} of {len(gates)} conditions open" if gates else ""
        found.err.print(
            f"{reply.lane}: {end.reason}, {end.usage.reply_tokens} tokens{rate}, {bare(end.steering.stage)}, "
            f"snapshot {abbreviated(end.steering.snapshot)}{revision}{conditions}",
            style="dim",
            markup=False,
        )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
