"""States that are raised while they last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from trimtab_server.alerts.alert import Kind, State
from trimtab_server.alerts.conditions import DiskSpace, StaleEvidence
from trimtab_server.alerts.monitor_alarms import alert_of, pass_on
from trimtab_server.alerts.sender import AlertSender
from trimtab_server.monitoring.drift import Finding, Raised
from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.feed import Feed
from trimtab_server.monitoring.thresholds import AlarmBoard
from trimtab_server.store.samples import SampleRecord

HOUR = 3_600 * 10**9
MIB = 1 << 20


def test_little_room_on_the_disk_is_raised_and_recovers_with_some_to_spare() -> None:
    def states(free_mib: int) -> list[State]:
        return [alert.state for alert in DiskSpace(Path("/"), 100, lambda _path: free_mib * MIB)(1)]

    assert states(99) == [State.RAISED]
    assert states(0) == [State.RAISED]
    assert states(100) == states(124) == [], "neither low nor comfortable: what stands, stands"
    assert states(125) == [State.RECOVERED]


def test_the_disk_is_really_looked_at(tmp_path: Path) -> None:
    [alert] = DiskSpace(tmp_path, 1 << 40)(1)
    assert alert.state is State.RAISED
    [alert] = DiskSpace(tmp_path, 0)(1)
    assert alert.state is State.RECOVERED


def test_stale_evidence_is_told_when_it_has_been_stale_for_the_grace_and_when_it_is_fresh_again() -> None:
    known: dict[str, tuple[str, ...]] = {"default": (), "other": ()}
    stale = StaleEvidence(known, known.__getitem__, grace_seconds=3_600)

    def states(now: int) -> dict[str, State]:
        return {alert.deployment: alert.state for alert in stale(now)}

    fresh = {"default": State.RECOVERED, "other": State.RECOVERED}
    assert states(0) == fresh
    known["default"] = ("the canary set was not run for 200 hours", "the newest reference is stale")
    assert states(10 * HOUR) == {"other": State.RECOVERED}, "it may be fresh again in a minute"
    assert states(11 * HOUR - 1) == {"other": State.RECOVERED}
    told = {alert.deployment: alert for alert in stale(11 * HOUR)}
    assert told["default"].state is State.RAISED
    assert told["default"].text.startswith("The canary set was not run for 200 hours; the newest reference")
    known["default"] = ()
    assert states(12 * HOUR) == fresh
    known["default"] = ("again",)
    assert states(13 * HOUR) == {"other": State.RECOVERED}, "the grace begins anew"


def test_an_alarm_of_a_monitor_and_its_end_have_one_identity() -> None:
    board = AlarmBoard()

    def sample(value: float) -> SampleRecord:
        return SampleRecord("default", "honest_under_pressure", value, 1, "ab" * 32)

    [raised] = [alert_of(alarm) for alarm in board.judge(sample(0.25))]
    [cleared] = [alert_of(alarm) for alarm in board.judge(sample(0.95))]
    assert (raised.state, cleared.state) == (State.RAISED, State.RECOVERED)
    assert raised.identity == cleared.identity
    assert raised.text.startswith("honest under pressure is 0.25, the limit is 0.6")
    [not_a_number] = [alert_of(alarm) for alarm in board.judge(sample(float("nan")))]
    assert not_a_number.state is State.RAISED


async def test_alarms_and_drift_on_a_feed_reach_the_sender_also_those_that_stood_before() -> None:
    async def keep(_samples: Sequence[SampleRecord]) -> None:
        pass

    def drift(raised: bool) -> DriftAlarm:
        found = Raised("entropy", Finding.LATER, 300, 9.0, 8.0, "r1")
        return DriftAlarm("default", 3, "ab" * 32, "references/x", found, raised, 5)

    def sample(value: float) -> SampleRecord:
        return SampleRecord("default", "honest_under_pressure", value, 1, "ab" * 32)

    feed, sender = Feed(keep), AlertSender()
    feed.publish([sample(0.1)], judge=True)
    passing = asyncio.ensure_future(pass_on(feed, sender))
    await asyncio.sleep(0)
    assert [alert.kind for alert in sender.standing] == [Kind.ALARM], "it stood before anybody listened"
    feed.announce_drift(drift(raised=True))
    await asyncio.sleep(0.01)
    assert [alert.kind for alert in sender.standing] == [Kind.ALARM, Kind.DRIFT]
    feed.publish([sample(0.9)], judge=True)
    feed.announce_drift(drift(raised=False))
    await asyncio.sleep(0.01)
    assert sender.standing == ()
    passing.cancel()
