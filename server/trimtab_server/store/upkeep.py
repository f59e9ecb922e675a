"""What a store needs while a server runs: exported heads, space in reserve, no orphans, a clock that is watched."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from sqlalchemy import select

from trimtab_server.store import audit
from trimtab_server.store.audit import AuditRecord
from trimtab_server.store.audit_heads import HeadFile, HeadKey, export_head
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.clock import ClockWatch, steady_nanoseconds
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.tables import blobs

log = logging.getLogger("trimtab.store")

#: Seconds between two heads when nothing happens.
HEAD_SECONDS: Final = 15 * 60.0
_LOOK_SECONDS: Final = 1.0
_ORPHANS_SECONDS: Final = 6 * 3_600.0

#: Actions after which a head goes out at once: whatever changes what users get, and who may change it.
_AT_ONCE: Final = ("snapshot.activate", "snapshot.rollback", "rollout.", "token.", "store.")


class Upkeep:
    """One thread of its own. Nothing that a request does ever waits for it; what it fails to do is logged as an
    error and tried again."""

    def __init__(
        self,
        database: Database,
        blob_store: BlobStore,
        key: HeadKey,
        heads: HeadFile,
        *,
        now: Callable[[], int] = time.time_ns,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self._database = database
        self._blobs = blob_store
        self._key = key
        self._heads = heads
        self._now = now
        self._head_seconds = head_seconds
        self._clock = ClockWatch(now, steady_nanoseconds)
        self._wake = threading.Event()
        self._stopping = False
        self._due = True
        self._thread = threading.Thread(target=self._run, name="trimtab-upkeep", daemon=True)

    def __enter__(self) -> Self:
        self._database.listeners.append(self._committed)
        if self._database.reserve is not None:
            self._attempt("space_not_reserved", self._database.reserve.hold)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A last head, then the end."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._database.listeners.remove(self._committed)
        self._attempt("audit_head_not_exported", self._export)

    def _committed(self, records: list[AuditRecord]) -> None:
        if any(record.action.startswith(_AT_ONCE) for record in records):
            self._due = True
            self._wake.set()

    def _run(self) -> None:
        exported = collected = -float("inf")
        while not self._stopping:
            now = time.monotonic()
            if self._due or now - exported >= self._head_seconds:
                self._due = False
                exported = now
                self._attempt("audit_head_not_exported", self._export)
            if now - collected >= _ORPHANS_SECONDS:
                collected = now
                self._attempt("orphans_not_collected", self._collect)
            self._attempt("clock_jump_not_recorded", self._look_at_the_clock)
            self._attempt("space_not_reserved", self._hold_space)
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()

    def _attempt(self, event: str, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:
            log.error(event, exc_info=error, extra={"facts": {"error": str(error)}})

    def _export(self) -> None:
        export_head(self._database, self._key, self._heads, self._now())

    def _look_at_the_clock(self) -> None:
        jump = self._clock.jump()
        if not jump:
            return
        log.warning("clock_jump", extra={"facts": {"seconds": jump / 1e9}})
        with self._database.write() as connection:
            audit.append(
                connection,
                time=self._now(),
                origin=SERVER,
                action="server.clock_jump",
                subject="server",
                details={"nanoseconds": jump},
            )

    def _hold_space(self) -> None:
        if self._database.reserve is not None:
            self._database.reserve.hold()

    def _collect(self) -> None:
        removed = self._blobs.collect_orphans(self._is_named, time.time())
        if removed:
            log.info("removed_orphans", extra={"facts": {"blobs": removed}})

    def _is_named(self, digest: str) -> bool:
        with self._database.read() as connection:
            return (
                connection.execute(select(blobs.c.digest).where(blobs.c.digest == digest)).first() is not None
            )
