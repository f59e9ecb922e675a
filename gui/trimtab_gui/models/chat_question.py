"""One question on its way to the server, detached from the models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass

from trimtab_client import AsyncClient
from trimtab_client.types import Lane, ReadoutOptions, ReplyEvent, Sampling


@dataclass(frozen=True)
class Question:
    """A request for the network thread to run."""

    lanes: tuple[Lane, ...]
    sampling: Sampling
    readouts: ReadoutOptions
    # Keeps the active snapshot's lane in one arm while a rollout is in force.
    session: str
    # Done once the prompt is stored: it is not sent before. Never raises; a store that fails says so elsewhere.
    saved: Future[None] | None = None

    async def run(self, client: AsyncClient) -> AsyncGenerator[tuple[str, ReplyEvent], None]:
        if self.saved is not None:
            # Shielded: stopping the reply must not stop the prompt from being stored.
            await asyncio.shield(asyncio.wrap_future(self.saved))
        if len(self.lanes) > 1:
            replies = client.compare(
                self.lanes, sampling=self.sampling, readouts=self.readouts, session_id=self.session
            )
            async with aclosing(replies):
                async for lane_id, event in replies:
                    yield lane_id, event
            return
        lane = self.lanes[0]
        reply = client.chat(
            lane.messages,
            source=lane.source,
            sampling=self.sampling,
            readouts=self.readouts,
            session_id=self.session,
        )
        async with aclosing(reply):
            async for event in reply:
                yield lane.lane_id, event
