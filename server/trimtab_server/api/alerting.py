"""Wires what people are told of: the sender, its sources, and the alarms of the monitors."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from trimtab_server.alerts.conditions import DiskSpace, StaleEvidence
from trimtab_server.alerts.follower import AuditFollower, unclean_end
from trimtab_server.alerts.monitor_alarms import pass_on
from trimtab_server.alerts.receiver import Receiver
from trimtab_server.alerts.sender import AlertSender
from trimtab_server.alerts.watchkeeper import Watched, Watchkeeper
from trimtab_server.monitoring.feed import Feed
from trimtab_server.settings import ServeSettings
from trimtab_server.store.database import Database


class Alerting:
    """Made on the event loop, after this start is on record. Works without receivers too: then it only logs.

    Args:
        stale: what is not fresh of a deployment's evidence, in sentences.
    """

    def __init__(
        self,
        settings: ServeSettings,
        database: Database,
        feeds: Mapping[str, Feed],
        *,
        stale: Callable[[str], Sequence[str]],
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.sender = AlertSender(
            [Receiver.of(given) for given in settings.alert_webhook],
            server=f"{socket.gethostname()} {settings.data_dir.resolve()}",
        )
        watched = [
            Watched(AuditFollower(database, self.sender, settings.data_dir / "alerts.json"), 0.25),
            Watched(DiskSpace(settings.data_dir, settings.disk_alarm_mib), 15.0),
            Watched(StaleEvidence(feeds, stale), 30.0),
        ]
        self._watchkeeper = Watchkeeper(self.sender, watched, now)
        unclean = unclean_end(database)
        if unclean is not None:
            self.sender.send(unclean)
        self._alarms = [asyncio.ensure_future(pass_on(feed, self.sender)) for feed in feeds.values()]
        self._watchkeeper.start()

    async def close(self) -> None:
        """Tells what was recorded until now, and waits a moment for it to arrive."""
        for alarms in self._alarms:
            alarms.cancel()
        await asyncio.gather(*self._alarms, return_exceptions=True)
        await asyncio.to_thread(self._watchkeeper.close)
        await asyncio.to_thread(self.sender.close)
