"""The bridge between the engines' threads and the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab_server.engine.engine import Engine
from trimtab_server.engine.errors import StageLoading
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Event, Finished, GenerationRequest, Token
from trimtab_server.store.refusal import Refusal

#: Tokens a caller may leave unread before its replies are cancelled.
_LONGEST_BACKLOG: Final = 16_384


@dataclass(frozen=True)
class Staged:
    """A request and the stage that has to serve it."""

    stage: str
    request: GenerationRequest


@dataclass(frozen=True)
class Part:
    """What one lane produced since the last look."""

    lane: int
    tokens: tuple[Token, ...]
    finished: Finished | None


class Mailbox:
    """Collects the events of one call's lanes, bounded; whatever is ready is taken at once."""

    def __init__(self, lanes: int) -> None:
        self._tokens: list[list[Token]] = [[] for _ in range(lanes)]
        self._finished: dict[int, Finished] = {}
        self._running = lanes
        self._backlog = 0
        self._ready = asyncio.Event()

    def deliver(self, lane: int, event: Event) -> None:
        self._tokens[lane].extend(event.tokens)
        self._backlog += len(event.tokens)
        if event.finished is not None:
            self._finished[lane] = event.finished
        self._ready.set()

    async def parts(self) -> AsyncGenerator[list[Part], None]:
        """Until every lane has ended.

        Raises:
            Refusal: CONSUMER_STALLED, nobody took what was ready for too long.
        """
        while self._running:
            await self._ready.wait()
            self._ready.clear()
            if self._backlog > _LONGEST_BACKLOG:
                raise Refusal("CONSUMER_STALLED", seconds="too many")
            yield self._take()

    def _take(self) -> list[Part]:
        taken = [
            Part(lane, tuple(tokens), self._finished.get(lane))
            for lane, tokens in enumerate(self._tokens)
            if tokens or lane in self._finished
        ]
        self._running -= len(self._finished)
        self._finished.clear()
        self._backlog = 0
        for tokens in self._tokens:
            tokens.clear()
        return taken


class Generator:
    """Submits requests and hands their events to mailboxes: one hand-over to the loop per engine step."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._routes: dict[int, tuple[Mailbox, int]] = {}
        self.pool: EnginePool | None = None

    def listen(self, events: tuple[Event, ...]) -> None:
        """The engines' step listener; called on their threads."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to hear
            self._loop.call_soon_threadsafe(self._deliver, events)

    def refuse_if_full(self, stage: str) -> None:
        """Before a reply is planned that could not be queued: a crowd must not cost what a reply costs.

        Raises:
            QueueFull: of the stage's engine. A stage that is not loaded has no queue.
        """
        if self.pool is not None:
            with contextlib.suppress(StageLoading):
                self.pool.engine(stage).refuse_if_full()

    @contextlib.contextmanager
    def start(self, requests: Sequence[Staged]) -> Iterator[Mailbox]:
        """Submits the requests, those of one stage as a group that starts together.

        Leaving the block cancels whatever still runs, however it is left.

        Raises:
            EngineError: an engine refused; nothing of the call runs then.
        """
        if self.pool is None:
            raise RuntimeError("the generator has no engines yet")
        mailbox = Mailbox(len(requests))
        tickets: dict[int, Engine] = {}
        try:
            for stage in dict.fromkeys(one.stage for one in requests):
                engine = self.pool.engine(stage)
                lanes = [lane for lane, one in enumerate(requests) if one.stage == stage]
                for lane, ticket in zip(
                    lanes, engine.submit_group([requests[lane].request for lane in lanes]), strict=True
                ):
                    self._routes[ticket] = (mailbox, lane)
                    tickets[ticket] = engine
            yield mailbox
        finally:
            for ticket, engine in tickets.items():
                if self._routes.pop(ticket, None) is not None:
                    engine.cancel(ticket)

    def _deliver(self, events: tuple[Event, ...]) -> None:
        for event in events:
            route = self._routes.get(event.ticket)
            if route is None:
                continue
            if event.finished is not None:
                del self._routes[event.ticket]
            mailbox, lane = route
            mailbox.deliver(lane, event)
