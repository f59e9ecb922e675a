"""An honest client beside a crowd that is not: how long each of its calls took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from trimtab_client import AsyncClient, Message, ReplyDelta, Role, Sampling, TrimtabError, Unsteered

from promises.latency import quantile
from promises.row import Row, upper_bound

#: Between its calls.
PAUSE = 0.01


@dataclass
class Honest:
    """Milliseconds of every call, reads and first tokens in turn, and what went wrong."""

    reads: list[float] = field(default_factory=list)
    first_tokens: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def calls(self) -> list[float]:
        return self.reads + self.first_tokens

    def row(self, id: int, promise: str, limit: float, calls: Sequence[float] | None = None) -> Row:
        """p99 of the calls (of all of them, if none are named) against the limit; a failed call breaks the promise."""
        calls = self.calls if calls is None else calls
        n = len(calls) + len(self.failures)
        p99 = quantile(calls, 0.99) if calls else 1e6
        late = sum(1 for call in calls if call > limit) + len(self.failures)
        told = "; ".join(
            (
                *(
                    f"{name}: {_told(values)}"
                    for name, values in (("reads", self.reads), ("first tokens", self.first_tokens))
                ),
                *self.failures[:2],
            )
        )
        ok = p99 <= limit and not self.failures
        return Row(id, promise, n, late, upper_bound(late, n), p99, limit, ok, note=told)


def _told(values: Sequence[float]) -> str:
    if not values:
        return "none"
    return f"p50 {quantile(values, 0.5):.1f}, p99 {quantile(values, 0.99):.1f} ms"


async def call_honestly(client: AsyncClient, honest: Honest, stage: str) -> None:
    """Reads the deployment and asks for one token, in turn. Until cancelled."""
    while True:
        try:
            begin = time.perf_counter()
            await client.deployment()
            honest.reads.append((time.perf_counter() - begin) * 1e3)
            await asyncio.sleep(PAUSE)
            begin = time.perf_counter()
            async for event in client.chat(
                [Message(Role.USER, "Is it in stock?")],
                source=Unsteered(stage),
                sampling=Sampling(max_tokens=1),
            ):
                if isinstance(event, ReplyDelta) and event.tokens:
                    honest.first_tokens.append((time.perf_counter() - begin) * 1e3)
        except TrimtabError as error:
            honest.failures.append(f"{error.code} {error.reason}: {error}")
        await asyncio.sleep(PAUSE)
