"""What watchers of a trial are told: nothing is lost between a look at the store and the next wait."""

from __future__ import annotations

import asyncio

import pytest
from trimtab_server.api import trial_news
from trimtab_server.api.trial_news import TrialNews
from trimtab_server.store.trials import NumberedRow
from trimtab_server.trials.rows import TrialRow


def row(number: int) -> NumberedRow:
    return NumberedRow(number, TrialRow("p", "unsteered", number, "Seven years."))


async def test_what_comes_while_a_watcher_looks_wakes_it_again() -> None:
    news = TrialNews()
    with news.watch("t") as watch:
        news.announce("t", [row(1)])
        await asyncio.wait_for(watch.news(), 1)
        # The watcher reads the store now, and the trial ends behind its back.
        news.announce("t", [row(2)])
        news.announce("t", changed=True)
        taken = watch.take()
        assert (taken.rows, taken.changed) == ((row(1), row(2)), True)
        await asyncio.wait_for(watch.news(), 1)
        assert watch.take().rows == ()


async def test_without_news_a_watcher_waits() -> None:
    news = TrialNews()
    with news.watch("t") as watch:
        news.announce("another", [row(1)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.news(), 0.05)


async def test_a_watcher_that_is_too_slow_is_told_that_rows_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial_news, "_LONGEST_BACKLOG", 3)
    news = TrialNews()
    with news.watch("t") as slow:
        for number in range(5):
            news.announce("t", [row(number)])
        taken = slow.take()
        assert taken.lost
        assert len(taken.rows) <= 3
        news.announce("t", [row(9)])
        assert slow.take() == trial_news.News((row(9),), changed=False, lost=False)
