"""The one door between the GUI and the server.

Everything that touches the network runs on the loop thread. What comes back is delivered on the GUI thread: results
of single calls by a queued signal, streams in batches from a timer (see `port`). Callers give bound methods and get
frozen dataclasses; nothing of Qt crosses to the loop thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from trimtab_client import AsyncClient

from trimtab_gui.bridge.failure import NOT_CONNECTED, Failure
from trimtab_gui.bridge.loop_thread import LoopThread
from trimtab_gui.bridge.port import Port
from trimtab_gui.bridge.session import Session
from trimtab_gui.bridge.status import ConnectionStatus

T = TypeVar("T")

FLUSH_MILLISECONDS: Final = 33
ITEMS_PER_FLUSH: Final = 500


@dataclass
class _Delivery:
    """A result on its way to the GUI thread."""

    run: Callable[[Any], None] | None
    value: object


class Stream:
    """A running server stream. `cancel` stops it and delivers nothing more."""

    def __init__(self, port: Port[Any], task: Future[None]) -> None:
        self._port = port
        self._task = task

    def cancel(self) -> None:
        self._port.discard()
        self._task.cancel()

    @property
    def is_open(self) -> bool:
        return not self._port.is_closed


class Gateway(QObject):
    """Owns the loop thread, the session with one server, and every stream."""

    statusChanged = Signal(object)
    _arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loop = LoopThread()
        self._session: Session | None = None
        self._supervisor: Future[None] | None = None
        self._status = ConnectionStatus()
        self._ports: list[Port[Any]] = []
        self._sessions_opened = 0
        self._closed = False
        self.largest_flush = 0
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_MILLISECONDS)
        self._timer.timeout.connect(self.flush)
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._loop.start()

    @property
    def status(self) -> ConnectionStatus:
        return self._status

    def open(self, target: str, token: str) -> None:
        """Connects, and stays connected, until `disconnect_from_server` or `shut_down`."""
        self.disconnect_from_server()
        self._sessions_opened += 1
        session = Session(target, token, self._report, first_session=self._status.session + 1)
        self._session = session
        self._supervisor = self._loop.spawn(session.supervise())

    def disconnect_from_server(self) -> None:
        """Ends the session and every stream."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        self._session = None
        self._supervisor = None
        for port in self._ports:
            port.discard()
        self._ports = []
        self._timer.stop()
        if not self._closed:
            self._set_status(ConnectionStatus(session=self._status.session))

    def retry_now(self) -> None:
        """Tries again at once instead of waiting out the pause."""
        if self._session is not None:
            self._loop.call_soon(self._session.retry.set)

    def shut_down(self) -> None:
        """Ends everything and joins the loop thread; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.disconnect_from_server()
        self._loop.stop()

    def call(
        self,
        operation: Callable[[AsyncClient], Awaitable[T]],
        done: Callable[[T], None],
        failed: Callable[[Failure], None],
    ) -> None:
        """Runs one call; then exactly one of `done` and `failed`, on the GUI thread; neither after `shut_down`."""
        self._loop.spawn(self._run_call(self._session, operation, done, failed))

    def stream(
        self,
        operation: Callable[[AsyncClient], AsyncGenerator[T, None]],
        received: Callable[[list[T]], None],
        ended: Callable[[Failure | None], None],
        *,
        capacity: int = 4096,
        droppable: Callable[[T], bool] | None = None,
    ) -> Stream:
        """Runs one stream: `received` gets batches, `ended` comes once, last, with the failure if there was one.

        Of items that come faster than they are shown, `droppable` says which may go; without it none may.
        """
        port: Port[T] = Port(
            received, ended, capacity=capacity, droppable=droppable, wake=self._loop.call_soon
        )
        self._ports.append(port)
        self._timer.start()
        return Stream(port, self._loop.spawn(self._run_stream(self._session, operation, port)))

    @Slot()
    def flush(self) -> None:
        """Delivers what has come since the last flush, at most `ITEMS_PER_FLUSH` items over all streams."""
        left = ITEMS_PER_FLUSH
        share = max(1, ITEMS_PER_FLUSH // max(1, len(self._ports)))
        for port in list(self._ports):
            left -= port.flush(min(left, share))
        self.largest_flush = max(self.largest_flush, ITEMS_PER_FLUSH - left)
        self._ports = [port for port in self._ports if not port.is_closed]
        if not self._ports:
            self._timer.stop()

    # On the loop thread -----------------------------------------------------------------------------------

    async def _run_call(
        self,
        session: Session | None,
        operation: Callable[[AsyncClient], Awaitable[T]],
        done: Callable[[T], None],
        failed: Callable[[Failure], None],
    ) -> None:
        client = None if session is None else session.client
        if session is None or client is None:
            self._arrived.emit(_Delivery(failed, NOT_CONNECTED))
            return
        try:
            result = await operation(client)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._arrived.emit(_Delivery(failed, self._note(session, error)))
        else:
            self._arrived.emit(_Delivery(done, result))

    async def _run_stream(
        self,
        session: Session | None,
        operation: Callable[[AsyncClient], AsyncGenerator[T, None]],
        port: Port[T],
    ) -> None:
        client = None if session is None else session.client
        if session is None or client is None:
            port.end(NOT_CONNECTED)
            return
        try:
            async with aclosing(operation(client)) as items:
                async for item in items:
                    await port.put(item)
        except asyncio.CancelledError:
            port.end(None)
            raise
        except Exception as error:
            port.end(self._note(session, error))
        else:
            port.end(None)

    def _note(self, session: Session, error: Exception) -> Failure:
        failure = Failure.of(error)
        if failure.means_unreachable:
            session.suspect()
        return failure

    def _report(self, session: Session, status: ConnectionStatus) -> None:
        self._arrived.emit(_Delivery(None, (session, status)))

    # On the GUI thread ------------------------------------------------------------------------------------

    @Slot(object)
    def _deliver(self, delivery: _Delivery) -> None:
        if self._closed:
            return
        if delivery.run is not None:
            delivery.run(delivery.value)
            return
        assert isinstance(delivery.value, tuple)
        session, status = delivery.value
        if session is self._session:
            self._set_status(status)

    def _set_status(self, status: ConnectionStatus) -> None:
        if status != self._status:
            self._status = status
            self.statusChanged.emit(status)
