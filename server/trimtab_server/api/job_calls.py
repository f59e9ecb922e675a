"""A blocking job behind a streaming call: its progress as it comes, then its result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from trimtab_protos.v1 import vector_pb2

from trimtab_server.api.workers import Workers
from trimtab_server.jobs.spare_time import Report

R = TypeVar("R")


async def followed(
    workers: Workers, cancelled: threading.Event, work: Callable[[Report], R]
) -> AsyncGenerator[vector_pb2.Progress | R, None]:
    """Yields progress, then what `work` returned. Leaving early sets `cancelled` and waits until the job has ended."""
    steps: asyncio.Queue[vector_pb2.Progress | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(done: int, total: int, phase: str, seconds_left: float = 0.0) -> None:
        message = vector_pb2.Progress(done=done, total=total, phase=phase, seconds_left=seconds_left)
        loop.call_soon_threadsafe(steps.put_nowait, message)

    job = asyncio.ensure_future(workers.heavy(work, report))
    job.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        while (step := await steps.get()) is not None:
            yield step
        yield await job
    finally:
        cancelled.set()
        await asyncio.wait({job})
        if not job.cancelled():
            job.exception()
