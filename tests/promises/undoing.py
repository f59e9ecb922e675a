"""Rolling back, and waiting for the first token on the snapshot rolled back to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from trimtab_client import AsyncClient, InFlight, Steering, SteeringTerm, TrimtabError

from promises.latency import quantile
from promises.row import Row, upper_bound
from promises.traffic import Reply, Traffic, one_reply

#: Replies looked through for the first one: more than can be under way at once.
CROWD = 128
#: Seconds after which a rollback counts as failed.
GIVE_UP = 10.0


@dataclass(frozen=True)
class Undone:
    """One rollback: seconds to its acknowledgement, and to the first token on the old snapshot."""

    acknowledged: float
    first_token: float


#: Told the moment of an activation's answer; returns when it shows.
TakenHold = Callable[[float], Awaitable[None]]
#: Told when the rollback was called and when it was acknowledged; the first reply after it.
FirstReply = Callable[[float, float], Awaitable[Reply]]


async def two_snapshots(client: AsyncClient) -> tuple[str, str]:
    """Names of a good snapshot, made active, and of one to be rolled back."""
    stage = (await client.models())[0].default_stage
    shipped = next(v for v in await client.vectors() if v.suggested_strength > 0)
    names = []
    for share in (1.0, 0.5):
        term = SteeringTerm(shipped.name, shipped.suggested_strength * share, layers=shipped.suggested_layers)
        snapshot = await client.create_snapshot(Steering(stage, (term,)), display_name=f"promise-{share}")
        names.append(snapshot.name)
    await client.activate_snapshot(names[0], reason="the good one")
    return names[0], names[1]


async def undo(client: AsyncClient, good: str, in_flight: InFlight, first_reply: FirstReply) -> Undone:
    """Rolls back and waits for the first reply on the good snapshot. Raises: TrimtabError, AssertionError."""
    begin = time.perf_counter()
    revision = await client.rollback(reason="promise", in_flight=in_flight)
    acknowledged = time.perf_counter()
    if revision.snapshot != good:
        raise AssertionError(f"rolled back to {revision.snapshot}, not to {good}")
    reply = await first_reply(begin, acknowledged)
    if reply.snapshot != good:
        raise AssertionError("a request sent after the rollback was answered by what it undid")
    return Undone(acknowledged - begin, reply.first_token - begin)


async def undo_often(
    client: AsyncClient,
    names: tuple[str, str],
    count: int,
    in_flight: InFlight,
    taken_hold: TakenHold,
    first_reply: FirstReply,
) -> tuple[list[Undone], list[str]]:
    """That many rollbacks, each after an activation that has taken hold since the moment of its answer."""
    good, bad = names
    done, failed = [], []
    for _ in range(count):
        try:
            await client.activate_snapshot(bad, reason="to be undone")
            await taken_hold(time.perf_counter())
            done.append(await undo(client, good, in_flight, first_reply))
        except (TrimtabError, AssertionError) as error:
            failed.append(str(error))
            await client.activate_snapshot(good, reason="mended after a failed trial")
    return done, failed


async def at_once(since: float) -> None:
    """On an idle server an activation has nothing to wait for."""


def asking(client: AsyncClient) -> FirstReply:
    """A request sent when the rollback was acknowledged."""

    async def first_reply(begin: float, acknowledged: float) -> Reply:
        return await one_reply(client, max_tokens=1)

    return first_reply


def seen_by(traffic: Traffic) -> tuple[TakenHold, FirstReply]:
    """What the crowd sees: that a request sent after the activation was served, so that all that waits is of
    the bad snapshot; and then the first reply to any request sent since the rollback was called."""

    async def served(since: float) -> Reply:
        end = time.perf_counter() + GIVE_UP
        while time.perf_counter() < end:
            found = [reply for reply in traffic.replies[-CROWD:] if reply.sent > since and reply.tokens]
            if found:
                return min(found, key=lambda reply: reply.first_token)
            await traffic.served()
        raise AssertionError(f"no request sent since was served in {GIVE_UP} seconds")

    async def taken_hold(since: float) -> None:
        await served(since)

    async def first_reply(begin: float, acknowledged: float) -> Reply:
        # Those sent between call and answer may see either snapshot.
        return await served(acknowledged)

    return taken_hold, first_reply


def row_of(name: str, done: Sequence[Undone], failed: Sequence[str], limit: float, note: str = "") -> Row:
    """A timing row; rollbacks that failed or came too late are its failures."""
    n = len(done) + len(failed)
    late = sum(1 for one in done if one.first_token * 1e3 > limit)
    p99 = quantile([one.first_token * 1e3 for one in done], 0.99) if done else GIVE_UP * 1e3
    told = (
        f"acknowledged p99 {quantile([one.acknowledged * 1e3 for one in done], 0.99):.0f} ms" if done else ""
    )
    failures = late + len(failed)
    words = "; ".join(part for part in (told, note, *failed[:1]) if part)
    ok = not failed and p99 <= limit
    return Row(5, name, n, failures, upper_bound(failures, n), p99, limit, ok, note=words)
