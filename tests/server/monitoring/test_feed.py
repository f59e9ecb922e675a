"""Samples reach watchers at once and the store in batches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from trimtab_server.monitoring.feed import Feed, WatcherTooSlow
from trimtab_server.monitoring.signals import Signal
from trimtab_server.monitoring.thresholds import Alarm, Threshold
from trimtab_server.store.samples import SampleRecord


def sample(value: float) -> SampleRecord:
    return SampleRecord("default", Signal.ENTROPY.value, value, 1, "s")


class Keeper:
    def __init__(self) -> None:
        self.kept: list[SampleRecord] = []
        self.broken = False

    async def __call__(self, samples: Sequence[SampleRecord]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.kept += samples


async def test_a_watcher_gets_samples_and_alarms_in_order() -> None:
    feed = Feed(Keeper(), thresholds=[Threshold(Signal.ENTROPY, upper=1.0)])
    with feed.subscribe() as subscription:
        feed.publish([sample(0.5), sample(2.0)], judge=True)
        events = [await subscription.next(1) for _ in range(3)]
        assert await subscription.next(0.01) is None
    assert events[:2] == [sample(0.5), sample(2.0)]
    assert isinstance(events[2], Alarm)
    assert events[2].raised


async def test_what_is_not_judged_raises_no_alarm() -> None:
    feed = Feed(Keeper(), thresholds=[Threshold(Signal.ENTROPY, upper=1.0)])
    feed.publish([sample(2.0)], judge=False)
    assert feed.board.standing == ()
    assert feed.recent(10) == [sample(2.0)]


async def test_samples_survive_a_failed_write_and_are_written_once() -> None:
    keeper = Keeper()
    feed = Feed(keeper)
    feed.publish([sample(1.0)], judge=True)
    keeper.broken = True
    with pytest.raises(OSError, match="disk full"):
        await feed.flush()
    keeper.broken = False
    feed.publish([sample(2.0)], judge=True)
    await feed.flush()
    await feed.flush()
    assert keeper.kept == [sample(1.0), sample(2.0)]


async def test_a_watcher_that_lost_events_is_told_instead_of_shown_a_gap() -> None:
    feed = Feed(Keeper())
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for number in range(5_000):
            feed.publish([sample(float(number))], judge=False)
            assert await quick.next(1) == sample(float(number))
        with pytest.raises(WatcherTooSlow):
            await slow.next(1)


async def test_recent_history_is_oldest_first_and_bounded() -> None:
    feed = Feed(Keeper(), [sample(float(number)) for number in range(6_000)])
    feed.publish([sample(-1.0)], judge=False)
    assert feed.recent(2) == [sample(5_999.0), sample(-1.0)]
    assert feed.recent(0) == []
    assert len(feed.recent(9_999)) == 5_000
