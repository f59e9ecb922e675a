"""States that are raised while they last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from trimtab_server.alerts.alert import Kind, State
from trimtab_server.alerts.conditions import DiskSpace, EvidenceAge
from trimtab_server.alerts.monitor_alarms import alert_of, pass_on
from trimtab_server.alerts.sender import AlertSender
from trimtab_server.monitoring.drift import Finding, Raised
from trimtab_server.monitoring.drift_watch import DriftAlarm
from trimtab_server.monitoring.feed import Feed
from trimtab_server.monitoring.thresholds import AlarmBoard
from trimtab_server.steering.activation import activate
from trimtab_server.store import canary_runs
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
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


def test_evidence_ages_from_the_last_canary_run_of_what_is_active(
    database: Database, snapshots: list[str]
) -> None:
    age = EvidenceAge(database, limit_hours=24)

    def activate_at(time: int, snapshot: str) -> None:
        activate(
            database,
            deployment="default",
            snapshot=snapshot,
            expected_revision=0,
            reason="r",
            origin=SERVER,
            time=time,
        )

    def run_at(time: int, snapshot: str) -> None:
        run = CanaryRunRecord(f"{time}{snapshot[:8]}", "default", snapshot, 2, 0, (), 1.0, "hash", time)
        with database.write() as connection:
            canary_runs.add(connection, run)

    def state(now: int) -> State:
        [alert] = age(now)
        return alert.state

    start = 1_000 * HOUR
    activate_at(start, snapshots[0])
    assert state(start + 24 * HOUR) is State.RECOVERED, "known since its activation"
    assert state(start + 25 * HOUR) is State.RAISED
    run_at(start + 25 * HOUR, snapshots[1])
    assert state(start + 25 * HOUR) is State.RAISED, "a run of another snapshot says nothing of this one"
    run_at(start + 25 * HOUR, snapshots[0])
    assert state(start + 49 * HOUR) is State.RECOVERED
    assert state(start + 50 * HOUR) is State.RAISED
    activate_at(start + 50 * HOUR, snapshots[1])
    assert state(start + 50 * HOUR) is State.RAISED, (
        "its last run is 25 hours old, however new its activation"
    )


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
