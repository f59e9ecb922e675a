"""Replies in slots that nobody wants, for shadow pairs and canaries."""

from __future__ import annotations

from dataclasses import replace

from trimtab_protos.v1 import steering_pb2

from trimtab_server.api.active import ActivePointers
from trimtab_server.api.generation import Generator
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Plan, Planner, Resolved
from trimtab_server.control.spare import Asked, NoSpareSlot, NotAnswered, SpareReply, Subject
from trimtab_server.engine.errors import EngineError, QueueFull, StageLoading
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.monitoring.signals import hard_faults, reply_signals
from trimtab_server.store.refusal import Refusal


class EngineSpareReplies:
    """A `control.spare.SpareReplies` on the engines of the pool."""

    def __init__(
        self,
        *,
        planner: Planner,
        generator: Generator,
        pool: EnginePool,
        stages: StageLoader,
        active: ActivePointers,
    ) -> None:
        self._planner = planner
        self._generator = generator
        self._pool = pool
        self._stages = stages
        self._active = active

    async def __call__(self, subject: Subject, asked: Asked) -> SpareReply:
        """Raises: NoSpareSlot, NotAnswered."""
        try:
            plan = await self._plan(subject, asked)
            self._leave_one_free(plan)
            tokens, finished = await self._made(plan)
        except StageLoading as error:
            self._stages.begin(subject.configuration.steering.stage)
            raise NoSpareSlot(str(error)) from error
        except QueueFull as error:
            raise NoSpareSlot(str(error)) from error
        except (Refusal, EngineError) as error:
            raise NotAnswered(str(error)) from error
        if finished.reason is FinishReason.CANCELLED:
            raise NoSpareSlot("the slot was taken back")
        watched = self._active.current(subject.deployment).deployment.watched_vector
        signals = reply_signals(
            tokens,
            finished,
            projection=bool(watched) and plan.watched == watched,
            question=asked.question,
        )
        text = "".join(token.text for token in tokens)
        return SpareReply(text, signals, hard_faults(signals, finished))

    async def _plan(self, subject: Subject, asked: Asked) -> Plan:
        resolved = Resolved(subject.snapshot, subject.deployment, 0, subject.configuration)
        plan = await self._planner.make(
            resolved,
            asked.messages,
            sampling=asked.sampling,
            readouts=steering_pb2.ReadoutOptions(kl_to_unsteered=asked.kl),
        )
        request = replace(plan.staged.request, spare=True)
        if asked.max_tokens:
            cut = min(request.sampling.max_tokens, asked.max_tokens)
            request = replace(request, sampling=replace(request.sampling, max_tokens=cut))
        return replace(plan, staged=replace(plan.staged, request=request))

    def _leave_one_free(self, plan: Plan) -> None:
        """The engine takes a spare slot back at once, but better still if nobody has to ask for it."""
        load = self._pool.engine(plan.staged.stage).load
        needed = 2 if plan.staged.request.readouts.kl_to_unsteered else 1
        left = load.slots - load.slots_in_use - needed
        if load.queued_requests or (left < 1 and load.slots > needed):
            raise NoSpareSlot("all slots but one are in use")

    async def _made(self, plan: Plan) -> tuple[list[Token], Finished]:
        tokens: list[Token] = []
        with self._generator.start([plan.staged]) as mailbox:
            async for parts in mailbox.parts():
                for part in parts:
                    tokens += part.tokens
                    if part.finished is not None:
                        return tokens, part.finished
        raise NotAnswered("the reply ended without a word")
