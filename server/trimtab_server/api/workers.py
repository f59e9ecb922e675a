"""Threads for what blocks, so that the event loop never does."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """Four queues that cannot hold each other up: reads, changes of state, heavy work, and control.

    Changes have one thread of their own, and so has control (rollback, abort, pause): a queue full of
    anything else never delays the way back.
    """

    def __init__(self) -> None:
        self._reads = ThreadPoolExecutor(4, "trimtab-read")
        self._changes = ThreadPoolExecutor(1, "trimtab-change")
        self._control = ThreadPoolExecutor(1, "trimtab-control")
        # One may measure a vector for an hour; two are left for loading a stage beside a trial's margins.
        self._heavy = ThreadPoolExecutor(3, "trimtab-heavy")
        self._unfinished: set[asyncio.Future[Any]] = set()

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Looks something up."""
        return await _run(self._reads, function, *args, **kwargs)

    async def change(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Changes state. Once begun it ends, also if the caller went away."""
        return await self.to_the_end(_run(self._changes, function, *args, **kwargs))

    async def control(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Changes state on the way back: what a rollback, an abort or a pause needs, its look-ups too."""
        return await self.to_the_end(_run(self._control, function, *args, **kwargs))

    async def to_the_end(self, steps: Coroutine[Any, Any, R]) -> R:
        """Runs steps that belong together to their end, also if the caller went away in between."""
        task = asyncio.ensure_future(steps)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def heavy(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Seconds to minutes: loading a stage, extracting a vector, measuring one."""
        return await _run(self._heavy, function, *args, **kwargs)

    def close(self) -> None:
        """Waits for what runs; what has not begun never will."""
        for executor in (self._heavy, self._changes, self._control, self._reads):
            executor.shutdown(wait=True, cancel_futures=True)


async def _run(
    executor: ThreadPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    # Within the caller's context, so that what the thread logs carries the call's id.
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        executor, lambda: context.run(function, *args, **kwargs)
    )
