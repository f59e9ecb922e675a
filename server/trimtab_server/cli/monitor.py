"""`trimtab monitor`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from trimtab_client import (
    Alarm,
    CanaryRun,
    DriftAlarm,
    Heartbeat,
    MonitorEvent,
    Sample,
    Signal,
    Threshold,
    Thresholds,
    abbreviated,
)

from trimtab_server.cli import monitor_references
from trimtab_server.cli.session import JsonFlag, Session, local_time, plain, session

#: A reading that takes its time ends when the server falls silent or after this many seconds.
_ONCE_SECONDS = 5.0

_KINDS = {
    Sample: "sample",
    Alarm: "alarm",
    Thresholds: "thresholds",
    CanaryRun: "canary_run",
    Heartbeat: "heartbeat",
    DriftAlarm: "drift_alarm",
}


@dataclass
class Reading:
    """The latest of everything the monitor said."""

    samples: dict[Signal, Sample] = field(default_factory=dict)
    thresholds: dict[Signal, Threshold] = field(default_factory=dict)
    alarms: dict[Signal, Alarm] = field(default_factory=dict)
    drift: dict[Signal, DriftAlarm] = field(default_factory=dict)
    canary_run: CanaryRun | None = None
    heartbeat: Heartbeat | None = None

    def take(self, event: MonitorEvent) -> None:
        if isinstance(event, Sample):
            self.samples[event.signal] = event
        elif isinstance(event, Alarm):
            if event.raised:
                self.alarms[event.threshold.signal] = event
            else:
                self.alarms.pop(event.threshold.signal, None)
        elif isinstance(event, DriftAlarm):
            if event.raised:
                self.drift[event.signal] = event
            else:
                self.drift.pop(event.signal, None)
        elif isinstance(event, Thresholds):
            self.thresholds = {t.signal: t for t in event.thresholds}
        elif isinstance(event, CanaryRun):
            self.canary_run = event
        else:
            self.heartbeat = event


app = typer.Typer()
app.command("record-reference")(monitor_references.record_reference)
app.command("references")(monitor_references.references)
app.command("retention")(monitor_references.retention)


@app.callback(invoke_without_command=True)
def monitor(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print the latest figures and end.")] = False,
    history: Annotated[int, typer.Option(min=1, max=5000, help="Samples of the past to begin with.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """Watch the live signals; ends with Ctrl-C.

    With --json: one object per event and line, or with --once a single object.

    Example: trimtab monitor --once --json
    """
    if context.invoked_subcommand is not None:
        return
    found = session(context, as_json)
    with found.client() as client, closing(client.watch_monitor(history=history)) as events:
        if once:
            deployment = client.deployment()
            reading = read_once(events)
            if found.json:
                found.emit_json(_as_object(reading, deployment.name, deployment.active_snapshot.name))
            else:
                _print_reading(found, reading)
            return
        for event in events:
            if found.json:
                named = {"event": _KINDS[type(event)], **plain(event)}
                print(json.dumps(named, ensure_ascii=False), flush=True)
            elif not isinstance(event, Heartbeat):
                for line in _lines(event):
                    found.out.print(line, markup=False, style="bold red" if _is_alarm(event) else None)


def read_once(events: Iterable[MonitorEvent]) -> Reading:
    """The history: everything up to the first heartbeat, which says that no more is waiting."""
    reading = Reading()
    end = time.monotonic() + _ONCE_SECONDS
    for event in events:
        reading.take(event)
        if isinstance(event, Heartbeat) or time.monotonic() > end:
            break
    return reading


def _as_object(reading: Reading, deployment: str, snapshot: str) -> dict[str, Any]:
    return {
        "deployment": deployment,
        "active_snapshot": snapshot,
        "samples": {signal.value: plain(sample) for signal, sample in reading.samples.items()},
        "thresholds": [plain(t) for t in reading.thresholds.values()],
        "alarms": [plain(a) for a in reading.alarms.values()],
        "drift_alarms": [plain(a) for a in reading.drift.values()],
        "canary_run": plain(reading.canary_run),
        "heartbeat": plain(reading.heartbeat),
    }


def _print_reading(found: Session, reading: Reading) -> None:
    found.table(
        ("signal", "value", "95%", "n", "threshold", "time", ""),
        (
            (
                _title(s.signal),
                f"{s.value:.4g}",
                _interval(s),
                s.count or "",
                _range(reading.thresholds.get(s.signal)),
                local_time(s.time),
                _standing(reading, s.signal),
            )
            for s in reading.samples.values()
        ),
        "no samples yet; chat, or run the canary set: trimtab canary run",
    )
    if reading.heartbeat is not None:
        beat = reading.heartbeat
        found.out.print(
            f"{beat.tokens_per_second:.0f} tokens/s, {beat.slots_in_use} slots in use, "
            f"{beat.queued_requests} queued",
            style="dim",
        )


def _standing(reading: Reading, signal: Signal) -> str:
    words = ["ALARM"] if signal in reading.alarms else []
    return ", ".join([*words, "DRIFT"] if signal in reading.drift else words)


def _lines(event: MonitorEvent) -> list[str]:
    if isinstance(event, Sample):
        words = [local_time(event.time), _title(event.signal), f"{event.value:.4g}", _interval(event)]
        return ["  ".join(w for w in [*words, abbreviated(event.snapshot)] if w)]
    if isinstance(event, Alarm):
        word = "left its range" if event.raised else "is back in its range"
        value = f"{event.sample.value:.4g} (range {_range(event.threshold)})"
        return [f"{local_time(event.sample.time)}  {_title(event.threshold.signal)} {word}: {value}"]
    if isinstance(event, DriftAlarm):
        word = (
            f"no longer looks like its reference ({event.finding})" if event.raised else "has a new revision"
        )
        return [f"{local_time(event.time)}  {_title(event.signal)} {word}"]
    if isinstance(event, Thresholds):
        return [f"threshold  {_title(t.signal)}  {_range(t)}" for t in event.thresholds]
    if isinstance(event, CanaryRun):
        rates = ", ".join(f"{r.kind.replace('_', ' ')} {r.honest:.2f}" for r in event.rates)
        return [
            f"{local_time(event.create_time)}  canary set  {abbreviated(event.snapshot)}  honest: {rates}"
        ]
    return []


def _is_alarm(event: MonitorEvent) -> bool:
    return isinstance(event, Alarm | DriftAlarm) and event.raised


def _title(signal: Signal) -> str:
    return signal.value.replace("_", " ")


def _interval(sample: Sample) -> str:
    if sample.lower is None or sample.upper is None:
        return ""
    return f"{sample.lower:.2f}-{sample.upper:.2f}"


def _range(threshold: Threshold | None) -> str:
    if threshold is None:
        return ""
    low = "" if threshold.lower is None else f">= {threshold.lower:g}"
    high = "" if threshold.upper is None else f"<= {threshold.upper:g}"
    return " and ".join(part for part in (low, high) if part)
