"""Passes the alarms of the monitors on."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from trimtab_server.alerts.alert import Alert, Kind, Severity, State
from trimtab_server.alerts.sender import AlertSender
from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.feed import Feed, WatcherTooSlow
from trimtab_server.monitoring.thresholds import Alarm

log = logging.getLogger("trimtab.alerts")

_AGAIN: Final = 3_600.0


async def pass_on(feed: Feed, sender: AlertSender) -> None:
    """Sends what is raised and what clears on this feed, until cancelled."""
    while True:
        try:
            with feed.subscribe() as subscription:
                for standing in feed.board.standing:
                    sender.send(alert_of(standing))
                for drifting in feed.drift:
                    sender.send(drift_alert_of(drifting))
                while True:
                    event = await subscription.next(_AGAIN)
                    if isinstance(event, Alarm):
                        sender.send(alert_of(event))
                    elif isinstance(event, DriftAlarm):
                        sender.send(drift_alert_of(event))
        except WatcherTooSlow:
            log.warning("alarms_fell_behind")
            await asyncio.sleep(0)


def alert_of(alarm: Alarm) -> Alert:
    """An alarm, or its end."""
    threshold, sample = alarm.threshold, alarm.sample
    below = threshold.lower is not None and not sample.value >= threshold.lower
    limit = threshold.lower if below or threshold.upper is None else threshold.upper
    assert limit is not None, "a threshold without a limit raises nothing"
    name = threshold.signal.value.replace("_", " ")
    how = f"{name} is {sample.value:.3g}, the limit is {limit:g}"
    return Alert(
        kind=Kind.ALARM,
        severity=Severity.WARNING,
        deployment=sample.deployment,
        title=f"{name} left its limits" if alarm.raised else f"{name} is within its limits again",
        text=f"{how}. See what the monitor means before you act." if alarm.raised else f"{how}.",
        facts={"signal": name, "value": sample.value, "limit": limit, "snapshot": sample.snapshot[:12]},
        time=sample.time,
        subject=threshold.signal.value,
        state=State.RAISED if alarm.raised else State.RECOVERED,
    )


def drift_alert_of(alarm: DriftAlarm) -> Alert:
    """A signal that left its reference, or the end of that."""
    name = alarm.found.signal.replace("_", " ")
    return Alert(
        kind=Kind.DRIFT,
        severity=Severity.WARNING,
        deployment=alarm.deployment,
        title=f"{name} drifted away from its reference" if alarm.raised else f"the drift of {name} is over",
        text=f"{alarm.text}.",
        facts={
            "signal": name,
            "values": alarm.found.count,
            "reference": alarm.reference,
            "revision": alarm.revision,
        },
        time=alarm.time,
        subject=f"{alarm.found.signal} of revision {alarm.revision}",
        state=State.RAISED if alarm.raised else State.RECOVERED,
    )
