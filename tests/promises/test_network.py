"""Small versions of the rows that need a server: rollback, cancels, slow clients, access. No time is asserted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_client import AsyncClient, InFlight

from promises import access, cancels, crippled, half_open
from promises.gauges import free_port, gauges, seconds_until_free
from promises.settings_server import SettingsServer
from promises.slow_clients import unread_calls
from promises.traffic import Traffic, keep_asking
from promises.undoing import asking, at_once, seen_by, two_snapshots, undo, undo_often

#: Seconds in which something that takes far less must have happened.
PATIENCE = 60.0


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[SettingsServer]:
    running = SettingsServer(
        tmp_path_factory.mktemp("network") / "data",
        metrics_port=port,
        slots=4,
        max_queued_requests=24,
        requests_per_minute=0,
        tokens_per_minute=0,
        streams_per_token=0,
        refused_logins_per_minute=0,
        stall_seconds=1.0,
        handshake_seconds=1.0,
    )
    yield running
    assert running.stop() == 0


def test_a_rollback_is_followed_by_a_reply_on_the_old_snapshot(server: SettingsServer) -> None:
    async def often() -> None:
        async with AsyncClient(server.target, server.token) as client:
            names = await two_snapshots(client)
            done, failed = await undo_often(client, names, 3, InFlight.FINISH, at_once, asking(client))
            assert (len(done), failed) == (3, [])

    asyncio.run(often())


@pytest.mark.parametrize("in_flight", [InFlight.CANCEL, InFlight.FINISH])
def test_a_full_queue_of_the_bad_snapshot_holds_up_no_reply_on_the_old_one(
    server: SettingsServer, in_flight: InFlight
) -> None:
    async def under_load() -> None:
        traffic = Traffic()
        async with AsyncClient(server.target, server.token) as client:
            good, bad = await two_snapshots(client)
            crowd = [asyncio.create_task(keep_asking(client, traffic, max_tokens=24)) for _ in range(40)]
            _, first_reply = seen_by(traffic)
            await client.activate_snapshot(bad, reason="to be undone")
            await traffic.overloaded()
            async with asyncio.timeout(PATIENCE):
                undone = await undo(client, good, in_flight, first_reply)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
        assert undone.acknowledged <= undone.first_token
        assert traffic.broken == []

    asyncio.run(under_load())


def test_callers_that_go_away_leave_nothing_behind(server: SettingsServer, port: int) -> None:
    # The crowd of an earlier test may be leaving still.
    _, held = asyncio.run(seconds_until_free(port, PATIENCE))
    assert held == []
    row = asyncio.run(cancels.measure(server, port, seed=1, count=60, lot=30, at_once=6))
    assert row.failures == 0, row.note
    assert row.n == 60 and "handlers 0" in row.note


async def until_running(port: int, calls: int) -> None:
    """Until the server tells of so many calls under way."""
    running = 0.0
    while running < calls:
        running = gauges(port)["trimtab_rpc_running"]
        await asyncio.sleep(0.05)


def test_half_open_connections_are_closed_and_unread_streams_ended(server: SettingsServer, port: int) -> None:
    async def crowd() -> None:
        async with AsyncClient(server.target, server.token) as client:
            stage = (await client.deployment()).active_snapshot.steering.stage
            beginnings = half_open.BEGINNINGS
            half = [await half_open.silent(server.target, beginnings[n % len(beginnings)]) for n in range(20)]
            calls = unread_calls(server.token, stage)[:9]
            unread = [await half_open.silent(server.target, call) for call in calls]
            async with asyncio.timeout(PATIENCE):
                await until_running(port, len(calls))
            for one in half:
                assert await one.closed_after(PATIENCE) is not None
            _, held = await seconds_until_free(port, PATIENCE)
            assert held == []
            assert (await client.deployment()).name
            for one in (*half, *unread):
                await one.close()

    asyncio.run(crowd())


def test_every_call_with_every_role_and_token_is_answered_as_the_table_says(server: SettingsServer) -> None:
    n, wrong = access.measure(server)
    assert wrong == []
    assert n > 800


def test_rollback_and_abort_work_with_the_monitors_and_the_judge_dead(tmp_path: Path) -> None:
    rollback, aborts = crippled.dead_parts(tmp_path, 2)
    assert (rollback.n, aborts.n, aborts.failures) == (2, 2, 0)
    log = (tmp_path / "dead.log").read_text()
    assert "Feed is dead" in log and "RolloutRun is dead" in log and "nobody judges this rollout" in log
    assert "rolled back" not in rollback.note and "within" not in rollback.note, rollback.note


def test_rollback_works_with_the_disk_full(tmp_path: Path) -> None:
    row = crippled.full_disk(tmp_path / "disk", 1)
    assert "1 other changes refused" in row.note, row.note
