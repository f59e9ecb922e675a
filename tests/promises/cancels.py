"""Row 7. A caller that goes away at any token frees everything: slots, cache, steering rows and handlers are back
at nothing within 2 s."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, Message, ReplyDelta, ReplyFinished, Role, Sampling, TrimtabError

from promises.gauges import free_port, gauges, seconds_until_free
from promises.latency import Holdings
from promises.row import Profile, Row
from promises.traffic import UNLIMITED

CANCELS = {"ci": 1_000, "release": 50_000}
LIMIT_SECONDS = 2.0
#: Cancels between two looks.
LOT = 250
AT_ONCE = 24
#: Every so manieth caller takes its whole connection away.
DISCONNECTS = 10
#: Every so manieth only watches.
WATCHES = 5
#: Descriptors that a server may hold more than before: connections that are just closing.
SPARE_DESCRIPTORS = 8
#: Pools of a fixed size start their threads when they need them.
SPARE_THREADS = 2


@dataclass
class Cancelled:
    """How far the cancelled replies had come."""

    waiting: int = 0
    streaming: int = 0
    ended: int = 0
    watching: int = 0
    broken: list[str] = field(default_factory=list)


async def cancel_one(client: AsyncClient, dice: random.Random, cancelled: Cancelled) -> None:
    """A reply, left after a random number of its tokens: before the first, or in the middle."""
    left_after = dice.randrange(16)
    sampling = Sampling(temperature=1.2, seed=dice.getrandbits(40), max_tokens=48)
    messages = [Message(Role.USER, "Tell me all about the Marogi timer and its warranty.")]
    tokens = 0
    ended = False
    events = client.chat(messages, sampling=sampling)
    try:
        if left_after == 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(anext(events), dice.uniform(0.0, 0.01))
        else:
            async for event in events:
                tokens += len(event.tokens) if isinstance(event, ReplyDelta) else 0
                ended = isinstance(event, ReplyFinished)
                if tokens >= left_after:
                    break
    except TrimtabError as error:
        cancelled.broken.append(f"{error.code} {error.reason}: {error}")
    finally:
        await events.aclose()
    if ended:
        cancelled.ended += 1
    elif tokens:
        cancelled.streaming += 1
    else:
        cancelled.waiting += 1


async def stop_watching(client: AsyncClient, dice: random.Random, cancelled: Cancelled) -> None:
    """A watch, left with its first message or a moment later: then nothing is sent for a long time."""
    events = client.watch_active() if dice.random() < 0.5 else client.watch_monitor(history=1)
    try:
        await anext(events)
        if dice.random() < 0.5:
            await asyncio.sleep(dice.uniform(0.0, 0.005))
    except TrimtabError as error:
        cancelled.broken.append(f"{error.code} {error.reason}: {error}")
    finally:
        await events.aclose()
    cancelled.watching += 1


async def cancel_many(server: ServerProcess, seeds: range, cancelled: Cancelled, at_once: int) -> None:
    waiting = iter(seeds)

    async def work(client: AsyncClient) -> None:
        for seed in waiting:
            dice = random.Random(seed)
            if seed % WATCHES == 1:
                await stop_watching(client, dice, cancelled)
                continue
            if seed % DISCONNECTS:
                await cancel_one(client, dice, cancelled)
                continue
            # Closing the client ends its connection under a reply that goes on.
            async with AsyncClient(server.target, server.token) as alone:
                events = alone.chat(
                    [Message(Role.USER, "What does it cost?")], sampling=Sampling(max_tokens=48)
                )
                await anext(events)
                await asyncio.sleep(dice.uniform(0.0, 0.03))
            await events.aclose()
            cancelled.streaming += 1

    async with AsyncClient(server.target, server.token) as client:
        await asyncio.gather(*(work(client) for _ in range(at_once)))


async def settled(pid: int, before: Holdings) -> Holdings:
    """What the process holds when its closing connections are closed, or when the time for that is over."""
    for _ in range(round(LIMIT_SECONDS / 0.05)):
        now = Holdings.of(pid)
        if now.descriptors <= before.descriptors + SPARE_DESCRIPTORS:
            break
        await asyncio.sleep(0.05)
    return now


async def measure(
    server: ServerProcess, port: int, seed: int, count: int, lot: int = LOT, at_once: int = AT_ONCE
) -> Row:
    cancelled = Cancelled()
    first = seed * 1_000_000
    # Pools of threads fill up with the first crowd.
    await cancel_many(server, range(first, first + lot), Cancelled(), at_once)
    await seconds_until_free(port, 10.0)
    before = Holdings.of(server.process.pid)
    longest, left = 0.0, list[str]()
    for begin in range(0, count, lot):
        seeds = range(first + begin, first + min(begin + lot, count))
        await cancel_many(server, seeds, cancelled, at_once)
        seconds, held = await seconds_until_free(port, LIMIT_SECONDS)
        longest = max(longest, seconds)
        left += held
    after = await settled(server.process.pid, before)
    if after.descriptors > before.descriptors + SPARE_DESCRIPTORS:
        left.append(f"{after.descriptors - before.descriptors} descriptors")
    if after.threads > before.threads + SPARE_THREADS:
        left.append(f"{after.threads - before.threads} threads")
    answered = gauges(port)["trimtab_rpc_running"]
    note = (
        f"left before the first token {cancelled.waiting}, in the middle {cancelled.streaming}, "
        f"at the end {cancelled.ended}, watching {cancelled.watching}; "
        f"memory {before.resident >> 20} to {after.resident >> 20} MiB; handlers {answered:g}"
    )
    bad = left + cancelled.broken
    row = Row.of_trials(
        7,
        "A caller that goes away frees everything, s until nothing is held (longest)",
        count,
        min(len(bad), count),
        note="; ".join([note, *bad[:3]]),
        seeds=[seed] if bad else [],
    )
    return Row(**{**vars(row), "value": longest, "limit": LIMIT_SECONDS})


def run(profile: Profile, seed: int) -> Row:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ("--no-auto-canary", "--metrics-port", str(port), *UNLIMITED)
        server = ServerProcess(Path(folder) / "data", *options)
        try:
            return asyncio.run(measure(server, port, seed, CANCELS[profile]))
        finally:
            server.stop()
