"""Follows the audit chain: what is recorded there is told, whoever did it and whatever else is dead."""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trimtab_server.alerts.alert import Alert, Identity, Kind, Severity
from trimtab_server.alerts.audit_events import alert_of
from trimtab_server.alerts.sender import AlertSender
from trimtab_server.store import audit
from trimtab_server.store.audit import AuditRecord
from trimtab_server.store.database import Database

log = logging.getLogger("trimtab.alerts")

#: Records read in one go.
_BATCH: Final = 500
#: What happened longer ago than this is history, not news (nanoseconds).
_NEWS: Final = 24 * 3_600 * 1_000_000_000


class AuditFollower:
    """Tells what was added to the chain since the last look, also by a server that died before it could tell.

    `position_file` holds the sequence of the last record whose alert has arrived or was given up; a file that
    cannot be written costs repeated alerts after a restart, nothing else. Without one, the chain is followed
    from its present head.
    """

    def __init__(self, database: Database, sender: AlertSender, position_file: Path) -> None:
        self._database = database
        self._sender = sender
        self._file = position_file
        self._on_their_way: dict[Identity, int] = {}
        self._saved = self._last = self._begin()

    def __call__(self, now: int) -> Iterator[Alert]:
        """The alerts of the records that are new. `now` is UTC nanoseconds."""
        while records := self._after(self._last):
            for record in records:
                self._last = record.sequence
                alert = alert_of(record) if now - record.time < _NEWS else None
                if alert is not None:
                    self._on_their_way[alert.identity] = record.sequence
                    yield alert
        self._save()

    def _begin(self) -> int:
        try:
            return int(json.loads(self._file.read_text())["told"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("alert_position_unreadable", extra={"facts": {"error": str(error)}})
        with self._database.read() as connection:
            newest = audit.records(connection, limit=1)
        return newest[0].sequence if newest else 0

    def _after(self, sequence: int) -> list[AuditRecord]:
        with self._database.read() as connection:
            return audit.records_after(connection, sequence, limit=_BATCH)

    def _save(self) -> None:
        undelivered = self._sender.undelivered
        self._on_their_way = {
            identity: sequence for identity, sequence in self._on_their_way.items() if identity in undelivered
        }
        told = min(self._on_their_way.values(), default=self._last + 1) - 1
        if told == self._saved:
            return
        temporary = self._file.with_name(self._file.name + ".tmp")
        try:
            temporary.write_text(json.dumps({"told": told}) + "\n")
            temporary.replace(self._file)
        except OSError as error:
            log.warning("alert_position_not_saved", extra={"facts": {"error": str(error)}})
        self._saved = told


def unclean_end(database: Database) -> Alert | None:
    """Whether the server before this one stopped without saying so: killed, crashed, or the machine did.

    Read after this server's own start is on record.
    """
    with database.read() as connection:
        starts = audit.records(connection, limit=2, action="server.start")
        stops = audit.records(connection, limit=1, action="server.stop")
    if len(starts) < 2:
        return None
    this, before = starts
    if stops and stops[0].sequence > before.sequence:
        return None
    down = (this.time - before.time) // 1_000_000_000
    return Alert(
        kind=Kind.SERVER_RESTART,
        severity=Severity.CRITICAL,
        deployment="",
        title="the server is back after an unclean end",
        text="The server before this one was killed or crashed: its end is not on record. Nothing that was "
        "acknowledged is lost; replies that were running then are. Its log says why it ended.",
        facts={
            "started then": _clock_time(before.time),
            "started now": _clock_time(this.time),
            "days between": round(down / 86_400, 1),
        },
        time=this.time,
        subject=f"record {this.sequence}",
    )


def _clock_time(nanoseconds: int) -> str:
    return datetime.datetime.fromtimestamp(nanoseconds / 1e9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
