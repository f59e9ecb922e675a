"""Wires what is kept of replies: the log, the drift that follows it, and what goes when its time is over."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trimtab_server.api.plans import Plan
from trimtab_server.api.workers import Workers
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import Finished, Token
from trimtab_server.monitoring.drift import DriftSettings
from trimtab_server.monitoring.drift_watch import DriftAlarm, DriftWatch, look_at_all
from trimtab_server.monitoring.feed import Feed
from trimtab_server.monitoring.reply_log import ReplyLog, keep_replies, purge_old
from trimtab_server.settings import ServeSettings
from trimtab_server.store.database import Database
from trimtab_server.store.replies import ReplyRecord
from trimtab_server.store.session_key import SessionKey

log = logging.getLogger("trimtab.monitoring")

_PURGE_SECONDS: Final = 3_600.0


class ReplyKeeping:
    """One object per process. Made on the event loop; `start`, then `close` to write what is unwritten."""

    def __init__(
        self,
        settings: ServeSettings,
        database: Database,
        workers: Workers,
        feeds: Mapping[str, Feed],
        model: HostedModel,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._workers = workers
        self._now = now
        self._key = SessionKey.at(settings.data_dir)
        self._loop = asyncio.get_running_loop()
        self.log = ReplyLog(self._keep, written=self._look)
        self.stage_digest = functools.cache(model.stage_digest)
        self.watches = {
            name: DriftWatch(
                database,
                name,
                stage_digest=self.stage_digest,
                hear=functools.partial(self._hear, feed),
                now=now,
                settings=DriftSettings(settings.drift_horizon, settings.drift_false_alarm),
            )
            for name, feed in feeds.items()
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(self.log.run()), asyncio.ensure_future(self._purge())]

    def add(
        self, plan: Plan, tokens: Sequence[Token], finished: Finished, signals: Mapping[str, float]
    ) -> None:
        """Keeps one live reply. Takes no time."""
        resolved, assignment = plan.resolved, plan.resolved.assignment
        self.log.add(
            ReplyRecord(
                id=plan.reply_id,
                deployment=resolved.deployment,
                time=self._now(),
                snapshot=resolved.snapshot,
                revision=resolved.revision,
                signals=signals,
                prompt_tokens=finished.prompt_tokens,
                reply_tokens=finished.reply_tokens,
                queue_seconds=finished.queue_seconds,
                prefill_seconds=finished.prefill_seconds,
                decode_seconds=finished.decode_seconds,
                stop_reason=finished.reason.value,
                session=self._key.hash(plan.session),
                rollout="" if assignment is None else assignment.rollout,
                arm="" if assignment is None else assignment.arm,
                # In memory only, until the deployment turns out to keep text.
                prompt=json.dumps([dict(message) for message in plan.messages], ensure_ascii=False),
                reply="".join(token.text for token in tokens),
            )
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self.log.flush()
            await self._look()
            for watch in self.watches.values():
                await self._workers.change(watch.save)
        except Exception:
            log.exception("replies_not_written")

    async def _keep(self, new: Sequence[ReplyRecord]) -> None:
        await self._workers.change(keep_replies, self._database, new)

    async def _look(self) -> None:
        await self._workers.read(look_at_all, list(self.watches.values()))

    async def _purge(self) -> None:
        while True:
            try:
                await self._workers.change(purge_old, self._database, list(self.watches), self._now())
            except Exception:
                log.exception("replies_not_purged")
            await asyncio.sleep(_PURGE_SECONDS)

    def _hear(self, feed: Feed, alarm: DriftAlarm) -> None:
        """From the worker's thread to the loop, where the feed lives."""
        self._loop.call_soon_threadsafe(feed.announce_drift, alarm)
