"""Chat traffic against a real server: open loop at a given rate, closed loop, and honest probes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from trimtab_client import (
    AsyncClient,
    Message,
    ReplyDelta,
    ReplyFinished,
    ReplyStarted,
    Role,
    Sampling,
    TrimtabError,
)

PROMPT = "What is the warranty of the Marogi timer, and what does it cost?"
#: What a server may say while it has more to do than it can.
BUSY = ("QUEUE_FULL", "DEADLINE_IMPOSSIBLE")
#: Options of a server that lets one token bring all the load of a test.
UNLIMITED = ("--requests-per-minute", "0", "--tokens-per-minute", "0", "--streams-per-token", "0")


@dataclass(frozen=True)
class Reply:
    """One reply as its caller saw it; times on time.perf_counter()'s clock."""

    sent: float
    first_token: float
    ended: float
    snapshot: str
    revision: str
    arm: str
    finish: str
    tokens: int


@dataclass
class Traffic:
    """What became of the requests of a stretch of traffic."""

    replies: list[Reply] = field(default_factory=list)
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, reply: Reply) -> None:
        self.replies.append(reply)
        self._tell()

    def refuse(self) -> None:
        self.refused += 1
        self._tell()

    async def served(self) -> None:
        """Returns when there is another reply or refusal, or after a second without."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), 1.0)

    async def overloaded(self) -> None:
        """Returns when a request was refused for load."""
        while not self.refused:
            await self.served()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @property
    def tokens(self) -> int:
        return sum(reply.tokens for reply in self.replies)


async def one_reply(
    client: AsyncClient, *, max_tokens: int = 24, session: str = "", prompt: str = PROMPT, seed: int = 0
) -> Reply:
    """Asks the active snapshot. Raises: TrimtabError."""
    sent = time.perf_counter()
    first = 0.0
    tokens = 0
    started: ReplyStarted | None = None
    sampling = Sampling(temperature=0.7, seed=seed, max_tokens=max_tokens)
    async for event in client.chat([Message(Role.USER, prompt)], sampling=sampling, session_id=session):
        if isinstance(event, ReplyStarted):
            started = event
        elif isinstance(event, ReplyDelta) and event.tokens:
            first = first or time.perf_counter()
            tokens += len(event.tokens)
        elif isinstance(event, ReplyFinished):
            assert started is not None and started.steering == event.steering, "a reply changed its snapshot"
            steering = event.steering
            now = time.perf_counter()
            return Reply(
                sent,
                first or now,
                now,
                steering.snapshot,
                steering.revision,
                steering.arm,
                event.reason.name,
                tokens,
            )
    raise AssertionError("a reply ended without its last message")


async def keep_asking(client: AsyncClient, traffic: Traffic, *, max_tokens: int, pause: float = 0.0) -> None:
    """Closed loop: the next request when a reply has ended. Until cancelled."""
    number = 0
    while True:
        number += 1
        await ask(
            client, traffic, max_tokens=max_tokens, session=f"closed-{id(traffic)}-{number}", seed=number
        )
        await asyncio.sleep(pause)


async def ask(client: AsyncClient, traffic: Traffic, *, max_tokens: int, session: str, seed: int) -> None:
    """One request of the traffic; being refused for load is counted, anything else noted as broken."""
    try:
        traffic.note(await one_reply(client, max_tokens=max_tokens, session=session, seed=seed))
    except TrimtabError as error:
        if error.reason in BUSY:
            traffic.refuse()
            await asyncio.sleep(0.02)
        else:
            traffic.broken.append(f"{error.code} {error.reason}: {error}")


async def arrive(client: AsyncClient, traffic: Traffic, *, rate: float, max_tokens: int, seed: int) -> None:
    """Open loop: Poisson arrivals at `rate` a second, whatever becomes of them. Until cancelled."""
    dice = random.Random(seed)
    running: set[asyncio.Task[None]] = set()
    due = time.perf_counter()
    number = 0
    try:
        while True:
            due += dice.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            number += 1
            task = asyncio.create_task(
                ask(client, traffic, max_tokens=max_tokens, session=f"open-{seed}-{number}", seed=number)
            )
            running.add(task)
            task.add_done_callback(running.discard)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@contextlib.asynccontextmanager
async def in_background(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs them beside the block and cancels them at its end; a failure of theirs comes out."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for result in ended:
        if isinstance(result, Exception):
            raise result


async def capacity(client: AsyncClient, *, clients: int, max_tokens: int, seconds: float) -> float:
    """Replies a second that the server makes when it is always busy."""
    traffic = Traffic()
    begin = time.perf_counter()
    async with in_background(*(keep_asking(client, traffic, max_tokens=max_tokens) for _ in range(clients))):
        await asyncio.sleep(seconds)
    done = [reply for reply in traffic.replies if reply.ended <= begin + seconds]
    if not done:
        raise RuntimeError(f"no reply in {seconds} seconds: {traffic.broken[:3]}")
    return len(done) / seconds
