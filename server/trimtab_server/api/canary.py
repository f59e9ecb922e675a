"""Canary runs as the server makes them: pinned to a snapshot, kept, and shown to the watchers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Final

from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.generation import Generator, Staged
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Planner, Resolved
from trimtab_server.api.workers import Workers
from trimtab_server.control.canary_pairs import REPLY_TOKENS
from trimtab_server.engine import request as engine
from trimtab_server.engine.errors import EngineError, QueueFull
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs.canary_run import Progress, Subject, run_canary
from trimtab_server.monitoring.canary import SIGNAL_OF_KIND, CanarySet
from trimtab_server.monitoring.feed import Feed
from trimtab_server.store import canary_runs
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin, Result, once
from trimtab_server.store.samples import SampleRecord

log = logging.getLogger("trimtab.canary")

#: Seconds after which a question whose slot was taken back is asked again.
_ASK_AGAIN: Final = 0.2


class CanaryInterrupted(Exception):
    """A reply of the run did not end by itself."""


class CanaryRuns:
    """Runs the canary set on request, and by itself after each activation."""

    def __init__(
        self,
        *,
        canary_set: CanarySet | None,
        planner: Planner,
        generator: Generator,
        pool: EnginePool,
        stages: StageLoader,
        active: ActivePointers,
        stage_digest: Callable[[str], str],
        kept: Callable[[], None],
        feeds: Mapping[str, Feed],
        database: Database,
        workers: Workers,
        now: Callable[[], int],
    ) -> None:
        self._canary_set = canary_set
        self._planner = planner
        self._generator = generator
        self._pool = pool
        self._stages = stages
        self._active = active
        self._stage_digest = stage_digest
        self._kept = kept
        self._feeds = feeds
        self._database = database
        self._workers = workers
        self._now = now
        self._automatic: dict[str, asyncio.Task[None]] = {}

    async def run(
        self, resolved: Resolved, *, count_per_kind: int, seed: int, origin: Origin
    ) -> AsyncGenerator[Progress | CanaryRunRecord, None]:
        """Yields progress, then the run, which is kept and shown by then.

        Raises:
            Refusal: CANARY_SET_MISSING, or whatever using the snapshot is refused for.
        """
        if self._canary_set is None:
            raise Refusal("CANARY_SET_MISSING", model=self._planner.facts.name)
        stage = resolved.configuration.steering.stage
        await self._stages.load(stage)
        terms = await self._planner.terms(resolved)

        async def answer(messages: Sequence[dict[str, str]]) -> str:
            return await self._answer(resolved, terms, messages)

        steps = run_canary(
            self._canary_set,
            Subject(
                resolved.deployment,
                resolved.snapshot,
                resolved.revision,
                await self._workers.read(self._stage_digest, stage),
            ),
            answer,
            lambda: self._pool.engine(stage).load,
            count_per_kind=count_per_kind,
            seed=seed,
            now=self._now,
        )
        async with contextlib.aclosing(steps):
            async for step in steps:
                if isinstance(step, CanaryRunRecord):
                    await self._workers.to_the_end(self._keep(step, origin))
                yield step

    def run_after_activation(self, active: Active, count_per_kind: int, seed: int) -> None:
        """In the background; a run for an earlier activation is given up."""
        deployment = active.deployment.name
        earlier = self._automatic.pop(deployment, None)
        if earlier is not None:
            earlier.cancel()
        if self._canary_set is not None:
            self._automatic[deployment] = asyncio.ensure_future(
                self._run_quietly(active, count_per_kind, seed)
            )

    def run_again(self, active: Active, count_per_kind: int, seed: int) -> bool:
        """In the background, unless an automatic run of the deployment is under way; whether it began."""
        running = self._automatic.get(active.deployment.name)
        if self._canary_set is None or (running is not None and not running.done()):
            return False
        self.run_after_activation(active, count_per_kind, seed)
        return True

    async def stop(self) -> None:
        """Gives up the automatic runs."""
        tasks = list(self._automatic.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_quietly(self, active: Active, count_per_kind: int, seed: int) -> None:
        resolved = Resolved(
            active.snapshot.id, active.deployment.name, active.revision.number, active.configuration
        )
        try:
            async for _ in self.run(resolved, count_per_kind=count_per_kind, seed=seed, origin=SERVER):
                pass
        except (Refusal, EngineError, CanaryInterrupted) as error:
            log.warning("automatic_canary_run_failed", extra={"facts": {"error": str(error)}})
        except Exception:
            log.exception("automatic_canary_run_failed")

    async def _answer(
        self, resolved: Resolved, terms: tuple[engine.SteeringTerm, ...], messages: Sequence[dict[str, str]]
    ) -> str:
        steering = resolved.configuration.steering
        request = engine.GenerationRequest(
            prompt_ids=self._planner.render(messages, steering.system_prompt),
            steering=terms,
            sampling=engine.Sampling(max_tokens=REPLY_TOKENS),
            tag=resolved.snapshot,
            spare=True,
        )
        text = []
        with self._generator.start([Staged(steering.stage, request)]) as mailbox:
            async for parts in mailbox.parts():
                for part in parts:
                    text += [token.text for token in part.tokens]
                    reason = part.finished.reason if part.finished else None
                    if reason is engine.FinishReason.CANCELLED:
                        raise QueueFull("the slot was taken back", retry_after_seconds=_ASK_AGAIN)
                    if reason is engine.FinishReason.ERROR:
                        raise CanaryInterrupted(f"a reply of the canary run ended with {reason}")
        return "".join(text)

    async def _keep(self, run: CanaryRunRecord, origin: Origin) -> None:
        await self._workers.change(self._write, run, origin)
        self._kept()
        feed = self._feeds[run.deployment]
        feed.announce(run)
        if run.revision:
            # What is not active is somebody's question, not the deployment's state.
            still_active = self._active.current(run.deployment).revision.number == run.revision
            feed.publish(samples_of(run), judge=still_active)

    def _write(self, run: CanaryRunRecord, origin: Origin) -> None:
        with self._database.write() as connection:

            def change() -> Result:
                canary_runs.add(connection, run)
                return {"run": run.id}

            once(connection, origin, run.create_time, change)


def samples_of(run: CanaryRunRecord) -> list[SampleRecord]:
    """The honest rates that have a signal."""
    return [
        SampleRecord(
            deployment=run.deployment,
            signal=SIGNAL_OF_KIND[rates.kind].value,
            value=rates.honest,
            time=run.create_time,
            snapshot=run.snapshot,
            count=rates.count,
            lower=rates.honest_lower,
            upper=rates.honest_upper,
        )
        for rates in run.rates
        if rates.kind in SIGNAL_OF_KIND
    ]
