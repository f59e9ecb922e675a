"""Replies are written behind, in order, and go when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from trimtab_server.monitoring.reply_log import ReplyLog, keep_replies, purge_old
from trimtab_server.store import audit, replies, retention
from trimtab_server.store.database import Database
from trimtab_server.store.replies import DAY, ReplyRecord
from trimtab_server.store.requests import Origin
from trimtab_server.store.retention import RetentionRecord

ADMIN = Origin("tokens/one", "admin")


def reply(number: int, **values: object) -> ReplyRecord:
    record = ReplyRecord(
        id=f"{number:032x}",
        deployment="default",
        time=number * DAY,
        snapshot="s" * 64,
        revision=1,
        signals={"entropy": 0.5},
        prompt_tokens=1,
        reply_tokens=1,
        queue_seconds=0.0,
        prefill_seconds=0.0,
        decode_seconds=0.0,
        stop_reason="stop",
        prompt="PROMPT-TEXT",
        reply="REPLY-TEXT",
    )
    return replace(record, **values)


def numbers(batch: Sequence[ReplyRecord]) -> list[int]:
    return [int(one.id, 16) for one in batch]


async def test_nothing_is_forgotten_when_the_disk_fails_and_the_order_stays() -> None:
    written: list[int] = []
    broken = True

    async def keep(batch: Sequence[ReplyRecord]) -> None:
        if broken:
            raise OSError("disk full")
        written.extend(numbers(batch))

    log = ReplyLog(keep)
    for number in range(1, 1_202):
        log.add(reply(number))
    with pytest.raises(OSError, match="disk full"):
        await log.flush()
    log.add(reply(1_202))
    broken = False
    await log.flush()
    assert written == list(range(1, 1_203)) and log.lost == 0


async def test_a_queue_that_is_full_lets_the_oldest_go_and_counts_them() -> None:
    written: list[int] = []

    async def keep(batch: Sequence[ReplyRecord]) -> None:
        written.extend(numbers(batch))

    log = ReplyLog(keep, backlog=3)
    for number in range(5):
        log.add(reply(number))
    await log.flush()
    assert (written, log.lost) == ([2, 3, 4], 2)


async def test_a_flush_that_is_cancelled_writes_to_its_end_and_nothing_twice() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    written: list[int] = []

    async def keep(batch: Sequence[ReplyRecord]) -> None:
        # As a thread does: what has begun ends, also if nobody waits for it any more.
        written.extend(numbers(batch))
        begun.set()
        await may_end.wait()

    log = ReplyLog(keep)
    log.add(reply(1))
    first = asyncio.create_task(log.flush())
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    log.add(reply(2))
    second = asyncio.create_task(log.flush())
    may_end.set()
    await second
    assert written == [1, 2]


async def test_adding_never_waits_for_a_write_under_way() -> None:
    released = asyncio.Event()
    written: list[int] = []

    async def keep(batch: Sequence[ReplyRecord]) -> None:
        await released.wait()
        written.extend(numbers(batch))

    log = ReplyLog(keep)
    log.add(reply(1))
    flushing = asyncio.ensure_future(log.flush())
    await asyncio.sleep(0)
    log.add(reply(2))  # not a coroutine: it cannot wait
    released.set()
    await flushing
    assert written == [1, 2]


def test_text_is_kept_only_where_a_deployment_opted_in(database: Database) -> None:
    keep_replies(database, [reply(1)])
    with database.write() as connection:
        retention.change(connection, RetentionRecord("default", 183, 7, change_time=1), ADMIN)
    keep_replies(database, [reply(2)])
    with database.read() as connection:
        first, second = replies.newest(connection, "default", 2)
    assert (first.prompt, first.reply) == (None, None)
    assert (second.prompt, second.reply) == ("PROMPT-TEXT", "REPLY-TEXT")


def test_what_is_old_goes_and_each_purge_is_in_the_audit(database: Database) -> None:
    with database.write() as connection:
        retention.change(connection, RetentionRecord("default", 20, 5, change_time=1), ADMIN)
    keep_replies(database, [reply(n) for n in range(1, 31)])
    purge_old(database, ["default"], 30 * DAY)
    with database.read() as connection:
        kept = replies.newest(connection, "default", 99)
        events = [record.action for record in audit.records(connection)]
    assert numbers(kept) == list(range(10, 31))
    assert [int(one.id, 16) for one in kept if one.prompt is not None] == list(range(25, 31))
    assert events.count("replies.purge") == 1 and events.count("reply_texts.purge") == 1
    purge_old(database, ["default"], 30 * DAY)
    with database.read() as connection:
        assert [record.action for record in audit.records(connection)] == events


def test_a_deployment_that_stops_keeping_text_loses_what_it_had(database: Database) -> None:
    with database.write() as connection:
        retention.change(connection, RetentionRecord("default", 183, 7, change_time=1), ADMIN)
    keep_replies(database, [reply(1)])
    with database.write() as connection:
        retention.change(connection, RetentionRecord("default", 183, 0, change_time=2), ADMIN)
    purge_old(database, ["default"], DAY + 1)
    with database.read() as connection:
        assert replies.newest(connection, "default", 1)[0].prompt is None
