"""The threads on which chats are written and read, so that the window waits for neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from trimtab_gui.models.chat_store import ChatStore, DamagedStoreError, NewerStoreError, set_damaged_aside

T = TypeVar("T")


@dataclass(frozen=True)
class StoreTrouble:
    """Why chats are not kept, or not found. `aside`: where a damaged file lies now; then chats are kept again."""

    message: str
    aside: Path | None = None


@dataclass
class _Delivery(Generic[T]):
    """A result on its way to the GUI thread."""

    run: Callable[[T], None]
    value: T


class _Desk:
    """One thread with its own connection to the file, opened when it is first needed."""

    def __init__(self, path: Path | None, name: str) -> None:
        self.path = path
        self.store: ChatStore | None = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
            self.store = None


class ChatWorker(QObject):
    """Runs jobs with the store on one thread for writing and one for reading; results come on the GUI thread.

    With no path there is no store: jobs that need one are not run.
    """

    # StoreTrouble.
    troubled = Signal(object)
    _arrived = Signal(object)

    def __init__(self, path: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._writing = _Desk(path, "trimtab-chats-write")
        self._reading = _Desk(path, "trimtab-chats-read")
        self._opened: Future[None] | None = None
        self._closed = False
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def has_store(self) -> bool:
        return self._writing.path is not None and not self._closed

    def write(
        self, job: Callable[[ChatStore], T], done: Callable[[T], None] | None = None
    ) -> Future[None] | None:
        """Runs a job that changes the store, after all that were asked before; the future never raises."""
        if not self.has_store:
            return None
        self._open()
        return self._writing.thread.submit(self._run, self._writing, job, done)

    def read(self, job: Callable[[ChatStore], T], done: Callable[[T], None]) -> None:
        """Runs a job that only reads the store."""
        if self.has_store:
            self._open()
            self._reading.thread.submit(self._run, self._reading, job, done)

    def compute(self, job: Callable[[], T], done: Callable[[T], None]) -> None:
        """Runs a job that needs no store."""
        if not self._closed:
            self._reading.thread.submit(self._compute, job, done)

    def shut_down(self) -> None:
        """Waits for what is still to be written, and ends both threads; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for desk in (self._reading, self._writing):
            if self._opened is not None:
                desk.thread.submit(desk.close)
            desk.thread.shutdown(wait=True, cancel_futures=False)

    # On the threads ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._opened is None:
            self._opened = self._writing.thread.submit(self._open_for_writing)

    def _open_for_writing(self) -> None:
        path = self._writing.path
        assert path is not None
        try:
            try:
                self._writing.store = ChatStore(path)
            except DamagedStoreError as damage:
                aside = set_damaged_aside(path, datetime.now())
                self._tell(StoreTrouble(str(damage), aside))
                self._writing.store = ChatStore(path)
        except (sqlite3.Error, OSError, NewerStoreError, DamagedStoreError) as error:
            self._tell(StoreTrouble(str(error)))

    def _store(self, desk: _Desk) -> ChatStore | None:
        assert self._opened is not None
        self._opened.result()
        if desk.store is None and desk is self._reading and self._writing.store is not None:
            assert desk.path is not None
            desk.store = ChatStore(desk.path)
        return desk.store

    def _run(self, desk: _Desk, job: Callable[[ChatStore], T], done: Callable[[T], None] | None) -> None:
        try:
            store = self._store(desk)
            if store is None:
                return
            result = job(store)
        # ValueError: what was read is not what this version writes.
        except (sqlite3.Error, OSError, ValueError, DamagedStoreError) as error:
            self._tell(StoreTrouble(str(error)))
            return
        if done is not None:
            self._arrived.emit(_Delivery(done, result))

    def _compute(self, job: Callable[[], T], done: Callable[[T], None]) -> None:
        try:
            result = job()
        except OSError as error:
            self._tell(StoreTrouble(str(error)))
            return
        self._arrived.emit(_Delivery(done, result))

    def _tell(self, trouble: StoreTrouble) -> None:
        self._arrived.emit(_Delivery(self.troubled.emit, trouble))

    # On the GUI thread ------------------------------------------------------------------------------------

    @Slot(object)
    def _deliver(self, delivery: _Delivery[Any]) -> None:
        if not self._closed:
            delivery.run(delivery.value)
