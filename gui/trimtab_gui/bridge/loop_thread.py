"""The thread on which everything asynchronous runs."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """One asyncio event loop on one thread. gRPC's asyncio objects live and die here."""

    def __init__(self, name: str = "trimtab-network") -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_report)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive() and not self._loop.is_closed()

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts a coroutine on the loop; callable from any thread. Cancelled at once when the loop has stopped."""
        if self._loop.is_closed():
            coroutine.close()
            never: Future[T] = Future()
            never.cancel()
            return never
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        """Runs a plain function on the loop; does nothing once the loop has stopped."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def stop(self, timeout: float = 5.0) -> None:
        """Cancels every task, stops the loop and joins the thread.

        Raises:
            RuntimeError: the thread did not end within `timeout` seconds.
        """
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise RuntimeError(f"the network thread did not stop within {timeout} s")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Reports what no task caught, save for two harmless races of gRPC's own poller.

    Another loop of the process may have read its wake-up byte first (BlockingIOError), or its socket is closed
    while a wake-up is still queued (EBADF, on the way out). Neither loses an event.
    """
    error = context.get("exception")
    if isinstance(error, BlockingIOError) or (isinstance(error, OSError) and error.errno == errno.EBADF):
        return
    loop.default_exception_handler(context)
